// Package optim updates parameters from gradients: SGD with momentum and Adam, in Keras's forms.
//
// An optimiser owns its state, not the parameters. It is not safe for concurrent use.
package optim

import (
	"fmt"

	"lathe/internal/autograd"
	"lathe/internal/kernel"
	"lathe/internal/tensor"
)

// Optimizer moves parameters against their gradients.
type Optimizer interface {
	// Step makes one update with the given learning rate, which a schedule may change every step.
	Step(rate float64)
	// Steps is the number of updates made.
	Steps() uint64
	// Slots are the state kept for each parameter, live: saving them and Steps saves the optimiser,
	// writing them and SetSteps restores it.
	Slots() []Slot
	// SetSteps sets the number of updates made.
	SetSteps(steps uint64)
}

// Slot is one part of an optimiser's state, named KIND/PARAMETER, such as m/dense_0.weight.
type Slot struct {
	Name  string
	Value *tensor.Tensor
}

// Config names an optimiser and its constants. Zero fields of the chosen kind take Keras's defaults,
// but for Momentum, which is 0 in Keras too.
type Config struct {
	Kind     Kind    `json:"kind"`
	Momentum float64 `json:"momentum,omitempty"` // SGD
	Beta1    float64 `json:"beta1,omitempty"`    // Adam, default 0.9
	Beta2    float64 `json:"beta2,omitempty"`    // Adam, default 0.999
	Epsilon  float64 `json:"epsilon,omitempty"`  // Adam, default 1e-7
}

// Kind names an optimiser as Keras does.
type Kind string

// The optimisers.
const (
	KindSGD  Kind = "sgd"
	KindAdam Kind = "adam"
)

// ConfigError says which constant cannot be.
type ConfigError struct {
	Field  string
	Value  any
	Reason string
}

// Error names the field, its value and the reason.
func (e *ConfigError) Error() string {
	return fmt.Sprintf("optim: %s %v %s", e.Field, e.Value, e.Reason)
}

// WithDefaults returns the configuration with Keras's defaults filled in, or *ConfigError.
func (c Config) WithDefaults() (Config, error) {
	if c.Kind == "" {
		c.Kind = KindAdam
	}
	if c.Kind == KindAdam {
		c.Beta1, c.Beta2, c.Epsilon = either(c.Beta1, 0.9), either(c.Beta2, 0.999), either(c.Epsilon, 1e-7)
	}
	return c, c.check()
}

func either(value, fallback float64) float64 {
	if value == 0 {
		return fallback
	}
	return value
}

func (c Config) check() error {
	inUnit := func(v float64) bool { return v >= 0 && v < 1 }
	switch {
	case c.Kind != KindSGD && c.Kind != KindAdam:
		return &ConfigError{Field: "kind", Value: string(c.Kind), Reason: "must be sgd or adam"}
	case !inUnit(c.Momentum):
		return &ConfigError{Field: "momentum", Value: c.Momentum, Reason: "must be at least 0 and below 1"}
	case !inUnit(c.Beta1):
		return &ConfigError{Field: "beta1", Value: c.Beta1, Reason: "must be at least 0 and below 1"}
	case !inUnit(c.Beta2):
		return &ConfigError{Field: "beta2", Value: c.Beta2, Reason: "must be at least 0 and below 1"}
	case c.Kind == KindAdam && !(c.Epsilon >= 1e-30 && c.Epsilon <= 1):
		return &ConfigError{Field: "epsilon", Value: c.Epsilon, Reason: "must be from 1e-30 to 1"}
	}
	return nil
}

// New returns the optimiser of the parameters, or *ConfigError. The parameters' gradients must
// exist by the first Step.
func New(c Config, params []*autograd.Parameter) (Optimizer, error) {
	c, err := c.WithDefaults()
	if err != nil {
		return nil, err
	}
	if c.Kind == KindSGD {
		return newSGD(c, params), nil
	}
	return newAdam(c, params), nil
}

// sgd is stochastic gradient descent: velocity = momentum velocity - rate g; w += velocity.
type sgd struct {
	params   []*autograd.Parameter
	velocity []*tensor.Tensor // nil without momentum
	momentum float32
	steps    uint64
}

func newSGD(c Config, params []*autograd.Parameter) *sgd {
	s := &sgd{params: params, momentum: float32(c.Momentum)}
	if c.Momentum > 0 {
		s.velocity = like(params, 1)
	}
	return s
}

func (s *sgd) Step(rate float64) {
	for i, p := range s.params {
		var velocity []float32
		if s.velocity != nil {
			velocity = s.velocity[i].Data
		}
		kernel.SGD(p.Value.Data, p.Grad.Data, velocity, float32(rate), s.momentum)
	}
	s.steps++
}

func (s *sgd) Steps() uint64         { return s.steps }
func (s *sgd) SetSteps(steps uint64) { s.steps = steps }
func (s *sgd) Slots() []Slot         { return slots("velocity", s.params, s.velocity) }

// adam is Adam with the bias correction folded into the rate and epsilon outside of the root, as
// Keras has it. Source: Kingma and Ba 2015, arXiv:1412.6980, end of section 2.
type adam struct {
	params       []*autograd.Parameter
	m, v         []*tensor.Tensor
	beta1, beta2 float64
	epsilon      float32
	steps        uint64
}

func newAdam(c Config, params []*autograd.Parameter) *adam {
	state := like(params, 2)
	return &adam{
		params: params, m: state[:len(params)], v: state[len(params):],
		beta1: c.Beta1, beta2: c.Beta2, epsilon: float32(c.Epsilon),
	}
}

func (a *adam) Step(rate float64) {
	a.steps++
	alpha := float32(rate * correction(a.beta1, a.beta2, a.steps))
	c1, c2 := float32(1-a.beta1), float32(1-a.beta2)
	for i, p := range a.params {
		kernel.Adam(p.Value.Data, p.Grad.Data, a.m[i].Data, a.v[i].Data, alpha, c1, c2, a.epsilon)
	}
}

func (a *adam) Steps() uint64         { return a.steps }
func (a *adam) SetSteps(steps uint64) { a.steps = steps }

func (a *adam) Slots() []Slot {
	return append(slots("m", a.params, a.m), slots("v", a.params, a.v)...)
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
