package safetensors

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// Write writes a file. Tensors are laid out by falling element size, then by name, so that each
// starts at a multiple of its element size; metadata is sorted by key. It returns *FormatError
// where a tensor's data do not fit its shape or a name is empty, too long or used twice.
func Write(w io.Writer, tensors []Tensor, metadata map[string]string) error {
	ordered := slices.Clone(tensors)
	slices.SortFunc(ordered, func(a, b Tensor) int {
		return cmp.Or(cmp.Compare(b.DType.Size(), a.DType.Size()), strings.Compare(a.Name, b.Name))
	})
	if err := checkTensors(ordered); err != nil {
		return err
	}
	for key, value := range metadata {
		if !utf8.ValidString(key) || !utf8.ValidString(value) {
			return malformed("write: metadata %.64q is not UTF-8", key)
		}
	}
	header, err := encodeHeader(ordered, metadata)
	if err != nil {
		return err
	}
	if _, err := w.Write(header); err != nil {
		return err
	}
	for _, t := range ordered {
		if _, err := w.Write(t.Data); err != nil {
			return err
		}
	}
	return nil
}

func checkTensors(tensors []Tensor) error {
	seen := map[string]bool{}
	for _, t := range tensors {
		if err := checkName(t.Name); err != nil {
			return err
		}
		if seen[t.Name] {
			return malformed("write: name %q is used twice", t.Name)
		}
		seen[t.Name] = true
		size, err := byteSize(t.DType, t.Shape)
		if err != nil {
			return err
		}
		if size != int64(len(t.Data)) {
			return malformed("write: tensor %q has %d bytes, its shape %v needs %d", t.Name, len(t.Data), t.Shape, size)
		}
	}
	return nil
}

// headerEntry has its fields in the order in which other writers put them.
type headerEntry struct {
	DType   DType    `json:"dtype"`
	Shape   []int    `json:"shape"`
	Offsets [2]int64 `json:"data_offsets"`
}

// encodeHeader returns the length and the JSON, padded with spaces to a multiple of 8 bytes.
func encodeHeader(tensors []Tensor, metadata map[string]string) ([]byte, error) {
	out := bytes.NewBuffer(make([]byte, 8))
	separator := byte('{')
	if len(metadata) > 0 {
		if err := encodeField(out, separator, metadataKey, metadata); err != nil {
			return nil, err
		}
		separator = ','
	}
	var at int64
	for _, t := range tensors {
		entry := headerEntry{DType: t.DType, Shape: append([]int{}, t.Shape...), Offsets: [2]int64{at, at + int64(len(t.Data))}}
		if err := encodeField(out, separator, t.Name, entry); err != nil {
			return nil, err
		}
		separator, at = ',', entry.Offsets[1]
	}
	if separator == '{' {
		out.WriteByte('{')
	}
	out.WriteByte('}')
	for out.Len()%8 != 0 {
		out.WriteByte(' ')
	}
	binary.LittleEndian.PutUint64(out.Bytes(), uint64(out.Len()-8))
	return out.Bytes(), nil
}

// encodeField writes a separator, then "key":value. Maps are written sorted by key.
func encodeField(out *bytes.Buffer, separator byte, key string, value any) error {
	name, err := json.Marshal(key)
	if err != nil {
		return malformed("write: name %q: %v", key, err)
	}
	text, err := json.Marshal(value)
	if err != nil {
		return malformed("write: %q: %v", key, err)
	}
	out.WriteByte(separator)
	out.Write(name)
	out.WriteByte(':')
	out.Write(text)
	return nil
}
