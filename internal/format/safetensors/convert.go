package safetensors

import (
	"encoding/binary"
	"math"
	"slices"
)

// FromFloat32 returns an F32 tensor with a copy of values.
func FromFloat32(name string, shape []int, values []float32) Tensor {
	data := make([]byte, 0, 4*len(values))
	for _, v := range values {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
	}
	return Tensor{Name: name, DType: F32, Shape: slices.Clone(shape), Data: data}
}

// FromInt64 returns an I64 tensor with a copy of values.
func FromInt64(name string, shape []int, values []int64) Tensor {
	data := make([]byte, 0, 8*len(values))
	for _, v := range values {
		data = binary.LittleEndian.AppendUint64(data, uint64(v))
	}
	return Tensor{Name: name, DType: I64, Shape: slices.Clone(shape), Data: data}
}

// Float32 returns the elements of an F32, F16, BF16 or F64 tensor; F64 is rounded. It returns
// *FormatError for the whole-number types.
func (t Tensor) Float32() ([]float32, error) {
	var element func(data []byte) float32
	switch t.DType {
	case F32:
		element = func(d []byte) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(d)) }
	case F64:
		element = func(d []byte) float32 { return float32(math.Float64frombits(binary.LittleEndian.Uint64(d))) }
	case BF16:
		element = func(d []byte) float32 { return math.Float32frombits(uint32(binary.LittleEndian.Uint16(d)) << 16) }
	case F16:
		element = func(d []byte) float32 { return halfToFloat(binary.LittleEndian.Uint16(d)) }
	default:
		return nil, malformed("tensor %q holds %s, not floats", t.Name, t.DType)
	}
	return convert(t, element), nil
}

// Int64 returns the elements of an I64, I32 or U8 tensor, or *FormatError.
func (t Tensor) Int64() ([]int64, error) {
	var element func(data []byte) int64
	switch t.DType {
	case I64:
		element = func(d []byte) int64 { return int64(binary.LittleEndian.Uint64(d)) }
	case I32:
		element = func(d []byte) int64 { return int64(int32(binary.LittleEndian.Uint32(d))) }
	case U8:
		element = func(d []byte) int64 { return int64(d[0]) }
	default:
		return nil, malformed("tensor %q holds %s, not whole numbers", t.Name, t.DType)
	}
	return convert(t, element), nil
}

func convert[T any](t Tensor, element func(data []byte) T) []T {
	size := t.DType.Size()
	values := make([]T, len(t.Data)/size)
	for i := range values {
		values[i] = element(t.Data[i*size:])
	}
	return values
}

// halfToFloat widens an IEEE 754 binary16, which float32 holds exactly.
func halfToFloat(h uint16) float32 {
	sign := uint32(h>>15) << 31
	exponent, fraction := uint32(h>>10)&0x1f, uint32(h)&0x3ff
	switch exponent {
	case 0: // zero and subnormals: fraction x 2^-24
		return math.Float32frombits(sign | math.Float32bits(float32(fraction)*0x1p-24))
	case 0x1f: // infinity and NaN
		return math.Float32frombits(sign | 0x7f800000 | fraction<<13)
	}
	return math.Float32frombits(sign | (exponent+127-15)<<23 | fraction<<13)
}
