package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// half emits the conversions between float32 and the two formats of 16 bits. The last elements are
// converted one at a time, in a vector of four.
func half(s isa) {
	widen(s, "fromHalf", func(v, dst reg.Register) { VCVTPH2PS(v, dst) })
	widen(s, "fromBrain", func(v, dst reg.Register) {
		VPMOVZXWD(v, dst)
		VPSLLD(operand.U8(16), dst, dst)
	})
	narrow(s, "toHalf", func(v, dst reg.VecVirtual) { VCVTPS2PH(operand.U8(0), v, dst) })
	narrow(s, "toBrain", s.toBrain)
}

// halfLoop emits a loop over whole vectors and one over the elements that are left.
func halfLoop(s isa, name, signature string, dstSize, srcSize int, whole, single func(dst, src operand.Mem)) {
	TEXT(name+s.name, 4, signature)
	Pragma("noescape")
	dst, src := Load(Param("dst").Base(), GP64()), Load(Param("src").Base(), GP64())
	n := Load(Param("src").Len(), GP64())
	step := func(count int) {
		ADDQ(operand.U8(count*dstSize), dst)
		ADDQ(operand.U8(count*srcSize), src)
	}
	SUBQ(operand.U8(s.lanes()), n)
	JLT(operand.LabelRef("tail"))
	Label("loop")
	whole(operand.Mem{Base: dst}, operand.Mem{Base: src})
	step(s.lanes())
	SUBQ(operand.U8(s.lanes()), n)
	JGE(operand.LabelRef("loop"))
	Label("tail")
	ADDQ(operand.U8(s.lanes()), n)
	JZ(operand.LabelRef("done"))
	Label("rest")
	single(operand.Mem{Base: dst}, operand.Mem{Base: src})
	step(1)
	DECQ(n)
	JNZ(operand.LabelRef("rest"))
	Label("done")
	VZEROUPPER()
	RET()
}

// widen emits a conversion to float32.
func widen(s isa, name string, convert func(v, dst reg.Register)) {
	halfLoop(s, name, "func(dst []float32, src []uint16)", 4, 2, func(dst, src operand.Mem) {
		out := s.vec()
		in := XMM()
		if s.wide {
			in = YMM()
		}
		VMOVDQU(src, in)
		convert(in, out)
		s.write(out, nil, dst)
	}, func(dst, src operand.Mem) {
		g, v := GP32(), XMM()
		MOVWLZX(src, g)
		VMOVD(g, v)
		convert(v, v)
		VMOVSS(v, dst)
	})
}

// narrow emits a conversion from float32.
func narrow(s isa, name string, convert func(v, dst reg.VecVirtual)) {
	halfLoop(s, name, "func(dst []uint16, src []float32)", 2, 4, func(dst, src operand.Mem) {
		out := XMM()
		if s.wide {
			out = YMM()
		}
		convert(s.read(src, nil), out)
		VMOVDQU(out, dst)
	}, func(dst, src operand.Mem) {
		g, v := GP32(), XMM()
		VMOVSS(src, v)
		convert(v, v)
		VMOVD(v, g)
		MOVW(g.As16(), dst)
	})
}

// toBrain rounds to nearest even by adding to the bits; a NaN loses its low bits and is made quiet.
func (s isa) toBrain(v, dst reg.VecVirtual) {
	if v.Size() == 16 {
		s.toBrainOne(v, dst)
		return
	}
	odd, sum, quiet := s.vec(), s.vec(), s.vec()
	VPSRLD(operand.U8(16), v, odd)
	s.and(word(1), odd, odd)
	s.addInt(word(0x7fff), v, sum)
	s.addInt(odd, sum, sum)
	s.or(word(0x400000), v, quiet)
	s.choose(s.compare(unordered, v, v), quiet, sum, sum)
	VPSRLD(operand.U8(16), sum, sum)
	if s.wide {
		VPMOVDW(sum, dst)
		return
	}
	high := XMM()
	VEXTRACTI128(operand.U8(1), sum, high)
	VPACKUSDW(high, sum.AsX(), dst)
}

// toBrainOne is toBrain for the low element, without a vector set's operations.
func (s isa) toBrainOne(v, dst reg.VecVirtual) {
	odd, sum, quiet, nan := XMM(), XMM(), XMM(), XMM()
	VPSRLD(operand.U8(16), v, odd)
	VPAND(word(1).Mem, odd, odd)
	VPADDD(word(0x7fff).Mem, v, sum)
	VPADDD(odd, sum, sum)
	VPOR(word(0x400000).Mem, v, quiet)
	VCMPPS(operand.U8(unordered), v, v, nan)
	VBLENDVPS(nan, quiet, sum, sum)
	VPSRLD(operand.U8(16), sum, dst)
}
