package autograd

import (
	"lathe/internal/kernel"
	"lathe/internal/tensor"
)

// choice is some columns of x.
type choice struct {
	y     *Node
	x     edge
	from  []int
	spare scratch
}

// Columns returns the given columns of x [N C] as [N len(columns)]. It panics with
// *tensor.ShapeError.
func (t *Tape) Columns(x *Node, columns []int) *Node {
	s := x.Shape()
	for _, c := range columns {
		tensor.Require(c >= 0 && c < s.Columns(), "columns", "no such column", s, tensor.Shape{c})
	}
	op := &choice{y: t.result(tensor.Shape{s.Rows(), len(columns)}, x), x: edge{Node: x}, from: columns}
	t.record(op)
	return op.y
}

func (o *choice) sources() []*edge     { return []*edge{&o.x} }
func (o *choice) plan(a *tensor.Arena) { o.spare.reserve(a, &o.x) }

func (o *choice) forward() {
	Choose(o.y.value.Data, o.x.value.Data, o.x.value.Shape.Columns(), o.from)
}

// Choose sets dst to the given columns of x [N width], row by row.
func Choose(dst, x []float32, width int, columns []int) {
	for i := range len(x) / max(width, 1) {
		for j, c := range columns {
			dst[i*len(columns)+j] = x[i*width+c]
		}
	}
}

func (o *choice) backward() {
	if o.x.grad == nil {
		return
	}
	dx, dy, width := o.spare.target(&o.x), o.y.grad.Data, o.x.value.Shape.Columns()
	clear(dx)
	for i := range o.y.value.Shape[0] {
		for j, c := range o.from {
			dx[i*width+c] += dy[i*len(o.from)+j]
		}
	}
	o.spare.flush(&o.x)
}

// concat is matrices side by side.
type concat struct {
	y     *Node
	parts []edge
}

// Concat returns matrices of N rows side by side: [N A], [N B] to [N A+B]. It panics with
// *tensor.ShapeError.
func (t *Tape) Concat(parts ...*Node) *Node {
	op, width := &concat{parts: make([]edge, len(parts))}, 0
	for i, p := range parts {
		tensor.Require(p.Shape().Rows() == parts[0].Shape().Rows(), "concat", "rows differ", parts[0].Shape(), p.Shape())
		op.parts[i].Node = p
		width += p.Shape().Columns()
	}
	op.y = t.result(tensor.Shape{parts[0].Shape().Rows(), width}, parts...)
	t.record(op)
	return op.y
}

func (o *concat) sources() []*edge {
	edges := make([]*edge, len(o.parts))
	for i := range o.parts {
		edges[i] = &o.parts[i]
	}
	return edges
}

func (o *concat) plan(*tensor.Arena) {}

func (o *concat) forward() {
	s, start := o.y.value.Shape, 0
	for i := range o.parts {
		n := o.parts[i].value.Shape.Columns()
		Place(o.y.value.Data, s[1], start, o.parts[i].value.Data, n)
		start += n
	}
}

// Place copies x [N columns] into the columns from start on of dst [N width].
func Place(dst []float32, width, start int, x []float32, columns int) {
	for i := range len(x) / max(columns, 1) {
		copy(dst[i*width+start:], x[i*columns:(i+1)*columns])
	}
}

func (o *concat) backward() {
	dy, width, start := o.y.grad, o.y.value.Shape[1], 0
	for i := range o.parts {
		e := &o.parts[i]
		n := e.value.Shape.Columns()
		for row := 0; e.grad != nil && row < e.value.Shape.Rows(); row++ {
			dx, part := e.grad.Row(row), dy.Data[row*width+start:row*width+start+n]
			if e.add {
				kernel.Add(dx, dx, part)
			} else {
				copy(dx, part)
			}
		}
		start += n
	}
}
