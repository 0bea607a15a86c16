package kernel

import "math"

// The constants of the transcendental functions. ln2Hi + ln2Lo is ln 2 to 48 bits.
const (
	log2E = 1.44269504088896341
	ln2Hi = 0.693147182464599609375
	ln2Lo = -1.904654299957767878e-9

	expMax  = 88.8  // above it e^x overflows
	expMin  = -104  // below it e^x rounds to 0
	tanhMax = 9.125 // above it tanh rounds to 1

	// rounder brings a float32 below 2^22 to an integer, to nearest even, when added and subtracted.
	rounder = 1 << 23 * 1.5
)

// Coefficients of e^r = 1 + r + r² q(r) on |r| <= ln(2)/2, highest power first.
// Source: Cephes 2.2, expf.
var expPoly = [6]float32{
	1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1,
}

// Coefficients of ln(1+f) = f - f²/2 + f³ q(f) on 1/√2 <= 1+f < √2, highest power first.
// Source: Cephes 2.2, logf.
var logPoly = [9]float32{
	7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1,
	-1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
}

// horner evaluates a polynomial by fused multiply-adds, highest power first.
func horner(x float32, coefs []float32) float32 {
	y := coefs[0]
	for _, c := range coefs[1:] {
		y = fma(y, x, c)
	}
	return y
}

// reduce returns n, an integer, and r = x - n ln 2 with |r| <= ln(2)/2; |x| is below 2^21.
func reduce(x float32) (n, r float32) {
	n = float32(fma(x, log2E, rounder) - rounder)
	r = fma(n, -ln2Hi, x)
	return n, fma(n, -ln2Lo, r)
}

// pow2 returns 2^n for -126 <= n <= 127, by building its bits.
func pow2(n int32) float32 { return math.Float32frombits(uint32(n+127) << 23) }

// toInt converts an integral float32, NaN as the hardware does.
func toInt(n float32) int32 {
	if n != n {
		return math.MinInt32
	}
	return int32(n)
}

// expOne returns e^x. The power of two is applied in two steps, of which the first is exact, so that
// subnormal results are rounded once.
func expOne(x float32) float32 {
	if x > expMax {
		x = expMax
	}
	if x < expMin {
		x = expMin
	}
	n, r := reduce(x)
	y := fma(horner(r, expPoly[:]), float32(r*r), r)
	k := toInt(n)
	half := k >> 1
	return float32(float32(float32(y+1)*pow2(half)) * pow2(k-half))
}

func logOne(x float32) float32 {
	bits := math.Float32bits(x)
	var e float32
	if x < 0x1p-126 { // also where x is 0, negative
		bits = math.Float32bits(x * 0x1p23)
		e = -23
	}
	// Subtracting the bits of √½ leaves the exponent of m in [√½, √2) in the high bits.
	bits -= sqrtHalfBits
	e += float32(int32(bits) >> 23)
	m := math.Float32frombits(bits&0x7fffff + sqrtHalfBits)
	y := logNear(float32(m-1), e)
	switch {
	case x != x || x < 0:
		return float32(math.NaN())
	case x == 0:
		return float32(math.Inf(-1))
	case x > math.MaxFloat32:
		return x
	}
	return y
}

const sqrtHalfBits = 0x3f3504f3 // of √½ = 0.70710677

// logNear returns ln(1+f) + e ln 2.
func logNear(f, e float32) float32 {
	z := float32(f * f)
	y := float32(float32(f*z) * horner(f, logPoly[:]))
	y = fma(e, ln2Lo, y)
	y = fma(z, -0.5, y)
	return fma(e, ln2Hi, float32(f+y))
}

// tanhOne returns t/(t+2) for t = e^2|x| - 1 = 2^n (r + r² q(r)) + (2^n - 1), with the sign of x.
func tanhOne(x float32) float32 {
	a := math.Float32frombits(math.Float32bits(x) &^ signBit)
	if a > tanhMax {
		a = tanhMax
	}
	n, r := reduce(float32(a + a))
	y := fma(horner(r, expPoly[:]), float32(r*r), r)
	s := pow2(toInt(n))
	t := fma(s, y, float32(s-1))
	t = t / float32(t+2)
	return math.Float32frombits(math.Float32bits(t) | math.Float32bits(x)&signBit)
}

const signBit = 1 << 31

func minusAbs(x float32) float32 { return math.Float32frombits(math.Float32bits(x) | signBit) }

// sigmoidOne returns 1/(1+e) for x >= 0 and e/(1+e) below, e being e^-|x|.
func sigmoidOne(x float32) float32 {
	e := expOne(minusAbs(x))
	top := e
	if x >= 0 {
		top = 1
	}
	return top / float32(1+e)
}

// log1pOne returns ln(1+e) for 0 <= e <= 1: from √2 on, 1+e is halved so that logNear's range holds.
func log1pOne(e float32) float32 {
	if e > math.Sqrt2-1 {
		return logNear(float32(e-1)*0.5, 1)
	}
	return logNear(e, 0)
}

func expRef(dst, x []float32) {
	for i, v := range x {
		dst[i] = expOne(v)
	}
}

func logRef(dst, x []float32) {
	for i, v := range x {
		dst[i] = logOne(v)
	}
}

func tanhRef(dst, x []float32) {
	for i, v := range x {
		dst[i] = tanhOne(v)
	}
}

func sigmoidRef(dst, x []float32) {
	for i, v := range x {
		dst[i] = sigmoidOne(v)
	}
}
