package autograd

import (
	"math"
	"slices"
	"testing"

	"lathe/internal/tensor"
)

// dropped returns the output of dropout on ones at the given steps.
func dropped(n int, rate float64, seed uint64, steps ...uint64) [][]float32 {
	tape := NewTape()
	x := tape.Input(n)
	y := tape.Dropout(x, rate, tensor.NewRandom(seed, 0))
	tape.Plan(false)
	for i := range x.Data() {
		x.Data()[i] = 1
	}
	var out [][]float32
	for _, step := range steps {
		tape.SetStep(step)
		tape.Forward()
		out = append(out, slices.Clone(y.Data()))
	}
	return out
}

func TestDropoutRate(t *testing.T) {
	const n = 100_001
	for _, rate := range []float64{0, 0.1, 0.5, 0.9} {
		var zeros, sum float64
		for _, v := range dropped(n, rate, 1, 0)[0] {
			if v == 0 {
				zeros++
			}
			sum += float64(v)
		}
		if math.Abs(zeros/n-rate) > 0.005 || math.Abs(sum/n-1) > 0.03 {
			t.Errorf("rate %v: %v are zero, mean %v", rate, zeros/n, sum/n)
		}
	}
}

func TestDropoutDependsOnSeedAndStepAlone(t *testing.T) {
	a := dropped(1001, 0.5, 1, 5, 6, 5)
	b := dropped(1001, 0.5, 1, 6)
	c := dropped(1001, 0.5, 2, 6)
	if !slices.Equal(a[0], a[2]) || !slices.Equal(a[1], b[0]) {
		t.Error("a repeated step has another mask")
	}
	if slices.Equal(a[0], a[1]) || slices.Equal(a[1], c[0]) {
		t.Error("another step or seed has the same mask")
	}
}
