package kernel

import (
	"math"
	"testing"
)

func exactGELU(x float64) float64 {
	if x < -40 {
		return math.Copysign(0, -1)
	}
	return x * 0.5 * math.Erfc(-x/math.Sqrt2)
}

func exactSiLU(x float64) float64 {
	if x < -700 {
		return math.Copysign(0, -1)
	}
	return x * exactSigmoid(x)
}

func exactSELU(x float64) float64 {
	const scale, alpha = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717
	if x > 0 {
		return scale * x
	}
	return scale * alpha * math.Expm1(x)
}

func exactMish(x float64) float64 {
	switch {
	case x > 300:
		return x
	case x < -700:
		return math.Copysign(0, -1)
	}
	e := math.Exp(x) // tanh(ln(1+e)) without cancellation
	return x * (e*e + 2*e) / (e*e + 2*e + 2)
}

func exactGELUTanh(x float64) float64 {
	return exactSiLU2(x, 2*math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x))
}

// exactSiLU2 returns x sigmoid(k).
func exactSiLU2(x, k float64) float64 {
	if k < -700 {
		return math.Copysign(0, -1)
	}
	return x * exactSigmoid(k)
}

// samples returns float32 a prime apart, and all near the edges.
func samples(step uint64) []float32 {
	const near = 300
	var x []float32
	for b := uint64(0); b < 1<<32; b += step {
		x = append(x, math.Float32frombits(uint32(b)))
	}
	for _, e := range edges {
		for d := -near; d <= near; d++ {
			x = append(x, math.Float32frombits(math.Float32bits(e)+uint32(d)))
		}
	}
	return x
}

func TestActivationBounds(t *testing.T) {
	x := samples(3989)
	for d := float32(-16); d < 16; d += 0x1p-10 { // where the curves are
		x = append(x, d)
	}
	y := make([]float32, len(x))
	for _, f := range []bounded{
		{"erf", Erf, math.Erf, 1.05},
		{"gelu", GELU, exactGELU, 8},
		{"silu", SiLU, exactSiLU, 3.5},
		{"selu", SELU, exactSELU, 2.5},
		{"mish", Mish, exactMish, 4.5},
	} {
		f.run(y, x)
		worst, at := 0.0, float32(0)
		for i, v := range x {
			want := f.exact(float64(v))
			if u := ulps(y[i], want); u > worst && !(math.Abs(float64(y[i])-want) <= 0x1p-140) {
				worst, at = u, v
			}
		}
		t.Logf("%s: worst error %.3f ulp at %g", f.name, worst, at)
		if worst > f.bound {
			t.Errorf("%s(%g) is off by %.3f ulp, want at most %g", f.name, at, worst, f.bound)
		}
	}
	GELUTanh(y, x)
	for i, v := range x {
		want := exactGELUTanh(float64(v))
		if d := math.Abs(float64(y[i]) - want); d > 0x1p-22*(1+math.Abs(float64(v))) || y[i] != y[i] != (v != v) {
			t.Errorf("gelutanh(%g) = %g, want %g", v, y[i], want)
		}
	}
}

// TestSlopes compares the derivatives with differences of the exact functions.
func TestSlopes(t *testing.T) {
	exact := map[Activation]func(float64) float64{
		ActSELU: exactSELU, ActGELU: exactGELU, ActGELUTanh: exactGELUTanh, ActSiLU: exactSiLU, ActMish: exactMish,
		ActTanh: math.Tanh, ActSigmoid: exactSigmoid,
	}
	one := []float32{1}
	for act, f := range exact {
		worst := 0.0
		for x := float32(-20); x <= 20; x += 0x1.13p-7 {
			v, got := []float32{x}, make([]float32, 1)
			if !act.TakesInput() {
				Activate(v, v, act)
			}
			ActivateGrad(got, one, v, act)
			const h = 0x1p-17
			want := (8*(f(float64(x)+h)-f(float64(x)-h)) - (f(float64(x)+2*h) - f(float64(x)-2*h))) / (12 * h)
			if math.Abs(float64(x)) < 2*h { // SELU has a corner
				continue
			}
			worst = max(worst, math.Abs(float64(got[0])-want))
		}
		t.Logf("activation %d: slope off by %.2g", act, worst)
		if worst > 4e-7 {
			t.Errorf("activation %d: slope is off by %g, want at most 4e-7", act, worst)
		}
	}
}

func TestActivationEdges(t *testing.T) {
	inf, nan, minus := float32(math.Inf(1)), float32(math.NaN()), float32(math.Copysign(0, -1))
	x := []float32{0, minus, inf, -inf, nan, 1e30, -1e30}
	for act, want := range map[Activation][]float32{
		ActSELU: {0, 0, inf, -seluLow, nan, seluScale * 1e30, -seluLow},
		ActGELU: {0, minus, inf, minus, nan, 1e30, minus}, ActGELUTanh: {0, minus, inf, minus, nan, 1e30, minus},
		ActSiLU: {0, minus, inf, minus, nan, 1e30, minus}, ActMish: {0, minus, inf, minus, nan, 1e30, minus},
		ActNone: x,
	} {
		eachLevel(t, func(t *testing.T) {
			got := make([]float32, len(x))
			Activate(got, x, act)
			sameBits(t, "activation", got, want)
			v, dz := append([]float32{}, x...), make([]float32, len(x))
			if !act.TakesInput() {
				v = got
			}
			ActivateGrad(dz, []float32{1, 1, 1, 1, 1, 1, 1}, v, act)
			for i, d := range dz {
				if (d != d) != (x[i] != x[i]) && act != ActNone || math.IsInf(float64(d), 0) && act != ActNone {
					t.Errorf("activation %d: slope at %g is %g", act, x[i], d)
				}
			}
		})
	}
}
