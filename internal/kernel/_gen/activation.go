package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The constants of activation_ref.go in package kernel, where they are explained.
const (
	erfMax   = 4
	erfSplit = 0.927734375

	tailShift = 3.75
	tailMax   = 14.5
	invRoot2  = 0.39894228040143268

	seluScale = 1.0507009873554805
	seluLow   = 1.7580993408473766
	seluMin   = -30

	tanhGELU0   = 1.5957691216057308
	tanhGELU1   = 0.071354816272600248
	tanhGELUMax = 30

	siluMax = 104
)

var (
	erfPoly  = []float64{-5.96761703e-4, 4.99119423e-3, -2.67681349e-2, 1.12819925e-1, -3.76125336e-1, 1.28379166e-1}
	erfHigh  = []float64{-1.06777877e-1, -6.34846687e-1, -1.28717512e-1}
	tailPoly = []float64{
		0.030272867530584335, -0.1384868025779724, 0.2016424536705017, -0.10002238303422928, 0.1273006945848465,
		0.06455520540475845, 0.10231080651283264, 0.10602682828903198, 0.10640031844377518,
	}
)

// activation emits the activations and their derivatives.
func activation(s isa) {
	dst, x := []string{"dst"}, []string{"x"}
	dz, grad := []string{"dz"}, []string{"dy", "x"}
	for _, m := range []mapping{
		{"erf", x, dst, nil, one(isa.erf)},
		{"gelu", x, dst, nil, one(isa.gelu)},
		{"geluGrad", grad, dz, nil, slope(isa.geluSlope)},
		{"geluTanh", x, dst, nil, one(isa.geluTanh)},
		{"geluTanhGrad", grad, dz, nil, slope(isa.geluTanhSlope)},
		{"silu", x, dst, nil, one(isa.silu)},
		{"siluGrad", grad, dz, nil, slope(isa.siluSlope)},
		{"selu", x, dst, nil, one(isa.selu)},
		{"seluGrad", []string{"dy", "y"}, dz, nil, slope(isa.seluSlope)},
		{"mish", x, dst, nil, one(isa.mish)},
		{"mishGrad", grad, dz, nil, slope(isa.mishSlope)},
	} {
		m.emit(s)
	}
}

// slope makes a body dy, x -> dy f(x).
func slope(f func(s isa, x reg.VecVirtual) reg.VecVirtual) func(isa, []reg.VecVirtual, []reg.VecVirtual) []reg.VecVirtual {
	return func(s isa, in, _ []reg.VecVirtual) []reg.VecVirtual {
		y := f(s, in[1])
		s.mul(in[0], y, y)
		return []reg.VecVirtual{y}
	}
}

// negative returns the lanes whose sign is set.
func (s isa) negative(x reg.VecVirtual) reg.Register {
	if !s.wide {
		return x
	}
	k := K()
	VPMOVD2M(x, k)
	return k
}

// magnitude returns |x|, at most limit.
func (s isa) magnitude(x reg.VecVirtual, limit float64) reg.VecVirtual {
	a := s.vec()
	s.and(word(signBit-1), x, a)
	s.min(a, s.load(f32(limit)), a)
	return a
}

// clamped returns x within -limit and limit.
func (s isa) clamped(x reg.VecVirtual, limit float64) reg.VecVirtual {
	c := s.vec()
	s.min(x, s.load(f32(limit)), c)
	s.max(c, s.load(f32(-limit)), c)
	return c
}

// atLeast returns x, but no less than limit.
func (s isa) atLeast(x reg.VecVirtual, limit float64) reg.VecVirtual {
	c := s.vec()
	s.max(x, s.load(f32(limit)), c)
	return c
}

// sum returns a + b, product a b; a may be a constant.
func (s isa) sum(a operand.Op, b reg.VecVirtual) reg.VecVirtual {
	c := s.vec()
	s.add(a, b, c)
	return c
}

func (s isa) product(a operand.Op, b reg.VecVirtual) reg.VecVirtual {
	c := s.vec()
	s.mul(a, b, c)
	return c
}

// oneMinus returns 1 - x.
func (s isa) oneMinus(x reg.VecVirtual) reg.VecVirtual {
	c := s.load(f32(1))
	s.sub(x, c, c)
	return c
}

// erf returns the error function.
func (s isa) erf(x reg.VecVirtual) reg.VecVirtual {
	t := s.magnitude(x, erfMax)
	square := s.product(t, t)
	r, u := s.load(f32(-1.72853470e-5)), s.load(f32(-3.88396438e-3))
	s.fma213(f32(3.83197126e-4), t, r)
	s.fma213(f32(2.42546219e-2), t, u)
	s.fma213(u, square, r)
	for _, c := range erfHigh {
		s.fma213(f32(c), t, r)
	}
	VFMSUB213PS(t, t, r) // r t - t
	high := s.oneMinus(s.expBelow(r))
	near := s.horner(square, erfPoly)
	s.fma213(t, t, near)
	y := s.vec()
	s.choose(s.compare(greaterThan, f32(erfSplit), t), high, near, y)
	s.and(word(signBit), x, x)
	s.or(x, y, y)
	return y
}

// normal returns the normal distribution function of x, and e^(-x²/2).
func (s isa) normal(x reg.VecVirtual) (phi, e reg.VecVirtual) {
	t := s.magnitude(x, tailMax)
	half := s.product(f32(0.5), t)
	high := s.product(half, t)
	VFMSUB213PS(high, t, half) // the low part of the product
	s.or(word(signBit), high, high)
	e = s.expBelow(high)
	s.fnma231(half, e, e)
	s.add(f32(tailShift), t, t)
	u := s.load(f32(tailShift))
	s.div(t, u, u)
	g := s.horner(u, tailPoly)
	s.mul(u, g, g)
	s.mul(e, g, g)
	phi = s.oneMinus(g)
	s.choose(s.negative(x), g, phi, phi)
	return phi, e
}

func (s isa) gelu(x reg.VecVirtual) reg.VecVirtual {
	y, _ := s.normal(x)
	s.mul(s.atLeast(x, -tailMax), y, y)
	return y
}

func (s isa) geluSlope(x reg.VecVirtual) reg.VecVirtual {
	y, e := s.normal(x)
	c := s.clamped(x, tailMax)
	s.mul(f32(invRoot2), c, c)
	s.fma231(c, e, y)
	return y
}

// inner returns c, which is x within limits, c², and the argument of the sigmoid.
func (s isa) inner(x reg.VecVirtual) (c, square, k reg.VecVirtual) {
	c = s.clamped(x, tanhGELUMax)
	square = s.product(c, c)
	k = s.load(f32(tanhGELU1))
	s.fma213(f32(tanhGELU0), square, k)
	s.mul(c, k, k)
	return c, square, k
}

func (s isa) geluTanh(x reg.VecVirtual) reg.VecVirtual {
	_, _, k := s.inner(x)
	y := s.sigmoid(k)
	s.mul(s.atLeast(x, -tanhGELUMax), y, y)
	return y
}

func (s isa) geluTanhSlope(x reg.VecVirtual) reg.VecVirtual {
	c, square, k := s.inner(x)
	rise := s.load(f32(3 * tanhGELU1))
	s.fma213(f32(tanhGELU0), square, rise)
	s.mul(c, rise, rise)
	return s.gated(k, rise)
}

// gated returns y (1 + c (1-y)) for y = sigmoid(k).
func (s isa) gated(k, c reg.VecVirtual) reg.VecVirtual {
	a, top := s.vec(), s.load(f32(1))
	s.or(word(signBit), k, a)
	e := s.expBelow(a)
	d := s.sum(e, top)
	s.choose(s.negative(k), e, top, top)
	s.div(d, e, e)
	s.fma231(e, c, top)
	s.div(d, top, top)
	return top
}

func (s isa) silu(x reg.VecVirtual) reg.VecVirtual {
	y := s.sigmoid(x)
	s.mul(s.atLeast(x, -siluMax), y, y)
	return y
}

func (s isa) siluSlope(x reg.VecVirtual) reg.VecVirtual {
	return s.gated(x, s.clamped(x, siluMax))
}

func (s isa) selu(x reg.VecVirtual) reg.VecVirtual {
	a, top := s.vec(), s.product(f32(seluScale), x)
	s.min(x, s.zero(), a)
	s.max(a, s.load(f32(seluMin)), a)
	n, r := s.reduce(a)
	y := s.expNear(r)
	VCVTPS2DQ(n, n)
	s.pow2(n)
	less := s.vec()
	s.sub(f32(1), n, less)
	s.fma213(less, n, y)
	s.mul(f32(seluLow), y, y)
	s.choose(s.compare(greaterThan, s.zero(), x), top, y, y)
	return y
}

func (s isa) seluSlope(y reg.VecVirtual) reg.VecVirtual {
	low := s.sum(f32(seluLow), y)
	s.choose(s.compare(greaterThan, s.zero(), y), s.load(f32(seluScale)), low, low)
	return low
}

// mishParts returns e = e^-|x| and the terms of tanh(softplus(x)) = w / d.
func (s isa) mishParts(x reg.VecVirtual) (e, w, d reg.VecVirtual) {
	a := s.vec()
	s.or(word(signBit), x, a)
	e = s.expBelow(a)
	twice, neg := s.sum(e, e), s.negative(x)
	low := s.copied(twice)
	s.fma231(e, e, low)
	w = s.sum(f32(1), twice)
	s.choose(neg, low, w, w)
	d = s.product(e, twice)
	s.choose(neg, s.load(f32(2)), d, d)
	s.add(w, d, d)
	return e, w, d
}

func (s isa) mish(x reg.VecVirtual) reg.VecVirtual {
	_, w, d := s.mishParts(x)
	s.div(d, w, w)
	s.mul(s.atLeast(x, -siluMax), w, w)
	return w
}

func (s isa) mishSlope(x reg.VecVirtual) reg.VecVirtual {
	e, w, d := s.mishParts(x)
	f := s.sum(f32(1), e)
	s.mul(e, f, f)
	s.mul(f32(4), f, f)
	s.mul(f, e, e)
	s.choose(s.negative(x), f, e, f)
	s.div(d, f, f)
	s.fma231(f, s.clamped(x, siluMax), w)
	s.div(d, w, w)
	return w
}
