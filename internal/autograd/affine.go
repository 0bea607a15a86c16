package autograd

import (
	"lathe/internal/kernel"
	"lathe/internal/tensor"
)

// affine is y = a x + b with constants.
type affine struct {
	y     *Node
	x     edge
	a, b  float32
	spare scratch
}

// Affine returns a x + b, of the shape of x, for constants a and b; the product is rounded.
func (t *Tape) Affine(x *Node, a, b float32) *Node {
	return t.affine(x, t.result(x.Shape(), x), a, b)
}

func (t *Tape) affine(x, y *Node, a, b float32) *Node {
	op := &affine{y: y, x: edge{Node: x}, a: a, b: b}
	t.record(op)
	return op.y
}

func (o *affine) sources() []*edge {
	if !o.y.learn {
		return nil
	}
	return []*edge{&o.x}
}

func (o *affine) plan(a *tensor.Arena) { o.spare.reserve(a, &o.x) }

func (o *affine) forward() {
	y := o.y.value.Data
	for i, v := range o.x.value.Data {
		y[i] = float32(o.a*v) + o.b
	}
}

func (o *affine) backward() {
	if o.y.grad == nil || o.x.grad == nil {
		return
	}
	kernel.Scale(o.spare.target(&o.x), o.a, o.y.grad.Data)
	o.spare.flush(&o.x)
}
