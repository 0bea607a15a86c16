package tensor

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Shape is the extent of each dimension, outermost first. An empty shape is a scalar.
type Shape []int

// Size is the number of elements: the product of the extents, 1 for a scalar. It panics with
// *ShapeError if an extent is negative or the product overflows an int32, which bounds one tensor
// to 2^31-1 elements (8 GiB).
func (s Shape) Size() int {
	size := 1
	for _, n := range s {
		if n < 0 || (n > 0 && size > math.MaxInt32/n) {
			panic(&ShapeError{Op: "size", Reason: "negative or too large", Shapes: []Shape{s}})
		}
		size *= n
	}
	return size
}

// Equal reports whether both shapes have the same extents.
func (s Shape) Equal(other Shape) bool { return slices.Equal(s, other) }

// Rows is the product of all extents but the last: how many vectors of length Columns there are.
func (s Shape) Rows() int {
	if len(s) == 0 {
		return 1
	}
	return s[:len(s)-1].Size()
}

// Columns is the last extent, 1 for a scalar.
func (s Shape) Columns() int {
	if len(s) == 0 {
		return 1
	}
	return s[len(s)-1]
}

// String formats the shape as [32 128].
func (s Shape) String() string { return fmt.Sprint([]int(s)) }

// ShapeError is what operations panic with when shapes do not fit: a programmer's error.
type ShapeError struct {
	Op     string  // the operation, such as "dense"
	Reason string  // what does not fit
	Shapes []Shape // the operands, in the operation's order
}

// Error formats the operation, the reason and every shape.
func (e *ShapeError) Error() string {
	shapes := make([]string, len(e.Shapes))
	for i, s := range e.Shapes {
		shapes[i] = s.String()
	}
	return fmt.Sprintf("tensor: %s: %s: %s", e.Op, e.Reason, strings.Join(shapes, ", "))
}

// Require panics with *ShapeError unless ok holds.
func Require(ok bool, op, reason string, shapes ...Shape) {
	if !ok {
		panic(&ShapeError{Op: op, Reason: reason, Shapes: slices.Clone(shapes)})
	}
}
