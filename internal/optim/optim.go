// Package optim updates parameters from gradients: SGD, RMSProp and Adam in Keras's forms, decoupled
// weight decay, groups of parameters, clipping, and schedules of the learning rate.
//
// An optimiser owns its state, not the parameters. It is not safe for concurrent use.
package optim

import (
	"lathe/internal/autograd"
	"lathe/internal/kernel"
	"lathe/internal/tensor"
)

// Optimizer moves parameters against their gradients.
type Optimizer interface {
	// Step makes one update with the given learning rate, which a schedule may change every step. It
	// may clip the gradients in place.
	Step(rate float64)
	// Steps is the number of updates made.
	Steps() uint64
	// Slots are the state kept for each parameter, live: saving them and Steps saves the optimiser,
	// writing them and SetSteps restores it.
	Slots() []Slot
	// SetSteps sets the number of updates made.
	SetSteps(steps uint64)
	// SetDecay multiplies the weight decay by a factor from the next Step on, 1 at the start.
	SetDecay(factor float64)
}

// Slot is one part of an optimiser's state, named KIND/PARAMETER, such as m/dense_0.weight.
type Slot struct {
	Name  string
	Value *tensor.Tensor
}

// New returns the optimiser of the parameters, or *ConfigError. The parameters' gradients must
// exist by the first Step.
func New(c Config, params []*autograd.Parameter) (Optimizer, error) {
	c, err := c.WithDefaults()
	if err != nil {
		return nil, err
	}
	o := &optimizer{params: params, clip: clip{value: float32(c.ClipValue), norm: c.ClipNorm}, fade: 1}
	if o.groups, err = c.assign(params); err != nil {
		return nil, err
	}
	switch c.Kind {
	case KindSGD:
		o.rule = newSGD(c, params)
	case KindRMSProp:
		o.rule = newRMSProp(c, params)
	default:
		o.rule = newAdam(c, params)
	}
	return o, nil
}

// optimizer is what the kinds share: it clips, decays and passes each parameter to the rule.
type optimizer struct {
	params []*autograd.Parameter
	groups []group // of each parameter
	clip   clip
	fade   float64
	rule   rule
	steps  uint64
}

// group is a parameter's factor of the learning rate, and its weight decay.
type group struct{ rate, decay float64 }

// rule is one kind of update.
type rule interface {
	// begin is called once a step, which counts from 1.
	begin(step uint64)
	// update moves parameter i. The rate is its own, and so is the share of the weights that decays
	// before they move, in [0, 1].
	update(i int, p *autograd.Parameter, rate, decay float64)
	slots(params []*autograd.Parameter) []Slot
}

// Step clips, then updates the parameters in their order.
func (o *optimizer) Step(rate float64) {
	o.clip.apply(o.params)
	o.steps++
	o.rule.begin(o.steps)
	for i, p := range o.params {
		own := float64(rate * o.groups[i].rate)
		o.rule.update(i, p, own, float64(float64(own*o.groups[i].decay)*o.fade))
	}
}

func (o *optimizer) Steps() uint64           { return o.steps }
func (o *optimizer) SetSteps(steps uint64)   { o.steps = steps }
func (o *optimizer) SetDecay(factor float64) { o.fade = factor }
func (o *optimizer) Slots() []Slot           { return o.rule.slots(o.params) }

// shrink is decoupled weight decay: w = w (1 - decay).
// Source: Loshchilov and Hutter 2019, arXiv:1711.05101; Keras's form.
func shrink(w []float32, decay float64) {
	if decay > 0 {
		kernel.Scale(w, float32(1-decay), w)
	}
}

// like returns n zeroed tensors for each parameter, in one allocation.
func like(params []*autograd.Parameter, n int) []*tensor.Tensor {
	var arena tensor.Arena
	var tensors []*tensor.Tensor
	for range n {
		for _, p := range params {
			tensors = append(tensors, arena.New(p.Value.Shape...))
		}
	}
	arena.Commit()
	return tensors
}

func slots(kind string, params []*autograd.Parameter, values []*tensor.Tensor) []Slot {
	named := make([]Slot, len(values))
	for i, v := range values {
		named[i] = Slot{Name: kind + "/" + params[i].Name, Value: v}
	}
	return named
}

// data is the values of tensor i, nil where there are no tensors.
func data(tensors []*tensor.Tensor, i int) []float32 {
	if tensors == nil {
		return nil
	}
	return tensors[i].Data
}
