package nn

import (
	"fmt"
	"strings"
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
	loss            Loss
	config          *MLP // what it was made from, when it was
	params          []*autograd.Parameter
	pool            sync.Pool // of *Scratch
}

// New builds a network of rows of inputs values. The last layer gives logits: the link to
// probabilities belongs to the loss. The weights depend on seed alone. It returns *ConfigError.
func New(inputs int, loss Loss, seed uint64, layers ...Layer) (*Network, error) {
	if inputs < 1 || inputs > maxWidth {
		return nil, &ConfigError{Field: "inputs", Value: inputs, Reason: "must be from 1 to 65536"}
	}
	n := &Network{inputs: inputs, outputs: inputs, layers: layers, loss: loss}
	if err := loss.check(); err != nil {
		return nil, err
	}
	if err := n.build(seed); err != nil {
		return nil, err
	}
	n.pool.New = func() any { return new(Scratch) }
	return n, nil
}

func (n *Network) build(seed uint64) error {
	b, seen := &Builder{}, map[string]int{}
	for _, layer := range n.layers {
		b.kind = kindOf(layer)
		b.index = seen[b.kind]
		seen[b.kind]++
		outputs, err := layer.Build(b, n.outputs)
		if err != nil {
			return err
		}
		if b.size > maxParameters {
			return &ConfigError{Field: "parameters", Value: b.size, Reason: fmt.Sprintf("are more than %d", maxParameters)}
		}
		n.outputs = outputs
	}
	b.finish(seed)
	n.params = b.params
	return nil
}

// kindOf is the layer's type name in lower case, without its package: dense for *nn.Dense.
func kindOf(layer Layer) string {
	name := fmt.Sprintf("%T", layer)
	return strings.ToLower(name[strings.LastIndexByte(name, '.')+1:])
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
