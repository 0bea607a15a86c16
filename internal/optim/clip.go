package optim

import (
	"math"

	"lathe/internal/autograd"
	"lathe/internal/kernel"
)

// clip limits gradients before they are used: each by its value, or all together by their norm.
type clip struct {
	value float32 // 0: no limit
	norm  float64 // 0: no limit
}

func (c clip) apply(params []*autograd.Parameter) {
	if c.value > 0 {
		for _, p := range params {
			kernel.Clip(p.Grad.Data, p.Grad.Data, -c.value, c.value)
		}
	}
	if c.norm == 0 {
		return
	}
	if norm := Norm(params); norm > c.norm {
		for _, p := range params {
			kernel.Scale(p.Grad.Data, float32(c.norm/norm), p.Grad.Data)
		}
	}
}

// Norm is the Euclidean norm of all gradients together, summed in float64 in the order of
// kernel.SquaredNorm and of the parameters.
func Norm(params []*autograd.Parameter) float64 {
	var squares float64
	for _, p := range params {
		squares += kernel.SquaredNorm(p.Grad.Data)
	}
	return math.Sqrt(squares)
}
