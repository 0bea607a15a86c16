package rest

import (
	"math"

	"lathe"
)

// rowsOf turns a batch into rows for JSON. What JSON cannot say, a missing or infinite number, is null.
func rowsOf(batch *lathe.Batch) rowsAnswer {
	out := rowsAnswer{Columns: make([]string, len(batch.Columns)), Rows: make([][]any, batch.Rows)}
	for c := range batch.Columns {
		out.Columns[c] = batch.Columns[c].Name
	}
	for i := range out.Rows {
		row := make([]any, len(batch.Columns))
		for c := range batch.Columns {
			row[c] = valueOf(&batch.Columns[c], i)
		}
		out.Rows[i] = row
	}
	return out
}

func valueOf(c *lathe.Column, i int) any {
	if c.IsMissing(i) {
		return nil
	}
	switch c.Kind {
	case lathe.Float64:
		if math.IsNaN(c.Floats[i]) || math.IsInf(c.Floats[i], 0) {
			return nil
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
