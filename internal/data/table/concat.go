package table

import (
	"lathe"
)

// Concat joins batches with the same columns, row after row, in the first one's order of columns. Where a column is
// int64 in one and float64 in another it becomes float64; one without any value takes the others' kind; other kinds that
// differ, and columns that are not in all, are CodeInvalid.
func Concat(batches []*lathe.Batch) (*lathe.Batch, error) {
	if len(batches) == 0 {
		return &lathe.Batch{}, nil
	}
	if len(batches) == 1 {
		return batches[0], nil
	}
	out := &lathe.Batch{Columns: make([]lathe.Column, len(batches[0].Columns))}
	for _, b := range batches {
		out.Rows += b.Rows
	}
	bound, err := bindAll(batches)
	if err != nil {
		return nil, err
	}
	for i := range out.Columns {
		if out.Columns[i], err = joinColumns(bound[i], out.Rows); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// bindAll gives, for each column of the first batch, its columns in all batches.
func bindAll(batches []*lathe.Batch) ([][]*lathe.Column, error) {
	first := batches[0]
	at := make(map[string]int, len(first.Columns))
	bound := make([][]*lathe.Column, len(first.Columns))
	for i := range first.Columns {
		at[first.Columns[i].Name] = i
	}
	for n, b := range batches {
		for i := range b.Columns {
			k, ok := at[b.Columns[i].Name]
			if !ok {
				return nil, lathe.Errorf(lathe.CodeInvalid, "table: append: column %s is new", quote(b.Columns[i].Name)).WithField(b.Columns[i].Name).
					WithHint("the columns so far: %s", shortNames(first))
			}
			bound[k] = append(bound[k], &b.Columns[i])
		}
		for i := range bound {
			if len(bound[i]) != n+1 {
				return nil, lathe.Errorf(lathe.CodeInvalid, "table: append: column %s is absent", quote(first.Columns[i].Name)).WithField(first.Columns[i].Name).
					WithHint("give the column, with empty cells where there is no value")
			}
		}
	}
	return bound, nil
}

func shortNames(b *lathe.Batch) string {
	text := ""
	for i := range b.Columns {
		if i == 10 {
			return text + ", ..."
		}
		if i > 0 {
			text += ", "
		}
		text += quote(b.Columns[i].Name)
	}
	return text
}

// joinKinds gives the kind that holds values of a, if any so far, and those of c.
func joinKinds(a lathe.Kind, none bool, c *lathe.Column) (lathe.Kind, bool) {
	switch {
	case a == c.Kind || valueless(c):
		return a, true
	case none:
		return c.Kind, true
	}
	number := func(k lathe.Kind) bool { return k == lathe.Float64 || k == lathe.Int64 }
	return lathe.Float64, number(a) && number(c.Kind)
}

func refuseKind(c *lathe.Column, was lathe.Kind) error {
	return lathe.Errorf(lathe.CodeInvalid, "table: append: column %s was %s and is %s now", quote(c.Name), was, c.Kind).WithField(c.Name).
		WithHint("give values of the kind that the column had, or start a new dataset")
}

// valueless tells whether every row is missing.
func valueless(c *lathe.Column) bool {
	if c.Missing == nil {
		return c.Len() == 0
	}
	for _, m := range c.Missing {
		if !m {
			return false
		}
	}
	return true
}

func joinColumns(parts []*lathe.Column, rows int) (lathe.Column, error) {
	kind, none := parts[0].Kind, true
	for _, c := range parts {
		joined, ok := joinKinds(kind, none, c)
		if !ok {
			return lathe.Column{}, refuseKind(c, kind)
		}
		kind, none = joined, none && valueless(c)
	}
	out := lathe.NewColumn(parts[0].Name, kind, rows)
	at := 0
	for _, c := range parts {
		copyColumn(&out, at, c)
		at += c.Len()
	}
	return out, nil
}

// copyColumn copies c to rows at and following of out, whose kind holds c's values.
func copyColumn(out *lathe.Column, at int, c *lathe.Column) {
	for i, m := range c.Missing {
		if m {
			out.SetMissing(at + i)
		}
	}
	switch {
	case out.Kind == c.Kind && c.Kind == lathe.Float64:
		copy(out.Floats[at:], c.Floats)
	case out.Kind == lathe.Float64 && c.Kind == lathe.Int64:
		for i, v := range c.Ints {
			out.Floats[at+i] = float64(v)
		}
	case out.Kind != c.Kind: // without a value: nothing to copy
	case c.Kind == lathe.Int64:
		copy(out.Ints[at:], c.Ints)
	case c.Kind == lathe.Bool:
		copy(out.Bools[at:], c.Bools)
	default:
		copy(out.Strings[at:], c.Strings)
	}
}

// Conform puts b's columns into the order of a dataset's schema, so that its rows can be appended there. A column that
// is new, absent or of a kind that cannot be joined is CodeInvalid.
func Conform(b *lathe.Batch, schema Schema) (*lathe.Batch, error) {
	empty := emptyBatch(schema)
	bound, err := bindAll([]*lathe.Batch{empty, b})
	if err != nil {
		return nil, err
	}
	out := &lathe.Batch{Rows: b.Rows, Columns: make([]lathe.Column, len(schema))}
	for i, pair := range bound {
		if _, ok := joinKinds(schema[i].Kind, false, pair[1]); !ok {
			return nil, refuseKind(pair[1], schema[i].Kind)
		}
		out.Columns[i] = *pair[1]
	}
	return out, nil
}

// Kinds gives each column's kind by name, as Options takes it: a file read so can be appended.
func (s Schema) Kinds() map[string]lathe.Kind {
	kinds := make(map[string]lathe.Kind, len(s))
	for _, c := range s {
		kinds[c.Name] = c.Kind
	}
	return kinds
}

// Drop gives b without the rows that erased lists, ascending; rows beyond the end are ignored.
func Drop(b *lathe.Batch, erased []int64) *lathe.Batch {
	if len(erased) == 0 {
		return b
	}
	return b.Take(kept(b.Rows, erased))
}
