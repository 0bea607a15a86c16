package safetensors

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"io"
	"slices"
)

const metadataKey = "__metadata__"

// Parse reads a file that lies in memory. The tensors' Data are parts of data, not copies. It
// returns *FormatError for anything that is not a well-formed file within the limits.
func Parse(data []byte, limits Limits) (*File, error) {
	limits = limits.withDefaults()
	if int64(len(data)) > limits.Total {
		return nil, malformed("file is larger than %d bytes", limits.Total)
	}
	if len(data) < 8 {
		return nil, malformed("file of %d bytes has no header length", len(data))
	}
	length := binary.LittleEndian.Uint64(data)
	if length > uint64(limits.Header) || length > uint64(len(data)-8) {
		return nil, malformed("header length %d is beyond the file or the limit of %d", length, limits.Header)
	}
	body := data[8+length:]
	entries, metadata, err := parseHeader(data[8:8+length], limits)
	if err != nil {
		return nil, err
	}
	if err := checkLayout(entries, int64(len(body))); err != nil {
		return nil, err
	}
	return assemble(entries, metadata, body), nil
}

// Read reads a whole file from r. Memory grows with the bytes that really arrive, not with what a
// header claims. It returns *FormatError, or the error of r.
func Read(r io.Reader, limits Limits) (*File, error) {
	limits = limits.withDefaults()
	var data bytes.Buffer
	n, err := io.Copy(&data, io.LimitReader(r, 8))
	if err != nil {
		return nil, err
	}
	if n == 8 && binary.LittleEndian.Uint64(data.Bytes()) > uint64(limits.Header) {
		return nil, malformed("header is larger than %d bytes", limits.Header)
	}
	if _, err := io.Copy(&data, io.LimitReader(r, limits.Total-7)); err != nil {
		return nil, err
	}
	return Parse(data.Bytes(), limits)
}

// checkLayout requires that the tensors fill the data part without gap or overlap, which leaves no
// room to hide bytes in, and that each has the size of its shape. It sorts the entries by place.
func checkLayout(entries []entry, total int64) error {
	slices.SortStableFunc(entries, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.end, b.end))
	})
	var at int64
	for _, e := range entries {
		size, err := byteSize(e.tensor.DType, e.tensor.Shape)
		if err != nil {
			return malformed("tensor %q: %v", e.tensor.Name, err)
		}
		if e.start != at || e.end < e.start || e.end > total {
			return malformed("tensor %q lies at [%d, %d): gap, overlap or beyond %d bytes", e.tensor.Name, e.start, e.end, total)
		}
		if e.end-e.start != size {
			return malformed("tensor %q has %d bytes, its shape needs %d", e.tensor.Name, e.end-e.start, size)
		}
		at = e.end
	}
	if at != total {
		return malformed("tensors end at %d of %d bytes", at, total)
	}
	return nil
}

func assemble(entries []entry, metadata map[string]string, body []byte) *File {
	file := &File{Metadata: metadata}
	for _, e := range entries {
		e.tensor.Data = body[e.start:e.end:e.end]
		file.Tensors = append(file.Tensors, e.tensor)
	}
	file.Sort()
	return file
}
