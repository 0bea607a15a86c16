package optim

import "math"

// The functions here are made of single operations that no compiler can fuse, unlike those of package
// math, so that their bits are the same on every machine.

// cosPi returns cos(pi t) for t >= 0, within 1e-15, and exactly for multiples of 1/2.
func cosPi(t float64) float64 {
	t = math.Mod(t, 2)
	if t > 1 {
		t = 2 - t // in [0, 1]
	}
	if t > 0.5 {
		return -quarter(1 - t)
	}
	return quarter(t)
}

// quarter is cos(pi t) for t in [0, 1/2]; above 1/4 it is the sine of the rest.
func quarter(t float64) float64 {
	if t <= 0.25 {
		return series(float64(math.Pi*t), 1, 1)
	}
	x := float64(math.Pi * (0.5 - t))
	return series(x, x, 2)
}

// series sums first - first x²/(n (n+1)) + ..., the Taylor series of cosine (first 1, n 1) or sine
// (first x, n 2). At pi/4 the tenth term is below 1e-18.
func series(x, first, n float64) float64 {
	sum, term := first, first
	for range 10 {
		term = float64(-term * float64(x*x) / float64(n*(n+1)))
		sum += term
		n += 2
	}
	return sum
}

// log2 returns the logarithm of x > 0 to base 2, within 1e-15 of its size, and exactly for powers
// of 2: with x = m 2^e and s = (m-1)/(m+1) it is e + 2/ln 2 (s + s³/3 + s⁵/5 + ...).
func log2(x float64) float64 {
	m, e := math.Frexp(x) // m in [1/2, 1)
	if m < math.Sqrt2/2 {
		m, e = 2*m, e-1
	}
	s := (m - 1) / (m + 1) // at most 0.172
	sum, power := 0.0, s
	for n := 1.0; n < 26; n += 2 {
		sum += float64(power / n)
		power = float64(power * float64(s*s))
	}
	return float64(e) + float64(sum*(2/math.Ln2))
}
