package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// bceCode is the state of bceLogits.
type bceCode struct {
	isa
	dz, z, y, i, n reg.Register
	scale          reg.VecVirtual
	acc            []reg.VecVirtual // 16 lanes of float64
}

// bceLogits emits the binary cross-entropy: dz, and the 16 partial sums of the loss, which it takes up in acc.
func bceLogits(s isa) {
	TEXT("bceLogits"+s.name, 4, "func(dz, z, y []float32, scale float32, acc *[16]float64)")
	Pragma("noescape")
	c := &bceCode{isa: s, i: GP64()}
	c.dz, c.z = Load(Param("dz").Base(), GP64()), Load(Param("z").Base(), GP64())
	c.y, c.n = Load(Param("y").Base(), GP64()), Load(Param("dz").Len(), GP64())
	c.scale = s.param("scale")
	at := Load(Param("acc"), GP64())
	for j := range 128 / s.size() {
		c.acc = append(c.acc, s.read(operand.Mem{Base: at, Disp: j * s.size()}, nil))
	}
	XORQ(c.i, c.i)
	c.loop()
	for j, a := range c.acc {
		VMOVUPS(a, operand.Mem{Base: at, Disp: j * s.size()})
	}
	VZEROUPPER()
	RET()
}

// loop emits rounds of 16 elements, each of one or two vectors, and the last, which may be short.
func (c *bceCode) loop() {
	half := len(c.acc) / 2
	Label("loop")
	for part := range half {
		CMPQ(c.n, operand.U8(c.lanes()))
		JLT(operand.LabelRef("tail" + string(rune('0'+part))))
		c.round(part, nil)
		ADDQ(operand.U8(c.lanes()), c.i)
		SUBQ(operand.U8(c.lanes()), c.n)
	}
	JMP(operand.LabelRef("loop"))
	for part := range half {
		Label("tail" + string(rune('0'+part)))
		TESTQ(c.n, c.n)
		JZ(operand.LabelRef("done"))
		c.round(part, c.tailMask(c.n))
		JMP(operand.LabelRef("done"))
	}
	Label("done")
}

func (c *bceCode) at(base reg.Register) operand.Mem {
	return operand.Mem{Base: base, Index: c.i, Scale: 4}
}

// round emits the work on one vector, which goes to the two accumulators of this part.
func (c *bceCode) round(part int, mask reg.Register) {
	z, y := c.read(c.at(c.z), mask), c.read(c.at(c.y), mask)
	slope, e := c.sigmoidParts(z)
	c.sub(y, slope, slope)
	c.mul(c.scale, slope, slope)
	c.write(slope, mask, c.at(c.dz))
	loss := c.vec()
	c.max(c.zero(), z, loss)
	c.fnma231(y, z, loss)
	c.add(c.log1p(e), loss, loss)
	if mask != nil {
		c.keep(mask, loss, loss)
	}
	c.accumulate(loss, c.acc[2*part:])
}

// accumulate adds the lanes of loss as float64.
func (c *bceCode) accumulate(loss reg.VecVirtual, acc []reg.VecVirtual) {
	wide := c.vec()
	if c.wide {
		high := YMM()
		VCVTPS2PD(loss.AsY(), wide)
		VADDPD(wide, acc[0], acc[0])
		VEXTRACTF32X8(operand.U8(1), loss, high)
		VCVTPS2PD(high, wide)
		VADDPD(wide, acc[1], acc[1])
		return
	}
	high := XMM()
	VCVTPS2PD(loss.AsX(), wide)
	VADDPD(wide, acc[0], acc[0])
	VEXTRACTF128(operand.U8(1), loss, high)
	VCVTPS2PD(high, wide)
	VADDPD(wide, acc[1], acc[1])
}
