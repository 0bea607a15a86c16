package row

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"strconv"

	"lathe"
)

// Columns reads an object of columns, each a list of values, or a bare value where there is one row.
func Columns(s *Scanner, inputs []lathe.Input) (*lathe.Batch, error) {
	b := NewBuilder(inputs)
	rows, err := -1, error(nil)
	members := s.Members("inputs", func(name string) error {
		col := b.Find(name, 0)
		if col < 0 {
			return b.Unknown(name)
		}
		n := 1
		if s.Peek() == '[' {
			n, err = readColumn(s, b, col)
		} else {
			err = readCell(s, b, col)
		}
		if err != nil {
			return err
		}
		if rows >= 0 && rows != n {
			return lathe.Errorf(lathe.CodeInvalid, "rows: %s has %d values where another column has %d", quote(name), n, rows).WithField(short(name))
		}
		rows = n
		return nil
	})
	if members != nil {
		return nil, members
	}
	if err := b.EndColumns(max(0, rows)); err != nil {
		return nil, err
	}
	return b.Batch(), nil
}

// readColumn reads values, each alone or in a list of its own: [1, 2] and [[1], [2]] are the same column.
func readColumn(s *Scanner, b *Builder, col int) (n int, err error) {
	err = s.List(b.inputs[col].Name, func(int) error {
		if n++; n > MaxRows {
			return tooManyRows()
		}
		if s.Peek() != '[' {
			return readCell(s, b, col)
		}
		return s.List(b.inputs[col].Name, func(i int) error {
			if i > 0 {
				return b.refuse(col, "a list of several values")
			}
			return readCell(s, b, col)
		})
	})
	if err == nil && b.filled[col] != n {
		err = b.refuse(col, "an empty list")
	}
	return n, err
}

// Table is columns with names and rows by position: what a data frame splits into.
type Table struct {
	Names []string
	Data  *Scanner // stands at the list of rows
}

// Split reads such a table. Each column must be an input, in any order; inputs without one are missing.
func Split(t Table, inputs []lathe.Input) (*lathe.Batch, error) {
	b := NewBuilder(inputs)
	order, err := b.order(t.Names)
	if err != nil {
		return nil, err
	}
	err = t.Data.List("data", func(int) error {
		if b.rows >= MaxRows {
			return tooManyRows()
		}
		n := 0
		err := t.Data.List("row "+strconv.Itoa(b.rows), func(i int) error {
			if n = i + 1; n > len(order) {
				return b.width(n, len(order))
			}
			return readCell(t.Data, b, order[i])
		})
		if err == nil && n != len(order) {
			err = b.width(n, len(order))
		}
		if err != nil {
			return err
		}
		return b.EndRow()
	})
	if err != nil {
		return nil, err
	}
	return b.Batch(), nil
}

func (b *Builder) width(n, want int) error {
	return lathe.Errorf(lathe.CodeInvalid, "rows: row %d has %d values for %d columns", b.rows, n, want)
}

// order finds the inputs that columns stand for.
func (b *Builder) order(names []string) ([]int, error) {
	order := make([]int, len(names))
	seen := make([]bool, len(b.inputs))
	for i, name := range names {
		col := b.Find(name, i)
		if col < 0 {
			return nil, b.Unknown(name)
		}
		if seen[col] {
			return nil, lathe.Errorf(lathe.CodeInvalid, "rows: column %s comes twice", quote(name)).WithField(short(name))
		}
		seen[col] = true
		order[i] = col
	}
	return order, nil
}

// CSV reads a table with a header. A cell means what it means to pandas: an empty one, NA and the like are missing.
func CSV(data []byte, inputs []lathe.Input) (*lathe.Batch, error) {
	b := NewBuilder(inputs)
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))))
	r.ReuseRecord = true
	header, err := r.Read()
	if err != nil {
		return nil, csvError(err, "there is no header")
	}
	order, err := b.order(trimmed(header))
	if err != nil {
		return nil, err
	}
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return b.Batch(), nil
		}
		if err != nil {
			return nil, csvError(err, "")
		}
		for i, cell := range record {
			if err := b.cell(order[i], cell); err != nil {
				return nil, err
			}
		}
		if err := b.EndRow(); err != nil {
			return nil, err
		}
	}
}

func csvError(err error, empty string) error {
	if errors.Is(err, io.EOF) {
		return lathe.Errorf(lathe.CodeInvalid, "rows: csv: %s", empty)
	}
	return lathe.Errorf(lathe.CodeInvalid, "rows: csv: %s", err.Error()).WithHint("separate by commas, and quote what holds a comma, a quote or a line break")
}

func trimmed(header []string) []string {
	out := make([]string, len(header))
	for i, name := range header {
		out[i] = string(bytes.Trim([]byte(name), " \t"))
	}
	return out
}

// missingTexts are what pandas.read_csv takes for a missing value (pandas 3, pandas._libs.parsers.STR_NA_VALUES).
var missingTexts = map[string]bool{
	"": true, "#N/A": true, "#N/A N/A": true, "#NA": true, "-1.#IND": true, "-1.#QNAN": true, "-NaN": true, "-nan": true, "1.#IND": true,
	"1.#QNAN": true, "<NA>": true, "N/A": true, "NA": true, "NULL": true, "NaN": true, "None": true, "n/a": true, "nan": true, "null": true,
}

// cell reads a text by the column's kind.
func (b *Builder) cell(col int, text string) error {
	plain := string(bytes.Trim([]byte(text), " \t"))
	if missingTexts[plain] {
		return b.Null(col)
	}
	switch b.inputs[col].Kind {
	case lathe.String:
		return b.Text(col, text)
	case lathe.Bool:
		switch plain {
		case "True", "TRUE", "true", "1":
			return b.Bool(col, true)
		case "False", "FALSE", "false", "0":
			return b.Bool(col, false)
		}
		return b.refuse(col, quote(text))
	}
	return b.numberCell(col, text, bytes.TrimPrefix([]byte(plain), []byte("+")))
}

func (b *Builder) numberCell(col int, text string, plain []byte) error {
	n, next, err := scanNumber(plain, 0)
	if err != nil {
		return b.refuse(col, quote(text)).WithHint("the number is out of range")
	}
	if next == 0 || next != len(plain) {
		return b.refuse(col, quote(text))
	}
	if v, ok := n.int64(); ok && b.columns[col].Kind == lathe.Int64 {
		return b.Int(col, v)
	}
	return b.Float(col, n.float)
}
