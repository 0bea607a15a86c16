// Package safetensors reads and writes Hugging Face's safetensors format, version of 2024: eight
// bytes with the header's length, a JSON header, and the tensors' little-endian bytes.
//
// Everything read is untrusted: lengths, shapes and offsets are checked against each other and
// against limits before anything is allocated from them, and a file must use each of its bytes
// exactly once. Writing is deterministic: the same tensors and metadata give the same bytes.
// Source: https://github.com/huggingface/safetensors#format
package safetensors

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// DType names the type of a tensor's elements as the format spells it.
type DType string

// The element types that lathe reads and writes.
const (
	F64  DType = "F64"
	F32  DType = "F32"
	F16  DType = "F16"
	BF16 DType = "BF16"
	I64  DType = "I64"
	I32  DType = "I32"
	U8   DType = "U8"
)

// Size is the number of bytes of one element, 0 for a type that is not supported.
func (d DType) Size() int {
	switch d {
	case F64, I64:
		return 8
	case F32, I32:
		return 4
	case F16, BF16:
		return 2
	case U8:
		return 1
	}
	return 0
}

// Tensor is one named array. Data holds its row-major elements in little-endian order.
type Tensor struct {
	Name  string
	DType DType
	Shape []int
	Data  []byte
}

// File is the content of one file. Tensors are sorted by name and no name occurs twice.
type File struct {
	Tensors  []Tensor
	Metadata map[string]string // nil when the file has none
}

// Find returns the tensor of that name, or false.
func (f *File) Find(name string) (Tensor, bool) {
	i, ok := slices.BinarySearchFunc(f.Tensors, name, func(t Tensor, name string) int {
		return strings.Compare(t.Name, name)
	})
	if !ok {
		return Tensor{}, false
	}
	return f.Tensors[i], true
}

// Sort orders the tensors by name, as Find needs them.
func (f *File) Sort() {
	slices.SortFunc(f.Tensors, func(a, b Tensor) int { return strings.Compare(a.Name, b.Name) })
}

// Limits bounds what a reader accepts. A zero field takes its default.
type Limits struct {
	Header  int64 // bytes of the JSON header; default 16 MiB
	Total   int64 // bytes of the whole file; default 16 GiB
	Tensors int   // number of tensors; default 65,536
}

func (l Limits) withDefaults() Limits {
	if l.Header == 0 {
		l.Header = 16 << 20
	}
	if l.Total == 0 {
		l.Total = 16 << 30
	}
	if l.Tensors == 0 {
		l.Tensors = 1 << 16
	}
	return l
}

const (
	maxDims = 8   // more than any real tensor has
	maxName = 512 // bytes; the longest names of published models are below 200
)

// FormatError says what is wrong with a file. The reader returns no other error but those of the
// io.Reader below it.
type FormatError struct{ Reason string }

// Error gives the reason.
func (e *FormatError) Error() string { return "safetensors: " + e.Reason }

func malformed(format string, args ...any) error {
	return &FormatError{Reason: fmt.Sprintf(format, args...)}
}

// byteSize returns the bytes that a shape of that type takes, or an error where an extent is
// negative, there are too many of them, or the product overflows.
func byteSize(d DType, shape []int) (int64, error) {
	if d.Size() == 0 {
		return 0, malformed("dtype %.32q is not supported", string(d))
	}
	if len(shape) > maxDims {
		return 0, malformed("shape has %d dimensions, at most %d are allowed", len(shape), maxDims)
	}
	size := int64(d.Size())
	for _, n := range shape {
		if n < 0 || (n > 0 && size > math.MaxInt64/int64(n)) {
			return 0, malformed("shape %v is negative or overflows", shape)
		}
		size *= int64(n)
	}
	return size, nil
}
