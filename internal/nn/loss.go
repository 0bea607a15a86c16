package nn

import (
	"lathe/internal/autograd"
	"lathe/internal/tensor"
)

// Loss names what training minimises, as Keras spells it.
type Loss string

// The losses. The cross-entropies are computed on logits.
const (
	MeanSquaredError        Loss = "mean_squared_error"
	BinaryCrossEntropy      Loss = "binary_crossentropy"
	CategoricalCrossEntropy Loss = "categorical_crossentropy"
)

// Classes reports whether targets are class numbers, not values.
func (l Loss) Classes() bool { return l == CategoricalCrossEntropy }

func (l Loss) check() error {
	switch l {
	case MeanSquaredError, BinaryCrossEntropy, CategoricalCrossEntropy:
		return nil
	}
	return &ConfigError{
		Field: "loss", Value: string(l),
		Reason: "must be mean_squared_error, binary_crossentropy or categorical_crossentropy",
	}
}

// Plan is a network's step for a fixed number of rows. Fill X and the targets, then call Forward,
// and Backward where the plan trains. It shares the network's weights and gradients.
type Plan struct {
	*autograd.Tape
	X       []float32 // [rows Inputs]
	Y       []float32 // [rows Outputs] where the loss takes values, else nil
	Labels  []int32   // [rows] where the loss takes classes, else nil
	Weights []float32 // [rows] where asked for, else nil
}

// PlanOptions says what a plan is for.
type PlanOptions struct {
	Training bool   // gradients and dropout
	Weighted bool   // one weight a row
	Seed     uint64 // of dropout
}

// Plan records and plans a step of rows rows.
func (n *Network) Plan(rows int, o PlanOptions) *Plan {
	t := autograd.NewTape()
	r := &Recording{Tape: t, Training: o.Training, Random: tensor.NewRandom(o.Seed, streamDropout)}
	x := t.Input(rows, n.inputs)
	z := x
	for _, layer := range n.layers {
		z = layer.Record(r, z)
	}
	p := &Plan{Tape: t}
	y, weight := n.recordLoss(p, z, o.Weighted)
	if o.Training {
		n.allocateGradients()
	}
	t.Plan(o.Training)
	p.X = x.Data()
	if y != nil {
		p.Y = y.Data()
	}
	if weight != nil {
		p.Weights = weight.Data()
	}
	return p
}

func (n *Network) recordLoss(p *Plan, z *autograd.Node, weighted bool) (y, weight *autograd.Node) {
	if weighted {
		weight = p.Input(z.Shape().Rows())
	}
	if n.loss.Classes() {
		p.Labels = make([]int32, z.Shape().Rows())
		p.CrossEntropy(z, p.Labels, weight)
		return nil, weight
	}
	y = p.Input(z.Shape()...)
	if n.loss == BinaryCrossEntropy {
		p.BCE(z, y, weight)
	} else {
		p.MSE(z, y, weight)
	}
	return y, weight
}
