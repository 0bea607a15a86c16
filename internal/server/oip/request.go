package oip

import (
	"math/bits"
	"net/http"
	"strconv"

	"lathe"
	"lathe/internal/server/row"
)

// Bounds on a request's parts; a body within its cap could otherwise hold millions of each.
const (
	maxTensors = 20_000
	maxDims    = 8
)

// tensor is one input as it was sent: its values are JSON or bytes, read once its type is known.
type tensor struct {
	name     string
	datatype string
	shape    []int64
	data     []byte // JSON
	size     int64  // of the binary data; -1 for none
	binary   []byte
}

// wanted is one requested output.
type wanted struct {
	name   string
	binary *bool
}

// request is what an infer request holds.
type request struct {
	id      string
	hasID   bool
	binary  bool // the outputs are binary where nothing else is said
	inputs  []tensor
	outputs []wanted
}

// parseRequest splits a body into its header and the binary tensors after it.
func parseRequest(r *http.Request, body []byte) (*request, error) {
	header, rest := body, []byte(nil)
	if text := r.Header.Get(LengthHeader); text != "" {
		n, err := strconv.ParseUint(text, 10, 63)
		if err != nil || n > uint64(len(body)) {
			return nil, invalid("%s is %s for a body of %d bytes", LengthHeader, quote(text), len(body)).WithField(LengthHeader)
		}
		header, rest = body[:n], body[n:]
	}
	req := &request{}
	s := row.NewScanner(header)
	if err := s.Members("the body", func(name string) error { return req.member(s, name) }); err != nil {
		return nil, err
	}
	if err := s.End(); err != nil {
		return nil, err
	}
	if len(req.inputs) == 0 {
		return nil, invalid("there are no inputs").WithField("inputs")
	}
	return req, req.attach(rest)
}

func (q *request) member(s *row.Scanner, name string) (err error) {
	switch name {
	case "id":
		q.id, err = s.String("id")
		q.hasID = true
		return err
	case "parameters":
		return s.Members(name, func(parameter string) error { return q.parameter(s, parameter) })
	case "inputs":
		return s.List(name, func(i int) error {
			if i >= maxTensors {
				return invalid("more than %d inputs", maxTensors).WithField(name)
			}
			t, err := readTensor(s)
			q.inputs = append(q.inputs, t)
			return err
		})
	case "outputs":
		return s.List(name, func(i int) error {
			if i >= maxTensors {
				return invalid("more than %d outputs", maxTensors).WithField(name)
			}
			out, err := readWanted(s)
			q.outputs = append(q.outputs, out)
			return err
		})
	}
	return invalid("%s is not a field here", quote(name)).WithField(cut(name))
}

// parameter reads one of the request's. Those that only say when or how important have no effect on the answer and are
// ignored; all others are refused by name.
func (q *request) parameter(s *row.Scanner, name string) (err error) {
	switch name {
	case "binary_data_output":
		q.binary, err = s.Bool(name)
		return err
	case "priority", "timeout", "headers", "content_type":
		return s.Skip()
	case "sequence_id", "sequence_start", "sequence_end":
		v, err := s.Value(name)
		if err == nil && (v.Float != 0 || v.Bool || v.Text != "") {
			err = invalid("%s is not supported: models here keep no state", name).WithField(name)
		}
		return err
	}
	return invalid("the parameter %s is not supported", quote(name)).WithField(cut(name))
}

func readTensor(s *row.Scanner) (tensor, error) {
	t := tensor{size: -1}
	err := s.Members("an input", func(name string) (err error) {
		switch name {
		case "name":
			t.name, err = s.String(name)
		case "datatype":
			t.datatype, err = s.String(name)
		case "shape":
			err = s.List(name, func(i int) error {
				if i >= maxDims {
					return invalid("a shape of more than %d dimensions", maxDims).WithField(name)
				}
				v, err := s.Value(name)
				if err == nil && (!v.Whole || v.Int < 0) {
					err = invalid("a dimension is a whole number from 0").WithField(name)
				}
				t.shape = append(t.shape, v.Int)
				return err
			})
		case "data":
			t.data, err = s.Raw()
		case "parameters":
			err = s.Members(name, func(parameter string) error { return t.parameter(s, parameter) })
		default:
			err = invalid("%s is not a field of an input", quote(name)).WithField(cut(name))
		}
		return err
	})
	return t, err
}

func (t *tensor) parameter(s *row.Scanner, name string) error {
	switch name {
	case "binary_data_size":
		v, err := s.Value(name)
		if err == nil && (!v.Whole || v.Int < 0) {
			err = invalid("binary_data_size is a whole number from 0").WithField(name)
		}
		t.size = v.Int
		return err
	case "content_type":
		return s.Skip()
	}
	return invalid("the input parameter %s is not supported", quote(name)).WithField(cut(name))
}

func readWanted(s *row.Scanner) (out wanted, err error) {
	err = s.Members("an output", func(name string) (err error) {
		switch name {
		case "name":
			out.name, err = s.String(name)
		case "parameters":
			err = s.Members(name, func(parameter string) error {
				if parameter == "content_type" {
					return s.Skip()
				}
				if parameter != "binary_data" {
					return invalid("the output parameter %s is not supported", quote(parameter)).WithField(cut(parameter))
				}
				binary, err := s.Bool(parameter)
				out.binary = &binary
				return err
			})
		case "datatype", "shape", "data":
			err = s.Skip() // some clients send the description of the tensor along
		default:
			err = invalid("%s is not a field of an output", quote(name)).WithField(cut(name))
		}
		return err
	})
	return out, err
}

// attach gives each binary input its bytes, in order; all bytes must be used.
func (q *request) attach(rest []byte) error {
	for i := range q.inputs {
		t := &q.inputs[i]
		if (t.size >= 0) == (t.data != nil) {
			return invalid("input %s has both data and binary data, or neither", quote(t.name)).WithField(cut(t.name))
		}
		if t.size < 0 {
			continue
		}
		if t.size > int64(len(rest)) {
			return invalid("input %s has a binary_data_size of %d, and %d bytes are left", quote(t.name), t.size, len(rest)).WithField(cut(t.name))
		}
		t.binary, rest = rest[:t.size], rest[t.size:]
	}
	if len(rest) > 0 {
		return invalid("%d bytes follow the binary data of all inputs", len(rest))
	}
	return nil
}

// elements is the product of the shape; one that wraps or that no body could hold is refused.
func (t *tensor) elements() (int, error) {
	product := uint64(1)
	for _, dim := range t.shape {
		high, low := bits.Mul64(product, uint64(dim))
		if high != 0 || low > 1<<31 {
			return 0, invalid("the shape of input %s holds too many values", quote(t.name)).WithField(cut(t.name))
		}
		product = low
	}
	return int(product), nil
}

func invalid(format string, args ...any) *lathe.Error {
	return lathe.Errorf(lathe.CodeInvalid, "oip: "+format, args...)
}

func cut(s string) string { return s[:min(len(s), 80)] }

func quote(s string) string { return strconv.Quote(cut(s)) }
