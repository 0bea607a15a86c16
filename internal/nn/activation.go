package nn

import (
	"lathe/internal/autograd"
	"lathe/internal/kernel"
)

// Activation names an element-wise function as Keras spells it. The empty name is linear.
type Activation string

// The activations. GELU is the exact one, with erf; GELUTanh is its approximation.
const (
	Linear   Activation = "linear"
	ReLU     Activation = "relu"
	Sigmoid  Activation = "sigmoid"
	Tanh     Activation = "tanh"
	SELU     Activation = "selu"
	GELU     Activation = "gelu"
	GELUTanh Activation = "gelu_tanh"
	SiLU     Activation = "silu"
	Mish     Activation = "mish"
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
	case SELU:
		return kernel.ActSELU, nil
	case GELU:
		return kernel.ActGELU, nil
	case GELUTanh:
		return kernel.ActGELUTanh, nil
	case SiLU:
		return kernel.ActSiLU, nil
	case Mish:
		return kernel.ActMish, nil
	}
	return 0, &ConfigError{
		Field: "activation", Value: string(a),
		Reason: "must be linear, relu, sigmoid, tanh, selu, gelu, gelu_tanh, silu or mish",
	}
}

// Build checks the name: an activation by itself is a layer without parameters.
func (a Activation) Build(_ *Builder, inputs int) (int, error) {
	_, err := a.kernel()
	return inputs, err
}

// Record appends the function.
func (a Activation) Record(r *Recording, x *autograd.Node) *autograd.Node {
	if act, err := a.kernel(); err == nil && act != kernel.ActNone { // Build has checked the name
		return r.Activate(x, act)
	}
	return x
}

// Predict computes the function.
func (a Activation) Predict(s *Scratch, x []float32, _ int) []float32 {
	act, err := a.kernel()
	if err != nil || act == kernel.ActNone {
		return x
	}
	y := s.Take(len(x))
	kernel.Activate(y, x, act)
	return y
}
