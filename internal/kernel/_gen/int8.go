package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// vpdpbusd adds to dst the products of four unsigned bytes of a with four signed ones of b; avo does not
// know the instruction.
func vpdpbusd(b, a, dst reg.VecVirtual) {
	Instruction(&ir.Instruction{
		Opcode: "VPDPBUSD", Operands: []operand.Op{b, a, dst}, Inputs: []operand.Op{a, b, dst},
		Outputs: []operand.Op{dst}, ISA: []string{"AVX512_VNNI", "AVX512F"},
	})
}

// int8Kernels emits the products of bytes: exact, so that one form for VNNI and one for AVX2 agree.
func int8Kernels() {
	vnni, avx2 := isa{name: "VNNI", wide: true}, isa{name: "AVX2"}
	for _, s := range []isa{vnni, avx2} {
		dotInt8(s)
		tileInt8(s)
	}
	for _, s := range []isa{avx2, {name: "AVX512", wide: true}} {
		mapping{"finishInt8", []string{"acc", "sums", "scale", "bias"}, []string{"dst"}, []string{"zero", "row"}, finishInt8}.emit(s)
	}
}

// finishInt8 returns (acc - zero sums) (row scale) + bias; acc, sums and zero hold integers.
func finishInt8(s isa, in, scalars []reg.VecVirtual) []reg.VecVirtual {
	acc, sums, scale, bias := in[0], in[1], in[2], in[3]
	VPMULLD(scalars[0], sums, sums)
	s.subInt(sums, acc, acc)
	VCVTDQ2PS(acc, acc)
	s.mul(scalars[1], scale, scale)
	s.fma213(bias, scale, acc)
	return []reg.VecVirtual{acc}
}

// wideBytes returns 16 bytes of memory as 16 words: signed or not.
func wideBytes(m operand.Op, signed bool) reg.VecVirtual {
	v := YMM()
	if signed {
		VPMOVSXBW(m, v)
	} else {
		VPMOVZXBW(m, v)
	}
	return v
}

// dotInt8 emits the dot product of unsigned and signed bytes.
func dotInt8(s isa) {
	TEXT("dotInt8"+s.name, 4, "func(a []uint8, b []int8) int32")
	Pragma("noescape")
	a, b := Load(Param("a").Base(), GP64()), Load(Param("b").Base(), GP64())
	n, acc := Load(Param("a").Len(), GP64()), s.zero()
	step := 64
	if !s.wide {
		step = 16
	}
	Label("loop")
	SUBQ(operand.U8(step), n)
	JLT(operand.LabelRef("fold"))
	if s.wide {
		vpdpbusd(s.read(operand.Mem{Base: b}, nil), s.read(operand.Mem{Base: a}, nil), acc)
	} else {
		v := wideBytes(operand.Mem{Base: a}, false)
		VPMADDWD(wideBytes(operand.Mem{Base: b}, true), v, v)
		VPADDD(v, acc, acc)
	}
	ADDQ(operand.U8(step), a)
	ADDQ(operand.U8(step), b)
	JMP(operand.LabelRef("loop"))
	Label("fold")
	total := GP32()
	VMOVD(s.spread(acc, VPADDD).AsX(), total)
	ADDQ(operand.U8(step), n)
	JZ(operand.LabelRef("done"))
	Label("rest")
	x, y := GP32(), GP32()
	MOVBLZX(operand.Mem{Base: a}, x)
	MOVBLSX(operand.Mem{Base: b}, y)
	IMULL(y, x)
	ADDL(x, total)
	INCQ(a)
	INCQ(b)
	DECQ(n)
	JNZ(operand.LabelRef("rest"))
	Label("done")
	Store(total, ReturnIndex(0))
	VZEROUPPER()
	RET()
}

// int8Code is the state of tileInt8.
type int8Code struct {
	isa
	c, a, b, rows, k, aStep, cStep reg.Register
	at, from, i                    reg.Register
}

// tileInt8 emits rows x 16 sums of products: a has rows aStep bytes apart, b is a sliver of 4k x 16
// bytes, four of a column side by side; k is in fours and not 0, cStep in bytes.
func tileInt8(s isa) {
	TEXT("tileInt8"+s.name, 4, "func(c *int32, a *uint8, b *int8, rows, k, aStep, cStep int)")
	Pragma("noescape")
	t := &int8Code{isa: s, at: GP64(), from: GP64(), i: GP64()}
	t.c, t.a, t.b = Load(Param("c"), GP64()), Load(Param("a"), GP64()), Load(Param("b"), GP64())
	t.rows, t.k = Load(Param("rows"), GP64()), Load(Param("k"), GP64())
	t.aStep, t.cStep = Load(Param("aStep"), GP64()), Load(Param("cStep"), GP64())
	most := []int{8, 4, 2, 1}
	if !s.wide {
		most = []int{2, 1}
	}
	for _, r := range most {
		name := string(rune('0' + r))
		Label("tile" + name)
		CMPQ(t.rows, operand.U8(r))
		JLT(operand.LabelRef("below" + name))
		t.body(r, "k"+name)
		SUBQ(operand.U8(r), t.rows)
		JMP(operand.LabelRef("tile" + name))
		Label("below" + name)
	}
	VZEROUPPER()
	RET()
}

// body emits r rows, and leaves a and c behind them.
func (t *int8Code) body(r int, label string) {
	acc := make([][]reg.VecVirtual, r)
	for i := range acc {
		acc[i] = []reg.VecVirtual{t.zero()}
		if !t.wide {
			acc[i] = append(acc[i], t.zero(), t.zero(), t.zero())
		}
	}
	MOVQ(t.b, t.from)
	MOVQ(t.a, t.at)
	MOVQ(t.k, t.i)
	row := GP64()
	Label(label)
	b := t.loadB()
	MOVQ(t.at, row)
	for i := range acc {
		t.multiply(acc[i], b, operand.Mem{Base: row})
		if i+1 < r {
			ADDQ(t.aStep, row)
		}
	}
	ADDQ(operand.U8(64), t.from)
	ADDQ(operand.U8(4), t.at)
	DECQ(t.i)
	JNZ(operand.LabelRef(label))
	for i := range acc {
		t.store(acc[i])
		ADDQ(t.aStep, t.a)
		ADDQ(t.cStep, t.c)
	}
}

// loadB returns four times 16 columns of b: one vector of bytes, or four of words.
func (t *int8Code) loadB() []reg.VecVirtual {
	if t.wide {
		return []reg.VecVirtual{t.read(operand.Mem{Base: t.from}, nil)}
	}
	var all []reg.VecVirtual
	for i := range 4 {
		all = append(all, wideBytes(operand.Mem{Base: t.from, Disp: 16 * i}, true))
	}
	return all
}

func (t *int8Code) multiply(acc, b []reg.VecVirtual, at operand.Mem) {
	if t.wide {
		x := t.vec()
		VPBROADCASTD(at, x)
		vpdpbusd(b[0], x, acc[0])
		return
	}
	four := XMM()
	VPBROADCASTD(at, four)
	x := wideBytes(four, false)
	for i := range acc {
		p := YMM()
		VPMADDWD(b[i], x, p)
		VPADDD(p, acc[i], acc[i])
	}
}

// store writes 16 sums to c. Those of AVX2 are in halves, side by side.
func (t *int8Code) store(acc []reg.VecVirtual) {
	if t.wide {
		VMOVUPS(acc[0], operand.Mem{Base: t.c})
		return
	}
	for i := range 2 {
		VPHADDD(acc[2*i+1], acc[2*i], acc[2*i])
		VPERMQ(operand.U8(0b11011000), acc[2*i], acc[2*i])
		VMOVUPS(acc[2*i], operand.Mem{Base: t.c, Disp: 32 * i})
	}
}
