package autograd

import (
	"lathe/internal/kernel"
	"lathe/internal/tensor"
)

// Loss is a scalar that Backward differentiates: the mean over the elements or rows of a batch,
// as Keras averages ("sum over batch size", sample weights included).
type Loss struct {
	Value float64 // after Forward
}

// loss is what the kinds of loss share. The kernels give the loss and its gradient in one pass, so
// forward already computes the gradient: into the logits' own gradient where nothing else has been
// written to it, else into a buffer that backward adds.
type loss struct {
	out    *Loss
	z      edge
	weight *Node // [N] or nil
	terms  int   // rows or elements that the mean divides by
	width  int   // terms of one row
	dz     *tensor.Tensor
	// part sets dz for the terms from start to end and returns their sum.
	part func(dz []float32, start, end int, scale float32) float64
}

func (t *Tape) addLoss(z, weight *Node, terms int) *loss {
	rows := z.Shape().Rows()
	if weight != nil {
		tensor.Require(weight.Shape().Equal(tensor.Shape{rows}), "loss", "weights are not one a row", z.Shape(), weight.Shape())
	}
	l := &loss{out: &Loss{}, z: edge{Node: z}, weight: weight, terms: terms, width: terms / max(rows, 1)}
	t.losses = append(t.losses, l.out)
	t.record(l)
	return l
}

func (l *loss) sources() []*edge { return []*edge{&l.z} }

func (l *loss) plan(a *tensor.Arena) {
	l.dz = l.z.grad
	if l.dz == nil || l.z.add {
		l.dz = a.New(l.z.value.Shape...)
	}
}

func (l *loss) forward() {
	scale := 1 / float32(l.terms)
	if l.weight == nil {
		l.out.Value = l.part(l.dz.Data, 0, l.terms, scale) / float64(l.terms)
		return
	}
	var total float64
	for i, w := range l.weight.value.Data {
		part := l.part(l.dz.Data, i*l.width, (i+1)*l.width, float32(scale*w))
		total += float64(part * float64(w))
	}
	l.out.Value = total / float64(l.terms)
}

func (l *loss) backward() {
	if l.z.add && l.z.grad != nil {
		kernel.Add(l.z.grad.Data, l.z.grad.Data, l.dz.Data)
	}
}

// BCE returns the mean binary cross-entropy of the logits z against targets y in [0, 1], both of
// one shape. weight is [N], one a row, or nil for 1. It panics with *tensor.ShapeError.
func (t *Tape) BCE(z, y, weight *Node) *Loss {
	tensor.Require(z.Shape().Equal(y.Shape()), "bce", "shapes differ", z.Shape(), y.Shape())
	l := t.addLoss(z, weight, z.Shape().Size())
	l.part = func(dz []float32, start, end int, scale float32) float64 {
		return kernel.BCELogits(dz[start:end], z.value.Data[start:end], y.value.Data[start:end], scale)
	}
	return l.out
}

// CrossEntropy returns the mean categorical cross-entropy of the logits z [N C] against classes
// in label, which has N elements in [0, C) and is read at each Forward. weight is [N] or nil for
// 1. It panics with *tensor.ShapeError; a label out of range panics in Forward.
func (t *Tape) CrossEntropy(z *Node, label []int32, weight *Node) *Loss {
	s := z.Shape()
	rows, classes := s.Rows(), s.Columns()
	tensor.Require(len(label) == rows, "crossentropy", "labels are not one a row", s, tensor.Shape{len(label)})
	l := t.addLoss(z, weight, rows)
	l.part = func(dz []float32, start, end int, scale float32) float64 {
		from, to := start*classes, end*classes
		return kernel.CELogits(dz[from:to], z.value.Data[from:to], label[start:end], end-start, classes, scale)
	}
	return l.out
}

// MSE returns the mean of (z - y)² over all elements; z and y have one shape. weight is [N] or nil
// for 1. It panics with *tensor.ShapeError.
func (t *Tape) MSE(z, y, weight *Node) *Loss {
	tensor.Require(z.Shape().Equal(y.Shape()), "mse", "shapes differ", z.Shape(), y.Shape())
	l := t.addLoss(z, weight, z.Shape().Size())
	l.part = func(dz []float32, start, end int, scale float32) float64 {
		return squaredError(dz[start:end], z.value.Data[start:end], y.value.Data[start:end], scale)
	}
	return l.out
}

// squaredError sets dz = 2 scale (z - y) and returns the sum of (z - y)², in ascending order. The
// conversions keep the compiler from fusing a product into a sum, which would change bits.
func squaredError(dz, z, y []float32, scale float32) (total float64) {
	for i, v := range z {
		d := v - y[i]
		total += float64(float64(d) * float64(d))
		dz[i] = 2 * scale * d
	}
	return total
}
