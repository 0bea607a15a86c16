package nn

import (
	"lathe/internal/autograd"
	"lathe/internal/kernel"
)

// LayerNorm normalises each row to mean 0 and variance 1, then scales and shifts each column by what
// is learnt: gamma, ones, and beta, zeros.
type LayerNorm struct {
	Epsilon float64 `json:"epsilon,omitempty"` // default 1e-3, as in Keras

	gamma, beta *autograd.Parameter
	eps         float32
}

// Build declares gamma and beta.
func (l *LayerNorm) Build(b *Builder, inputs int) (int, error) {
	var err error
	if l.eps, err = epsilon(l.Epsilon); err != nil {
		return 0, err
	}
	l.gamma, l.beta = b.Parameter("gamma", Ones, inputs), b.Parameter("beta", Zeros, inputs)
	return inputs, nil
}

// epsilon is what is added to a variance.
func epsilon(value float64) (float32, error) {
	if value == 0 {
		value = 1e-3
	}
	if !(value >= 1e-30 && value <= 1) {
		return 0, &ConfigError{Field: "epsilon", Value: value, Reason: "must be from 1e-30 to 1"}
	}
	return float32(value), nil
}

// Record appends one operation.
func (l *LayerNorm) Record(r *Recording, x *autograd.Node) *autograd.Node {
	return r.LayerNorm(x, r.Use(l.gamma), r.Use(l.beta), l.eps)
}

// Predict computes the layer.
func (l *LayerNorm) Predict(s *Scratch, x []float32, rows int) []float32 {
	y := s.Take(len(x))
	kernel.LayerNorm(y, nil, s.Take(rows), x, l.gamma.Value.Data, l.beta.Value.Data, rows, len(l.gamma.Value.Data), l.eps)
	return y
}

// BatchNorm normalises each column to mean 0 and variance 1, then scales and shifts it by what is
// learnt: gamma, ones, and beta, zeros. In training mean and variance are those of the batch; predicting
// they are running ones, which each step moves by 1-Momentum towards the batch's. They are states of
// the network, saved with its weights.
type BatchNorm struct {
	Momentum float64 `json:"momentum,omitempty"` // default 0.99, as in Keras
	Epsilon  float64 `json:"epsilon,omitempty"`  // default 1e-3, as in Keras

	gamma, beta *autograd.Parameter
	moments     autograd.Moments
	eps         float32
}

// Build declares gamma, beta and the running moments.
func (n *BatchNorm) Build(b *Builder, inputs int) (int, error) {
	var err error
	if n.eps, err = epsilon(n.Epsilon); err != nil {
		return 0, err
	}
	momentum := n.Momentum
	if momentum == 0 {
		momentum = 0.99
	}
	if !(momentum > 0 && momentum < 1) {
		return 0, &ConfigError{Field: "momentum", Value: momentum, Reason: "must be above 0 and below 1"}
	}
	n.gamma, n.beta = b.Parameter("gamma", Ones, inputs), b.Parameter("beta", Zeros, inputs)
	n.moments = autograd.Moments{
		Mean: b.State("mean", Zeros, inputs), Variance: b.State("variance", Ones, inputs), Momentum: float32(momentum),
	}
	return inputs, nil
}

// Record appends one operation.
func (n *BatchNorm) Record(r *Recording, x *autograd.Node) *autograd.Node {
	return r.BatchNorm(x, r.Use(n.gamma), r.Use(n.beta), n.moments, n.eps, r.Training)
}

// Predict computes the layer by the running moments.
func (n *BatchNorm) Predict(s *Scratch, x []float32, rows int) []float32 {
	columns := len(n.gamma.Value.Data)
	y, slope := s.Take(len(x)), s.Take(columns)
	kernel.InverseRoot(slope, n.moments.Variance.Data, n.eps)
	kernel.BatchNorm(y, nil, x, n.moments.Mean.Data, slope, n.gamma.Value.Data, n.beta.Value.Data, rows, columns)
	return y
}
