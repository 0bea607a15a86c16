package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The constants of math_ref.go in package kernel, where they are explained.
const (
	log2E   = 1.44269504088896341
	ln2Hi   = 0.693147182464599609375
	ln2Lo   = -1.904654299957767878e-9
	expMax  = 88.8
	expMin  = -104
	tanhMax = 9.125
	rounder = 1 << 23 * 1.5

	sqrtHalfBits = 0x3f3504f3
	signBit      = 1 << 31
	infBits      = 0x7f800000
	nanBits      = 0x7fc00000
)

var (
	expPoly = []float64{
		1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1,
	}
	logPoly = []float64{
		7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1,
		-1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
	}
)

func transcendental(s isa) {
	dst, x := []string{"dst"}, []string{"x"}
	for _, m := range []mapping{
		{"exp", x, dst, nil, one(isa.exp)},
		{"log", x, dst, nil, one(isa.log)},
		{"tanh", x, dst, nil, one(isa.tanh)},
		{"sigmoid", x, dst, nil, one(isa.sigmoid)},
	} {
		m.emit(s)
	}
	bceLogits(s)
}

func one(f func(s isa, x reg.VecVirtual) reg.VecVirtual) func(isa, []reg.VecVirtual, []reg.VecVirtual) []reg.VecVirtual {
	return func(s isa, in, _ []reg.VecVirtual) []reg.VecVirtual {
		return []reg.VecVirtual{f(s, in[0])}
	}
}

// horner returns the polynomial, highest power first.
func (s isa) horner(x reg.VecVirtual, coefs []float64) reg.VecVirtual {
	y := s.load(f32(coefs[0]))
	for _, c := range coefs[1:] {
		s.fma213(f32(c), x, y)
	}
	return y
}

// reduce returns n, an integer as a float, and r = x - n ln 2; it keeps x.
func (s isa) reduce(x reg.VecVirtual) (n, r reg.VecVirtual) {
	round := s.load(f32(rounder))
	n = s.copied(round)
	s.fma231(f32(log2E), x, n)
	s.sub(round, n, n)
	r = s.copied(x)
	s.fnma231(f32(ln2Hi), n, r)
	s.fnma231(f32(ln2Lo), n, r)
	return n, r
}

// expNear returns e^r - 1.
func (s isa) expNear(r reg.VecVirtual) reg.VecVirtual {
	y := s.horner(r, expPoly)
	square := s.vec()
	s.mul(r, r, square)
	s.fma213(r, square, y)
	return y
}

// pow2 turns the integer n into the float 2^n.
func (s isa) pow2(n reg.VecVirtual) {
	s.addInt(word(127), n, n)
	VPSLLD(operand.U8(23), n, n)
}

// exp returns e^x.
func (s isa) exp(x reg.VecVirtual) reg.VecVirtual {
	s.min(x, s.load(f32(expMax)), x)
	return s.expBelow(x)
}

// expBelow returns e^x for x up to expMax.
func (s isa) expBelow(x reg.VecVirtual) reg.VecVirtual {
	s.max(x, s.load(f32(expMin)), x)
	n, r := s.reduce(x)
	y := s.expNear(r)
	s.add(f32(1), y, y)
	if s.wide {
		VSCALEFPS(n, y, y) // rounds once, as the two products below
		return y
	}
	half := s.vec()
	VCVTPS2DQ(n, n)
	VPSRAD(operand.U8(1), n, half)
	s.subInt(half, n, n)
	s.pow2(half)
	s.pow2(n)
	s.mul(half, y, y)
	s.mul(n, y, y)
	return y
}

// log returns ln x.
func (s isa) log(x reg.VecVirtual) reg.VecVirtual {
	small := s.compare(lessThan, f32(0x1p-126), x)
	b, e := s.vec(), s.load(f32(-23))
	s.mul(f32(0x1p23), x, b)
	s.choose(small, b, x, b)
	s.keep(small, e, e)
	s.subInt(word(sqrtHalfBits), b, b)
	exponent := s.vec()
	VPSRAD(operand.U8(23), b, exponent)
	VCVTDQ2PS(exponent, exponent)
	s.add(exponent, e, e)
	s.and(word(0x7fffff), b, b)
	s.addInt(word(sqrtHalfBits), b, b)
	s.sub(f32(1), b, b)
	return s.logEdges(x, s.logNear(b, e))
}

// logEdges puts in the results for 0, negative numbers, infinity and NaN.
func (s isa) logEdges(x, y reg.VecVirtual) reg.VecVirtual {
	s.choose(s.compare(equal, word(infBits), x), x, y, y)
	s.choose(s.compare(equal, f32(0), x), s.load(word(infBits|signBit)), y, y)
	s.choose(s.compare(lessThan, f32(0), x), s.load(word(nanBits)), y, y)
	s.choose(s.compare(unordered, x, x), x, y, y)
	return y
}

// logNear returns ln(1+f) + e ln 2.
func (s isa) logNear(f, e reg.VecVirtual) reg.VecVirtual {
	z, cube := s.vec(), s.vec()
	s.mul(f, f, z)
	s.mul(z, f, cube)
	y := s.horner(f, logPoly)
	s.mul(cube, y, y)
	s.fma231(f32(ln2Lo), e, y)
	s.fma231(f32(-0.5), z, y)
	s.add(f, y, y)
	s.fma231(f32(ln2Hi), e, y)
	return y
}

// tanh returns t/(t+2) for t = e^2|x| - 1, with the sign of x.
func (s isa) tanh(x reg.VecVirtual) reg.VecVirtual {
	a := s.vec()
	s.and(word(signBit-1), x, a)
	s.min(a, s.load(f32(tanhMax)), a)
	s.add(a, a, a)
	n, r := s.reduce(a)
	t := s.expNear(r)
	VCVTPS2DQ(n, n)
	s.pow2(n)
	less := s.vec()
	s.sub(f32(1), n, less)
	s.fma213(less, n, t)
	below := s.vec()
	s.add(f32(2), t, below)
	s.div(below, t, t)
	s.and(word(signBit), x, x)
	s.or(x, t, t)
	return t
}

// sigmoid returns 1/(1+e) or e/(1+e), e being e^-|x|.
func (s isa) sigmoid(x reg.VecVirtual) reg.VecVirtual {
	y, _ := s.sigmoidParts(x)
	return y
}

// sigmoidParts returns the sigmoid of x and e = e^-|x|. Where x is -0, e is 1.
func (s isa) sigmoidParts(x reg.VecVirtual) (y, e reg.VecVirtual) {
	a := s.vec()
	s.or(word(signBit), x, a)
	e = s.expBelow(a)
	y, below := s.load(f32(1)), s.vec()
	s.add(e, y, below)
	if s.wide {
		k := K()
		VPMOVD2M(x, k)
		s.choose(k, e, y, y)
	} else {
		s.choose(x, e, y, y)
	}
	s.div(below, y, y)
	return y, e
}

// log1p returns ln(1+e) for 0 <= e <= 1.
func (s isa) log1p(e reg.VecVirtual) reg.VecVirtual {
	large := s.compare(greaterThan, f32(0.41421356237309504880), e)
	f, exponent := s.vec(), s.load(f32(1))
	s.sub(exponent, e, f)
	s.mul(f32(0.5), f, f)
	s.choose(large, f, e, f)
	s.keep(large, exponent, exponent)
	return s.logNear(f, exponent)
}
