package table

import (
	"slices"
	"strconv"

	"lathe"
)

// Cleaned counts what Clean changed.
type Cleaned struct {
	ColumnsDropped    int            `json:"columns_dropped"`
	MissingDropped    int            `json:"missing_dropped"`    // rows
	Imputed           map[string]int `json:"imputed"`            // cells by column
	DuplicatesDropped int            `json:"duplicates_dropped"` // rows
}

// Clean does the steps of spec in the order of its fields and leaves b as it is. Columns that spec names must be there:
// CodeInvalid otherwise, as for an imputation that a column cannot take.
func Clean(b *lathe.Batch, spec lathe.CleanSpec) (*lathe.Batch, Cleaned, error) {
	done := Cleaned{Imputed: map[string]int{}}
	for _, name := range slices.Concat(spec.DropColumns, spec.Columns) {
		if b.Column(name) == nil {
			return nil, done, NoColumn(b, "columns", name)
		}
	}
	out, done := dropColumns(b, spec, done)
	if len(out.Columns) == 0 {
		return nil, done, lathe.Errorf(lathe.CodeInvalid, "table: clean: no column is left").WithField("drop_columns").WithHint("keep at least one column")
	}
	if spec.DropMissing {
		out, done.MissingDropped = dropMissing(out, spec.Columns)
	}
	out, err := impute(out, spec, done.Imputed)
	if err != nil {
		return nil, done, err
	}
	if spec.DropDuplicates {
		out, done.DuplicatesDropped = dropDuplicates(out, spec.Columns)
	}
	if out.Rows == 0 {
		return nil, done, lathe.Errorf(lathe.CodeInvalid, "table: clean: no row is left").
			WithHint("every row misses a value: drop the columns that are mostly missing first, or impute")
	}
	return out, done, nil
}

func dropColumns(b *lathe.Batch, spec lathe.CleanSpec, done Cleaned) (*lathe.Batch, Cleaned) {
	out := &lathe.Batch{Rows: b.Rows}
	for _, c := range b.Columns {
		if slices.Contains(spec.DropColumns, c.Name) {
			done.ColumnsDropped++
			continue
		}
		out.Columns = append(out.Columns, c)
	}
	return out, done
}

// among gives the test whether a column is meant: all are where none is named.
func among(names []string) func(string) bool {
	return func(name string) bool { return len(names) == 0 || slices.Contains(names, name) }
}

func dropMissing(b *lathe.Batch, columns []string) (*lathe.Batch, int) {
	use := among(columns)
	gone := make([]bool, b.Rows)
	for i := range b.Columns {
		if !use(b.Columns[i].Name) {
			continue
		}
		for r, m := range b.Columns[i].Missing {
			gone[r] = gone[r] || m
		}
	}
	return without(b, gone)
}

func dropDuplicates(b *lathe.Batch, columns []string) (*lathe.Batch, int) {
	return without(b, repeats(b, among(columns)))
}

func without(b *lathe.Batch, gone []bool) (*lathe.Batch, int) {
	keep := make([]int, 0, b.Rows)
	for r, g := range gone {
		if !g {
			keep = append(keep, r)
		}
	}
	if len(keep) == b.Rows {
		return b, 0
	}
	return b.Take(keep), b.Rows - len(keep)
}

// impute fills missing cells: by mean or median numbers alone, by mode or a constant all kinds. A column without any
// value stays as it is, but for a constant.
func impute(b *lathe.Batch, spec lathe.CleanSpec, counts map[string]int) (*lathe.Batch, error) {
	if spec.Impute == "" {
		return b, nil
	}
	use := among(spec.Columns)
	out := &lathe.Batch{Rows: b.Rows, Columns: slices.Clone(b.Columns)}
	for i := range out.Columns {
		c := &out.Columns[i]
		if !use(c.Name) || !hasMissing(c) {
			continue
		}
		n, err := imputeColumn(c, spec, len(spec.Columns) > 0)
		if err != nil {
			return nil, err
		}
		if n > 0 {
			counts[c.Name] = n
		}
	}
	return out, nil
}

// imputeColumn replaces c's values by filled ones. named says that the column was asked for by name: what does not fit
// it is then an error, and else leaves it as it is.
func imputeColumn(c *lathe.Column, spec lathe.CleanSpec, named bool) (int, error) {
	number := c.Kind == lathe.Float64 || c.Kind == lathe.Int64
	switch spec.Impute {
	case "mean", "median":
		if !number {
			if named {
				return 0, lathe.Errorf(lathe.CodeInvalid, "table: clean: column %s is %s, which has no %s", quote(c.Name), c.Kind, spec.Impute).
					WithField("columns").WithHint("impute it by mode or a constant")
			}
			return 0, nil
		}
		return fillNumber(c, spec.Impute), nil
	case "mode":
		return fillMode(c), nil
	case "constant":
		return fillConstant(c, spec.Constant, named)
	}
	return 0, lathe.Errorf(lathe.CodeInvalid, "table: clean: impute %s is not known", quote(spec.Impute)).WithField("impute").
		WithHint("use mean, median, mode or constant")
}

// fillNumber imputes mean or median; an int64 column becomes float64 where that is no whole number.
func fillNumber(c *lathe.Column, how string) int {
	values := numbers(c)
	if len(values) == 0 {
		return 0
	}
	fill := mean(values)
	if how == "median" {
		SortFloats(values)
		fill = quantile(values, 0.5)
	}
	if whole := int64(max(-0x1p62, min(0x1p62, fill))); c.Kind == lathe.Int64 && float64(whole) == fill {
		return fillRows(c, &lathe.Column{Kind: lathe.Int64, Ints: []int64{whole}}, 0)
	}
	if c.Kind == lathe.Int64 {
		wide := lathe.NewColumn(c.Name, lathe.Float64, c.Len())
		copyColumn(&wide, 0, c)
		*c = wide
	}
	return fillRows(c, &lathe.Column{Kind: lathe.Float64, Floats: []float64{fill}}, 0)
}

// fillMode imputes the most frequent value; of several the one met first.
func fillMode(c *lathe.Column) int {
	counts, best := map[uint64]int{}, -1
	for i := range c.Len() {
		if !c.IsMissing(i) {
			counts[cellHash(c, i)]++
		}
	}
	for i := range c.Len() {
		if !c.IsMissing(i) && (best < 0 || counts[cellHash(c, i)] > counts[cellHash(c, best)]) {
			best = i
		}
	}
	if best < 0 {
		return 0
	}
	return fillRows(c, c, best)
}

func fillConstant(c *lathe.Column, constant string, named bool) (int, error) {
	value := lathe.NewColumn(c.Name, c.Kind, 1)
	if c.Kind == lathe.Float64 && valueless(c) && classify([]byte(constant)) == classString {
		value = lathe.NewColumn(c.Name, lathe.String, 1) // an empty column takes the constant's kind
		*c = lathe.Column{Name: c.Name, Kind: lathe.String, Strings: make([]string, c.Len()), Missing: c.Missing}
	}
	var err error
	switch c.Kind {
	case lathe.Float64:
		value.Floats[0], err = strconv.ParseFloat(constant, 64)
	case lathe.Int64:
		value.Ints[0], err = strconv.ParseInt(constant, 10, 64)
	case lathe.Bool:
		value.Bools[0], err = strconv.ParseBool(constant)
	default:
		value.Strings[0] = constant
	}
	if err == nil {
		return fillRows(c, &value, 0), nil
	}
	if !named {
		return 0, nil
	}
	return 0, lathe.Errorf(lathe.CodeInvalid, "table: clean: constant %s is no %s for column %s", quote(constant), c.Kind, quote(c.Name)).
		WithField("constant").WithHint("give a value of the column's kind, or name other columns")
}

// fillRows puts from's cell at row at into every missing row of c, on copies of its slices.
func fillRows(c, from *lathe.Column, at int) int {
	n := 0
	value := *from
	c.Floats, c.Ints, c.Bools, c.Strings = slices.Clone(c.Floats), slices.Clone(c.Ints), slices.Clone(c.Bools), slices.Clone(c.Strings)
	for i, m := range c.Missing {
		if !m {
			continue
		}
		n++
		switch c.Kind {
		case lathe.Float64:
			c.Floats[i] = value.Floats[at]
		case lathe.Int64:
			c.Ints[i] = value.Ints[at]
		case lathe.Bool:
			c.Bools[i] = value.Bools[at]
		default:
			c.Strings[i] = value.Strings[at]
		}
	}
	c.Missing = nil
	return n
}

// numbers copies a number column's finite and infinite values, without missing ones.
func numbers(c *lathe.Column) []float64 {
	values := make([]float64, 0, c.Len())
	for i, v := range c.Floats {
		if !c.IsMissing(i) {
			values = append(values, v)
		}
	}
	for i, v := range c.Ints {
		if !c.IsMissing(i) {
			values = append(values, float64(v))
		}
	}
	return values
}
