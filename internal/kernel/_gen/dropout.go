package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The constants of SplitMix64, see dropout.go in package kernel.
const (
	golden64 uint64 = 0x9e3779b97f4a7c15

	mixer1 = 0xbf58476d1ce4e5b9
	mixer2 = 0x94d049bb133111eb
)

// dropout emits the mask of a dropout, and its product with x.
func dropout(s isa) {
	randomKernel(s, "dropoutMask", "func(dst []float32, start uint64, floor uint32, keep float32)", false)
	randomKernel(s, "dropout", "func(dst, x []float32, start uint64, floor uint32, keep float32)", true)
}

// splitMix is the state of the generator: counters, and the constants it multiplies by with their high
// halves.
type splitMix struct {
	isa
	counter, step     reg.VecVirtual
	first, second     reg.VecVirtual
	firstHi, secondHi reg.VecVirtual // for AVX2, which has no product of 64 bits
	floor, keep       reg.VecVirtual
}

// spread64 returns a register with every 64 bits set to a constant.
func (s isa) spread64(v uint64) reg.VecVirtual {
	g, x, all := GP64(), XMM(), s.vec()
	MOVQ(operand.U64(v), g)
	VMOVQ(g, x)
	VPBROADCASTQ(x, all)
	return all
}

var offsetTable operand.Mem

// offsets returns the address of the first eight multiples of golden64.
func offsets() operand.Mem {
	if offsetTable.Symbol.Name == "" {
		offsetTable = GLOBL("offsets", 8|16)
		for i := range 8 {
			DATA(8*i, operand.U64(golden64*uint64(i)))
		}
	}
	return offsetTable
}

func newSplitMix(s isa) *splitMix {
	m := &splitMix{isa: s, counter: s.vec(), first: s.spread64(mixer1), second: s.spread64(mixer2)}
	draws := s.lanes() / 2
	start := XMM()
	VMOVQ(Load(Param("start"), GP64()), start)
	VPBROADCASTQ(start, m.counter)
	m.step = s.vec()
	VMOVUPS(offsets(), m.step)
	VPADDQ(m.step, m.counter, m.counter)
	m.step = s.spread64(golden64 * uint64(draws))
	if !s.wide {
		m.firstHi, m.secondHi = s.vec(), s.vec()
		VPSRLQ(operand.U8(32), m.first, m.firstHi)
		VPSRLQ(operand.U8(32), m.second, m.secondHi)
	}
	m.floor, m.keep = s.param("floor"), s.param("keep")
	return m
}

// times multiplies z by one of the constants, modulo 2^64.
func (m *splitMix) times(z, by, byHi reg.VecVirtual) {
	if m.wide {
		VPMULLQ(by, z, z)
		return
	}
	cross, other := m.vec(), m.vec()
	VPSRLQ(operand.U8(32), z, cross)
	VPMULUDQ(by, cross, cross)
	VPMULUDQ(byHi, z, other)
	VPADDQ(other, cross, cross)
	VPSLLQ(operand.U8(32), cross, cross)
	VPMULUDQ(by, z, z)
	VPADDQ(cross, z, z)
}

// fold sets z to z xor z >> n.
func (m *splitMix) fold(z reg.VecVirtual, n int) {
	t := m.vec()
	VPSRLQ(operand.U8(n), z, t)
	if m.wide {
		VPXORQ(t, z, z)
		return
	}
	VPXOR(t, z, z)
}

// next returns keep where the next bits are at least floor, and 0 elsewhere; the high half of a draw
// comes first.
func (m *splitMix) next() reg.VecVirtual {
	z := m.copied(m.counter)
	VPADDQ(m.step, m.counter, m.counter)
	m.fold(z, 30)
	m.times(z, m.first, m.firstHi)
	m.fold(z, 27)
	m.times(z, m.second, m.secondHi)
	m.fold(z, 31)
	VPSHUFD(operand.U8(0b10110001), z, z)
	if m.wide {
		k := K()
		VPCMPUD(operand.U8(5), m.floor, z, k) // z >= floor
		m.isa.keep(k, m.keep, z)
		return z
	}
	top := m.vec()
	VPMAXUD(m.floor, z, top)
	VPCMPEQD(top, z, z)
	m.isa.keep(z, m.keep, z)
	return z
}

// randomKernel emits the loop.
func randomKernel(s isa, name, signature string, multiply bool) {
	TEXT(name+s.name, 4, signature)
	Pragma("noescape")
	dst, n, i := Load(Param("dst").Base(), GP64()), Load(Param("dst").Len(), GP64()), GP64()
	var x reg.Register
	if multiply {
		x = Load(Param("x").Base(), GP64())
	}
	m := newSplitMix(s)
	round := func(mask reg.Register) {
		v := m.next()
		if multiply {
			s.mul(s.read(operand.Mem{Base: x, Index: i, Scale: 4}, mask), v, v)
		}
		s.write(v, mask, operand.Mem{Base: dst, Index: i, Scale: 4})
	}
	XORQ(i, i)
	SUBQ(operand.U8(s.lanes()), n)
	JLT(operand.LabelRef("tail"))
	Label("loop")
	round(nil)
	ADDQ(operand.U8(s.lanes()), i)
	SUBQ(operand.U8(s.lanes()), n)
	JGE(operand.LabelRef("loop"))
	Label("tail")
	ADDQ(operand.U8(s.lanes()), n)
	JZ(operand.LabelRef("done"))
	round(s.tailMask(n))
	Label("done")
	VZEROUPPER()
	RET()
}
