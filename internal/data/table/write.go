package table

import (
	"fmt"
	"io"
	"strings"

	"lathe"
)

// Writer writes CSV row by row: comma, LF, quotes where they are needed, numbers as Python's repr, missing values as empty
// cells. ReadCSV and pandas.read_csv read it back to the same values.
type Writer struct {
	w     io.Writer
	names []string
	buf   []byte
}

// NewWriter writes the header when the first rows come, or at Flush.
func NewWriter(w io.Writer, names []string) *Writer {
	c := &Writer{w: w, names: names}
	for i, name := range names {
		if i > 0 {
			c.buf = append(c.buf, ',')
		}
		c.buf = appendField(c.buf, name)
	}
	c.buf = append(c.buf, '\n')
	return c
}

// Write writes b's rows; its columns are the header's, in order.
func (c *Writer) Write(b *lathe.Batch) error {
	if len(b.Columns) != len(c.names) {
		return fmt.Errorf("table: csv: write: %d columns under a header of %d", len(b.Columns), len(c.names))
	}
	for r := range b.Rows {
		for i := range b.Columns {
			if i > 0 {
				c.buf = append(c.buf, ',')
			}
			c.cell(&b.Columns[i], r)
		}
		c.buf = append(c.buf, '\n')
		if len(c.buf) >= 64<<10 {
			if err := c.Flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

// cell writes a cell. A missing one that stands alone in its row is quoted: a blank line would be no row.
func (c *Writer) cell(column *lathe.Column, r int) {
	switch {
	case column.IsMissing(r) && len(c.names) == 1:
		c.buf = append(c.buf, `""`...)
	case column.Kind == lathe.String && !column.IsMissing(r):
		c.buf = appendField(c.buf, column.Strings[r])
	default:
		c.buf = appendCell(c.buf, column, r)
	}
}

// Flush hands everything written so far to the writer.
func (c *Writer) Flush() error {
	_, err := c.w.Write(c.buf)
	c.buf = c.buf[:0]
	if err != nil {
		return fmt.Errorf("table: csv: write: %w", err)
	}
	return nil
}

// appendField quotes a text where a reader would cut or trim it otherwise.
func appendField(buf []byte, s string) []byte {
	if s != "" && !strings.ContainsAny(s, ",;|\t\"\r\n") && s[0] != ' ' && s[len(s)-1] != ' ' {
		return append(buf, s...)
	}
	buf = append(buf, '"')
	for i := range len(s) {
		if s[i] == '"' {
			buf = append(buf, '"')
		}
		buf = append(buf, s[i])
	}
	return append(buf, '"')
}

// WriteCSV writes a whole table.
func WriteCSV(w io.Writer, b *lathe.Batch) error {
	c := NewWriter(w, columnNames(b))
	if err := c.Write(b); err != nil {
		return err
	}
	return c.Flush()
}
