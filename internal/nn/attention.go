package nn

import (
	"lathe/internal/autograd"
	"lathe/internal/kernel"
)

// MultiHeadAttention lets each row of a sequence look at the others: queries, keys and values are
// dense layers of Heads times Size values, what each head attends to is joined, and a dense layer
// brings it back to the width of the input. Padding at the end of a sequence is not seen.
// Source: Vaswani et al. 2017, arXiv:1706.03762, section 3.2.2; weights as in Keras, heads side by side.
type MultiHeadAttention struct {
	Heads  int  `json:"heads"`
	Size   int  `json:"size,omitempty"`   // of a head; default: the inputs divided by Heads
	Causal bool `json:"causal,omitempty"` // a row sees only itself and those before it

	query, key, value, output projection
	attention                 autograd.Attention
}

// projection is a dense layer within another layer.
type projection struct{ weight, bias *autograd.Parameter }

func (p *projection) build(b *Builder, name string, inputs, outputs int) {
	p.weight = b.Parameter(name+"_weight", GlorotUniform, inputs, outputs)
	p.bias = b.Parameter(name+"_bias", Zeros, outputs)
}

func (p *projection) record(r *Recording, x *autograd.Node) *autograd.Node {
	return r.Dense(x, r.Use(p.weight), r.Use(p.bias), kernel.ActNone)
}

func (p *projection) predict(s *Scratch, x []float32, rows int) []float32 {
	shape := p.weight.Value.Shape
	y := s.Take(rows * shape[1])
	kernel.Dense(y, x, p.weight.Value.Data, p.bias.Value.Data, rows, shape[0], shape[1], kernel.ActNone)
	return y
}

// Build declares the four projections.
func (m *MultiHeadAttention) Build(b *Builder, inputs int) (int, error) {
	if err := needsSequence(b); err != nil {
		return 0, err
	}
	if m.Heads < 1 || m.Heads > maxWidth {
		return 0, &ConfigError{Field: "attention heads", Value: m.Heads, Reason: "must be from 1 to 65536"}
	}
	size := m.Size
	if size == 0 && inputs%m.Heads == 0 {
		size = inputs / m.Heads
	}
	if size < 1 || size > maxWidth/m.Heads {
		return 0, &ConfigError{Field: "attention size", Value: size, Reason: "times heads must be from 1 to 65536, and is the inputs divided by heads by default"}
	}
	if err := checkMatrix(inputs, m.Heads*size); err != nil {
		return 0, err
	}
	m.query.build(b, "query", inputs, m.Heads*size)
	m.key.build(b, "key", inputs, m.Heads*size)
	m.value.build(b, "value", inputs, m.Heads*size)
	m.output.build(b, "output", m.Heads*size, inputs)
	m.attention = autograd.Attention{Heads: m.Heads, Length: b.Length(), Keys: b.Length(), Causal: m.Causal}
	return inputs, nil
}

// Record appends the projections and the attention.
func (m *MultiHeadAttention) Record(r *Recording, x *autograd.Node) *autograd.Node {
	y := r.Attend(m.query.record(r, x), m.key.record(r, x), m.value.record(r, x), r.Lengths, m.attention)
	return m.output.record(r, y)
}

// Predict computes the layer.
func (m *MultiHeadAttention) Predict(s *Scratch, x []float32, rows int) []float32 {
	q, k, v := m.query.predict(s, x, rows), m.key.predict(s, x, rows), m.value.predict(s, x, rows)
	y, chances := s.Take(len(v)), s.Take(rows*m.Heads*m.attention.Keys)
	limits := s.TakeInts(rows * m.Heads)
	m.attention.Limit(limits, s.lengths)
	m.attention.Compute(nil, y, q, k, v, limits, chances)
	return m.output.predict(s, y, rows)
}
