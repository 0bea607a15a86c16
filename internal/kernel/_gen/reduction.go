package main

import (
	"strings"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// rounds is the number of elements that a reduction takes at a time.
const rounds = 64

// reduction emits the reductions. dot and sum keep 64 lanes.
func reduction(s isa) {
	lanesKernel{isa: s, name: "dot", ins: []string{"x", "y"}}.emit()
	lanesKernel{isa: s, name: "sum", ins: []string{"x"}}.emit()
	lanesKernel{isa: s, name: "dotPart", ins: []string{"x", "y"}, part: true}.emit()
	lanesKernel{isa: s, name: "sumPart", ins: []string{"x"}, part: true}.emit()
	maximum(s)
	colSumAdd(s)
}

// lanesKernel is a sum over 64 lanes: of x, or of products of x and y.
type lanesKernel struct {
	isa
	name  string
	ins   []string
	bases []reg.Register
	acc   []reg.VecVirtual
	part  bool // the lanes are taken up in memory, and left there
}

func (l lanesKernel) emit() {
	sig := "func(x []float32) float32"
	if len(l.ins) == 2 {
		sig = "func(x, y []float32) float32"
	}
	if l.part {
		sig = strings.Replace(strings.TrimSuffix(sig, " float32"), ")", ", acc *[64]float32)", 1)
	}
	TEXT(l.name+l.isa.name, 4, sig)
	Pragma("noescape")
	for _, n := range l.ins {
		l.bases = append(l.bases, Load(Param(n).Base(), GP64()))
	}
	n := Load(Param("x").Len(), GP64())
	l.start()
	Label("loop")
	CMPQ(n, operand.U8(rounds))
	JLT(operand.LabelRef("tail"))
	for v := range l.acc {
		l.take(v, nil)
	}
	for _, b := range l.bases {
		ADDQ(operand.U32(4*rounds), b)
	}
	SUBQ(operand.U8(rounds), n)
	JMP(operand.LabelRef("loop"))
	Label("tail")
	TESTQ(n, n)
	JZ(operand.LabelRef("fold"))
	for v, mask := range l.masks(n) {
		l.take(v, mask())
	}
	Label("fold")
	if l.part {
		l.leave()
		return
	}
	l.fold()
}

// start makes the lanes.
func (l *lanesKernel) start() {
	for v := range rounds / l.lanes() {
		if l.part {
			l.acc = append(l.acc, l.read(operand.Mem{Base: l.lanesAt(), Disp: v * l.size()}, nil))
			continue
		}
		l.acc = append(l.acc, l.zero())
	}
}

func (l *lanesKernel) lanesAt() reg.Register { return Load(Param("acc"), GP64()) }

// leave stores the lanes and returns.
func (l *lanesKernel) leave() {
	at := l.lanesAt()
	for v, acc := range l.acc {
		l.write(acc, nil, operand.Mem{Base: at, Disp: v * l.size()})
	}
	VZEROUPPER()
	RET()
}

// take emits the work on vector v of the round.
func (l lanesKernel) take(v int, mask reg.Register) {
	x := l.read(operand.Mem{Base: l.bases[0], Disp: v * l.size()}, mask)
	if len(l.bases) == 1 {
		l.add(x, l.acc[v], l.acc[v])
		return
	}
	y := l.read(operand.Mem{Base: l.bases[1], Disp: v * l.size()}, mask)
	l.fma231(x, y, l.acc[v])
}

// masks returns what makes the mask of each vector of the last round, which has n elements.
func (s isa) masks(n reg.Register) []func() reg.Register {
	var all []func() reg.Register
	if s.wide {
		bits, k := GP64(), K()
		MOVQ(operand.I32(-1), bits)
		BZHIQ(n, bits, bits)
		KMOVQ(bits, k)
		all = append(all, func() reg.Register { return k })
		for range 3 {
			all = append(all, func() reg.Register { KSHIFTRQ(operand.U8(16), k, k); return k })
		}
		return all
	}
	at := GP64()
	LEAQ(maskTable(), at)
	NEGQ(n)
	LEAQ(operand.Mem{Base: at, Index: n, Scale: 4, Disp: 4 * maskOnes}, at)
	for v := range 8 {
		all = append(all, func() reg.Register {
			m := YMM()
			VMOVUPS(operand.Mem{Base: at, Disp: 32 * v}, m)
			return m
		})
	}
	return all
}

// fold adds the lanes pairwise and returns.
func (l lanesKernel) fold() {
	acc := l.acc
	for half := len(acc) / 2; half > 0; half /= 2 {
		for j := range half {
			l.add(acc[j+half], acc[j], acc[j])
		}
	}
	low := acc[0]
	if l.wide {
		high := ZMM()
		VEXTRACTF32X8(operand.U8(1), low, high.AsY())
		VADDPS(high, low, low)
	}
	high := ZMM()
	if l.wide {
		VEXTRACTF32X4(operand.U8(1), low.AsY(), high.AsX())
	} else {
		high = YMM()
		VEXTRACTF128(operand.U8(1), low, high.AsX())
	}
	x, h := low.AsX(), high.AsX()
	VADDPS(h, x, x)
	VSHUFPS(operand.U8(0b1110), x, x, h)
	VADDPS(h, x, x)
	VSHUFPS(operand.U8(1), x, x, h)
	VADDSS(h, x, x)
	Store(x, ReturnIndex(0))
	VZEROUPPER()
	RET()
}

// maximum emits the maximum of a slice that is not empty: lanes of maxima and of NaN seen, which the
// caller puts together.
func maximum(s isa) {
	TEXT("maximum"+s.name, 4, "func(x []float32, top *[16]float32, nan *[16]float32)")
	Pragma("noescape")
	x, n := Load(Param("x").Base(), GP64()), Load(Param("x").Len(), GP64())
	top, nan := s.load(word(infBits|signBit)), s.zero()
	at := operand.Mem{Base: x}
	take := func(v reg.VecVirtual) {
		odd := s.compare(unordered, v, v)
		s.choose(odd, v, nan, nan)
		s.max(v, top, top)
	}
	Label("loop")
	CMPQ(n, operand.U8(s.lanes()))
	JLT(operand.LabelRef("tail"))
	take(s.read(at, nil))
	ADDQ(operand.U8(s.size()), x)
	SUBQ(operand.U8(s.lanes()), n)
	JMP(operand.LabelRef("loop"))
	Label("tail")
	TESTQ(n, n)
	JZ(operand.LabelRef("done"))
	mask := s.tailMask(n)
	v := s.read(at, mask)
	s.choose(mask, v, top, v)
	take(v)
	Label("done")
	VMOVUPS(top, operand.Mem{Base: Load(Param("top"), GP64())})
	VMOVUPS(nan, operand.Mem{Base: Load(Param("nan"), GP64())})
	VZEROUPPER()
	RET()
}

// colSumAdd emits the sum of rows: blocks of 8, 4, 2 and 1 vectors of columns, then a masked one.
func colSumAdd(s isa) {
	TEXT("colSumAdd"+s.name, 4, "func(dst, a []float32, m int)")
	Pragma("noescape")
	c := &colCode{isa: s, row: GP64(), i: GP64()}
	c.dst, c.a = Load(Param("dst").Base(), GP64()), Load(Param("a").Base(), GP64())
	c.n, c.m = Load(Param("dst").Len(), GP64()), Load(Param("m"), GP64())
	c.step = GP64()
	MOVQ(c.n, c.step)
	SHLQ(operand.U8(2), c.step)
	for _, v := range []int{8, 4, 2, 1} {
		name := string(rune('0' + v))
		Label("block" + name)
		CMPQ(c.n, operand.U32(v*s.lanes()))
		JLT(operand.LabelRef("below" + name))
		c.block("rows"+name, v, nil)
		ADDQ(operand.U32(v*s.size()), c.dst)
		ADDQ(operand.U32(v*s.size()), c.a)
		SUBQ(operand.U32(v*s.lanes()), c.n)
		JMP(operand.LabelRef("block" + name))
		Label("below" + name)
	}
	TESTQ(c.n, c.n)
	JZ(operand.LabelRef("done"))
	c.block("rows", 1, s.tailMask(c.n))
	Label("done")
	VZEROUPPER()
	RET()
}

type colCode struct {
	isa
	dst, a, n, m, step, row, i reg.Register
}

// block emits the sum of v vectors of columns.
func (c *colCode) block(label string, v int, mask reg.Register) {
	acc := make([]reg.VecVirtual, v)
	for j := range acc {
		acc[j] = c.read(operand.Mem{Base: c.dst, Disp: j * c.size()}, mask)
	}
	MOVQ(c.a, c.row)
	MOVQ(c.m, c.i)
	TESTQ(c.i, c.i)
	JZ(operand.LabelRef(label + "end"))
	Label(label)
	for j := range acc {
		x := c.read(operand.Mem{Base: c.row, Disp: j * c.size()}, mask)
		c.add(x, acc[j], acc[j])
	}
	ADDQ(c.step, c.row)
	DECQ(c.i)
	JNZ(operand.LabelRef(label))
	Label(label + "end")
	for j := range acc {
		c.write(acc[j], mask, operand.Mem{Base: c.dst, Disp: j * c.size()})
	}
}
