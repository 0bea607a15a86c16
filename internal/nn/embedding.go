package nn

import (
	"slices"

	"lathe/internal/autograd"
	"lathe/internal/kernel"
)

// Embedding replaces whole numbers by rows of a table that is learnt: [Vocabulary Dim], U(-Spread,
// Spread). A number that is none of 0 to Vocabulary-1, like NaN, counts as 0.
//
// Of tables, Columns names the columns of ids; the result has the other columns in their order and
// then the embeddings. Without Columns all columns are ids. In a Sequence a row of T ids becomes T
// rows of Dim values; ids of 0 at its end are padding, which attention and pooling pass over.
type Embedding struct {
	Vocabulary int     `json:"vocabulary"`
	Dim        int     `json:"dim"`
	Columns    []int   `json:"columns,omitempty"`
	Sequence   bool    `json:"sequence,omitempty"`
	Spread     float64 `json:"spread,omitempty"` // default 0.05, as in Keras

	table  *autograd.Parameter
	inputs int
	others []int // the columns that are not ids
}

// maxVocabulary is where float32 stops to hold every whole number.
const maxVocabulary = 1 << 24

// Build declares the table.
func (e *Embedding) Build(b *Builder, inputs int) (int, error) {
	if err := e.check(inputs); err != nil {
		return 0, err
	}
	spread := e.Spread
	if spread == 0 {
		spread = 0.05
	}
	e.inputs, e.table = inputs, b.Parameter("weight", Uniform(spread), e.Vocabulary, e.Dim)
	if e.Sequence {
		if b.Length() > 0 {
			return 0, &ConfigError{Field: "embedding sequence", Value: true, Reason: "is within a sequence already"}
		}
		b.SetLength(inputs)
		return e.Dim, nil
	}
	e.others = without(inputs, e.Columns)
	width := len(e.others) + (inputs-len(e.others))*e.Dim
	if width > maxWidth {
		return 0, &ConfigError{Field: "embedding outputs", Value: width, Reason: "are more than 65536"}
	}
	return width, nil
}

func (e *Embedding) check(inputs int) error {
	switch {
	case e.Vocabulary < 1 || e.Vocabulary > maxVocabulary:
		return &ConfigError{Field: "embedding vocabulary", Value: e.Vocabulary, Reason: "must be from 1 to 16777216"}
	case e.Dim < 1 || e.Dim > maxWidth:
		return &ConfigError{Field: "embedding dim", Value: e.Dim, Reason: "must be from 1 to 65536"}
	case !(e.Spread >= 0 && e.Spread <= 1e6):
		return &ConfigError{Field: "embedding spread", Value: e.Spread, Reason: "must be from 0 to 1e6"}
	case e.Columns != nil && len(e.Columns) == 0:
		return &ConfigError{Field: "embedding columns", Value: e.Columns, Reason: "are none; leave them out for all"}
	case e.Sequence && e.Columns != nil:
		return &ConfigError{Field: "embedding columns", Value: e.Columns, Reason: "are all columns of a sequence"}
	}
	last := -1
	for _, c := range e.Columns {
		if c <= last || c >= inputs {
			return &ConfigError{Field: "embedding columns", Value: e.Columns, Reason: "must ascend and be below the inputs"}
		}
		last = c
	}
	return checkMatrix(e.Vocabulary, e.Dim)
}

// without returns the columns that are not among those, none where columns is nil, which means all.
func without(inputs int, columns []int) (others []int) {
	for c := range inputs {
		if _, found := slices.BinarySearch(columns, c); columns != nil && !found {
			others = append(others, c)
		}
	}
	return others
}

// Record appends the lookup.
func (e *Embedding) Record(r *Recording, x *autograd.Node) *autograd.Node {
	if e.Sequence {
		r.Lengths = r.Tape.Lengths(x)
		return r.Embedding(r.Use(e.table), x, nil, true)
	}
	y := r.Embedding(r.Use(e.table), x, e.Columns, false)
	if len(e.others) == 0 {
		return y
	}
	return r.Concat(r.Columns(x, e.others), y)
}

// Predict looks up.
func (e *Embedding) Predict(s *Scratch, x []float32, rows int) []float32 {
	ids := e.inputs - len(e.others)
	index := s.TakeInts(rows * ids)
	autograd.Indices(index, x, e.inputs, e.Columns, e.Vocabulary)
	y := s.Take(rows * ids * e.Dim)
	kernel.Gather(y, e.table.Value.Data, index, e.Dim)
	if e.Sequence {
		s.lengths = s.Take(rows)
		autograd.Lengths(s.lengths, x)
	}
	if len(e.others) == 0 {
		return y
	}
	width := len(e.others) + ids*e.Dim
	all, plain := s.Take(rows*width), s.Take(rows*len(e.others))
	autograd.Choose(plain, x, e.inputs, e.others)
	autograd.Place(all, width, 0, plain, len(e.others))
	autograd.Place(all, width, len(e.others), y, ids*e.Dim)
	return all
}
