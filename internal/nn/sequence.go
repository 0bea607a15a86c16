package nn

import "lathe/internal/autograd"

// Position adds a learnt vector to each row of a sequence, by its place: [T C], U(-0.05, 0.05).
type Position struct {
	table *autograd.Parameter
}

// Build declares the vectors.
func (p *Position) Build(b *Builder, inputs int) (int, error) {
	if err := needsSequence(b); err != nil {
		return 0, err
	}
	if err := checkMatrix(b.Length(), inputs); err != nil {
		return 0, err
	}
	p.table = b.Parameter("weight", Uniform(0.05), b.Length(), inputs)
	return inputs, nil
}

func needsSequence(b *Builder) error {
	if b.Length() == 0 {
		return &ConfigError{Field: b.kind, Value: b.index, Reason: "needs an embedding with sequence before it"}
	}
	return nil
}

// Record appends the sum.
func (p *Position) Record(r *Recording, x *autograd.Node) *autograd.Node {
	return r.AddTiled(x, r.Use(p.table))
}

// Predict computes the sum.
func (p *Position) Predict(s *Scratch, x []float32, _ int) []float32 {
	y := s.Take(len(x))
	autograd.AddTiled(y, x, p.table.Value.Data)
	return y
}

// MeanPool turns each sequence into one row, the mean of its rows without the padding.
type MeanPool struct {
	length, inputs int
}

// Build ends the sequences.
func (m *MeanPool) Build(b *Builder, inputs int) (int, error) {
	m.length, m.inputs = b.Length(), inputs
	if err := needsSequence(b); err != nil {
		return 0, err
	}
	b.SetLength(0)
	return inputs, nil
}

// Record appends the mean.
func (m *MeanPool) Record(r *Recording, x *autograd.Node) *autograd.Node {
	return r.MeanPool(x, r.Lengths, m.length)
}

// Predict computes the mean.
func (m *MeanPool) Predict(s *Scratch, x []float32, rows int) []float32 {
	y := s.Take(rows / m.length * m.inputs)
	autograd.MeanPool(y, x, s.lengths, m.length, m.inputs)
	return y
}
