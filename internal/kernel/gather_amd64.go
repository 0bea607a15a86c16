//go:build amd64 && !noasm

package kernel

import "lathe/internal/cpu"

func gather(dst, src []float32, index []int32, cols int) {
	switch cpu.Active() {
	case cpu.AVX512:
		gatherAVX512(&dst[0], &src[0], &index[0], len(index), cols)
	case cpu.AVX2:
		gatherAVX2(&dst[0], &src[0], &index[0], len(index), cols)
	default:
		gatherRef(dst, src, index, cols)
	}
}

func scatterAdd(dst, src []float32, index []int32, cols int) {
	switch cpu.Active() {
	case cpu.AVX512:
		scatterAddAVX512(&dst[0], &src[0], &index[0], len(index), cols)
	case cpu.AVX2:
		scatterAddAVX2(&dst[0], &src[0], &index[0], len(index), cols)
	default:
		scatterAddRef(dst, src, index, cols)
	}
}

func prefetchNext(src []float32, next []int32, cols int) {
	if cpu.Active() > cpu.Generic {
		prefetchRows(&src[0], &next[0], len(next), floatSize*cols)
	}
}
