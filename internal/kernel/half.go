package kernel

import "fmt"

// HalfToFloat sets dst to the float16 (IEEE binary16) in src; every value is exact, a NaN stays one. It
// panics on different lengths.
func HalfToFloat(dst []float32, src []uint16) {
	checkHalf("halftofloat", len(dst), len(src))
	pieces(len(src), func(i, j int) { fromHalf(dst[i:j], src[i:j]) })
}

// FloatToHalf sets dst to src as float16 (IEEE binary16), rounded to nearest even: beyond 65504 to
// infinity, below 2^-14 to a subnormal; a NaN stays one. It panics on different lengths.
func FloatToHalf(dst []uint16, src []float32) {
	checkHalf("floattohalf", len(dst), len(src))
	pieces(len(src), func(i, j int) { toHalf(dst[i:j], src[i:j]) })
}

// BrainToFloat sets dst to the bfloat16 in src, exactly. It panics on different lengths.
func BrainToFloat(dst []float32, src []uint16) {
	checkHalf("braintofloat", len(dst), len(src))
	pieces(len(src), func(i, j int) { fromBrain(dst[i:j], src[i:j]) })
}

// FloatToBrain sets dst to src as bfloat16, rounded to nearest even, subnormals too; a NaN stays one. It
// panics on different lengths.
func FloatToBrain(dst []uint16, src []float32) {
	checkHalf("floattobrain", len(dst), len(src))
	pieces(len(src), func(i, j int) { toBrain(dst[i:j], src[i:j]) })
}

func checkHalf(op string, dst, src int) {
	if dst != src {
		panic(fmt.Sprintf("kernel: %s: dst has %d elements, src %d", op, dst, src))
	}
}
