package row

import (
	"errors"
	"io"
	"math"
	"net/http"
	"strconv"
	"unicode/utf8"

	"lathe"
	"lathe/internal/guard"
)

// readInto appends the body to buf.
func readInto(buf []byte, r *http.Request) ([]byte, error) {
	if want := int(min(r.ContentLength+1, guard.FirstRoom)); want > cap(buf) {
		buf = make([]byte, 0, want)
	}
	for {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := r.Body.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if errors.Is(err, io.EOF) {
			return buf, nil
		}
		if err != nil {
			return buf, err
		}
	}
}

// Respond writes a JSON answer that build appends to a kept buffer.
func Respond(w http.ResponseWriter, build func(dst []byte) []byte) {
	buf := buffers.Get().(*[]byte)
	*buf = build((*buf)[:0])
	h := w.Header()
	h["Content-Type"] = jsonType
	h.Set("Content-Length", strconv.Itoa(len(*buf)))
	_, _ = w.Write(*buf) // the client went away: nobody is left to tell
	if cap(*buf) <= keptBuffer {
		buffers.Put(buf)
	}
}

var jsonType = []string{"application/json"}

// WriteError writes a problem's message, with its hint, as the one JSON string between before and after.
func WriteError(w http.ResponseWriter, p *guard.Problem, before, after string) {
	message := p.Detail
	if p.Hint != "" {
		message += " (" + p.Hint + ")"
	}
	body := append(AppendString([]byte(before), message), after...)
	w.Header()["Content-Type"] = jsonType
	w.WriteHeader(p.Status)
	_, _ = w.Write(body) // the client went away: nobody is left to tell
}

// AppendFloat writes a number as Python's repr does: the shortest text that reads back to the same bits, with a point or
// an exponent. What JSON cannot say is null.
func AppendFloat(dst []byte, f float64) []byte {
	size := math.Abs(f)
	switch {
	case f-f != 0:
		return append(dst, "null"...)
	case size != 0 && size < 1e-4 || size >= 1e16:
		return strconv.AppendFloat(dst, f, 'e', -1, 64)
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, f, 'f', -1, 64)
	for _, c := range dst[start:] {
		if c == '.' {
			return dst
		}
	}
	return append(dst, '.', '0')
}

const hexDigits = "0123456789abcdef"

// AppendString writes a JSON string. Bytes that are not UTF-8 become U+FFFD.
func AppendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			dst = utf8.AppendRune(dst, r)
			i += size
			continue
		}
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c < ' ':
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		default:
			dst = append(dst, c)
		}
		i++
	}
	return append(dst, '"')
}

// AppendValue writes a column's value in a row.
func AppendValue(dst []byte, c *lathe.Column, row int) []byte {
	if c.IsMissing(row) {
		return append(dst, "null"...)
	}
	switch c.Kind {
	case lathe.Float64:
		return AppendFloat(dst, c.Floats[row])
	case lathe.Int64:
		return strconv.AppendInt(dst, c.Ints[row], 10)
	case lathe.Bool:
		return strconv.AppendBool(dst, c.Bools[row])
	default:
		return AppendString(dst, c.Strings[row])
	}
}

// Outputs gives the columns that model.predict gives: of two classes the probability of the second, of more the
// probability of each, of a number the prediction.
func Outputs(info *lathe.Description, out *lathe.Batch) []lathe.Column {
	classes := len(info.Classes)
	switch {
	case classes == 2 && len(out.Columns) > 2:
		return out.Columns[2:3]
	case classes > 2 && len(out.Columns) > classes:
		return out.Columns[1 : 1+classes]
	default:
		return out.Columns[:1]
	}
}

// AppendRows writes columns as a list of rows, each a list: [[0.5], [0.25]].
func AppendRows(dst []byte, columns []lathe.Column, rows int) []byte {
	dst = append(dst, '[')
	for i := range rows {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, '[')
		for c := range columns {
			if c > 0 {
				dst = append(dst, ',')
			}
			dst = AppendValue(dst, &columns[c], i)
		}
		dst = append(dst, ']')
	}
	return append(dst, ']')
}

// AppendRecords writes a batch as a list of objects by column.
func AppendRecords(dst []byte, out *lathe.Batch) []byte {
	dst = append(dst, '[')
	for i := range out.Rows {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, '{')
		for c := range out.Columns {
			if c > 0 {
				dst = append(dst, ',')
			}
			dst = AppendString(dst, out.Columns[c].Name)
			dst = append(dst, ':')
			dst = AppendValue(dst, &out.Columns[c], i)
		}
		dst = append(dst, '}')
	}
	return append(dst, ']')
}
