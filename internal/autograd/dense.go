package autograd

import (
	"lathe/internal/kernel"
	"lathe/internal/tensor"
)

// dense is y = act(x w + b). Its backward turns the gradient of y into that of the
// pre-activation in place, which no other operation reads any more.
type dense struct {
	tape    *Tape
	y       *Node
	x, w, b edge
	act     kernel.Activation
	z       *tensor.Tensor // x w + b, where the slope of the activation needs it
	spare   scratch
}

// Dense returns act(x w + b): x is [N I], w [I O], b [O] or nil for none; the result is [N O]. It
// panics with *tensor.ShapeError.
func (t *Tape) Dense(x, w, b *Node, act kernel.Activation) *Node {
	xs, ws := x.Shape(), w.Shape()
	tensor.Require(len(ws) == 2 && xs.Columns() == ws[0], "dense", "inner dimensions differ", xs, ws)
	op := &dense{tape: t, x: edge{Node: x}, w: edge{Node: w}, act: act}
	sources := []*Node{x, w}
	if b != nil {
		tensor.Require(b.Shape().Equal(tensor.Shape{ws[1]}), "dense", "bias does not fit", ws, b.Shape())
		op.b.Node = b
		sources = append(sources, b)
	}
	op.y = t.result(tensor.Shape{xs.Rows(), ws[1]}, sources...)
	t.record(op)
	return op.y
}

func (o *dense) sources() []*edge {
	if o.b.Node == nil {
		return []*edge{&o.x, &o.w}
	}
	return []*edge{&o.x, &o.w, &o.b}
}

func (o *dense) plan(a *tensor.Arena) {
	if o.act.TakesInput() && o.y.grad != nil {
		o.z = a.New(o.y.value.Shape...)
	}
	o.spare.reserve(a, &o.x)
}

// sizes returns N, I and O.
func (o *dense) sizes() (rows, inputs, outputs int) {
	return o.y.value.Shape[0], o.w.value.Shape[0], o.w.value.Shape[1]
}

func (o *dense) forward() {
	rows, inputs, outputs := o.sizes()
	var bias []float32
	if o.b.Node != nil {
		bias = o.b.value.Data
	}
	if o.z == nil {
		o.tape.pool.Dense(o.y.value.Data, o.x.value.Data, o.w.value.Data, bias, rows, inputs, outputs, o.act)
		return
	}
	o.tape.pool.Dense(o.z.Data, o.x.value.Data, o.w.value.Data, bias, rows, inputs, outputs, kernel.ActNone)
	kernel.Activate(o.y.value.Data, o.z.Data, o.act)
}

func (o *dense) backward() {
	if o.y.grad == nil {
		return
	}
	dz := o.y.grad.Data
	switch {
	case o.z != nil:
		kernel.ActivateGrad(dz, dz, o.z.Data, o.act)
	case o.act != kernel.ActNone:
		kernel.ActivateGrad(dz, dz, o.y.value.Data, o.act)
	}
	o.weightGrads(dz)
	if o.x.grad == nil {
		return
	}
	rows, inputs, outputs := o.sizes()
	o.tape.pool.MatMulTB(o.spare.target(&o.x), dz, o.w.value.Data, rows, outputs, inputs)
	o.spare.flush(&o.x)
}

func (o *dense) weightGrads(dz []float32) {
	rows, inputs, outputs := o.sizes()
	if o.w.grad != nil {
		if o.w.add {
			o.tape.pool.MatMulTAAdd(o.w.grad.Data, o.x.value.Data, dz, inputs, rows, outputs)
		} else {
			o.tape.pool.MatMulTA(o.w.grad.Data, o.x.value.Data, dz, inputs, rows, outputs)
		}
	}
	if o.b.Node == nil || o.b.grad == nil {
		return
	}
	sum := kernel.ColSum
	if o.b.add {
		sum = kernel.ColSumAdd
	}
	sum(o.b.grad.Data, dz, rows, outputs)
}
