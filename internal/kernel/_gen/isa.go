package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// isa is a vector set: AVX2 with FMA, or, when wide, AVX-512 F, BW, DQ and VL.
type isa struct {
	name string
	wide bool
}

// vec returns a new vector register.
func (s isa) vec() reg.VecVirtual {
	if s.wide {
		return ZMM()
	}
	return YMM()
}

// lanes returns the number of float32 in a vector, size its bytes.
func (s isa) lanes() int {
	if s.wide {
		return 16
	}
	return 8
}

func (s isa) size() int { return 4 * s.lanes() }

// constant is a float32 or int32 in memory: eight copies, of which AVX-512 broadcasts the first.
type constant struct{ operand.Mem }

var constants = map[uint32]constant{}

// f32 returns the constant v.
func f32(v float64) constant { return word(math.Float32bits(float32(v))) }

// word returns the constant of these bits.
func word(bits uint32) constant {
	c, ok := constants[bits]
	if !ok {
		c = constant{GLOBL(fmt.Sprintf("const%08x", bits), 8|16)} // RODATA, NOPTR
		for i := range 8 {
			DATA(4*i, operand.U32(bits))
		}
		constants[bits] = c
	}
	return c
}

// pick emits plain or, where the first operand is a constant and vectors are wide, its broadcasting
// form.
func (s isa) pick(plain, bcst func(...operand.Op), ops ...operand.Op) {
	c, ok := ops[0].(constant)
	if ok {
		ops[0] = c.Mem
	}
	if ok && s.wide {
		bcst(ops...)
		return
	}
	plain(ops...)
}

// The operations. a is the second source and may be a constant, b the first; dst comes last.

func (s isa) add(a, b, dst operand.Op) { s.pick(VADDPS, VADDPS_BCST, a, b, dst) }
func (s isa) sub(a, b, dst operand.Op) { s.pick(VSUBPS, VSUBPS_BCST, a, b, dst) } // b - a
func (s isa) mul(a, b, dst operand.Op) { s.pick(VMULPS, VMULPS_BCST, a, b, dst) }
func (s isa) div(a, b, dst operand.Op) { s.pick(VDIVPS, VDIVPS_BCST, a, b, dst) } // b / a
func (s isa) and(a, b, dst operand.Op) { s.pick(VANDPS, VANDPS_BCST, a, b, dst) }
func (s isa) or(a, b, dst operand.Op)  { s.pick(VORPS, VORPS_BCST, a, b, dst) }

// min is b < a ? b : a and max is b > a ? b : a, so that a NaN in a stays.
func (s isa) min(a, b, dst operand.Op) { s.pick(VMINPS, VMINPS_BCST, a, b, dst) }
func (s isa) max(a, b, dst operand.Op) { s.pick(VMAXPS, VMAXPS_BCST, a, b, dst) }

// fma213 is dst = b dst + a, fma231 is dst = b a + dst, fnma231 is dst = -(b a) + dst.
func (s isa) fma213(a, b, dst operand.Op) { s.pick(VFMADD213PS, VFMADD213PS_BCST, a, b, dst) }
func (s isa) fma231(a, b, dst operand.Op) { s.pick(VFMADD231PS, VFMADD231PS_BCST, a, b, dst) }
func (s isa) fnma231(a, b, dst operand.Op) {
	s.pick(VFNMADD231PS, VFNMADD231PS_BCST, a, b, dst)
}

func (s isa) addInt(a, b, dst operand.Op) { s.pick(vpaddd, VPADDD_BCST, a, b, dst) }
func (s isa) subInt(a, b, dst operand.Op) { s.pick(vpsubd, VPSUBD_BCST, a, b, dst) }

func vpaddd(ops ...operand.Op) { VPADDD(ops...) }
func vpsubd(ops ...operand.Op) { VPSUBD(ops...) }

// load returns a register with every lane set to a constant.
func (s isa) load(c constant) reg.VecVirtual {
	v := s.vec()
	VBROADCASTSS(c.Mem, v)
	return v
}

// param returns a register with every lane set to a float32 parameter.
func (s isa) param(name string) reg.VecVirtual {
	addr, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	v := s.vec()
	VBROADCASTSS(addr.Addr, v)
	return v
}

// copied returns a copy of v.
func (s isa) copied(v operand.Op) reg.VecVirtual {
	w := s.vec()
	VMOVAPS(v, w)
	return w
}

// zero returns a register of zeros.
func (s isa) zero() reg.VecVirtual {
	v := s.vec()
	if s.wide {
		VPXORD(v, v, v)
	} else {
		VXORPS(v, v, v)
	}
	return v
}

// Predicates of compare: b op a, false for NaN but for unordered.
const (
	lessThan     = 1
	lessEqual    = 2
	unordered    = 3
	greaterThan  = 14
	equal        = 0
	greaterEqual = 13
)

// compare returns the lanes where b op a: a vector for AVX2, a mask register for AVX-512.
func (s isa) compare(op int, a, b operand.Op) reg.Register {
	var m reg.Register = YMM()
	if s.wide {
		m = K()
	}
	plain := func(ops ...operand.Op) { VCMPPS(append([]operand.Op{operand.U8(op)}, ops...)...) }
	bcst := func(ops ...operand.Op) { VCMPPS_BCST(append([]operand.Op{operand.U8(op)}, ops...)...) }
	s.pick(plain, bcst, a, b, m)
	return m
}

// equalInt returns the lanes where two vectors of int32 are equal.
func (s isa) equalInt(a, b operand.Op) reg.Register {
	if s.wide {
		k := K()
		VPCMPEQD(a, b, k)
		return k
	}
	m := YMM()
	VPCMPEQD(a, b, m)
	return m
}

var counts operand.Mem

// counting returns the address of the int32 0, 1, ..., 15.
func counting() operand.Mem {
	if counts.Symbol.Name == "" {
		counts = GLOBL("counting", 8|16)
		for i := range 16 {
			DATA(4*i, operand.U32(i))
		}
	}
	return counts
}

// choose sets dst to yes where the mask is set and to no elsewhere.
func (s isa) choose(mask reg.Register, yes, no, dst operand.Op) {
	if s.wide {
		VBLENDMPS(yes, no, mask, dst)
		return
	}
	VBLENDVPS(mask, yes, no, dst)
}

// keep sets dst to v where the mask is set and to 0 elsewhere.
func (s isa) keep(mask reg.Register, v, dst operand.Op) {
	if s.wide {
		VMOVAPS_Z(v, mask, dst)
		return
	}
	VANDPS(mask, v, dst)
}

// drop sets dst to 0 where the mask is set and to v elsewhere.
func (s isa) drop(mask reg.Register, v, dst operand.Op) {
	if s.wide {
		KNOTW(mask, mask)
		VMOVAPS_Z(v, mask, dst)
		return
	}
	VANDNPS(v, mask, dst)
}

// tailMask returns the mask of the first n lanes, n being in a register, 0 < n <= lanes.
func (s isa) tailMask(n reg.Register) reg.Register {
	if s.wide {
		bits := GP64()
		MOVQ(operand.I32(-1), bits)
		BZHIQ(n, bits, bits)
		k := K()
		KMOVW(bits.As32(), k)
		return k
	}
	at, off := GP64(), GP64()
	LEAQ(maskTable(), at)
	MOVQ(n, off)
	NEGQ(off)
	m := YMM()
	VMOVUPS(operand.Mem{Base: at, Index: off, Scale: 4, Disp: 4 * maskOnes}, m)
	return m
}

// maskOnes is the number of lanes that are on at the start of the mask table; as many follow that are
// off.
const maskOnes = 64

var table operand.Mem

func maskTable() operand.Mem {
	if table.Symbol.Name == "" {
		table = GLOBL("tailMasks", 8|16)
		for i := range maskOnes {
			DATA(4*i, operand.U32(0xffffffff))
		}
		for i := range maskOnes {
			DATA(4*(maskOnes+i), operand.U32(0))
		}
	}
	return table
}

// read loads a vector, with zeros where the mask, if there is one, is off.
func (s isa) read(m operand.Mem, mask reg.Register) reg.VecVirtual {
	v := s.vec()
	switch {
	case mask == nil:
		VMOVUPS(m, v)
	case s.wide:
		VMOVUPS_Z(m, mask, v)
	default:
		VMASKMOVPS(m, mask, v)
	}
	return v
}

// write stores a vector, only where the mask, if there is one, is on.
func (s isa) write(v operand.Op, mask reg.Register, m operand.Mem) {
	switch {
	case mask == nil:
		VMOVUPS(v, m)
	case s.wide:
		VMOVUPS(v, mask, m)
	default:
		VMASKMOVPS(v, mask, m)
	}
}
