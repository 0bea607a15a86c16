package nn

import (
	"fmt"
	"slices"
	"sync"

	"lathe/internal/autograd"
	"lathe/internal/tensor"
)

const (
	maxWidth      = 1 << 16 // values in a row between layers
	maxParameters = 1 << 28 // 1 GiB of weights, far above what a table needs
)

// ConfigError says which setting of a network cannot be.
type ConfigError struct {
	Field  string
	Value  any
	Reason string
}

// Error names the field, its value and the reason.
func (e *ConfigError) Error() string { return fmt.Sprintf("nn: %s %v %s", e.Field, e.Value, e.Reason) }

// Network is layers in sequence that end in logits, and the loss that says what the logits mean.
type Network struct {
	inputs, outputs int
	layers          []Layer
	widths          []int // values in a row of each layer's input
	chunk           int   // rows predicted at a time
	loss            Loss
	config          *MLP // what it was made from, when it was
	params, states  []*autograd.Parameter
	pool            sync.Pool // of *Scratch
}

// New builds a network of rows of inputs values. The last layer gives logits: the link to
// probabilities belongs to the loss. The weights depend on seed alone. It returns *ConfigError.
func New(inputs int, loss Loss, seed uint64, layers ...Layer) (*Network, error) {
	n, b, err := declare(inputs, loss, layers)
	if err != nil {
		return nil, err
	}
	b.finish(seed)
	return n, nil
}

// declare builds a network whose weights are not allocated yet.
func declare(inputs int, loss Loss, layers []Layer) (*Network, *Builder, error) {
	if inputs < 1 || inputs > maxWidth {
		return nil, nil, &ConfigError{Field: "inputs", Value: inputs, Reason: "must be from 1 to 65536"}
	}
	n := &Network{inputs: inputs, outputs: inputs, layers: layers, loss: loss}
	if err := loss.check(); err != nil {
		return nil, nil, err
	}
	b := &Builder{seen: map[string]int{}}
	for _, layer := range layers {
		n.widths = append(n.widths, n.outputs)
		outputs, err := b.add(layer, n.outputs)
		if err != nil {
			return nil, nil, err
		}
		n.outputs = outputs
	}
	if b.length > 0 {
		return nil, nil, &ConfigError{Field: "length", Value: b.length, Reason: "of sequences is left at the end: the last layers must pool them"}
	}
	n.params, n.states, n.chunk = b.params, b.states, max(1, chunk/max(b.longest, 1))
	n.pool.New = func() any { return new(Scratch) }
	return n, b, nil
}

// Inputs is the number of values in a row of x.
func (n *Network) Inputs() int { return n.inputs }

// Outputs is the number of values in a row of predictions.
func (n *Network) Outputs() int { return n.outputs }

// Loss is the loss the network is made for.
func (n *Network) Loss() Loss { return n.loss }

// Config is what NewMLP made the network from, or false.
func (n *Network) Config() (MLP, bool) {
	if n.config == nil {
		return MLP{}, false
	}
	return *n.config, true
}

// Parameters are the weights in the order of the layers. Their values are live.
func (n *Network) Parameters() []*autograd.Parameter { return n.params }

// States are what layers keep without learning it, such as running means, as parameters without
// gradients. Their values are live. They are part of Tensors, SetTensors and Digest.
func (n *Network) States() []*autograd.Parameter { return n.states }

// all are the parameters and then the states.
func (n *Network) all() []*autograd.Parameter {
	return append(slices.Clip(n.params), n.states...)
}

// Size is the number of weights.
func (n *Network) Size() (size int) {
	for _, p := range n.params {
		size += len(p.Value.Data)
	}
	return size
}

// allocateGradients gives each parameter its gradient, which prediction does without.
func (n *Network) allocateGradients() {
	var arena tensor.Arena
	for _, p := range n.params {
		if p.Grad == nil {
			p.Grad = arena.New(p.Value.Shape...)
		}
	}
	arena.Commit()
}
