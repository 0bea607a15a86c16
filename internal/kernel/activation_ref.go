package kernel

import "math"

// The constants of the activations. tailPoly gives the tail of the normal distribution; selu's are the
// paper's scale and scale times alpha (Klambauer et al. 2017, arXiv:1706.02515); tanhGELU0 = 2 √(2/π)
// and tanhGELU1 = 0.044715 times that (Hendrycks and Gimpel 2016, arXiv:1606.08415).
const (
	erfMax   = 4 // above it erf rounds to 1
	erfSplit = 0.927734375

	tailShift = 3.75
	tailMax   = 14.5 // below its negative GELU rounds to 0
	invRoot2  = 0.39894228040143268

	seluScale = 1.0507009873554805
	seluLow   = 1.7580993408473766
	seluMin   = -30 // below it e^x - 1 rounds to -1

	tanhGELU0   = 1.5957691216057308
	tanhGELU1   = 0.071354816272600248
	tanhGELUMax = 30 // beyond it the sigmoid is 0 or 1

	siluMax = 104 // beyond it the sigmoid is 0 or 1
)

// Coefficients of erf(x) = x + x p(x²) up to erfSplit, and of the last terms of ln(1 - erf) above it.
// Source: N. Juffa, "Efficient faithfully rounded implementation of error function erff()", 2018.
var (
	erfPoly = [6]float32{-5.96761703e-4, 4.99119423e-3, -2.67681349e-2, 1.12819925e-1, -3.76125336e-1, 1.28379166e-1}
	erfHigh = [3]float32{-1.06777877e-1, -6.34846687e-1, -1.28717512e-1}
)

// tailPoly are the coefficients of p, highest power first, in Φ(-t) = e^(-t²/2) u p(u) with u = 3.75 /
// (t + 3.75), for 0 <= t <= 14.6: a minimax fit by Lawson's algorithm, off by 1.5e-8 at most.
var tailPoly = [9]float32{
	0.030272867530584335, -0.1384868025779724, 0.2016424536705017, -0.10002238303422928, 0.1273006945848465,
	0.06455520540475845, 0.10231080651283264, 0.10602682828903198, 0.10640031844377518,
}

// magnitude returns |x|, at most limit.
func magnitude(x, limit float32) float32 {
	a := math.Float32frombits(math.Float32bits(x) &^ signBit)
	if limit < a {
		return limit
	}
	return a
}

// atLeast returns x, but no less than limit; NaN stays.
func atLeast(x, limit float32) float32 {
	if limit > x {
		return limit
	}
	return x
}

// clamped returns x within -limit and limit; NaN stays.
func clamped(x, limit float32) float32 {
	if limit < x {
		x = limit
	}
	return atLeast(x, -limit)
}

func negative(x float32) bool { return math.Float32bits(x)&signBit != 0 }

func erfOne(x float32) float32 {
	t := magnitude(x, erfMax)
	square := float32(t * t)
	var y float32
	if t > erfSplit {
		r := fma(fma(-1.72853470e-5, t, 3.83197126e-4), square, fma(-3.88396438e-3, t, 2.42546219e-2))
		for _, c := range erfHigh {
			r = fma(r, t, c)
		}
		y = 1 - expOne(fma(r, t, -t))
	} else {
		y = fma(horner(square, erfPoly[:]), t, t)
	}
	return math.Float32frombits(math.Float32bits(y) | math.Float32bits(x)&signBit)
}

// normal returns the normal distribution function Φ(x), and e = e^(-x²/2).
func normal(x float32) (phi, e float32) {
	t := magnitude(x, tailMax)
	half := float32(0.5 * t)
	high := float32(half * t)
	e = expOne(minusAbs(high))
	e = fma(-fma(half, t, -high), e, e)
	u := tailShift / float32(t+tailShift)
	g := float32(e * float32(horner(u, tailPoly[:])*u))
	if negative(x) {
		return g, e
	}
	return 1 - g, e
}

func geluOne(x float32) float32 {
	phi, _ := normal(x)
	return atLeast(x, -tailMax) * phi
}

func geluSlope(x float32) float32 {
	phi, e := normal(x)
	return fma(float32(clamped(x, tailMax)*invRoot2), e, phi)
}

// tanhInner returns x within limits, its square, and the argument of the sigmoid.
func tanhInner(x float32) (c, square, k float32) {
	c = clamped(x, tanhGELUMax)
	square = float32(c * c)
	return c, square, float32(c * fma(tanhGELU1, square, tanhGELU0))
}

func geluTanhOne(x float32) float32 {
	_, _, k := tanhInner(x)
	return atLeast(x, -tanhGELUMax) * sigmoidOne(k)
}

func geluTanhSlope(x float32) float32 {
	c, square, k := tanhInner(x)
	return gated(k, float32(c*fma(3*tanhGELU1, square, tanhGELU0)))
}

// gated returns y (1 + c (1-y)) for y = sigmoid(k) = top/d: (top + c e/d) / d does not cancel.
func gated(k, c float32) float32 {
	e := expOne(minusAbs(k))
	d, top := float32(1+e), float32(1)
	if negative(k) {
		top = e
	}
	return fma(float32(e/d), c, top) / d
}

func siluOne(x float32) float32 { return atLeast(x, -siluMax) * sigmoidOne(x) }

func siluSlope(x float32) float32 { return gated(x, clamped(x, siluMax)) }

func seluOne(x float32) float32 {
	if x > 0 {
		return seluScale * x
	}
	n, r := reduce(atLeast(x, seluMin))
	y := fma(horner(r, expPoly[:]), float32(r*r), r)
	s := pow2(toInt(n))
	return seluLow * fma(y, s, float32(s-1))
}

// seluSlope returns the derivative, given the result.
func seluSlope(y float32) float32 {
	if y > 0 {
		return seluScale
	}
	return y + seluLow
}

// mishParts returns e = e^-|x| and the terms of tanh(ln(1 + e^x)) = w / d.
func mishParts(x float32) (e, w, d float32) {
	e = expOne(minusAbs(x))
	twice := e + e
	if negative(x) {
		w = fma(e, e, twice)
		return e, w, w + 2
	}
	w = 1 + twice
	return e, w, w + float32(e*twice)
}

func mishOne(x float32) float32 {
	_, w, d := mishParts(x)
	return atLeast(x, -siluMax) * float32(w/d)
}

// mishSlope returns w/d + x sigmoid(x) (1 - (w/d)²), where the last two factors are 4 e (1+e) / d² for
// x < 0 and e times that above.
func mishSlope(x float32) float32 {
	e, w, d := mishParts(x)
	f := float32(4 * float32(float32(1+e)*e))
	if !negative(x) {
		f = float32(f * e)
	}
	return fma(float32(f/d), clamped(x, siluMax), w) / d
}

// mapRef applies f to each element of x.
func mapRef(f func(float32) float32, dst, x []float32) {
	for i, v := range x {
		dst[i] = f(v)
	}
}

// slopeRef sets dz = dy f(x).
func slopeRef(f func(float32) float32, dz, dy, x []float32) {
	for i, v := range x {
		dz[i] = dy[i] * f(v)
	}
}
