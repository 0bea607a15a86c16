package autograd

import (
	"lathe/internal/kernel"
	"lathe/internal/tensor"
)

// layerNorm is (x - mean) / sqrt(variance + eps) * gamma + beta for each row.
type layerNorm struct {
	y              *Node
	x, gamma, beta edge
	eps            float32
	normal         *tensor.Tensor // [N C], x before gamma and beta
	slope          *tensor.Tensor // [N], 1 / sqrt(variance + eps)
	sums           *tensor.Tensor // [2 C], the gradients of gamma and beta by this operation
	spare          scratch
}

// LayerNorm returns (x - mean) / sqrt(variance + eps) * gamma + beta, with mean and variance of each
// row of x [N C]; the variance divides by C. gamma and beta are [C]. It panics with
// *tensor.ShapeError. Source: Ba et al. 2016, arXiv:1607.06450, eq. 3-4.
func (t *Tape) LayerNorm(x, gamma, beta *Node, eps float32) *Node {
	checkNorm("layernorm", x, gamma, beta)
	op := &layerNorm{x: edge{Node: x}, gamma: edge{Node: gamma}, beta: edge{Node: beta}, eps: eps}
	op.y = t.result(tensor.Shape{x.Shape().Rows(), x.Shape().Columns()}, x, gamma, beta)
	t.record(op)
	return op.y
}

func checkNorm(op string, x, gamma, beta *Node) {
	shape := tensor.Shape{x.Shape().Columns()}
	ok := gamma.Shape().Equal(shape) && beta.Shape().Equal(shape)
	tensor.Require(ok, op, "gamma and beta are not [C]", x.Shape(), gamma.Shape(), beta.Shape())
}

func (o *layerNorm) sources() []*edge { return []*edge{&o.x, &o.gamma, &o.beta} }

func (o *layerNorm) plan(a *tensor.Arena) {
	s := o.y.value.Shape
	o.normal, o.slope, o.sums = a.New(s...), a.New(s[0]), a.New(2, s[1])
	o.spare.reserve(a, &o.x)
}

func (o *layerNorm) forward() {
	s := o.y.value.Shape
	kernel.LayerNorm(o.y.value.Data, o.normal.Data, o.slope.Data, o.x.value.Data, o.gamma.value.Data, o.beta.value.Data, s[0], s[1], o.eps)
}

func (o *layerNorm) backward() {
	if o.y.grad == nil {
		return
	}
	dy, s := o.y.grad.Data, o.y.value.Shape
	normGrads(o.sums, &o.gamma, &o.beta, dy, o.normal.Data, s[0])
	if o.x.grad == nil {
		return
	}
	kernel.LayerNormGrad(o.spare.target(&o.x), dy, o.normal.Data, o.slope.Data, o.gamma.value.Data, s[0], s[1])
	o.spare.flush(&o.x)
}

// normGrads leaves the gradients of gamma and beta by one operation in sums [2 C], and passes them on.
func normGrads(sums *tensor.Tensor, gamma, beta *edge, dy, normal []float32, rows int) {
	clear(sums.Data)
	kernel.NormGradAdd(sums.Row(0), sums.Row(1), dy, normal, rows, sums.Shape[1])
	gamma.give(sums.Row(0))
	beta.give(sums.Row(1))
}

// give stores a gradient or adds it, where one is wanted.
func (e *edge) give(grad []float32) {
	switch {
	case e.grad == nil:
	case e.add:
		kernel.Add(e.grad.Data, e.grad.Data, grad)
	default:
		copy(e.grad.Data, grad)
	}
}
