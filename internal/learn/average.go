package learn

import (
	"lathe/internal/autograd"
	"lathe/internal/kernel"
	"lathe/internal/nn"
	"lathe/internal/tensor"
)

// Average says how weights are averaged over steps; the zero value does not. Where they are, the
// average is what is validated, kept as the best, and what the run ends with. States, such as running
// moments, are averaged like weights.
type Average struct {
	Kind     AverageKind `json:"kind,omitempty"`
	Momentum float64     `json:"momentum,omitempty"` // EMA: how much of the average stays at a step, default 0.999
	Start    float64     `json:"start,omitempty"`    // SWA: the share of the run before the first weights, default 0.75
	Every    uint64      `json:"every,omitempty"`    // SWA: steps from weights to weights; 0: an epoch
}

// AverageKind names an average.
type AverageKind string

// The averages.
const (
	// EMA is the exponential moving average. Over its first steps the momentum is (1+n) / (10+n) where
	// that is less, so that it forgets the first weights. Source: TensorFlow's ExponentialMovingAverage.
	EMA AverageKind = "ema"
	// SWA is the plain mean of the weights at the end of epochs, late in the run.
	// Source: Izmailov et al. 2018, arXiv:1803.05407.
	SWA AverageKind = "swa"
)

func (a Average) withDefaults() (Average, error) {
	switch a.Kind {
	case "":
		return Average{}, nil
	case EMA:
		a.Momentum = orFloat(a.Momentum, 0.999)
	case SWA:
		a.Start = orFloat(a.Start, 0.75)
	default:
		return a, &ConfigError{Field: "average", Value: string(a.Kind), Reason: "must be ema, swa or none"}
	}
	if !(a.Momentum >= 0 && a.Momentum < 1) {
		return a, &ConfigError{Field: "average momentum", Value: a.Momentum, Reason: "must be at least 0 and below 1"}
	}
	if !(a.Start >= 0 && a.Start < 1) {
		return a, &ConfigError{Field: "average start", Value: a.Start, Reason: "must be at least 0 and below 1"}
	}
	return a, nil
}

func orFloat(value, fallback float64) float64 {
	if value == 0 {
		return fallback
	}
	return value
}

// averager keeps the average of a network's tensors. It needs no count of its own: how many weights
// are in it follows from the step.
type averager struct {
	kind     AverageKind
	momentum float64
	start    uint64 // SWA takes weights after later steps
	every    uint64
	live     []*autograd.Parameter
	values   []*tensor.Tensor
}

func newAverager(a Average, n *nn.Network, horizon, perEpoch uint64) *averager {
	v := &averager{kind: a.Kind, momentum: a.Momentum, every: a.Every, live: tensors(n)}
	v.start = uint64(float64(a.Start * float64(horizon)))
	if v.every == 0 {
		v.every = perEpoch
	}
	for _, p := range v.live {
		values := tensor.New(p.Value.Shape...)
		copy(values.Data, p.Value.Data)
		v.values = append(v.values, values)
	}
	return v
}

// taken is how many weights SWA has taken after a step.
func (a *averager) taken(step uint64) uint64 {
	if step <= a.start {
		return 0
	}
	return step/a.every - a.start/a.every
}

// ready reports whether there is an average after a step.
func (a *averager) ready(step uint64) bool {
	return a != nil && step > 0 && (a.kind == EMA || a.taken(step) > 0)
}

// update takes the weights after a step, counted from 1, where it is time.
func (a *averager) update(step uint64) {
	share := 1 - min(a.momentum, float64(step)/float64(9+step))
	if a.kind == SWA {
		if step%a.every != 0 || a.taken(step) == 0 {
			return
		}
		share = 1 / float64(a.taken(step))
	}
	for i, p := range a.live {
		kernel.Scale(a.values[i].Data, float32(1-share), a.values[i].Data)
		kernel.Axpy(float32(share), p.Value.Data, a.values[i].Data)
	}
}

// swap exchanges the average with the network's weights.
func (a *averager) swap() {
	for i, p := range a.live {
		average := a.values[i].Data
		for j, v := range p.Value.Data {
			p.Value.Data[j], average[j] = average[j], v
		}
	}
}

// restore sets the network's weights to the average.
func (a *averager) restore() {
	for i, p := range a.live {
		copy(p.Value.Data, a.values[i].Data)
	}
}

// tensors are all that makes a network what it is: its parameters and its states.
func tensors(n *nn.Network) []*autograd.Parameter {
	return append(append([]*autograd.Parameter{}, n.Parameters()...), n.States()...)
}
