package kernel

import "fmt"

// Dropout sets dst = x mask, where the mask is that of DropoutMask. The gradient is the same of dy, so
// the mask need not be kept. dst may be x. It panics on different lengths and as DropoutMask does.
func Dropout(dst, x []float32, key uint64, first int, floor uint64, keep float32) {
	same("dropout", "dst", dst, len(x))
	checkDropout(first, floor)
	if floor == 1<<32 {
		Scale(dst, 0, x)
		return
	}
	pieces(len(x), func(i, j int) { dropout(dst[i:j], x[i:j], start(key, first+i), uint32(floor), keep) })
}

// DropoutMask sets element i of mask to keep where 32 random bits are at least floor, else to 0: floor
// is 2^32 times the rate of what is dropped, keep usually 1 / (1 - rate). The bits are those of element
// first+i of a random stream with this key, SplitMix64 as in package tensor: draw n gives the element
// 2n its high half and the element 2n+1 its low half. first must be even, so that a long mask can be
// made in parts. It panics on an odd or negative first and on floor above 2^32.
func DropoutMask(mask []float32, key uint64, first int, floor uint64, keep float32) {
	checkDropout(first, floor)
	if floor == 1<<32 {
		clear(mask)
		return
	}
	pieces(len(mask), func(i, j int) { dropoutMask(mask[i:j], start(key, first+i), uint32(floor), keep) })
}

func checkDropout(first int, floor uint64) {
	if first < 0 || first%2 != 0 || floor > 1<<32 {
		panic(fmt.Sprintf("kernel: dropout: first is %d, want even; floor is %d, want at most 2^32", first, floor))
	}
}

// golden is the increment of SplitMix64.
const golden = 0x9e3779b97f4a7c15

// start returns the state of the draw that element i takes.
func start(key uint64, i int) uint64 { return key + uint64(i/2+1)*golden }
