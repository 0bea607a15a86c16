package autograd

import (
	"lathe/internal/kernel"
	"lathe/internal/tensor"
)

// lookup takes rows of a table.
type lookup struct {
	y     *Node
	table edge
	index []int32
	ids   *Node // what index is made from at each forward, or nil where the caller fills it
	from  []int // the columns of ids, or nil for all
}

// Lookup returns row index[i] of table [V C] as row i of [N C], an embedding: index has N elements in
// [0, V) and is read at each Forward, which panics on one out of range. Its gradient adds the rows
// back in ascending order. It panics with *tensor.ShapeError.
func (t *Tape) Lookup(table *Node, index []int32) *Node {
	return t.lookup(table, tensor.Shape{len(index), table.Shape().Columns()}, &lookup{index: index})
}

// Embedding is Lookup of the ids that x [N K] holds as whole numbers, as Indices reads them: in every
// column, or in those named. The result is [N len(columns)*C], or, in sequence, [N*len(columns) C].
// It panics with *tensor.ShapeError.
func (t *Tape) Embedding(table, x *Node, columns []int, sequence bool) *Node {
	rows, width := x.Shape().Rows(), len(columns)
	if columns == nil {
		width = x.Shape().Columns()
	}
	shape := tensor.Shape{rows, width * table.Shape().Columns()}
	if sequence {
		shape = tensor.Shape{rows * width, table.Shape().Columns()}
	}
	return t.lookup(table, shape, &lookup{index: make([]int32, rows*width), ids: x, from: columns})
}

func (t *Tape) lookup(table *Node, shape tensor.Shape, op *lookup) *Node {
	tensor.Require(len(table.Shape()) == 2 && table.Shape()[0] > 0, "lookup", "the table is not [V C]", table.Shape())
	op.y, op.table = t.result(shape, table), edge{Node: table}
	t.record(op)
	return op.y
}

func (o *lookup) sources() []*edge   { return []*edge{&o.table} }
func (o *lookup) plan(*tensor.Arena) {}

func (o *lookup) forward() {
	s := o.table.value.Shape
	if o.ids != nil {
		Indices(o.index, o.ids.value.Data, o.ids.value.Shape.Columns(), o.from, s[0])
	}
	kernel.Gather(o.y.value.Data, o.table.value.Data, o.index, s[1])
}

func (o *lookup) backward() {
	if o.table.grad == nil {
		return
	}
	if !o.table.add {
		clear(o.table.grad.Data)
	}
	kernel.ScatterAdd(o.table.grad.Data, o.y.grad.Data, o.index, o.table.value.Shape[1])
}

// Indices sets dst to the ids in the given columns of x [N width], row by row; nil means all columns.
// What is no number from 0 to below size, like NaN or an id that was not there in training, becomes
// 0; fractions are cut off.
func Indices(dst []int32, x []float32, width int, columns []int, size int) {
	if columns == nil {
		for i, v := range x {
			dst[i] = id(v, size)
		}
		return
	}
	for i := range len(x) / max(width, 1) {
		for j, c := range columns {
			dst[i*len(columns)+j] = id(x[i*width+c], size)
		}
	}
}

func id(v float32, size int) int32 {
	if v >= 0 && float64(v) < float64(size) {
		return int32(v)
	}
	return 0
}
