//go:build amd64 && !noasm

package kernel

import (
	"math"
	"unsafe"

	"lathe/internal/cpu"
)

func fromHalf(dst []float32, src []uint16) {
	switch cpu.Active() {
	case cpu.AVX512:
		fromHalfAVX512(dst, src)
	case cpu.AVX2:
		fromHalfAVX2(dst, src)
	default:
		fromHalfRef(dst, src)
	}
}

func toHalf(dst []uint16, src []float32) {
	switch cpu.Active() {
	case cpu.AVX512:
		toHalfAVX512(dst, src)
	case cpu.AVX2:
		toHalfAVX2(dst, src)
	default:
		toHalfRef(dst, src)
	}
}

func fromBrain(dst []float32, src []uint16) {
	switch cpu.Active() {
	case cpu.AVX512:
		fromBrainAVX512(dst, src)
	case cpu.AVX2:
		fromBrainAVX2(dst, src)
	default:
		fromBrainRef(dst, src)
	}
}

func toBrain(dst []uint16, src []float32) {
	switch cpu.Active() {
	case cpu.AVX512:
		toBrainAVX512(dst, src)
	case cpu.AVX2:
		toBrainAVX2(dst, src)
	default:
		toBrainRef(dst, src)
	}
}

func dotInt8(a []uint8, b []int8) int32 {
	switch {
	case cpu.VNNI():
		return dotInt8VNNI(a, b)
	case cpu.Active() > cpu.Generic:
		return dotInt8AVX2(a, b)
	default:
		return dotInt8Ref(a, b)
	}
}

func tileInt8(c []int32, a []uint8, b []int8, rows, fours, aStep, cStep int) {
	switch {
	case cpu.VNNI():
		tileInt8VNNI(&c[0], &a[0], &b[0], rows, fours, aStep, floatSize*cStep)
	case cpu.Active() > cpu.Generic:
		tileInt8AVX2(&c[0], &a[0], &b[0], rows, fours, aStep, floatSize*cStep)
	default:
		tileInt8Ref(c, a, b, rows, fours, aStep, cStep)
	}
}

func finishInt8(dst []float32, acc, sums []int32, scale, bias []float32, zero int32, row float32) {
	bits := math.Float32frombits(uint32(zero))
	switch cpu.Active() {
	case cpu.AVX512:
		finishInt8AVX512(dst, bits, row, rawFloats(acc), rawFloats(sums), scale, bias)
	case cpu.AVX2:
		finishInt8AVX2(dst, bits, row, rawFloats(acc), rawFloats(sums), scale, bias)
	default:
		finishInt8Ref(dst, acc, sums, scale, bias, zero, row)
	}
}

// rawFloats is v for a kernel that takes its bits as it finds them.
func rawFloats(v []int32) []float32 {
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(v))), len(v))
}
