package autograd

import (
	"lathe/internal/kernel"
	"lathe/internal/tensor"
)

// tiled is y = x + b for each row.
type tiled struct {
	y     *Node
	x, b  edge
	spare scratch
}

// AddTiled returns x + b, b repeated to the size of x: a bias for rows, or, for x [N*T C] and b [T C],
// a position. It panics with *tensor.ShapeError where the size of x is no multiple of that of b.
func (t *Tape) AddTiled(x, b *Node) *Node {
	size := b.Shape().Size()
	tensor.Require(size > 0 && x.Shape().Size()%size == 0, "addtiled", "x is no multiple of b", x.Shape(), b.Shape())
	op := &tiled{y: t.result(x.Shape(), x, b), x: edge{Node: x}, b: edge{Node: b}}
	t.record(op)
	return op.y
}

func (o *tiled) sources() []*edge   { return []*edge{&o.x, &o.b} }
func (o *tiled) plan(*tensor.Arena) {}
func (o *tiled) forward()           { AddTiled(o.y.value.Data, o.x.value.Data, o.b.value.Data) }

// AddTiled sets dst = x + b, b repeated to the length of x.
func AddTiled(dst, x, b []float32) {
	for at := 0; at < len(x); at += len(b) {
		kernel.Add(dst[at:at+len(b)], x[at:at+len(b)], b)
	}
}

func (o *tiled) backward() {
	dy := o.y.grad
	switch {
	case o.x.grad == nil:
	case o.x.add:
		kernel.Add(o.x.grad.Data, o.x.grad.Data, dy.Data)
	default:
		copy(o.x.grad.Data, dy.Data)
	}
	if o.b.grad == nil {
		return
	}
	size := len(o.b.value.Data)
	if o.b.add {
		kernel.ColSumAdd(o.b.grad.Data, dy.Data, len(dy.Data)/size, size)
	} else {
		kernel.ColSum(o.b.grad.Data, dy.Data, len(dy.Data)/size, size)
	}
}

// lengths counts what is not padding.
type lengths struct{ x, y *Node }

// Lengths returns [N]: for each row of x [N T] the number of values up to the last one that is not 0,
// the length of a sequence padded with id 0. It has no gradient.
func (t *Tape) Lengths(x *Node) *Node {
	op := &lengths{x: x, y: t.node(false, x.Shape().Rows())}
	t.record(op)
	return op.y
}

func (o *lengths) sources() []*edge   { return nil }
func (o *lengths) plan(*tensor.Arena) {}
func (o *lengths) forward()           { Lengths(o.y.value.Data, o.x.value.Data) }
func (o *lengths) backward()          {}

// Lengths sets dst [N] to what Tape.Lengths describes.
func Lengths(dst, x []float32) {
	width := len(x) / max(len(dst), 1)
	for i := range dst {
		n := width
		for n > 0 && x[i*width+n-1] == 0 {
			n--
		}
		dst[i] = float32(n)
	}
}

// meanPool is the mean of the rows of each sequence.
type meanPool struct {
	y       *Node
	x       edge
	lengths *Node
	length  int
	spare   scratch
}

// MeanPool returns the mean over the rows of each of N sequences of length rows: [N*T C] to [N C].
// lengths is [N], how many rows of each count, the first ones; a sequence of none gives 0. nil counts
// all. No gradient goes into lengths. It panics with *tensor.ShapeError.
func (t *Tape) MeanPool(x, lengths *Node, length int) *Node {
	s := x.Shape()
	tensor.Require(length > 0 && s.Rows()%length == 0, "meanpool", "rows are no multiple of the length", s, tensor.Shape{length})
	n := s.Rows() / length
	tensor.Require(lengths == nil || lengths.Shape().Size() == n, "meanpool", "the lengths are not [N]", s, tensor.Shape{n})
	op := &meanPool{y: t.result(tensor.Shape{n, s.Columns()}, x), x: edge{Node: x}, lengths: lengths, length: length}
	t.record(op)
	return op.y
}

func (o *meanPool) sources() []*edge     { return []*edge{&o.x} }
func (o *meanPool) plan(a *tensor.Arena) { o.spare.reserve(a, &o.x) }

// counted is the number of rows of sequence i that count.
func counted(lengths []float32, i, length int) int {
	if lengths == nil {
		return length
	}
	return min(int(lengths[i]), length)
}

func (o *meanPool) seen() []float32 {
	if o.lengths == nil {
		return nil
	}
	return o.lengths.value.Data
}

func (o *meanPool) forward() {
	MeanPool(o.y.value.Data, o.x.value.Data, o.seen(), o.length, o.y.value.Shape[1])
}

// MeanPool sets dst [N columns] to what Tape.MeanPool describes; rows are summed in ascending order.
func MeanPool(dst, x, lengths []float32, length, columns int) {
	for i := range len(dst) / columns {
		n, row := counted(lengths, i, length), dst[i*columns:(i+1)*columns]
		start := i * length * columns
		kernel.ColSum(row, x[start:start+n*columns], n, columns)
		kernel.Scale(row, 1/float32(max(n, 1)), row)
	}
}

func (o *meanPool) backward() {
	if o.x.grad == nil {
		return
	}
	dx, lengths, columns := o.spare.target(&o.x), o.seen(), o.y.value.Shape[1]
	clear(dx)
	for i := range o.y.value.Shape[0] {
		n := counted(lengths, i, o.length)
		for j := range n {
			at := (i*o.length + j) * columns
			kernel.Scale(dx[at:at+columns], 1/float32(n), o.y.grad.Row(i))
		}
	}
	o.spare.flush(&o.x)
}
