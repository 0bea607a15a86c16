package table

import (
	"math"
	"strconv"

	"lathe"
)

// cellText writes a cell as a CSV field has it: numbers as Python prints them, "" where missing.
func cellText(c *lathe.Column, i int) string {
	return string(appendCell(nil, c, i))
}

func appendCell(dst []byte, c *lathe.Column, i int) []byte {
	if c.IsMissing(i) {
		return dst
	}
	switch c.Kind {
	case lathe.Float64:
		return AppendFloat(dst, c.Floats[i])
	case lathe.Int64:
		return strconv.AppendInt(dst, c.Ints[i], 10)
	case lathe.Bool:
		return strconv.AppendBool(dst, c.Bools[i])
	default:
		return append(dst, c.Strings[i]...)
	}
}

// AppendFloat writes x as Python's repr does: the fewest digits that read back to x, 0.1, 1.0, 1e-05, 1e+16, nan, inf.
func AppendFloat(dst []byte, x float64) []byte {
	switch {
	case math.IsNaN(x):
		return append(dst, "nan"...)
	case math.IsInf(x, 1):
		return append(dst, "inf"...)
	case math.IsInf(x, -1):
		return append(dst, "-inf"...)
	}
	if size := math.Abs(x); size != 0 && (size < 1e-4 || size >= 1e16) {
		return strconv.AppendFloat(dst, x, 'e', -1, 64)
	}
	from := len(dst)
	dst = strconv.AppendFloat(dst, x, 'f', -1, 64)
	for _, c := range dst[from:] {
		if c == '.' {
			return dst
		}
	}
	return append(dst, ".0"...)
}

// Rows gives rows [from, from+n) as values that JSON can hold, one list a row in the columns' order; n is cut at the
// end. A missing value is nil; an infinity, which JSON lacks, is the text "inf" or "-inf".
func Rows(b *lathe.Batch, from, n int) [][]any {
	from = max(0, min(from, b.Rows))
	n = max(0, min(n, b.Rows-from))
	rows := make([][]any, n)
	for r := range rows {
		rows[r] = make([]any, len(b.Columns))
		for i := range b.Columns {
			rows[r][i] = cellValue(&b.Columns[i], from+r)
		}
	}
	return rows
}

func cellValue(c *lathe.Column, i int) any {
	if c.IsMissing(i) {
		return nil
	}
	switch c.Kind {
	case lathe.Float64:
		if f := c.Floats[i]; f-f != 0 {
			return string(AppendFloat(nil, f))
		}
		return c.Floats[i]
	case lathe.Int64:
		return c.Ints[i]
	case lathe.Bool:
		return c.Bools[i]
	default:
		return c.Strings[i]
	}
}
