package oip

import (
	"encoding/binary"
	"math"
	"net/http"
	"strconv"

	"lathe"
	"lathe/internal/guard"
	"lathe/internal/server/row"
)

// infer answers POST /v2/models/{model}[/versions/{version}]/infer.
func (s *server) infer(w http.ResponseWriter, r *http.Request) error {
	if _, err := guard.CheckContentType(r, "application/json", "application/octet-stream"); err != nil {
		return err
	}
	target, err := s.asker.Resolve(r, r.PathValue("model"), r.PathValue("version"))
	if err != nil {
		return err
	}
	defer target.Release()
	body, done, err := row.ReadBody(r)
	if err != nil {
		return err
	}
	defer done()
	req, err := parseRequest(r, body)
	if err != nil {
		return err
	}
	columns, err := req.choose(target.Info.Outputs)
	if err != nil {
		return err
	}
	in, err := req.batch(target.Info.Inputs)
	if err != nil {
		return err
	}
	out, err := s.asker.Predict(r.Context(), &target, in)
	if err != nil {
		return err
	}
	req.respond(w, &target, out, columns)
	return nil
}

// chosen is one column of the answer and its form.
type chosen struct {
	column int
	binary bool
}

// choose finds the requested outputs, all where none is named.
func (q *request) choose(outputs []lathe.Output) ([]chosen, error) {
	var list []chosen
	if len(q.outputs) == 0 {
		for i := range outputs {
			list = append(list, chosen{i, q.binary})
		}
		return list, nil
	}
	for _, want := range q.outputs {
		at := -1
		for i := range outputs {
			if outputs[i].Name == want.name {
				at = i
			}
		}
		if at < 0 {
			return nil, invalid("there is no output %s", quote(want.name)).WithField(cut(want.name)).WithHint("the model's metadata lists its outputs")
		}
		c := chosen{at, q.binary}
		if want.binary != nil {
			c.binary = *want.binary
		}
		list = append(list, c)
	}
	return list, nil
}

// batch turns the tensors into rows: one tensor a column, or one for all.
func (q *request) batch(inputs []lathe.Input) (*lathe.Batch, error) {
	b := row.NewBuilder(inputs)
	if q.isMatrix(b) {
		return q.matrix(b)
	}
	rows := -1
	seen := make([]bool, len(inputs))
	for i := range q.inputs {
		t := &q.inputs[i]
		col := b.Find(t.name, i)
		if col < 0 {
			return nil, b.Unknown(t.name)
		}
		if seen[col] {
			return nil, invalid("input %s comes twice", quote(t.name)).WithField(cut(t.name))
		}
		seen[col] = true
		n, err := t.rows(1)
		if err != nil {
			return nil, err
		}
		if rows >= 0 && n != rows {
			return nil, invalid("input %s has %d rows where another has %d", quote(t.name), n, rows).WithField(cut(t.name))
		}
		if rows = n; i == 0 {
			b.Room(rows)
		}
		if err := t.read(b, n, func(int) int { return col }); err != nil {
			return nil, err
		}
	}
	if err := b.EndColumns(rows); err != nil {
		return nil, err
	}
	return b.Batch(), nil
}

// isMatrix tells a single tensor for all columns from the tensor of one.
func (q *request) isMatrix(b *row.Builder) bool {
	return len(q.inputs) == 1 && len(q.inputs[0].shape) == 2 && b.Find(q.inputs[0].name, 0) < 0
}

func (q *request) matrix(b *row.Builder) (*lathe.Batch, error) {
	t := &q.inputs[0]
	inputs := b.Inputs()
	for _, in := range inputs {
		if in.Kind == lathe.String {
			return nil, invalid("input %s is not a column, and one tensor for all needs numeric columns: %s is none", quote(t.name), quote(in.Name)).WithField(cut(t.name)).
				WithHint("send one tensor a column, named as in the model's metadata")
		}
	}
	width := len(inputs)
	n, err := t.rows(width)
	if err != nil {
		return nil, err
	}
	b.Room(n)
	if err := t.read(b, n*width, func(i int) int { return i % width }); err != nil {
		return nil, err
	}
	if err := b.EndColumns(n); err != nil {
		return nil, err
	}
	return b.Batch(), nil
}

// rows checks the shape, [n], [n, 1] or [n, width], and gives n.
func (t *tensor) rows(width int) (int, error) {
	elements, err := t.elements()
	if err != nil {
		return 0, err
	}
	fits := len(t.shape) == 2 && t.shape[1] == int64(width) || len(t.shape) == 1 && width == 1
	if !fits {
		want := "[n] or [n 1]"
		if width > 1 {
			want = "[n " + strconv.Itoa(width) + "]"
		}
		return 0, invalid("input %s has the shape %v, and it is %s", quote(t.name), t.shape, want).WithField(cut(t.name))
	}
	if n := elements / width; n <= row.MaxRows {
		return n, nil
	}
	return 0, lathe.Errorf(lathe.CodeTooLarge, "oip: %d rows, and %d are the most", elements/width, row.MaxRows).WithField(cut(t.name))
}

// read adds all values; column tells where the i-th belongs.
func (t *tensor) read(b *row.Builder, elements int, column func(i int) int) error {
	d, ok := datatypes[t.datatype]
	if !ok {
		return invalid("input %s has the datatype %s", quote(t.name), quote(t.datatype)).WithField(cut(t.name)).
			WithHint("the datatypes are BOOL, INT8 to INT64, UINT8 to UINT64, FP16, FP32, FP64, BYTES")
	}
	switch {
	case t.data != nil:
		return t.readJSON(b, d, elements, column)
	case d.kind == kindBytes:
		return t.readStrings(b, elements, column)
	}
	if len(t.binary) != elements*d.size {
		return invalid("input %s has %d bytes, and its shape needs %d", quote(t.name), len(t.binary), elements*d.size).WithField(cut(t.name))
	}
	for i := range elements {
		if err := d.putBinary(b, column(i), t, t.binary[i*d.size:]); err != nil {
			return err
		}
	}
	return nil
}

// readStrings reads BYTES: each value after its length, four bytes little-endian.
func (t *tensor) readStrings(b *row.Builder, elements int, column func(i int) int) error {
	rest := t.binary
	for i := range elements {
		if len(rest) < 4 {
			return invalid("input %s ends within value %d", quote(t.name), i).WithField(cut(t.name))
		}
		n := uint64(binary.LittleEndian.Uint32(rest))
		if rest = rest[4:]; n > uint64(len(rest)) {
			return invalid("input %s has a value of %d bytes where %d are left", quote(t.name), n, len(rest)).WithField(cut(t.name))
		}
		if err := b.Text(column(i), string(rest[:n])); err != nil {
			return err
		}
		rest = rest[n:]
	}
	if len(rest) > 0 {
		return invalid("input %s has %d bytes after its last value", quote(t.name), len(rest)).WithField(cut(t.name))
	}
	return nil
}

// readJSON reads values that are flat, in row order, or nested.
func (t *tensor) readJSON(b *row.Builder, d datatype, elements int, column func(i int) int) error {
	s := row.NewScanner(t.data)
	i := 0
	var list func(depth int) error
	list = func(depth int) error {
		return s.List("data of "+quote(t.name), func(int) error {
			if s.Peek() == '[' && depth < maxDims {
				return list(depth + 1)
			}
			if i >= elements {
				return t.count("more", elements)
			}
			v, err := s.Value("a value of " + quote(t.name))
			if err != nil {
				return err
			}
			i++
			return d.putJSON(b, column(i-1), t, v)
		})
	}
	if err := list(1); err != nil {
		return err
	}
	if i != elements {
		return t.count("fewer", elements)
	}
	return s.End()
}

func (t *tensor) count(what string, elements int) error {
	return invalid("input %s has %s values than the %d of its shape", quote(t.name), what, elements).WithField(cut(t.name))
}

// respond writes the JSON header, and after it the binary tensors in its order.
func (q *request) respond(w http.ResponseWriter, target *lathe.Target, out *lathe.Batch, columns []chosen) {
	var blob []byte
	header := q.appendHeader(nil, target)
	for i, c := range columns {
		if i > 0 {
			header = append(header, ',')
		}
		header, blob = appendOutput(header, blob, &out.Columns[c.column], out.Rows, c.binary)
	}
	header = append(header, ']', '}')
	h := w.Header()
	h.Set("Content-Type", "application/json")
	if len(blob) > 0 {
		h.Set("Content-Type", "application/octet-stream")
		h.Set(LengthHeader, strconv.Itoa(len(header)))
	}
	h.Set("Content-Length", strconv.Itoa(len(header)+len(blob)))
	_, _ = w.Write(append(header, blob...)) // the client went away: nobody is left to tell
}

func (q *request) appendHeader(dst []byte, target *lathe.Target) []byte {
	dst = append(dst, `{"model_name":`...)
	dst = row.AppendString(dst, target.Endpoint)
	dst = append(dst, `,"model_version":"`...)
	dst = append(strconv.AppendInt(dst, int64(target.Version), 10), '"')
	if q.hasID {
		dst = append(dst, `,"id":`...)
		dst = row.AppendString(dst, q.id)
	}
	return append(dst, `,"outputs":[`...)
}

func appendOutput(header, blob []byte, c *lathe.Column, rows int, binary bool) (newHeader, newBlob []byte) {
	header = append(header, `{"name":`...)
	header = row.AppendString(header, c.Name)
	header = append(header, `,"datatype":"`+datatypeOf(c.Kind)+`","shape":[`...)
	header = append(strconv.AppendInt(header, int64(rows), 10), ']')
	if binary {
		before := len(blob)
		blob = appendBinary(blob, c, rows)
		header = append(header, `,"parameters":{"binary_data_size":`...)
		header = strconv.AppendInt(header, int64(len(blob)-before), 10)
		return append(header, '}', '}'), blob
	}
	header = append(header, `,"data":[`...)
	for i := range rows {
		if i > 0 {
			header = append(header, ',')
		}
		header = row.AppendValue(header, c, i)
	}
	return append(header, ']', '}'), blob
}

// appendBinary writes a column little-endian; strings have their length before them.
func appendBinary(dst []byte, c *lathe.Column, rows int) []byte {
	for i := range rows {
		switch c.Kind {
		case lathe.Float64:
			dst = binary.LittleEndian.AppendUint64(dst, math.Float64bits(c.Floats[i]))
		case lathe.Int64:
			dst = binary.LittleEndian.AppendUint64(dst, uint64(c.Ints[i]))
		case lathe.Bool:
			bit := byte(0)
			if c.Bools[i] {
				bit = 1
			}
			dst = append(dst, bit)
		default:
			dst = binary.LittleEndian.AppendUint32(dst, uint32(len(c.Strings[i])))
			dst = append(dst, c.Strings[i]...)
		}
	}
	return dst
}
