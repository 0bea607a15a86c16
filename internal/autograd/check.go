package autograd

import (
	"fmt"
	"math"
)

// CheckGradients compares the gradients of a planned tape with differences of its loss, for every
// element of every parameter, and returns an error that names the first one that is off. It is
// for tests of operations and layers.
//
// The difference quotient is the fourth-order one, (8 (f(+h) - f(-h)) - (f(+2h) - f(-2h))) / 12h
// with h = 2^-6: what is left of the series is about h⁴/30 = 2e-9 times the fifth derivative, so
// that the rounding of the float32 forward pass, about 1e-7/h, is what the tolerance of 1e-4 + 1e-3
// |gradient| has to cover. Values must stay 2h away from the kink of ReLU.
func CheckGradients(t *Tape, params ...*Parameter) error {
	t.Forward()
	t.Backward()
	for _, p := range params {
		grad := append([]float32(nil), p.Grad.Data...)
		for i := range p.Value.Data {
			want := difference(t, &p.Value.Data[i])
			if got := float64(grad[i]); !(math.Abs(got-want) <= 1e-4+1e-3*math.Abs(want)) {
				return fmt.Errorf("autograd: check: %s[%d]: gradient %v, difference quotient %v", p.Name, i, got, want)
			}
		}
	}
	return nil
}

// difference is the derivative of the tape's loss by *x. It leaves *x as it was.
func difference(t *Tape, x *float32) float64 {
	const h = 0x1p-6
	start := *x
	defer func() { *x = start }()
	at := func(offset float32) (float64, float64) {
		*x = start + offset
		return t.Forward(), float64(*x) - float64(start) // the offset that float32 really made
	}
	slope := func(offset float32) float64 {
		up, above := at(offset)
		down, below := at(-offset)
		return (up - down) / (above - below)
	}
	return (4*slope(h) - slope(2*h)) / 3
}
