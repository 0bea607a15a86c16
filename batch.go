package lathe

import "fmt"

// Kind is how a column's values are stored.
type Kind uint8

// The kinds of a column.
const (
	Float64 Kind = iota
	Int64
	Bool
	String
)

var kindNames = [...]string{"float64", "int64", "bool", "string"}

// String names the kind as JSON does.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// MarshalText writes the kind's name.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads the kind's name.
func (k *Kind) UnmarshalText(text []byte) error {
	for i, name := range kindNames {
		if name == string(text) {
			*k = Kind(i)
			return nil
		}
	}
	return Errorf(CodeInvalid, "lathe: kind %q is none of float64, int64, bool, string", text)
}

// Column is one named column of a Batch. Just the slice of its kind is set, with one value a row; a missing row holds
// the zero value there. Missing is nil where no row is missing.
type Column struct {
	Name    string
	Kind    Kind
	Floats  []float64
	Ints    []int64
	Bools   []bool
	Strings []string
	Missing []bool
}

// Batch is the only thing that crosses between platform and engine: named columns of equal length. A Batch is not
// changed after it was handed over; slices may be shared. Numbers stay float64 here and are rounded once to float32
// after scaling, so that every path to a model gives the same bits.
type Batch struct {
	Rows    int
	Columns []Column
}

// Len gives the number of rows that the column holds.
func (c *Column) Len() int {
	switch c.Kind {
	case Float64:
		return len(c.Floats)
	case Int64:
		return len(c.Ints)
	case Bool:
		return len(c.Bools)
	default:
		return len(c.Strings)
	}
}

// IsMissing tells whether row i has no value.
func (c *Column) IsMissing(i int) bool { return c.Missing != nil && c.Missing[i] }

// SetMissing marks row i as missing, making the mask on first use.
func (c *Column) SetMissing(i int) {
	if c.Missing == nil {
		c.Missing = make([]bool, c.Len())
	}
	c.Missing[i] = true
}

// NewColumn makes a column of n zero values.
func NewColumn(name string, kind Kind, n int) Column {
	c := Column{Name: name, Kind: kind}
	switch kind {
	case Float64:
		c.Floats = make([]float64, n)
	case Int64:
		c.Ints = make([]int64, n)
	case Bool:
		c.Bools = make([]bool, n)
	default:
		c.Strings = make([]string, n)
	}
	return c
}

// Column finds a column by name, or nil.
func (b *Batch) Column(name string) *Column {
	for i := range b.Columns {
		if b.Columns[i].Name == name {
			return &b.Columns[i]
		}
	}
	return nil
}

// Slice gives rows [from, to) as a Batch that shares its values with b. It panics when the range is outside.
func (b *Batch) Slice(from, to int) *Batch {
	out := &Batch{Rows: to - from, Columns: make([]Column, len(b.Columns))}
	for i, c := range b.Columns {
		out.Columns[i] = c.slice(from, to)
	}
	return out
}

func (c Column) slice(from, to int) Column {
	switch c.Kind {
	case Float64:
		c.Floats = c.Floats[from:to]
	case Int64:
		c.Ints = c.Ints[from:to]
	case Bool:
		c.Bools = c.Bools[from:to]
	default:
		c.Strings = c.Strings[from:to]
	}
	if c.Missing != nil {
		c.Missing = c.Missing[from:to]
	}
	return c
}

// Take copies the rows that index lists, in its order. It panics when an index is outside.
func (b *Batch) Take(index []int) *Batch {
	out := &Batch{Rows: len(index), Columns: make([]Column, len(b.Columns))}
	for i := range b.Columns {
		out.Columns[i] = b.Columns[i].take(index)
	}
	return out
}

func (c *Column) take(index []int) Column {
	out := NewColumn(c.Name, c.Kind, len(index))
	for to, from := range index {
		switch c.Kind {
		case Float64:
			out.Floats[to] = c.Floats[from]
		case Int64:
			out.Ints[to] = c.Ints[from]
		case Bool:
			out.Bools[to] = c.Bools[from]
		default:
			out.Strings[to] = c.Strings[from]
		}
		if c.IsMissing(from) {
			out.SetMissing(to)
		}
	}
	return out
}

// Check reports a Batch whose columns disagree in length, or share a name, as a CodeInvalid error.
func (b *Batch) Check() error {
	seen := make(map[string]bool, len(b.Columns))
	for i := range b.Columns {
		c := &b.Columns[i]
		if seen[c.Name] {
			return Errorf(CodeInvalid, "lathe: batch: column %s appears twice", quoteShort(c.Name)).WithField(c.Name)
		}
		seen[c.Name] = true
		if c.Len() != b.Rows || (c.Missing != nil && len(c.Missing) != b.Rows) {
			return Errorf(CodeInvalid, "lathe: batch: column %s has %d values for %d rows", quoteShort(c.Name), c.Len(), b.Rows).WithField(c.Name)
		}
	}
	return nil
}
