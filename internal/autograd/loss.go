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

// loss is what the kinds of loss share. A kind gives the loss and its gradient in one pass, so
// forward already computes the gradient: into the logits' own gradient where nothing else has been
// written to it, else into a buffer that backward adds.
type loss struct {
	out    *Loss
	z      edge
	weight *Node // [N] or nil
	terms  int   // rows or elements that the mean divides by
	dz     *tensor.Tensor
	each   *tensor.Tensor   // [terms], the losses one by one
	factor *tensor.Tensor   // [N], what the gradient of a row is multiplied by
	spare  []*tensor.Tensor // [terms] each, for the kind
	needs  int              // how many of these
	// sum is the quick way, or nil: it sets dz to the gradients times scale and returns the sum of
	// the terms. weight is nil unless sumWeighs.
	sum       func(dz, weight []float32, scale float32) float64
	sumWeighs bool
	// part sets dz to the gradients and each to the terms. It is not needed where sumWeighs.
	part func(dz, each []float32)
}

func (t *Tape) addLoss(z, weight *Node, terms int) *loss {
	rows := z.Shape().Rows()
	if weight != nil {
		tensor.Require(weight.Shape().Equal(tensor.Shape{rows}), "loss", "weights are not one a row", z.Shape(), weight.Shape())
	}
	l := &loss{out: &Loss{}, z: edge{Node: z}, weight: weight, terms: terms}
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
	if l.quick() {
		return
	}
	l.each, l.factor = a.New(l.terms), a.New(l.z.value.Shape.Rows())
	for range l.needs {
		l.spare = append(l.spare, a.New(l.terms))
	}
}

func (l *loss) quick() bool { return l.sum != nil && (l.weight == nil || l.sumWeighs) }

func (l *loss) forward() {
	scale := 1 / float32(l.terms)
	if l.quick() {
		var weight []float32
		if l.weight != nil {
			weight = l.weight.value.Data
		}
		l.out.Value = l.sum(l.dz.Data, weight, scale) / float64(l.terms)
		return
	}
	l.part(l.dz.Data, l.each.Data)
	if l.weight == nil {
		kernel.Scale(l.dz.Data, scale, l.dz.Data)
		l.out.Value = total(l.each.Data) / float64(l.terms)
		return
	}
	kernel.Scale(l.factor.Data, scale, l.weight.value.Data)
	scaleRows(l.dz.Data, l.factor.Data)
	l.out.Value = weightedTotal(l.each.Data, l.weight.value.Data) / float64(l.terms)
}

func (l *loss) backward() {
	if l.z.add && l.z.grad != nil {
		kernel.Add(l.z.grad.Data, l.z.grad.Data, l.dz.Data)
	}
}

// total is the sum in ascending order.
func total(x []float32) (sum float64) {
	for _, v := range x {
		sum += float64(v)
	}
	return sum
}

// weightedTotal is the sum in ascending order of x, of which each row counts as its weight says.
// The conversion keeps the compiler from fusing a product into a sum, which would change bits.
func weightedTotal(x, weight []float32) (sum float64) {
	width := len(x) / max(len(weight), 1)
	for i, w := range weight {
		for _, v := range x[i*width : (i+1)*width] {
			sum += float64(float64(v) * float64(w))
		}
	}
	return sum
}

// scaleRows multiplies each row of x by its factor.
func scaleRows(x, factor []float32) {
	if len(x) == len(factor) {
		kernel.Mul(x, x, factor)
		return
	}
	width := len(x) / max(len(factor), 1)
	for i, f := range factor {
		row := x[i*width : (i+1)*width]
		for j := range row {
			row[j] *= f
		}
	}
}
