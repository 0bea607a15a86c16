package nn

import (
	"lathe/internal/autograd"
	"lathe/internal/kernel"
)

// Residual is x + f(x), f being its layers in sequence, which must keep the width.
// Source: He et al. 2016, arXiv:1512.03385.
type Residual struct {
	Layers []Layer `json:"-"`

	widths []int
}

// Build builds the layers.
func (r *Residual) Build(b *Builder, inputs int) (int, error) {
	if b.depth >= maxNesting {
		return 0, &ConfigError{Field: "residual", Value: b.depth + 1, Reason: "is too deep"}
	}
	b.depth++
	defer func() { b.depth-- }()
	width, length := inputs, b.Length()
	r.widths = nil
	for _, layer := range r.Layers {
		r.widths = append(r.widths, width)
		var err error
		if width, err = b.add(layer, width); err != nil {
			return 0, err
		}
	}
	if width != inputs || b.Length() != length {
		return 0, &ConfigError{Field: "residual outputs", Value: width, Reason: "must be as many as its inputs"}
	}
	return inputs, nil
}

// Record appends the layers and the sum.
func (r *Residual) Record(on *Recording, x *autograd.Node) *autograd.Node {
	y := x
	for _, layer := range r.Layers {
		y = layer.Record(on, y)
	}
	return on.Add(x, y)
}

// Predict computes the layers and the sum.
func (r *Residual) Predict(s *Scratch, x []float32, _ int) []float32 {
	y := x
	for i, layer := range r.Layers {
		y = layer.Predict(s, y, len(y)/r.widths[i])
	}
	sum := s.Take(len(x))
	kernel.Add(sum, x, y)
	return sum
}
