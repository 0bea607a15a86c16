package nn

import (
	"fmt"
	"math"

	"lathe/internal/autograd"
	"lathe/internal/tensor"
)

// Stream numbers of a seed. Package learn draws its own from 16 up.
const (
	streamInit    = 0
	streamDropout = 1
)

// Initializer fills a new parameter of the given shape from its own random source.
type Initializer func(values []float32, shape tensor.Shape, source tensor.Random)

// GlorotUniform draws from U(-limit, limit) with limit = sqrt(6 / (inputs + outputs)) for a weight
// [inputs outputs]. Source: Glorot and Bengio 2010; Keras's default for dense kernels.
func GlorotUniform(values []float32, shape tensor.Shape, source tensor.Random) {
	limit := float32(math.Sqrt(6 / float64(shape.Rows()+shape.Columns())))
	for i := range values {
		values[i] = float32(2*source.Uniform(uint64(i))*limit) - limit
	}
}

// Zeros leaves zeros, Keras's default for biases.
func Zeros([]float32, tensor.Shape, tensor.Random) {}

// Builder collects the parameters that layers declare, so that all weights lie in one allocation.
type Builder struct {
	arena  tensor.Arena
	params []*autograd.Parameter
	inits  []Initializer
	kind   string // the layer being built, such as "dense"
	index  int    // and its number among those of its kind
	size   int
}

// Parameter declares a parameter called KIND_INDEX.name, such as dense_0.weight. Its values are
// there once the network is built.
func (b *Builder) Parameter(name string, init Initializer, shape ...int) *autograd.Parameter {
	p := &autograd.Parameter{Name: fmt.Sprintf("%s_%d.%s", b.kind, b.index, name), Value: b.arena.New(shape...)}
	b.params, b.inits = append(b.params, p), append(b.inits, init)
	b.size += p.Value.Shape.Size()
	return p
}

// finish allocates the weights and fills them. Parameter i draws from a stream of its own, so that
// its values do not depend on the others' sizes.
func (b *Builder) finish(seed uint64) {
	b.arena.Commit()
	source := tensor.NewRandom(seed, streamInit)
	for i, p := range b.params {
		b.inits[i](p.Value.Data, p.Value.Shape, source.Derive(uint64(i)))
	}
}
