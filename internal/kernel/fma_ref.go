package kernel

import "math"

// fma returns x*y + z rounded once to float32, as the hardware does.
//
// The product of two float32 is exact in float64; the sum is rounded to float64 and then to float32.
// Rounding twice differs from rounding once only where the float64 lies half-way between two
// float32, and then its 28 low bits are zero.
func fma(x, y, z float32) float32 {
	p := float64(float64(x) * float64(y)) // the conversion forbids the compiler to fuse
	s := p + float64(z)
	if math.Float64bits(s)<<36 == 0 {
		return float32(oddSum(p, float64(z), s))
	}
	return float32(s)
}

// oddSum returns p + z rounded to odd, given s, the sum rounded to nearest: where the sum is
// inexact, the neighbour with a low bit of 1. The second rounding, to float32, is then right.
// Source: Boldo and Melquiond 2008, "Emulation of FMA and correctly rounded sums".
//
//go:noinline
func oddSum(p, z, s float64) float64 {
	zz := s - p
	err := (p - (s - zz)) + (z - zz) // Knuth's TwoSum; NaN where s is not finite
	bits := math.Float64bits(s)
	if bits&1 == 0 && (err > 0 || err < 0) {
		if (err > 0) == (s > 0) {
			bits++
		} else {
			bits--
		}
	}
	return math.Float64frombits(bits)
}

// fmaRow adds alpha times every step-th element of x to y. It is fma in a loop, written out because the
// compiler does not inline fma.
func fmaRow(y []float32, alpha float32, x []float32, step int) {
	wide := float64(alpha)
	for j, v := range y {
		p := float64(wide * float64(x[j*step]))
		s := p + float64(v)
		if math.Float64bits(s)<<36 == 0 {
			s = oddSum(p, float64(v), s)
		}
		y[j] = float32(s)
	}
}
