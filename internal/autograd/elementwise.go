package autograd

import (
	"lathe/internal/kernel"
	"lathe/internal/tensor"
)

// activation is y = act(x), element by element.
type activation struct {
	y     *Node
	x     edge
	act   kernel.Activation
	spare scratch
}

// Sigmoid returns 1 / (1 + e^-x), of the shape of x.
func (t *Tape) Sigmoid(x *Node) *Node { return t.Activate(x, kernel.ActSigmoid) }

// Tanh returns tanh x, of the shape of x.
func (t *Tape) Tanh(x *Node) *Node { return t.Activate(x, kernel.ActTanh) }

// ReLU returns max(x, 0), of the shape of x; its gradient at 0 is 0.
func (t *Tape) ReLU(x *Node) *Node { return t.Activate(x, kernel.ActReLU) }

// Activate returns act(x), of the shape of x.
func (t *Tape) Activate(x *Node, act kernel.Activation) *Node {
	op := &activation{y: t.result(x.Shape(), x), x: edge{Node: x}, act: act}
	t.record(op)
	return op.y
}

func (o *activation) sources() []*edge     { return []*edge{&o.x} }
func (o *activation) plan(a *tensor.Arena) { o.spare.reserve(a, &o.x) }
func (o *activation) forward()             { kernel.Activate(o.y.value.Data, o.x.value.Data, o.act) }

func (o *activation) backward() {
	if o.x.grad == nil {
		return
	}
	from := o.y
	if o.act.TakesInput() {
		from = o.x.Node
	}
	kernel.ActivateGrad(o.spare.target(&o.x), o.y.grad.Data, from.value.Data, o.act)
	o.spare.flush(&o.x)
}

// sum is y = a + b.
type sum struct {
	y    *Node
	a, b edge
}

// Add returns a + b of the same shape, as a residual connection does. It panics with
// *tensor.ShapeError.
func (t *Tape) Add(a, b *Node) *Node {
	tensor.Require(a.Shape().Equal(b.Shape()), "add", "shapes differ", a.Shape(), b.Shape())
	op := &sum{y: t.result(a.Shape(), a, b), a: edge{Node: a}, b: edge{Node: b}}
	t.record(op)
	return op.y
}

func (o *sum) sources() []*edge   { return []*edge{&o.a, &o.b} }
func (o *sum) plan(*tensor.Arena) {}
func (o *sum) forward()           { kernel.Add(o.y.value.Data, o.a.value.Data, o.b.value.Data) }

func (o *sum) backward() {
	for _, e := range [...]*edge{&o.a, &o.b} {
		switch {
		case e.grad == nil:
		case e.add:
			kernel.Add(e.grad.Data, e.grad.Data, o.y.grad.Data)
		default:
			copy(e.grad.Data, o.y.grad.Data)
		}
	}
}

// softmax is the softmax of each row.
type softmax struct {
	y     *Node
	x     edge
	spare scratch
}

// Softmax returns e^x / sum of e^x for each row of x [N C]. For training, CrossEntropy on the
// logits is both faster and exact where probabilities underflow.
func (t *Tape) Softmax(x *Node) *Node {
	op := &softmax{y: t.result(x.Shape(), x), x: edge{Node: x}}
	t.record(op)
	return op.y
}

func (o *softmax) sources() []*edge     { return []*edge{&o.x} }
func (o *softmax) plan(a *tensor.Arena) { o.spare.reserve(a, &o.x) }

func (o *softmax) forward() {
	s := o.y.value.Shape
	kernel.Softmax(o.y.value.Data, o.x.value.Data, s.Rows(), s.Columns())
}

func (o *softmax) backward() {
	if o.x.grad == nil {
		return
	}
	s := o.y.value.Shape
	kernel.SoftmaxGrad(o.spare.target(&o.x), o.y.grad.Data, o.y.value.Data, s.Rows(), s.Columns(), 1)
	o.spare.flush(&o.x)
}
