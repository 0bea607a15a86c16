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

// nonzero is 1 where x is not 0.
type nonzero struct{ x, y *Node }

// NonZero returns 1 where x is not 0, and 0 where it is: the mask of sequences padded with id 0. It
// has no gradient.
func (t *Tape) NonZero(x *Node) *Node {
	op := &nonzero{x: x, y: t.node(false, x.Shape()...)}
	t.record(op)
	return op.y
}

func (o *nonzero) sources() []*edge   { return nil }
func (o *nonzero) plan(*tensor.Arena) {}
func (o *nonzero) forward()           { NonZero(o.y.value.Data, o.x.value.Data) }
func (o *nonzero) backward()          {}

// NonZero sets dst to 1 where x is not 0, else to 0.
func NonZero(dst, x []float32) {
	for i, v := range x {
		dst[i] = 0
		if v != 0 {
			dst[i] = 1
		}
	}
}

// meanPool is the mean of the rows of each sequence.
type meanPool struct {
	y     *Node
	x     edge
	mask  *Node
	share *tensor.Tensor // [N T], how much each row counts
	spare scratch
}

// MeanPool returns the mean over the rows of each of N sequences: [N*T C] to [N C]. mask is [N T], 0
// for rows that do not count and 1 for the others; a sequence of none gives 0. nil counts all, in
// sequences of length rows. No gradient goes into mask. It panics with *tensor.ShapeError.
func (t *Tape) MeanPool(x, mask *Node, length int) *Node {
	s := x.Shape()
	tensor.Require(length > 0 && s.Rows()%length == 0, "meanpool", "rows are no multiple of the length", s, tensor.Shape{length})
	shape := tensor.Shape{s.Rows() / length, length}
	tensor.Require(mask == nil || mask.Shape().Equal(shape), "meanpool", "the mask is not [N T]", s, shape)
	op := &meanPool{y: t.result(tensor.Shape{shape[0], s.Columns()}, x), x: edge{Node: x}, mask: mask}
	op.share = t.arena.New(shape...)
	t.record(op)
	return op.y
}

func (o *meanPool) sources() []*edge     { return []*edge{&o.x} }
func (o *meanPool) plan(a *tensor.Arena) { o.spare.reserve(a, &o.x) }

func (o *meanPool) forward() {
	var mask []float32
	if o.mask != nil {
		mask = o.mask.value.Data
	}
	MeanPool(o.y.value.Data, o.x.value.Data, mask, o.share.Data, o.share.Shape[1])
}

// MeanPool sets dst [N C] to the means that Tape.MeanPool describes. It leaves in share [N T] how much
// each row counts.
func MeanPool(dst, x, mask, share []float32, length int) {
	columns := len(x) / max(len(share), 1)
	for i := 0; i < len(share); i += length {
		shares(share[i:i+length], mask, i)
		row := dst[i/length*columns : (i/length+1)*columns]
		kernel.MatMul(row, share[i:i+length], x[i*columns:(i+length)*columns], 1, length, columns)
	}
}

// shares sets share to 1 divided by the number of rows that count, for those.
func shares(share, mask []float32, at int) {
	count := float32(0)
	for j := range share {
		share[j] = 1
		if mask != nil {
			share[j] = mask[at+j]
		}
		count += share[j]
	}
	kernel.Scale(share, 1/max(count, 1), share)
}

func (o *meanPool) backward() {
	if o.x.grad == nil {
		return
	}
	dx, columns, length := o.spare.target(&o.x), o.x.value.Shape.Columns(), o.share.Shape[1]
	for i, share := range o.share.Data {
		kernel.Scale(dx[i*columns:(i+1)*columns], share, o.y.grad.Row(i/length))
	}
	o.spare.flush(&o.x)
}
