// Package tensor holds what every numeric package above the kernels shares: shapes, row-major
// float32 tensors, arenas that place many tensors in one allocation, and the random numbers of
// lathe.
//
// A Tensor is a view: copying it copies the header, not the data. Nothing here starts goroutines;
// concurrent reads are safe, writes need the caller's care.
package tensor

import "slices"

// Tensor is a dense row-major array of float32.
type Tensor struct {
	Shape Shape
	Data  []float32 // len(Data) == Shape.Size()
}

// New returns a zeroed tensor of its own.
func New(shape ...int) *Tensor {
	s := Shape(slices.Clone(shape))
	return &Tensor{Shape: s, Data: make([]float32, s.Size())}
}

// Of returns a tensor over data without copying it. It panics with *ShapeError if the length of
// data is not the size of the shape.
func Of(data []float32, shape ...int) *Tensor {
	s := Shape(slices.Clone(shape))
	Require(len(data) == s.Size(), "of", "data has another length", Shape{len(data)}, s)
	return &Tensor{Shape: s, Data: data}
}

// Row returns row i of a tensor seen as [Rows Columns], without copying.
func (t *Tensor) Row(i int) []float32 {
	c := t.Shape.Columns()
	return t.Data[i*c : (i+1)*c : (i+1)*c]
}
