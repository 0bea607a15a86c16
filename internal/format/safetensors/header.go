package safetensors

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"unicode/utf8"
)

// entry is one tensor of the header; its bytes are [start, end) of the data part.
type entry struct {
	tensor     Tensor
	start, end int64
}

// headerParser reads the header token by token: a decoder into structs would accept duplicate
// keys, unknown ones and other spellings of known ones, and two readers could then see different
// files.
type headerParser struct {
	tokens *json.Decoder
	limits Limits
}

// parseHeader reads a header into entries, in the order of the file, and metadata.
func parseHeader(header []byte, limits Limits) ([]entry, map[string]string, error) {
	if len(header) == 0 || header[0] != '{' {
		return nil, nil, malformed("header does not start with '{'")
	}
	if !utf8.Valid(header) {
		return nil, nil, malformed("header is not UTF-8")
	}
	p := &headerParser{tokens: json.NewDecoder(bytes.NewReader(header)), limits: limits}
	p.tokens.UseNumber()
	entries, metadata, err := p.file()
	if err != nil {
		return nil, nil, err
	}
	if _, err := p.tokens.Token(); !errors.Is(err, io.EOF) {
		return nil, nil, malformed("header has more after its object")
	}
	return entries, metadata, nil
}

func (p *headerParser) file() (entries []entry, metadata map[string]string, err error) {
	seen := map[string]bool{}
	err = p.object(func(key string) (err error) {
		if seen[key] {
			return malformed("name %.64q occurs twice", key)
		}
		seen[key] = true
		if key == metadataKey {
			metadata, err = p.metadata()
			return err
		}
		if len(entries) == p.limits.Tensors {
			return malformed("more than %d tensors", p.limits.Tensors)
		}
		e, err := p.entry(key)
		entries = append(entries, e)
		return err
	})
	return entries, metadata, err
}

func (p *headerParser) metadata() (map[string]string, error) {
	metadata := map[string]string{}
	err := p.object(func(key string) error {
		if _, ok := metadata[key]; ok {
			return malformed("metadata %.64q occurs twice", key)
		}
		value, err := p.text()
		metadata[key] = value
		return err
	})
	return metadata, err
}

func (p *headerParser) entry(name string) (entry, error) {
	if err := checkName(name); err != nil {
		return entry{}, err
	}
	e := entry{tensor: Tensor{Name: name}}
	seen := map[string]bool{}
	err := p.object(func(key string) error {
		if seen[key] {
			return malformed("tensor %q has %.64q twice", name, key)
		}
		seen[key] = true
		return p.field(&e, key)
	})
	if err == nil && len(seen) != 3 {
		err = malformed("tensor %q lacks dtype, shape or data_offsets", name)
	}
	return e, err
}

func (p *headerParser) field(e *entry, key string) error {
	switch key {
	case "dtype":
		text, err := p.text()
		e.tensor.DType = DType(text)
		return err
	case "shape":
		extents, err := p.integers(maxDims)
		e.tensor.Shape = make([]int, len(extents))
		for i, n := range extents {
			e.tensor.Shape[i] = int(n)
		}
		return err
	case "data_offsets":
		offsets, err := p.integers(2)
		if err == nil && len(offsets) != 2 {
			err = malformed("tensor %q has %d data_offsets", e.tensor.Name, len(offsets))
		}
		if err == nil {
			e.start, e.end = offsets[0], offsets[1]
		}
		return err
	}
	return malformed("tensor %q has the unknown field %.64q", e.tensor.Name, key)
}

// object reads an object and calls value for each key, which must read that key's value.
func (p *headerParser) object(value func(key string) error) error {
	if err := p.delimiter('{'); err != nil {
		return err
	}
	for p.tokens.More() {
		key, err := p.text()
		if err != nil {
			return err
		}
		if err := value(key); err != nil {
			return err
		}
	}
	return p.delimiter('}')
}

// integers reads an array of at most n whole numbers that are not negative.
func (p *headerParser) integers(n int) ([]int64, error) {
	if err := p.delimiter('['); err != nil {
		return nil, err
	}
	var values []int64
	for p.tokens.More() {
		if len(values) == n {
			return nil, malformed("array is longer than %d", n)
		}
		token, err := p.next()
		if err != nil {
			return nil, err
		}
		number, ok := token.(json.Number)
		value, err := strconv.ParseInt(string(number), 10, 64)
		if !ok || err != nil || value < 0 {
			return nil, malformed("%.64q is not a whole number from 0 to 2^63-1", token)
		}
		values = append(values, value)
	}
	return values, p.delimiter(']')
}

func (p *headerParser) text() (string, error) {
	token, err := p.next()
	if err != nil {
		return "", err
	}
	text, ok := token.(string)
	if !ok {
		return "", malformed("header has %v where a string belongs", token)
	}
	return text, nil
}

func (p *headerParser) delimiter(want json.Delim) error {
	token, err := p.next()
	if err != nil {
		return err
	}
	if token != want {
		return malformed("header has %.64v where %v belongs", token, want)
	}
	return nil
}

func (p *headerParser) next() (json.Token, error) {
	token, err := p.tokens.Token()
	if err != nil {
		return nil, malformed("header is not JSON: %v", err)
	}
	return token, nil
}

// checkName refuses names that could not be written back or that abuse a log.
func checkName(name string) error {
	if name == "" || len(name) > maxName || name == metadataKey || !utf8.ValidString(name) {
		return malformed("tensor name %.64q is empty, longer than %d bytes, reserved or not UTF-8", name, maxName)
	}
	return nil
}
