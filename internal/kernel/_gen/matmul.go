package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Offsets of the fields of kernel.tile.
const (
	tileC = 8 * iota
	tileA
	tileB
	tileStart
	tileM
	tileK
	tileARow
	tileACol
	tileAStep
	tileBRow
	tileCRow
	tileStartRow
	tileTail
	tileFloor
)

// shape is a tile of c: rows x vectors, all of which stay in registers while k runs.
type shape struct {
	rows, vecs int
	masked     bool
}

// matmul emits the tiles of a vector set. 12 (AVX2) or 24 (AVX-512) accumulators hide the latency of
// the fused multiply-add and leave room for a row of b and an element of a.
func matmul(s isa) {
	shapes := []shape{{6, 2, false}, {6, 2, true}, {8, 1, true}, {1, 4, false}, {1, 8, false}}
	if s.wide {
		shapes = []shape{{6, 4, false}, {6, 4, true}, {8, 3, true}, {8, 2, true}, {8, 1, true}, {1, 8, false}}
	}
	for _, sh := range shapes {
		tile(s, sh)
	}
}

// tileCode is the state of one tile function.
type tileCode struct {
	isa
	shape
	g, a0, a, b, k, c, start, m reg.GPVirtual
	row                         [4]reg.GPVirtual // 1, 3, 5, 7 times the byte step between rows of a
	aCol, bRow                  reg.GPVirtual
	mask                        reg.Register
	floor                       reg.VecVirtual
}

// tile emits a function that computes columns of c, vecs vectors wide, for all rows: rows at a time,
// then what is left.
func tile(s isa, sh shape) {
	name := fmt.Sprintf("tile%dx%d", sh.rows, sh.vecs)
	if sh.masked {
		name += "Tail"
	}
	TEXT(name+s.name, 4, "func(t *byte)") // NOSPLIT
	Pragma("noescape")
	t := &tileCode{isa: s, shape: sh}
	t.loadArgs()
	Label("rows")
	CMPQ(t.m, operand.U8(sh.rows))
	JLT(operand.LabelRef("rest"))
	t.body(sh.rows)
	SUBQ(operand.U8(sh.rows), t.m)
	ADDQ(t.field(tileAStep), t.a0)
	JMP(operand.LabelRef("rows"))
	Label("rest")
	for r := sh.rows - 1; r > 0; r-- {
		CMPQ(t.m, operand.U8(r))
		JEQ(operand.LabelRef(fmt.Sprintf("rest%d", r)))
	}
	t.done()
	for r := sh.rows - 1; r > 0; r-- {
		Label(fmt.Sprintf("rest%d", r))
		t.body(r)
		t.done()
	}
}

func (t *tileCode) done() {
	VZEROUPPER()
	RET()
}

func (t *tileCode) field(off int) operand.Mem { return operand.Mem{Base: t.g, Disp: off} }

func (t *tileCode) loadField(off int) reg.GPVirtual {
	r := GP64()
	MOVQ(t.field(off), r)
	return r
}

func (t *tileCode) loadArgs() {
	t.g = Load(Param("t"), GP64()).(reg.GPVirtual)
	t.a0, t.c, t.start = t.loadField(tileA), t.loadField(tileC), t.loadField(tileStart)
	t.m, t.aCol, t.bRow = t.loadField(tileM), t.loadField(tileACol), t.loadField(tileBRow)
	t.a, t.b, t.k = GP64(), GP64(), GP64()
	t.row[0] = t.loadField(tileARow)
	for i := 1; 2*i+1 < t.rows; i++ {
		t.row[i] = GP64()
		LEAQ(operand.Mem{Base: t.row[i-1], Index: t.row[0], Scale: 2}, t.row[i])
	}
	if t.masked {
		MOVQ(t.field(tileTail), t.k)
		t.mask = t.tailMask(t.k)
	}
}

// element returns the address of a in row i of the tile.
func (t *tileCode) element(i int) operand.Mem {
	m := operand.Mem{Base: t.a}
	switch i {
	case 0:
	case 1, 3, 5, 7:
		m.Index, m.Scale = t.row[i/2], 1
	case 2, 4:
		m.Index, m.Scale = t.row[0], uint8(i)
	case 6:
		m.Index, m.Scale = t.row[1], 2
	}
	return m
}

// maskOf returns the mask of vector v of the tile: nil but for the last.
func (t *tileCode) maskOf(v int) reg.Register {
	if t.masked && v == t.vecs-1 {
		return t.mask
	}
	return nil
}

// body emits the tile of r rows; it leaves c and start behind its last row.
func (t *tileCode) body(r int) {
	acc := make([][]reg.VecVirtual, r)
	for i := range acc {
		acc[i] = make([]reg.VecVirtual, t.vecs)
		for v := range acc[i] {
			acc[i][v] = t.read(operand.Mem{Base: t.start, Disp: v * t.size()}, t.maskOf(v))
		}
		ADDQ(t.field(tileStartRow), t.start)
	}
	t.chains(acc)
	floor := t.vec()
	VBROADCASTSS(t.field(tileFloor), floor)
	for i := range acc {
		for v := range acc[i] {
			t.max(acc[i][v], floor, acc[i][v])
			t.write(acc[i][v], t.maskOf(v), operand.Mem{Base: t.c, Disp: v * t.size()})
		}
		ADDQ(t.field(tileCRow), t.c)
	}
}

// chains emits the loop over k.
func (t *tileCode) chains(acc [][]reg.VecVirtual) {
	loop := fmt.Sprintf("k%d", len(acc))
	MOVQ(t.a0, t.a)
	MOVQ(t.field(tileB), t.b)
	MOVQ(t.field(tileK), t.k)
	TESTQ(t.k, t.k)
	JZ(operand.LabelRef(loop + "end"))
	Label(loop)
	row := make([]operand.Op, t.vecs)
	for v := range row {
		at := operand.Mem{Base: t.b, Disp: v * t.size()}
		row[v] = at
		if len(acc) > 1 || t.maskOf(v) != nil { // a single row uses b once, from memory
			row[v] = t.read(at, t.maskOf(v))
		}
	}
	for i := range acc {
		x := t.vec()
		VBROADCASTSS(t.element(i), x)
		for v := range row {
			VFMADD231PS(row[v], x, acc[i][v])
		}
	}
	ADDQ(t.aCol, t.a)
	ADDQ(t.bRow, t.b)
	DECQ(t.k)
	JNZ(operand.LabelRef(loop))
	Label(loop + "end")
}
