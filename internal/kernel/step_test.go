package kernel

import (
	"math"
	"testing"
)

// TestAdam follows the formula in float64 over some steps.
func TestAdam(t *testing.T) {
	const rate, beta1, beta2, eps = 1e-3, 0.9, 0.999, 1e-7
	s := newSource(13)
	w, m, v := s.finite(100), make([]float32, 100), make([]float32, 100)
	W, M, V := make([]float64, 100), make([]float64, 100), make([]float64, 100)
	for i := range W {
		W[i] = float64(w[i])
	}
	for step := 1.0; step <= 20; step++ {
		g := s.finite(100)
		alpha := rate * math.Sqrt(1-math.Pow(beta2, step)) / (1 - math.Pow(beta1, step))
		Adam(w, g, m, v, float32(alpha), 1-beta1, 1-beta2, eps)
		for i := range W {
			G := float64(g[i])
			M[i] += (1 - beta1) * (G - M[i])
			V[i] += (1 - beta2) * (G*G - V[i])
			W[i] -= alpha * M[i] / (math.Sqrt(V[i]) + eps)
		}
	}
	for i := range W {
		if math.Abs(float64(w[i])-W[i]) > 3e-7*math.Max(1, math.Abs(W[i])) {
			t.Errorf("w[%d] = %g, want %g", i, w[i], W[i])
		}
	}
}

// TestAdamFirst: the first step moves by the rate, whatever the gradient, less what eps takes.
func TestAdamFirst(t *testing.T) {
	w, m, v := []float32{1}, []float32{0}, []float32{0}
	alpha := 0.5 * math.Sqrt(1-0.999) / (1 - 0.9)
	Adam(w, []float32{-8}, m, v, float32(alpha), 0.1, 0.001, 0)
	if math.Abs(float64(w[0])-1.5) > 1e-6 {
		t.Errorf("w = %g, want 1.5", w[0])
	}
}

func TestSGD(t *testing.T) {
	w, v := []float32{1, 2}, []float32{0.5, 0}
	SGD(w, []float32{2, -4}, v, 0.25, 0.5)
	sameBits(t, "v", v, []float32{-0.25, 1})
	sameBits(t, "w", w, []float32{0.75, 3})
	SGD(w, []float32{1, 1}, nil, 0.25, 0)
	sameBits(t, "w without velocity", w, []float32{0.5, 2.75})
}

// TestOptimisers follows the formulas in float64 over some steps.
func TestOptimisers(t *testing.T) {
	const rate, rho, eps, momentum, decay = 1e-2, 0.9, 1e-7, 0.8, 1e-3
	type state struct{ w, v, b float64 }
	for name, c := range map[string]struct {
		run   func(w, g, v, b []float32)
		exact func(s *state, g float64)
	}{
		"nesterov": {
			func(w, g, v, _ []float32) { Nesterov(w, g, v, rate, momentum) },
			func(s *state, g float64) {
				s.v = momentum*s.v - rate*g
				s.w += momentum*s.v - rate*g
			},
		},
		"rmsprop": {
			func(w, g, v, _ []float32) { RMSProp(w, g, v, nil, rate, 1-rho, eps, 0) },
			func(s *state, g float64) {
				s.v = rho*s.v + (1-rho)*g*g
				s.w -= rate * g / math.Sqrt(s.v+eps)
			},
		},
		"rmsprop with momentum": {
			func(w, g, v, b []float32) { RMSProp(w, g, v, b, rate, 1-rho, eps, momentum) },
			func(s *state, g float64) {
				s.v = rho*s.v + (1-rho)*g*g
				s.b = momentum*s.b + rate*g/math.Sqrt(s.v+eps)
				s.w -= s.b
			},
		},
		"adamw": {
			func(w, g, v, b []float32) { AdamW(w, g, b, v, rate, 0.1, 1-rho, eps, decay) },
			func(s *state, g float64) {
				s.w -= decay * s.w
				s.b = 0.9*s.b + 0.1*g
				s.v = rho*s.v + (1-rho)*g*g
				s.w -= rate * s.b / (math.Sqrt(s.v) + eps)
			},
		},
	} {
		s := newSource(60)
		w, v, b, all := s.finite(50), make([]float32, 50), make([]float32, 50), make([]state, 50)
		for i := range all {
			all[i].w = float64(w[i])
		}
		for range 20 {
			g := s.finite(50)
			c.run(w, g, v, b)
			for i := range all {
				c.exact(&all[i], float64(g[i]))
			}
		}
		for i, want := range all {
			if math.Abs(float64(w[i])-want.w) > 2e-6*math.Max(1, math.Abs(want.w)) {
				t.Errorf("%s: w[%d] = %g, want %g", name, i, w[i], want.w)
			}
		}
	}
}

func TestNormOfGradient(t *testing.T) {
	if got := Norm([]float32{3, -4}); got != 5 {
		t.Errorf("norm = %g, want 5", got)
	}
	if got := Norm([]float32{3e38, 3e38}); math.Abs(got-3e38*math.Sqrt2) > 1e32 {
		t.Errorf("norm = %g overflowed", got)
	}
	if got := Norm(nil); got != 0 {
		t.Errorf("norm of nothing = %g", got)
	}
}
