package kernel

import "math"

func fromHalfRef(dst []float32, src []uint16) {
	for i, h := range src {
		dst[i] = halfOne(h)
	}
}

// halfOne returns the value of a float16.
func halfOne(h uint16) float32 {
	sign, rest := uint32(h&0x8000)<<16, uint32(h&0x7fff)
	switch {
	case rest >= 0x7c00: // infinity, or a NaN, which is made quiet
		rest = rest<<13 | 0x7f800000
		if rest > 0x7f800000 {
			rest |= 0x400000
		}
	case rest >= 0x400:
		rest = rest<<13 + (127-15)<<23
	default:
		rest = math.Float32bits(float32(rest) * 0x1p-24)
	}
	return math.Float32frombits(rest | sign)
}

func toHalfRef(dst []uint16, src []float32) {
	for i, v := range src {
		dst[i] = halfBits(v)
	}
}

// halfBits rounds to a float16.
func halfBits(v float32) uint16 {
	bits := math.Float32bits(v)
	sign, rest := uint16(bits>>16&0x8000), bits&^signBit
	switch {
	case rest > 0x7f800000: // NaN
		return sign | 0x7e00 | uint16(rest>>13&0x3ff)
	case rest >= 0x477ff000: // 65520, half-way beyond the largest
		return sign | 0x7c00
	case rest >= 0x38800000: // 2^-14
		return sign | uint16((rest+0xfff+rest>>13&1-(127-15)<<23)>>13)
	}
	// Adding ½ leaves the multiple of 2^-24, rounded, in the low bits.
	return sign | uint16(math.Float32bits(math.Float32frombits(rest)+0.5)-math.Float32bits(0.5))
}

func fromBrainRef(dst []float32, src []uint16) {
	for i, b := range src {
		dst[i] = math.Float32frombits(uint32(b) << 16)
	}
}

func toBrainRef(dst []uint16, src []float32) {
	for i, v := range src {
		bits := math.Float32bits(v)
		if v != v {
			dst[i] = uint16((bits | 0x400000) >> 16)
			continue
		}
		dst[i] = uint16((bits + 0x7fff + bits>>16&1) >> 16)
	}
}
