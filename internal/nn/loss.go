package nn

import (
	"fmt"
	"slices"

	"lathe/internal/autograd"
	"lathe/internal/kernel"
	"lathe/internal/tensor"
)

// Loss names what training minimises, as Keras spells it.
type Loss string

// The losses. The cross-entropies are computed on logits.
const (
	MeanSquaredError        Loss = "mean_squared_error"
	MeanAbsoluteError       Loss = "mean_absolute_error"
	Huber                   Loss = "huber"
	BinaryCrossEntropy      Loss = "binary_crossentropy"
	BinaryFocal             Loss = "binary_focal_crossentropy"
	CategoricalCrossEntropy Loss = "categorical_crossentropy"
	CategoricalFocal        Loss = "categorical_focal_crossentropy"
)

var losses = []Loss{
	MeanSquaredError, MeanAbsoluteError, Huber, BinaryCrossEntropy, BinaryFocal, CategoricalCrossEntropy, CategoricalFocal,
}

// Classes reports whether targets are class numbers, not values.
func (l Loss) Classes() bool { return l == CategoricalCrossEntropy || l == CategoricalFocal }

// Binary reports whether targets are probabilities in [0, 1] of one class each.
func (l Loss) Binary() bool { return l == BinaryCrossEntropy || l == BinaryFocal }

func (l Loss) check() error {
	if slices.Contains(losses, l) {
		return nil
	}
	return &ConfigError{Field: "loss", Value: string(l), Reason: fmt.Sprintf("is none of %v", losses)}
}

// LossOptions are a loss's constants. They are of training alone: the loss of a plan that does not
// train leaves smoothing out, so that it tells how good predictions are.
type LossOptions struct {
	Smoothing float64 `json:"smoothing,omitempty"` // of the labels of a cross-entropy, in [0, 1); 0: none
	Delta     float64 `json:"delta,omitempty"`     // of Huber, default 1
	Gamma     float64 `json:"gamma,omitempty"`     // of the focal losses, default 2
}

// Check returns *ConfigError where an option cannot be, or does not belong to the loss.
func (o LossOptions) Check(l Loss) error {
	switch {
	case !(o.Smoothing >= 0 && o.Smoothing < 1):
		return &ConfigError{Field: "smoothing", Value: o.Smoothing, Reason: "must be at least 0 and below 1"}
	case o.Smoothing > 0 && l != BinaryCrossEntropy && l != CategoricalCrossEntropy:
		return &ConfigError{Field: "smoothing", Value: o.Smoothing, Reason: "needs binary_crossentropy or categorical_crossentropy"}
	case !(o.Delta >= 0 && o.Delta <= 1e30):
		return &ConfigError{Field: "delta", Value: o.Delta, Reason: "must be from 0 to 1e30"}
	case !(o.Gamma >= 0 && o.Gamma <= 100):
		return &ConfigError{Field: "gamma", Value: o.Gamma, Reason: "must be from 0 to 100"}
	}
	return nil
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
	Loss     LossOptions
	Pool     *kernel.Pool // shares large products; nil keeps them on the caller
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
	t.SetPool(o.Pool)
	if !o.Training {
		o.Loss.Smoothing = 0
	}
	y, weight := n.recordLoss(p, z, o)
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

func (n *Network) recordLoss(p *Plan, z *autograd.Node, o PlanOptions) (y, weight *autograd.Node) {
	if o.Weighted {
		weight = p.Input(z.Shape().Rows())
	}
	if n.loss.Classes() {
		p.Labels = make([]int32, z.Shape().Rows())
		if n.loss == CategoricalFocal {
			p.FocalCrossEntropy(z, p.Labels, weight, either(o.Loss.Gamma, 2))
		} else {
			p.SmoothCrossEntropy(z, p.Labels, weight, o.Loss.Smoothing)
		}
		return nil, weight
	}
	y = p.Input(z.Shape()...)
	switch target := y; n.loss {
	case BinaryCrossEntropy:
		if o.Loss.Smoothing > 0 {
			target = p.SmoothBinary(y, o.Loss.Smoothing)
		}
		p.BCE(z, target, weight)
	case BinaryFocal:
		p.FocalBCE(z, target, weight, either(o.Loss.Gamma, 2))
	case MeanAbsoluteError:
		p.MAE(z, target, weight)
	case Huber:
		p.Huber(z, target, weight, either(o.Loss.Delta, 1))
	default:
		p.MSE(z, target, weight)
	}
	return y, weight
}

func either(value, fallback float64) float64 {
	if value == 0 {
		return fallback
	}
	return value
}
