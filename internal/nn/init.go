package nn

import (
	"math"

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

// Ones sets ones.
func Ones(values []float32, _ tensor.Shape, _ tensor.Random) {
	for i := range values {
		values[i] = 1
	}
}

// Uniform draws from U(-limit, limit).
func Uniform(limit float64) Initializer {
	return func(values []float32, _ tensor.Shape, source tensor.Random) {
		for i := range values {
			values[i] = float32(2*source.Uniform(uint64(i))*float32(limit)) - float32(limit)
		}
	}
}
