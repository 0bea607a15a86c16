package nn

import (
	"lathe/internal/kernel"
	"lathe/internal/tensor"
)

// chunk is how many rows are predicted at a time: enough for the matrix kernels to run at full
// speed, few enough for the values between layers to stay in the second-level cache.
const chunk = 128

// Scratch is memory for one prediction. It grows to what the largest chunk needs and is then used
// again without allocation. It is not safe for concurrent use; the network keeps one a goroutine.
type Scratch struct {
	data    []float32
	used    int
	ints    []int32
	lengths []float32 // of the sequences, once an embedding has counted them
}

// Take returns n values of any content, valid until the end of the chunk.
func (s *Scratch) Take(n int) []float32 {
	if s.used+n > len(s.data) {
		// What was taken before stays valid: it keeps the old array.
		s.data, s.used = make([]float32, max(2*len(s.data), s.used+n)), 0
	}
	part := s.data[s.used : s.used+n : s.used+n]
	s.used += n
	return part
}

// TakeInts returns n whole numbers of any content. Only one layer may use them at a time.
func (s *Scratch) TakeInts(n int) []int32 {
	if n > len(s.ints) {
		s.ints = make([]int32, n)
	}
	return s.ints[:n]
}

// Predict sets dst [rows Outputs] to the predictions for x [rows Inputs]: probabilities where the
// loss is a cross-entropy, values where it is not. It is safe for concurrent use. It
// panics with *tensor.ShapeError on wrong lengths.
func (n *Network) Predict(dst, x []float32, rows int) {
	n.Logits(dst, x, rows)
	switch {
	case n.loss.Binary():
		kernel.Sigmoid(dst, dst)
	case n.loss.Classes():
		kernel.Softmax(dst, dst, rows, n.outputs)
	}
}

// Logits is Predict without the link function at the end.
func (n *Network) Logits(dst, x []float32, rows int) {
	if rows < 0 || len(x) != rows*n.inputs || len(dst) != rows*n.outputs {
		n.panicShape(len(dst), len(x), rows)
	}
	s := n.pool.Get().(*Scratch)
	for start := 0; start < rows; start += n.chunk {
		end := min(start+n.chunk, rows)
		y := x[start*n.inputs : end*n.inputs]
		s.used, s.lengths = 0, nil
		for i, layer := range n.layers {
			y = layer.Predict(s, y, len(y)/n.widths[i])
		}
		copy(dst[start*n.outputs:end*n.outputs], y)
	}
	n.pool.Put(s)
}

// panicShape is apart because the shapes it makes are allocated.
func (n *Network) panicShape(dst, x, rows int) {
	tensor.Require(false, "predict", "x and dst are not [rows inputs] and [rows outputs]",
		tensor.Shape{x}, tensor.Shape{rows, n.inputs}, tensor.Shape{dst}, tensor.Shape{rows, n.outputs})
}
