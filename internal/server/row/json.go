package row

import (
	"unsafe"

	"lathe"
)

// Rows reads a list of rows that stands at the scanner, each a list of values in the signature's order or an object by
// name, and with one input a bare value too. inputs is the model's signature.
func Rows(s *Scanner, inputs []lathe.Input) (*lathe.Batch, error) {
	b := NewBuilder(inputs)
	start := s.at
	err := s.List("rows", func(i int) error {
		if i == 1 {
			// A row takes at least as many bytes as the first did: this is how much room there can be.
			b.Room((len(s.data)-start)/max(1, s.at-start) + 2)
		}
		return readRow(s, b)
	})
	if err != nil {
		return nil, err
	}
	return b.Batch(), nil
}

func readRow(s *Scanner, b *Builder) error {
	if b.rows >= MaxRows {
		return tooManyRows()
	}
	var err error
	switch kind := s.Peek(); {
	case kind == '[':
		err = readList(s, b)
	case kind == '{':
		err = readObject(s, b)
	case kind != 0 && len(b.inputs) == 1:
		err = readCell(s, b, 0)
	default:
		return rowShape(s, b)
	}
	if err != nil {
		return err
	}
	return b.EndRow()
}

func rowShape(s *Scanner, b *Builder) error {
	if s.Peek() == 0 {
		return s.syntax("a row is no JSON value")
	}
	return lathe.Errorf(lathe.CodeInvalid, "rows: row %d is %s, and it is a list of %d values or an object", b.rows, s.kindName(), len(b.inputs)).
		WithHint("send [[...], [...]] or [{...}, {...}]")
}

// readList reads values in the signature's order.
func readList(s *Scanner, b *Builder) error {
	s.at++ // [
	n := 0
	if s.space() == ']' {
		s.at++
		return b.arity(n)
	}
	for {
		if n == len(b.inputs) {
			return b.arity(n + 1)
		}
		if err := readCell(s, b, n); err != nil {
			return err
		}
		n++
		switch s.space() {
		case ',':
			s.at++
		case ']':
			s.at++
			return b.arity(n)
		default:
			return s.syntax("a row goes on with , or ]")
		}
	}
}

// arity checks how many values a row has.
func (b *Builder) arity(n int) error {
	if n == len(b.inputs) {
		return nil
	}
	has := "fewer"
	if n > len(b.inputs) {
		has = "more"
	}
	return lathe.Errorf(lathe.CodeInvalid, "rows: row %d has %s values than the %d that the model takes", b.rows, has, len(b.inputs)).
		WithHint("they are, in this order: %s; null stands for a missing one", b.names())
}

// readObject reads values by name.
func readObject(s *Scanner, b *Builder) error {
	return s.Object("row", func(name []byte, i int) error {
		col := -1
		if len(name) > 0 {
			col = b.Find(unsafe.String(&name[0], len(name)), i) // compared and not kept
		} else {
			col = b.Find("", i)
		}
		if col < 0 {
			return b.Unknown(string(name))
		}
		if b.Has(col) {
			return Twice(string(name))
		}
		return readCell(s, b, col)
	})
}

// readCell reads one value into a column.
func readCell(s *Scanner, b *Builder, col int) error {
	switch s.Peek() {
	case '0':
		return readNumber(s, b, col)
	case '"':
		return readText(s, b, col)
	case 't', 'f':
		return readBool(s, b, col)
	case 'n':
		if !s.word("null") {
			return s.noValue(b, col)
		}
		return b.Null(col)
	case '[', '{':
		return b.refuse(col, s.kindName())
	default:
		return s.noValue(b, col)
	}
}

// noValue reports what is no JSON at all, such as NaN and Infinity, which some programs write.
func (s *Scanner) noValue(b *Builder, col int) error {
	rest := s.data[s.at:]
	for _, word := range []string{"NaN", "nan", "Infinity", "-Infinity", "inf"} {
		if len(rest) >= len(word) && string(rest[:len(word)]) == word {
			return b.refuse(col, word).WithHint("JSON has no such number: send null for a missing value")
		}
	}
	return s.syntax("a value of " + quote(b.inputs[col].Name) + " is no JSON value")
}

func readNumber(s *Scanner, b *Builder, col int) error {
	n, next, err := scanNumber(s.data, s.at)
	if err != nil {
		return b.refuse(col, short(string(n.text))).WithHint("the number is out of range")
	}
	if next == s.at {
		return s.noValue(b, col)
	}
	s.at = next
	if b.columns[col].Kind == lathe.Int64 {
		if v, ok := n.int64(); ok {
			return b.Int(col, v)
		}
		if n.whole && b.inputs[col].Type == categoryType {
			return b.refuse(col, short(string(n.text)))
		}
	}
	return b.Float(col, n.float)
}

func readText(s *Scanner, b *Builder, col int) error {
	text, err := s.text()
	if err != nil {
		return err
	}
	if b.columns[col].Kind != lathe.String {
		return b.refuse(col, "the string "+quote(string(text)))
	}
	return b.Text(col, string(text))
}

func readBool(s *Scanner, b *Builder, col int) error {
	v, err := s.Bool(b.inputs[col].Name)
	if err != nil {
		return err
	}
	return b.Bool(col, v)
}
