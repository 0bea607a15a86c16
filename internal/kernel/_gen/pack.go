package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// pack emits the copy of rows, as wide as the widest tile, whose starts lie srcRow elements apart in
// src, to dst without gaps. rows is not 0.
func pack(s isa, vecs int) {
	TEXT("pack"+s.name, 4, "func(dst, src *float32, rows, srcRow int)")
	Pragma("noescape")
	dst, src := Load(Param("dst"), GP64()), Load(Param("src"), GP64())
	rows, step := Load(Param("rows"), GP64()), Load(Param("srcRow"), GP64())
	SHLQ(operand.U8(2), step)
	Label("loop")
	v := make([]reg.VecVirtual, vecs)
	for i := range v {
		v[i] = s.read(operand.Mem{Base: src, Disp: i * s.size()}, nil)
	}
	for i := range v {
		s.write(v[i], nil, operand.Mem{Base: dst, Disp: i * s.size()})
	}
	ADDQ(step, src)
	ADDQ(operand.U32(vecs*s.size()), dst)
	DECQ(rows)
	JNZ(operand.LabelRef("loop"))
	VZEROUPPER()
	RET()
}
