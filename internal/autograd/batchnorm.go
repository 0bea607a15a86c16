package autograd

import (
	"lathe/internal/kernel"
	"lathe/internal/tensor"
)

// Moments are a running mean and variance of columns, [C] each, that a batch normalisation keeps.
type Moments struct {
	Mean, Variance *tensor.Tensor
	Momentum       float32 // how much of them stays at each step, such as 0.99
}

// batchNorm is (x - mean) / sqrt(variance + eps) * gamma + beta for each column.
type batchNorm struct {
	y              *Node
	x, gamma, beta edge
	moments        Moments
	eps            float32
	training       bool
	normal         *tensor.Tensor // [N C], x before gamma and beta
	mean, variance *tensor.Tensor // [C], of the batch
	slope          *tensor.Tensor // [C], 1 / sqrt(variance + eps)
	sums           *tensor.Tensor // [2 C], the gradients of gamma and beta by this operation
	spare          scratch
}

// BatchNorm returns (x - mean) / sqrt(variance + eps) * gamma + beta for x [N C]; gamma and beta are
// [C]. In training mean and variance are those of the batch's columns, the variance dividing by N, and
// Backward moves the running moments towards them; otherwise they are the running moments. It panics
// with *tensor.ShapeError. Source: Ioffe and Szegedy 2015, arXiv:1502.03167; Keras's form.
func (t *Tape) BatchNorm(x, gamma, beta *Node, m Moments, eps float32, training bool) *Node {
	checkNorm("batchnorm", x, gamma, beta)
	op := &batchNorm{x: edge{Node: x}, gamma: edge{Node: gamma}, beta: edge{Node: beta}, moments: m, eps: eps, training: training}
	op.y = t.result(tensor.Shape{x.Shape().Rows(), x.Shape().Columns()}, x, gamma, beta)
	t.record(op)
	return op.y
}

func (o *batchNorm) sources() []*edge { return []*edge{&o.x, &o.gamma, &o.beta} }

func (o *batchNorm) plan(a *tensor.Arena) {
	s := o.y.value.Shape
	o.normal, o.sums = a.New(s...), a.New(2, s[1])
	o.mean, o.variance, o.slope = a.New(s[1]), a.New(s[1]), a.New(s[1])
	o.spare.reserve(a, &o.x)
}

func (o *batchNorm) forward() {
	mean, variance, s := o.moments.Mean.Data, o.moments.Variance.Data, o.y.value.Shape
	if o.training {
		mean, variance = o.mean.Data, o.variance.Data
		kernel.Moments(mean, variance, o.x.value.Data, s[0], s[1])
	}
	kernel.InverseRoot(o.slope.Data, variance, o.eps)
	kernel.BatchNorm(o.y.value.Data, o.normal.Data, o.x.value.Data, mean, o.slope.Data, o.gamma.value.Data, o.beta.value.Data, s[0], s[1])
}

func (o *batchNorm) backward() {
	o.move()
	if o.y.grad == nil {
		return
	}
	dy, s := o.y.grad.Data, o.y.value.Shape
	normGrads(o.sums, &o.gamma, &o.beta, dy, o.normal.Data, s[0])
	if o.x.grad == nil {
		return
	}
	if !o.training { // the moments do not depend on x
		clear(o.sums.Data)
	}
	kernel.BatchNormGrad(o.spare.target(&o.x), dy, o.normal.Data, o.slope.Data, o.gamma.value.Data, o.sums.Row(0), o.sums.Row(1), s[0], s[1])
	o.spare.flush(&o.x)
}

// move brings the running moments nearer to the batch's. It belongs to the backward pass, so that a
// forward pass changes nothing and a step whose loss is not finite leaves the moments as they were.
func (o *batchNorm) move() {
	if !o.training {
		return
	}
	for _, m := range [...]struct{ running, batch *tensor.Tensor }{{o.moments.Mean, o.mean}, {o.moments.Variance, o.variance}} {
		kernel.Scale(m.running.Data, o.moments.Momentum, m.running.Data)
		kernel.Axpy(1-o.moments.Momentum, m.batch.Data, m.running.Data)
	}
}
