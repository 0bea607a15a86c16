// Package row turns the rows of any protocol into a lathe.Batch that fits a model's signature, asks the model, and turns
// its answer into JSON.
//
// It is what the protocol packages of internal/server share, and knows no protocol and no route. Nothing in it uses
// reflection: a prediction of one row should cost little more than the model's own work. A value is refused with its row
// and its field; nothing is guessed.
package row

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"lathe"
)

// MaxRows is how many rows one request may hold; longer tables go through the streaming route of the platform's API.
const MaxRows = 100_000

// Builder collects values by column. Each column grows by itself; EndRow and Batch hold them together.
type Builder struct {
	inputs  []lathe.Input
	columns []lathe.Column
	filled  []int // values in each column
	rows    int
	room    int // rows to make room for when a column grows
}

// NewBuilder makes a builder for a signature.
func NewBuilder(inputs []lathe.Input) *Builder {
	b := &Builder{inputs: inputs, columns: make([]lathe.Column, len(inputs)), filled: make([]int, len(inputs)), room: 1}
	floats := make([]float64, len(inputs))
	for i, in := range inputs {
		b.columns[i] = lathe.Column{Name: in.Name, Kind: in.Kind}
		if in.Kind == lathe.Float64 {
			b.columns[i].Floats = floats[i : i : i+1] // one row, the usual request, costs one allocation for all columns
		}
	}
	return b
}

// Inputs is the signature.
func (b *Builder) Inputs() []lathe.Input { return b.inputs }

// Rows is how many rows are complete.
func (b *Builder) Rows() int { return b.rows }

// Room makes room for so many rows at the next growth. The caller knows that the request is large enough for them.
func (b *Builder) Room(rows int) { b.room = min(rows, MaxRows) }

// Find gives the position of an input, or -1. guess is looked at first: clients send fields in the signature's order.
func (b *Builder) Find(name string, guess int) int {
	if guess < len(b.inputs) && b.inputs[guess].Name == name {
		return guess
	}
	for i := range b.inputs {
		if b.inputs[i].Name == name {
			return i
		}
	}
	return -1
}

// Float adds a number to a column. NaN and infinities are refused.
func (b *Builder) Float(col int, v float64) error {
	if v-v != 0 {
		return b.refuse(col, strconv.FormatFloat(v, 'g', -1, 64)).WithHint("give a finite number, or null where there is none")
	}
	c := &b.columns[col]
	switch c.Kind {
	case lathe.Float64:
		b.grow(col)
		c.Floats = append(c.Floats, v)
	case lathe.Int64:
		if v == math.Trunc(v) && v >= -0x1p63 && v < 0x1p63 {
			return b.Int(col, int64(v))
		}
		if b.inputs[col].Type == categoryType {
			return b.refuse(col, strconv.FormatFloat(v, 'g', -1, 64))
		}
		b.promote(col)
		return b.Float(col, v)
	case lathe.Bool:
		if v == 0 || v == 1 {
			return b.Bool(col, v == 1)
		}
		fallthrough
	default:
		return b.refuse(col, strconv.FormatFloat(v, 'g', -1, 64))
	}
	return b.step(col)
}

// categoryType is the type of columns whose numbers are names: there, 3.5 is no value.
const categoryType = "category"

// promote makes a column of whole numbers one of numbers, because a value has a fraction. The model reads both alike.
func (b *Builder) promote(col int) {
	c := &b.columns[col]
	c.Kind = lathe.Float64
	c.Floats = make([]float64, 0, max(b.room, len(c.Ints)+1))
	for _, v := range c.Ints {
		c.Floats = append(c.Floats, float64(v))
	}
	c.Ints = nil
}

// Int adds a whole number to a column.
func (b *Builder) Int(col int, v int64) error {
	c := &b.columns[col]
	switch c.Kind {
	case lathe.Int64:
		b.grow(col)
		c.Ints = append(c.Ints, v)
		return b.step(col)
	case lathe.Float64:
		return b.Float(col, float64(v))
	case lathe.Bool:
		if v == 0 || v == 1 {
			return b.Bool(col, v == 1)
		}
	}
	return b.refuse(col, strconv.FormatInt(v, 10))
}

// Bool adds a truth value to a column.
func (b *Builder) Bool(col int, v bool) error {
	c := &b.columns[col]
	if c.Kind != lathe.Bool {
		return b.refuse(col, strconv.FormatBool(v))
	}
	b.grow(col)
	c.Bools = append(c.Bools, v)
	return b.step(col)
}

// Text adds a string to a column. It must be UTF-8, and is kept as it is.
func (b *Builder) Text(col int, v string) error {
	c := &b.columns[col]
	if !utf8.ValidString(v) {
		return b.refuse(col, "not UTF-8")
	}
	if c.Kind != lathe.String {
		return b.refuse(col, "the string "+quote(v))
	}
	b.grow(col)
	c.Strings = append(c.Strings, v)
	return b.step(col)
}

// Null adds a missing value to a column; a field that the model needs is refused.
func (b *Builder) Null(col int) error {
	c := &b.columns[col]
	if b.inputs[col].Missing == "refuse" {
		return lathe.Errorf(lathe.CodeInvalid, "rows: row %d: %s is missing", b.filled[col], quote(c.Name)).WithField(c.Name).
			WithHint("give %s: the model was trained to refuse rows without it", wants(b.inputs[col]))
	}
	b.grow(col)
	n := b.filled[col]
	if c.Missing == nil {
		c.Missing = make([]bool, n, max(b.room, n+1))
	}
	c.Missing = append(c.Missing, true)
	switch c.Kind {
	case lathe.Float64:
		c.Floats = append(c.Floats, 0)
	case lathe.Int64:
		c.Ints = append(c.Ints, 0)
	case lathe.Bool:
		c.Bools = append(c.Bools, false)
	default:
		c.Strings = append(c.Strings, "")
	}
	b.filled[col]++
	return nil
}

// step completes a value that is there.
func (b *Builder) step(col int) error {
	b.filled[col]++
	if c := &b.columns[col]; c.Missing != nil {
		c.Missing = append(c.Missing, false)
	}
	return nil
}

// grow makes room when more than the first row comes.
func (b *Builder) grow(col int) {
	if b.filled[col] > 1 || b.room <= 1 {
		return
	}
	c := &b.columns[col]
	switch c.Kind {
	case lathe.Float64:
		c.Floats = room(c.Floats, b.room)
	case lathe.Int64:
		c.Ints = room(c.Ints, b.room)
	case lathe.Bool:
		c.Bools = room(c.Bools, b.room)
	default:
		c.Strings = room(c.Strings, b.room)
	}
}

func room[T any](s []T, n int) []T {
	if cap(s) >= n {
		return s
	}
	return append(make([]T, 0, n), s...)
}

// EndRow completes a row; fields that it did not give are missing.
func (b *Builder) EndRow() error {
	if b.rows >= MaxRows {
		return tooManyRows()
	}
	for col := range b.columns {
		if b.filled[col] == b.rows {
			if err := b.Null(col); err != nil {
				return err
			}
		}
	}
	b.rows++
	return nil
}

func tooManyRows() *lathe.Error {
	return lathe.Errorf(lathe.CodeTooLarge, "rows: more than %d rows", MaxRows).WithHint("send them in parts, or as CSV to /api/v1/models/{model}/versions/{ref}/predictions")
}

// Has tells whether the row that is being read has a value in the column already.
func (b *Builder) Has(col int) bool { return b.filled[col] > b.rows }

// EndColumns completes rows that came column by column: each column has all of them, or none and is missing.
func (b *Builder) EndColumns(rows int) error {
	if rows > MaxRows {
		return tooManyRows()
	}
	for col := range b.columns {
		for b.filled[col] < rows {
			if err := b.Null(col); err != nil {
				return err
			}
		}
	}
	b.rows = rows
	return nil
}

// Batch is what was collected. The builder must not be used after.
func (b *Builder) Batch() *lathe.Batch { return &lathe.Batch{Rows: b.rows, Columns: b.columns} }

// refuse says which value of which row does not fit which field.
func (b *Builder) refuse(col int, got string) *lathe.Error {
	in := b.inputs[col]
	return lathe.Errorf(lathe.CodeInvalid, "rows: row %d: %s is %s, and it is %s", b.filled[col], quote(in.Name), got, wants(in)).WithField(in.Name)
}

// wants says what an input takes.
func wants(in lathe.Input) string {
	switch in.Kind {
	case lathe.Float64:
		return "a number"
	case lathe.Int64:
		return "a whole number"
	case lathe.Bool:
		return "true or false"
	default:
		return "a string"
	}
}

// Unknown reports a field that the model does not take.
func (b *Builder) Unknown(name string) *lathe.Error {
	return lathe.Errorf(lathe.CodeInvalid, "rows: row %d: %s is not an input of the model", b.rows, quote(name)).WithField(short(name)).
		WithHint("its inputs are %s", b.names())
}

// names lists the inputs, the first ten of many.
func (b *Builder) names() string {
	names := make([]string, 0, 10)
	for i := range b.inputs {
		if i == 10 {
			names = append(names, "...")
			break
		}
		names = append(names, b.inputs[i].Name)
	}
	return strings.Join(names, ", ")
}

func quote(s string) string { return strconv.Quote(short(s)) }

// short cuts what a caller sent, so that it cannot flood an answer or a log.
func short(s string) string {
	if len(s) > 80 {
		return strings.ToValidUTF8(s[:80], "") + "..."
	}
	return s
}
