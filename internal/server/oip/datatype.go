package oip

import (
	"encoding/binary"
	"math"

	"lathe"
	"lathe/internal/server/row"
)

// datatype is how one of the protocol's types is read.
type datatype struct {
	size   int // bytes; 0 for BYTES, which have their length before them
	kind   byte
	lo, hi float64 // of integers: both ends are floats, so that one comparison serves all
}

// The kinds of datatypes.
const (
	kindFloat = 'f'
	kindInt   = 'i'
	kindUint  = 'u'
	kindBool  = 'b'
	kindBytes = 's'
)

var datatypes = map[string]datatype{
	"FP16": {size: 2, kind: kindFloat}, "FP32": {size: 4, kind: kindFloat}, "FP64": {size: 8, kind: kindFloat},
	"INT8": {1, kindInt, -0x1p7, 0x1p7}, "INT16": {2, kindInt, -0x1p15, 0x1p15}, "INT32": {4, kindInt, -0x1p31, 0x1p31}, "INT64": {8, kindInt, -0x1p63, 0x1p63},
	"UINT8": {1, kindUint, 0, 0x1p8}, "UINT16": {2, kindUint, 0, 0x1p16}, "UINT32": {4, kindUint, 0, 0x1p32}, "UINT64": {8, kindUint, 0, 0x1p64},
	"BOOL": {size: 1, kind: kindBool}, "BYTES": {kind: kindBytes},
}

func datatypeOf(k lathe.Kind) string {
	switch k {
	case lathe.Float64:
		return "FP64"
	case lathe.Int64:
		return "INT64"
	case lathe.Bool:
		return "BOOL"
	default:
		return "BYTES"
	}
}

// putJSON adds one JSON value to a column. It means what its bytes would mean: 0.1 as FP32 is the float32 next to 0.1.
func (d datatype) putJSON(b *row.Builder, col int, t *tensor, v row.Value) error {
	if v.Kind == 'n' {
		return b.Null(col)
	}
	switch {
	case d.kind == kindBytes && v.Kind == '"':
		return b.Text(col, v.Text)
	case d.kind == kindBool && v.Kind == 't':
		return b.Bool(col, v.Bool)
	case d.kind == kindBool && v.Kind == '0' && (v.Float == 0 || v.Float == 1):
		return b.Bool(col, v.Float == 1)
	case d.kind == kindFloat && v.Kind == '0':
		f, ok := d.round(v.Float)
		if !ok {
			return t.outOfRange(v.Float)
		}
		return b.Float(col, f)
	case (d.kind == kindInt || d.kind == kindUint) && v.Kind == '0':
		// The ends of the 64-bit types are no floats: there, how the number is written decides.
		edge := d.size == 8 && (v.Whole || v.Large && d.kind == kindUint)
		if v.Float != math.Trunc(v.Float) || v.Float < d.lo || v.Float >= d.hi && !edge {
			return t.outOfRange(v.Float)
		}
		if v.Whole {
			return b.Int(col, v.Int)
		}
		return b.Float(col, v.Float)
	}
	return invalid("a value of input %s is not %s", quote(t.name), t.datatype).WithField(cut(t.name))
}

func (t *tensor) outOfRange(f float64) error {
	return invalid("input %s has the value %v, which %s does not hold", quote(t.name), f, t.datatype).WithField(cut(t.name))
}

// round gives the nearest number that the type holds; false where it is beyond all.
func (d datatype) round(f float64) (float64, bool) {
	switch d.size {
	case 4:
		f = float64(float32(f))
	case 2:
		f = roundHalf(f)
	}
	return f, f-f == 0
}

// roundHalf rounds to IEEE 754 binary16: 11 significant bits, none below 2^-24.
func roundHalf(f float64) float64 {
	_, exp := math.Frexp(f)
	unit := math.Ldexp(1, max(exp-11, -24))
	f = math.RoundToEven(f/unit) * unit
	if math.Abs(f) > 65504 {
		return math.Inf(1)
	}
	return f
}

// half gives the value of 16 bits of IEEE 754 binary16.
func half(u uint16) float64 {
	sign, exp, mantissa := float64(1), int(u>>10&31), float64(u&1023)
	if u>>15 == 1 {
		sign = -1
	}
	switch exp {
	case 0:
		return sign * math.Ldexp(mantissa, -24)
	case 31:
		if mantissa == 0 {
			return math.Inf(int(sign))
		}
		return math.NaN()
	}
	return sign * math.Ldexp(1024+mantissa, exp-25)
}

// putBinary adds one little-endian value of a fixed size.
func (d datatype) putBinary(b *row.Builder, col int, t *tensor, p []byte) error {
	switch d.kind {
	case kindFloat:
		return b.Float(col, d.float(p))
	case kindBool:
		if p[0] > 1 {
			return invalid("input %s has the byte %d, and BOOL is 0 or 1", quote(t.name), p[0]).WithField(cut(t.name))
		}
		return b.Bool(col, p[0] == 1)
	case kindUint:
		u := d.uint(p)
		if u > math.MaxInt64 {
			return b.Float(col, float64(u))
		}
		return b.Int(col, int64(u))
	default:
		shift := 64 - 8*d.size
		return b.Int(col, int64(d.uint(p)<<shift)>>shift)
	}
}

func (d datatype) float(p []byte) float64 {
	switch d.size {
	case 2:
		return half(binary.LittleEndian.Uint16(p))
	case 4:
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(p)))
	default:
		return math.Float64frombits(binary.LittleEndian.Uint64(p))
	}
}

func (d datatype) uint(p []byte) uint64 {
	switch d.size {
	case 1:
		return uint64(p[0])
	case 2:
		return uint64(binary.LittleEndian.Uint16(p))
	case 4:
		return uint64(binary.LittleEndian.Uint32(p))
	default:
		return binary.LittleEndian.Uint64(p)
	}
}
