package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// rowCode is the state of a kernel that goes over the rows that an index names.
type rowCode struct {
	isa
	near, far         reg.Register // a row in order, and the one that the index names
	index, rows       reg.Register
	base, step, width reg.Register // of the named rows: start, bytes, elements
	left              reg.Register
}

// indexed emits the kernels that go by an index.
func indexed(s isa) {
	rowKernel(s, "gather", "func(dst, src *float32, index *int32, rows, cols int)", "dst", "src", (*rowCode).copyRow)
	rowKernel(s, "scatterAdd", "func(dst, src *float32, index *int32, rows, cols int)", "src", "dst", (*rowCode).addRow)
}

// rowKernel emits a loop over rows, of which there is at least one, with at least one column: near is
// the parameter whose rows are taken in order, far the one whose rows are named.
func rowKernel(s isa, name, signature, near, far string, body func(*rowCode)) {
	TEXT(name+s.name, 4, signature)
	Pragma("noescape")
	c := &rowCode{isa: s, far: GP64(), step: GP64(), left: GP64()}
	c.near, c.base = Load(Param(near), GP64()), Load(Param(far), GP64())
	c.index, c.rows = Load(Param("index"), GP64()), Load(Param("rows"), GP64())
	c.width = Load(Param("cols"), GP64())
	MOVQ(c.width, c.step)
	SHLQ(operand.U8(2), c.step)
	Label("rows")
	MOVLQSX(operand.Mem{Base: c.index}, c.far)
	IMULQ(c.step, c.far)
	ADDQ(c.base, c.far)
	MOVQ(c.width, c.left)
	body(c)
	ADDQ(operand.U8(4), c.index)
	DECQ(c.rows)
	JNZ(operand.LabelRef("rows"))
	VZEROUPPER()
	RET()
}

// vectors emits a loop over the whole vectors of the row, then what is left of it: one masked vector
// with AVX-512, single elements with AVX2, whose masked stores are slow.
func (c *rowCode) vectors(whole func(mask reg.Register), single func()) {
	Label("vectors")
	CMPQ(c.left, operand.U8(c.lanes()))
	JLT(operand.LabelRef("tail"))
	whole(nil)
	c.forward(c.lanes())
	JMP(operand.LabelRef("vectors"))
	Label("tail")
	TESTQ(c.left, c.left)
	JZ(operand.LabelRef("next"))
	if c.wide {
		whole(c.tailMask(c.left))
		LEAQ(operand.Mem{Base: c.near, Index: c.left, Scale: 4}, c.near)
	} else {
		single()
		c.forward(1)
		JMP(operand.LabelRef("tail"))
	}
	Label("next")
}

// forward moves on by n elements.
func (c *rowCode) forward(n int) {
	ADDQ(operand.U8(4*n), c.near)
	ADDQ(operand.U8(4*n), c.far)
	SUBQ(operand.U8(n), c.left)
}

// copyRow copies far to near. Rows of AVX2's width or more end with a vector that overlaps the last.
func (c *rowCode) copyRow() {
	if !c.wide {
		CMPQ(c.width, operand.U8(c.lanes()))
		JGE(operand.LabelRef("overlap"))
	}
	c.vectors(func(mask reg.Register) {
		c.write(c.read(operand.Mem{Base: c.far}, mask), mask, operand.Mem{Base: c.near})
	}, func() {
		v := XMM()
		VMOVSS(operand.Mem{Base: c.far}, v)
		VMOVSS(v, operand.Mem{Base: c.near})
	})
	if c.wide {
		return
	}
	JMP(operand.LabelRef("copied"))
	Label("overlap")
	SUBQ(operand.U8(c.lanes()), c.left)
	Label("overlaps")
	v := c.read(operand.Mem{Base: c.far}, nil)
	c.write(v, nil, operand.Mem{Base: c.near})
	c.forward(c.lanes())
	JG(operand.LabelRef("overlaps"))
	v = c.read(operand.Mem{Base: c.far, Index: c.left, Scale: 4}, nil)
	c.write(v, nil, operand.Mem{Base: c.near, Index: c.left, Scale: 4})
	LEAQ(operand.Mem{Base: c.near, Index: c.left, Scale: 4, Disp: c.size()}, c.near)
	Label("copied")
}

// addRow adds near to far.
func (c *rowCode) addRow() {
	c.vectors(func(mask reg.Register) {
		sum := c.read(operand.Mem{Base: c.far}, mask)
		c.add(c.read(operand.Mem{Base: c.near}, mask), sum, sum)
		c.write(sum, mask, operand.Mem{Base: c.far})
	}, func() {
		sum := XMM()
		VMOVSS(operand.Mem{Base: c.far}, sum)
		VADDSS(operand.Mem{Base: c.near}, sum, sum)
		VMOVSS(sum, operand.Mem{Base: c.far})
	})
}

// prefetch emits requests for the cache lines of named rows of step bytes; there is at least one row.
func prefetch() {
	TEXT("prefetchRows", 4, "func(src *float32, index *int32, rows, step int)")
	Pragma("noescape")
	base, index := Load(Param("src"), GP64()), Load(Param("index"), GP64())
	rows, step := Load(Param("rows"), GP64()), Load(Param("step"), GP64())
	at, end := GP64(), GP64()
	Label("rows")
	MOVLQSX(operand.Mem{Base: index}, at)
	IMULQ(step, at)
	ADDQ(base, at)
	LEAQ(operand.Mem{Base: at, Index: step, Scale: 1, Disp: -1}, end)
	Label("lines")
	PREFETCHT0(operand.Mem{Base: at})
	ADDQ(operand.U8(64), at)
	CMPQ(at, end)
	JLT(operand.LabelRef("lines"))
	PREFETCHT0(operand.Mem{Base: end})
	ADDQ(operand.U8(4), index)
	DECQ(rows)
	JNZ(operand.LabelRef("rows"))
	RET()
}
