package nn

import (
	"fmt"
	"strings"

	"lathe/internal/autograd"
	"lathe/internal/tensor"
)

// Limits of a network's description, which may come from a file.
const (
	maxLayers  = 1 << 12
	maxNesting = 8 // residuals within residuals
)

// Builder collects the parameters that layers declare, so that all weights lie in one allocation.
type Builder struct {
	arena   tensor.Arena
	params  []*autograd.Parameter // what is learnt
	inits   []Initializer
	states  []*autograd.Parameter // what layers keep beside that; without gradients
	begins  []Initializer
	seen    map[string]int // how many layers there are of a kind
	kind    string         // the layer being built, such as "dense"
	index   int            // and its number among those of its kind
	size    int            // of params and states
	length  int            // rows of a sequence; 0 where rows are not in sequences
	longest int
	layers  int
	depth   int
}

// Parameter declares a parameter called KIND_INDEX.name, such as dense_0.weight. Its values are
// there once the network is built.
func (b *Builder) Parameter(name string, init Initializer, shape ...int) *autograd.Parameter {
	p := b.declare(name, shape)
	b.params, b.inits = append(b.params, p), append(b.inits, init)
	return p
}

// State declares values that a layer keeps without learning them, such as running means; they are
// saved with the weights.
func (b *Builder) State(name string, init Initializer, shape ...int) *tensor.Tensor {
	p := b.declare(name, shape)
	b.states, b.begins = append(b.states, p), append(b.begins, init)
	return p.Value
}

func (b *Builder) declare(name string, shape []int) *autograd.Parameter {
	p := &autograd.Parameter{Name: fmt.Sprintf("%s_%d.%s", b.kind, b.index, name), Value: b.arena.New(shape...)}
	b.size += p.Value.Shape.Size()
	return p
}

// Length is how many rows a sequence has at this layer, or 0 where rows are not in sequences.
func (b *Builder) Length() int { return b.length }

// SetLength says that from the next layer on rows are in sequences of that length, or, with 0, not.
func (b *Builder) SetLength(length int) { b.length, b.longest = length, max(b.longest, length) }

// add builds a layer, which may be within another.
func (b *Builder) add(layer Layer, inputs int) (outputs int, err error) {
	kind, index := b.kind, b.index
	defer func() { b.kind, b.index = kind, index }()
	b.kind = kindOf(layer)
	b.index = b.seen[b.kind]
	b.seen[b.kind]++
	if b.layers++; b.layers > maxLayers {
		return 0, &ConfigError{Field: "layers", Value: b.layers, Reason: fmt.Sprintf("are more than %d", maxLayers)}
	}
	if outputs, err = layer.Build(b, inputs); err != nil {
		return 0, err
	}
	if b.size > maxParameters {
		return 0, &ConfigError{Field: "parameters", Value: b.size, Reason: fmt.Sprintf("are more than %d", maxParameters)}
	}
	return outputs, nil
}

// kindOf is the layer's type name in lower case, without its package: dense for *nn.Dense.
func kindOf(layer Layer) string {
	name := fmt.Sprintf("%T", layer)
	return strings.ToLower(name[strings.LastIndexByte(name, '.')+1:])
}

// finish allocates the weights and fills them. Parameter i draws from a stream of its own, so that
// its values do not depend on the others' sizes.
func (b *Builder) finish(seed uint64) {
	b.arena.Commit()
	source := tensor.NewRandom(seed, streamInit)
	for i, p := range b.params {
		b.inits[i](p.Value.Data, p.Value.Shape, source.Derive(uint64(i)))
	}
	for i, p := range b.states {
		b.begins[i](p.Value.Data, p.Value.Shape, source)
	}
}
