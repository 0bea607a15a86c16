package autograd

import (
	"lathe/internal/kernel"
	"lathe/internal/tensor"
)

// BCE returns the mean binary cross-entropy of the logits z against targets y in [0, 1], both of
// one shape. weight is [N], one a row, or nil for 1. Label smoothing is BCE against SmoothBinary(y).
// It panics with *tensor.ShapeError.
func (t *Tape) BCE(z, y, weight *Node) *Loss {
	tensor.Require(z.Shape().Equal(y.Shape()), "bce", "shapes differ", z.Shape(), y.Shape())
	l := t.addLoss(z, weight, z.Shape().Size())
	l.sum = func(dz, _ []float32, scale float32) float64 {
		return kernel.BCELogits(dz, z.value.Data, y.value.Data, scale)
	}
	l.part = func(dz, each []float32) {
		kernel.BCELogits(dz, z.value.Data, y.value.Data, 1)
		for i, v := range z.value.Data {
			each[i] = max(v, -v)
		}
		kernel.Sigmoid(each, each)
		binaryTerms(each, z.value.Data, y.value.Data)
	}
	return l.out
}

// binaryTerms turns sigmoid(|z|) into the cross-entropies max(z, 0) - z y - ln sigmoid(|z|).
func binaryTerms(each, z, y []float32) {
	kernel.Log(each, each)
	for i, v := range z {
		each[i] = float32(max(v, 0)-float32(v*y[i])) - each[i]
	}
}

// SmoothBinary returns y (1 - smoothing) + smoothing/2: targets in [0, 1] drawn towards their
// middle, as Keras smooths binary labels. No gradient goes into y.
func (t *Tape) SmoothBinary(y *Node, smoothing float64) *Node {
	return t.affine(y, t.node(false, y.Shape()...), float32(1-smoothing), float32(smoothing/2))
}

// CrossEntropy returns the mean categorical cross-entropy of the logits z [N C] against classes
// in label, which has N elements in [0, C) and is read at each Forward. weight is [N] or nil for
// 1. It panics with *tensor.ShapeError; a label out of range panics in Forward.
func (t *Tape) CrossEntropy(z *Node, label []int32, weight *Node) *Loss {
	return t.SmoothCrossEntropy(z, label, weight, 0)
}

// SmoothCrossEntropy is CrossEntropy against targets of 1 - smoothing + smoothing/C for the label
// and smoothing/C for every other class, as Keras smooths one-hot labels.
func (t *Tape) SmoothCrossEntropy(z *Node, label []int32, weight *Node, smoothing float64) *Loss {
	rows, classes := labelled(z, label)
	l := t.addLoss(z, weight, rows)
	l.sumWeighs = true
	l.sum = func(dz, weight []float32, scale float32) float64 {
		if weight == nil && smoothing == 0 {
			return kernel.CELogits(dz, z.value.Data, label, rows, classes, scale)
		}
		return kernel.CELogitsWeighted(dz, z.value.Data, weight, label, rows, classes, scale, float32(smoothing))
	}
	return l.out
}

func labelled(z *Node, label []int32) (rows, classes int) {
	s := z.Shape()
	tensor.Require(len(label) == s.Rows(), "crossentropy", "labels are not one a row", s, tensor.Shape{len(label)})
	return s.Rows(), s.Columns()
}

// logLosses sets each to the cross-entropies of the rows of z.
func logLosses(each, z []float32, label []int32, classes int) {
	kernel.LogSumExp(each, z, len(label), classes)
	for i, c := range label {
		each[i] -= z[i*classes+int(c)]
	}
}
