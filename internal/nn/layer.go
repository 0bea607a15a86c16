// Package nn builds networks from layers: their parameters, the tape they are trained on, and a
// prediction path that needs no tape.
//
// A Network may be predicted with from many goroutines at once, as long as nobody trains it. The
// same row gives the same bits whatever other rows are predicted with it.
package nn

import (
	"lathe/internal/autograd"
	"lathe/internal/kernel"
	"lathe/internal/tensor"
)

// Layer is one step of a network. A layer belongs to one network.
type Layer interface {
	// Build declares the layer's parameters for rows of inputs values and returns how many values
	// a row of its output has.
	Build(b *Builder, inputs int) (outputs int, err error)
	// Record appends the layer to a tape: x is [N inputs], the result [N outputs].
	Record(r *Recording, x *autograd.Node) *autograd.Node
	// Predict returns the layer's output for rows of x, in memory taken from s, or x itself where
	// nothing changes. It must not write to x and may run in several goroutines at once.
	Predict(s *Scratch, x []float32, rows int) []float32
}

// Recording is what layers are recorded on.
type Recording struct {
	*autograd.Tape
	Training bool           // dropout is on
	Random   tensor.Random  // layers derive their own source from it
	Lengths  *autograd.Node // [N], of the sequences, once an embedding has counted them; else nil
}

// Dense is act(x W + b): W is [inputs Outputs], Glorot-uniform; b is [Outputs], zero; as in Keras.
type Dense struct {
	Outputs    int        `json:"outputs"`
	Activation Activation `json:"activation,omitempty"`

	weight, bias *autograd.Parameter
	act          kernel.Activation
}

// Build declares weight and bias.
func (d *Dense) Build(b *Builder, inputs int) (int, error) {
	act, err := d.Activation.kernel()
	if err != nil {
		return 0, err
	}
	if d.Outputs < 1 || d.Outputs > maxWidth {
		return 0, &ConfigError{Field: "dense outputs", Value: d.Outputs, Reason: "must be from 1 to 65536"}
	}
	if err := checkMatrix(inputs, d.Outputs); err != nil {
		return 0, err
	}
	d.act = act
	d.weight = b.Parameter("weight", GlorotUniform, inputs, d.Outputs)
	d.bias = b.Parameter("bias", Zeros, d.Outputs)
	return d.Outputs, nil
}

// checkMatrix refuses weights that are too many for one layer; both extents are positive.
func checkMatrix(rows, columns int) error {
	if rows > maxParameters/columns {
		return &ConfigError{Field: "parameters", Value: float64(rows) * float64(columns), Reason: "are too many for one layer"}
	}
	return nil
}

// Record appends one fused operation.
func (d *Dense) Record(r *Recording, x *autograd.Node) *autograd.Node {
	return r.Dense(x, r.Use(d.weight), r.Use(d.bias), d.act)
}

// Predict computes the layer.
func (d *Dense) Predict(s *Scratch, x []float32, rows int) []float32 {
	y := s.Take(rows * d.Outputs)
	kernel.Dense(y, x, d.weight.Value.Data, d.bias.Value.Data, rows, d.weight.Value.Shape[0], d.Outputs, d.act)
	return y
}

// Dropout zeroes each value with probability Rate in training and scales the others by 1/(1-Rate).
// Predicting, it does nothing.
type Dropout struct {
	Rate float64 `json:"rate"`

	index uint64
}

// Build notes which layer this is, so that each dropout draws its own random numbers.
func (d *Dropout) Build(b *Builder, inputs int) (int, error) {
	d.index = uint64(b.index)
	return inputs, d.check()
}

func (d *Dropout) check() error {
	if !(d.Rate >= 0 && d.Rate < 1) {
		return &ConfigError{Field: "dropout", Value: d.Rate, Reason: "must be at least 0 and below 1"}
	}
	return nil
}

// Record appends the dropout when training.
func (d *Dropout) Record(r *Recording, x *autograd.Node) *autograd.Node {
	if !r.Training || d.Rate == 0 {
		return x
	}
	return r.Dropout(x, d.Rate, r.Random.Derive(d.index))
}

// Predict returns x.
func (d *Dropout) Predict(_ *Scratch, x []float32, _ int) []float32 { return x }
