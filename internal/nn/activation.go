package nn

import (
	"lathe/internal/autograd"
	"lathe/internal/kernel"
)

// Activation names an element-wise function as Keras spells it. The empty name is linear.
type Activation string

// The activations.
const (
	Linear  Activation = "linear"
	ReLU    Activation = "relu"
	Sigmoid Activation = "sigmoid"
	Tanh    Activation = "tanh"
)

// kernel returns the kernels' number for the activation, or *ConfigError.
func (a Activation) kernel() (kernel.Activation, error) {
	switch a {
	case "", Linear:
		return kernel.ActNone, nil
	case ReLU:
		return kernel.ActReLU, nil
	case Sigmoid:
		return kernel.ActSigmoid, nil
	case Tanh:
		return kernel.ActTanh, nil
	}
	return 0, &ConfigError{Field: "activation", Value: string(a), Reason: "must be linear, relu, sigmoid or tanh"}
}

// Build checks the name: an activation by itself is a layer without parameters.
func (a Activation) Build(_ *Builder, inputs int) (int, error) {
	_, err := a.kernel()
	return inputs, err
}

// Record appends the function.
func (a Activation) Record(r *Recording, x *autograd.Node) *autograd.Node {
	switch a {
	case ReLU:
		return r.ReLU(x)
	case Sigmoid:
		return r.Sigmoid(x)
	case Tanh:
		return r.Tanh(x)
	}
	return x
}

// Predict computes the function.
func (a Activation) Predict(s *Scratch, x []float32, _ int) []float32 {
	if a == "" || a == Linear {
		return x
	}
	y := s.Take(len(x))
	switch a {
	case ReLU:
		kernel.ReLU(y, x)
	case Sigmoid:
		kernel.Sigmoid(y, x)
	case Tanh:
		kernel.Tanh(y, x)
	}
	return y
}
