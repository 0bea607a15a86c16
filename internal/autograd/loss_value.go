package autograd

import "lathe/internal/tensor"

// MSE returns the mean of (z - y)² over all elements; z and y have one shape. weight is [N] or nil
// for 1. It panics with *tensor.ShapeError.
func (t *Tape) MSE(z, y, weight *Node) *Loss {
	l := t.addDifference("mse", z, y, weight, func(dz, each []float32) {
		for i, v := range z.value.Data {
			d := v - y.value.Data[i]
			dz[i], each[i] = 2*d, d*d
		}
	})
	l.sum = func(dz, _ []float32, scale float32) float64 {
		return squaredError(dz, z.value.Data, y.value.Data, scale)
	}
	return l.out
}

// MAE returns the mean of |z - y| over all elements; its gradient at 0 is 0. z and y have one shape.
// weight is [N] or nil for 1. It panics with *tensor.ShapeError.
func (t *Tape) MAE(z, y, weight *Node) *Loss {
	return t.addDifference("mae", z, y, weight, func(dz, each []float32) {
		for i, v := range z.value.Data {
			d := v - y.value.Data[i]
			dz[i], each[i] = sign(d), max(d, -d)
		}
	}).out
}

// Huber returns the mean over all elements of d²/2 where |d| <= delta and delta (|d| - delta/2)
// beyond, with d = z - y and delta > 0; z and y have one shape. weight is [N] or nil for 1. It
// panics with *tensor.ShapeError. Source: Huber 1964; Keras's definition.
func (t *Tape) Huber(z, y, weight *Node, delta float64) *Loss {
	bound := float32(delta)
	return t.addDifference("huber", z, y, weight, func(dz, each []float32) {
		for i, v := range z.value.Data {
			d := v - y.value.Data[i]
			near := max(min(d, bound), -bound) // the part of d that counts quadratically; NaN stays
			dz[i] = near
			each[i] = near * (d - near/2)
		}
	}).out
}

func (t *Tape) addDifference(op string, z, y, weight *Node, part func(dz, each []float32)) *loss {
	tensor.Require(z.Shape().Equal(y.Shape()), op, "shapes differ", z.Shape(), y.Shape())
	l := t.addLoss(z, weight, z.Shape().Size())
	l.part = part
	return l
}

// sign is -1, 0 or 1; NaN stays.
func sign(d float32) float32 {
	switch {
	case d > 0:
		return 1
	case d < 0:
		return -1
	}
	return d
}

// squaredError sets dz = 2 scale (z - y) and returns the sum of (z - y)², in ascending order. The
// conversions keep the compiler from fusing a product into a sum, which would change bits.
func squaredError(dz, z, y []float32, scale float32) (total float64) {
	for i, v := range z {
		d := v - y[i]
		total += float64(float64(d) * float64(d))
		dz[i] = 2 * scale * d
	}
	return total
}
