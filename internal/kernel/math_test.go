package kernel

import (
	"math"
	"testing"
)

// ulps returns the distance from got to want in units of the last place of the float32 next to want.
func ulps(got float32, want float64) float64 {
	near := float32(want)
	switch {
	case want != want || got != got:
		if want != want && got != got {
			return 0
		}
		return math.Inf(1)
	case math.IsInf(float64(near), 0) || math.IsInf(float64(got), 0):
		if near == got {
			return 0
		}
		return math.Inf(1)
	}
	exponent := max(math.Ilogb(math.Abs(float64(near))), -126) // Ilogb(0) is below
	return math.Abs(float64(got)-want) / math.Ldexp(1, exponent-23)
}

// bounded is a function with the bound that its documentation states.
type bounded struct {
	name  string
	run   func(dst, x []float32)
	exact func(float64) float64
	bound float64
}

func exactSigmoid(x float64) float64 {
	if x < -700 {
		return 0
	}
	return 1 / (1 + math.Exp(-x))
}

var boundeds = []bounded{
	{"exp", Exp, math.Exp, 1.02},
	{"log", Log, math.Log, 1},
	{"tanh", Tanh, math.Tanh, 2.5},
	{"sigmoid", Sigmoid, exactSigmoid, 2.5},
}

// TestBounds samples all float32, a prime apart, and all near the edges, at the level of this process;
// TestOperations holds the levels equal.
func TestBounds(t *testing.T) {
	x := samples(3989)
	y := make([]float32, len(x))
	for _, f := range boundeds {
		f.run(y, x)
		f.check(t, y, x)
	}
}

func (f bounded) check(t *testing.T, y, x []float32) {
	t.Helper()
	worst, at := 0.0, float32(0)
	for i, v := range x {
		if u := ulps(y[i], f.exact(float64(v))); u > worst {
			worst, at = u, v
		}
	}
	if worst > f.bound {
		t.Errorf("%s(%g) is off by %.3f ulp, want at most %g", f.name, at, worst, f.bound)
	}
	t.Logf("%s: worst error %.3f ulp at %g", f.name, worst, at)
}

func TestEdges(t *testing.T) {
	inf, nan, minus := float32(math.Inf(1)), float32(math.NaN()), float32(math.Copysign(0, -1))
	for _, c := range []struct {
		name string
		run  func(dst, x []float32)
		x, y []float32
	}{
		{"exp", Exp, []float32{0, minus, inf, -inf, nan, 89, -110}, []float32{1, 1, inf, 0, nan, inf, 0}},
		{"log", Log, []float32{1, 0, minus, inf, -inf, nan, -1}, []float32{0, -inf, -inf, inf, nan, nan, nan}},
		{"tanh", Tanh, []float32{0, minus, inf, -inf, nan, 1e-40}, []float32{0, minus, 1, -1, nan, 1e-40}},
		{"sigmoid", Sigmoid, []float32{0, minus, inf, -inf, nan, 20}, []float32{0.5, 0.5, 1, 0, nan, 1}},
		{"relu", ReLU, []float32{0, minus, inf, -inf, nan, -3, 2}, []float32{0, minus, inf, 0, nan, 0, 2}},
	} {
		eachLevel(t, func(t *testing.T) {
			got := make([]float32, len(c.x))
			c.run(got, c.x)
			sameBits(t, c.name, got, c.y)
		})
	}
}

func TestSoftmax(t *testing.T) {
	s := newSource(9)
	for _, sh := range [][2]int{{0, 0}, {0, 3}, {2, 0}, {1, 1}, {4, 3}, {3, 10}, {2, 65}, {3, 200}} {
		rows, cols := sh[0], sh[1]
		x := s.finite(rows * cols)
		eachLevel(t, func(t *testing.T) {
			y, lse := bufferOf(x, s.shift()), bufferOf(make([]float32, rows), s.shift())
			Softmax(y.v, x, rows, cols)
			LogSumExp(lse.v, x, rows, cols)
			for i := range rows {
				checkSoftmaxRow(t, y.v[i*cols:(i+1)*cols], x[i*cols:(i+1)*cols], lse.v[i])
			}
			y.verify(t, "softmax", softmaxRef(x, rows, cols))
			lse.verify(t, "logsumexp", lse.v)
		})
	}
}

// softmaxRef is Softmax written with the references.
func softmaxRef(x []float32, rows, cols int) []float32 {
	y := make([]float32, len(x))
	for i := range rows {
		row := y[i*cols : (i+1)*cols]
		shiftRef(row, -maximumRef(x[i*cols:(i+1)*cols]), x[i*cols:(i+1)*cols])
		expRef(row, row)
		scaleRef(row, 1/sumRef(row), row)
	}
	return y
}

func checkSoftmaxRow(t *testing.T, y, x []float32, lse float32) {
	t.Helper()
	total := 0.0
	for _, v := range x {
		total += math.Exp(float64(v))
	}
	if want := math.Log(total); math.Abs(float64(lse)-want) > 1e-6*math.Max(1, math.Abs(want)) && len(x) > 0 {
		t.Errorf("logsumexp = %g, want %g", lse, want)
	}
	for i, v := range x {
		if u := ulps(y[i], math.Exp(float64(v))/total); u > 6 {
			t.Errorf("softmax of %g is off by %.1f ulp", v, u)
		}
	}
}

// TestSoftmaxLarge checks that large logits do not overflow.
func TestSoftmaxLarge(t *testing.T) {
	y, lse := make([]float32, 2), make([]float32, 1)
	Softmax(y, []float32{1000, 1000}, 1, 2)
	sameBits(t, "softmax", y, []float32{0.5, 0.5})
	LogSumExp(lse, []float32{1000, -1000}, 1, 2)
	sameBits(t, "logsumexp", lse, []float32{1000})
	Softmax(y, []float32{float32(math.Inf(1)), 0}, 1, 2)
	if y[0] == y[0] {
		t.Errorf("softmax of +Inf is %g, want NaN", y[0])
	}
}
