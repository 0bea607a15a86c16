package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// transpose emits the transposition of src [rows cols] to dst [cols rows] in blocks of 8 x 8; rows
// and cols are at least 8, and the last blocks overlap those before. The steps between rows are in
// elements.
func transpose() {
	TEXT("transposeAVX2", 4, "func(dst, src *float32, rows, cols, dstRow, srcRow int)")
	Pragma("noescape")
	t := &transposeCode{
		dst: Load(Param("dst"), GP64()), src: Load(Param("src"), GP64()),
		rows: Load(Param("rows"), GP64()), cols: Load(Param("cols"), GP64()),
		to: GP64(), from: GP64(), i: GP64(), j: GP64(),
	}
	t.dstRow, t.dstRow3 = strides("dstRow")
	t.srcRow, t.srcRow3 = strides("srcRow")
	SUBQ(operand.U8(8), t.rows)
	SUBQ(operand.U8(8), t.cols)
	XORQ(t.i, t.i)
	Label("rows")
	XORQ(t.j, t.j)
	Label("cols")
	t.block()
	next(t.j, t.cols, "cols")
	next(t.i, t.rows, "rows")
	VZEROUPPER()
	RET()
}

type transposeCode struct {
	dst, src, rows, cols, to, from, i, j reg.Register
	dstRow, dstRow3, srcRow, srcRow3     reg.Register
}

// strides returns a parameter in bytes, and three times it.
func strides(name string) (once, thrice reg.Register) {
	once, thrice = Load(Param(name), GP64()), GP64()
	SHLQ(operand.U8(2), once)
	LEAQ(operand.Mem{Base: once, Index: once, Scale: 2}, thrice)
	return once, thrice
}

// next moves i on by 8, at most to last, and jumps back unless last is done.
func next(i, last reg.Register, loop string) {
	done := loop + "done"
	CMPQ(i, last)
	JGE(operand.LabelRef(done))
	ADDQ(operand.U8(8), i)
	CMPQ(i, last)
	CMOVQGT(last, i)
	JMP(operand.LabelRef(loop))
	Label(done)
}

// block emits the block of rows i.. and columns j..: halves of rows r and r+4 side by side, then two
// rounds of shuffles.
func (t *transposeCode) block() {
	address(t.from, t.src, t.i, t.srcRow, t.j)
	address(t.to, t.dst, t.j, t.dstRow, t.i)
	lower := GP64()
	LEAQ(operand.Mem{Base: t.from, Index: t.srcRow, Scale: 4}, lower)
	for half := range 2 {
		v := make([]reg.VecVirtual, 4)
		for r := range v {
			v[r] = YMM()
			VMOVUPS(row(t.from, t.srcRow, t.srcRow3, r, 16*half), v[r].AsX())
			VINSERTF128(operand.U8(1), row(lower, t.srcRow, t.srcRow3, r, 16*half), v[r], v[r])
		}
		for r, w := range quarters(v) {
			VMOVUPS(w, row(t.to, t.dstRow, t.dstRow3, r, 0))
		}
		if half == 0 {
			LEAQ(operand.Mem{Base: t.to, Index: t.dstRow, Scale: 4}, t.to)
		}
	}
}

// quarters transposes 4 x 4 in each half of four vectors.
func quarters(v []reg.VecVirtual) []reg.VecVirtual {
	t := make([]reg.VecVirtual, 4)
	for i := range t {
		t[i] = YMM()
	}
	VUNPCKLPS(v[1], v[0], t[0]) // a0 b0 a1 b1
	VUNPCKHPS(v[1], v[0], t[1]) // a2 b2 a3 b3
	VUNPCKLPS(v[3], v[2], t[2])
	VUNPCKHPS(v[3], v[2], t[3])
	out := make([]reg.VecVirtual, 4)
	for i := range out {
		out[i] = YMM()
		VSHUFPS(operand.U8(0x44+0xaa*(i%2)), t[2+i/2], t[i/2], out[i])
	}
	return out
}

// address sets at = base + i row + 4 j.
func address(at, base, i, row, j reg.Register) {
	MOVQ(i, at)
	IMULQ(row, at)
	LEAQ(operand.Mem{Base: at, Index: j, Scale: 4}, at)
	ADDQ(base, at)
}

// row returns the address of row r of four at base.
func row(base, step, step3 reg.Register, r, disp int) operand.Mem {
	m := operand.Mem{Base: base, Disp: disp}
	switch r {
	case 1, 2:
		m.Index, m.Scale = step, uint8(r)
	case 3:
		m.Index, m.Scale = step3, 1
	}
	return m
}
