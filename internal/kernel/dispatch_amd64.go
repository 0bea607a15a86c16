//go:build amd64 && !noasm

package kernel

import "lathe/internal/cpu"

func exp(dst, x []float32) {
	switch cpu.Active() {
	case cpu.AVX512:
		expAVX512(dst, x)
	case cpu.AVX2:
		expAVX2(dst, x)
	default:
		expRef(dst, x)
	}
}

func log(dst, x []float32) {
	switch cpu.Active() {
	case cpu.AVX512:
		logAVX512(dst, x)
	case cpu.AVX2:
		logAVX2(dst, x)
	default:
		logRef(dst, x)
	}
}

func tanh(dst, x []float32) {
	switch cpu.Active() {
	case cpu.AVX512:
		tanhAVX512(dst, x)
	case cpu.AVX2:
		tanhAVX2(dst, x)
	default:
		tanhRef(dst, x)
	}
}

func sigmoid(dst, x []float32) {
	switch cpu.Active() {
	case cpu.AVX512:
		sigmoidAVX512(dst, x)
	case cpu.AVX2:
		sigmoidAVX2(dst, x)
	default:
		sigmoidRef(dst, x)
	}
}

func relu(dst, x []float32) {
	switch cpu.Active() {
	case cpu.AVX512:
		reluAVX512(dst, x)
	case cpu.AVX2:
		reluAVX2(dst, x)
	default:
		reluRef(dst, x)
	}
}

func reluGrad(dz, dy, y []float32) {
	switch cpu.Active() {
	case cpu.AVX512:
		reluGradAVX512(dz, dy, y)
	case cpu.AVX2:
		reluGradAVX2(dz, dy, y)
	default:
		reluGradRef(dz, dy, y)
	}
}

func sigmoidGrad(dz, dy, y []float32) {
	switch cpu.Active() {
	case cpu.AVX512:
		sigmoidGradAVX512(dz, dy, y)
	case cpu.AVX2:
		sigmoidGradAVX2(dz, dy, y)
	default:
		sigmoidGradRef(dz, dy, y)
	}
}

func tanhGrad(dz, dy, y []float32) {
	switch cpu.Active() {
	case cpu.AVX512:
		tanhGradAVX512(dz, dy, y)
	case cpu.AVX2:
		tanhGradAVX2(dz, dy, y)
	default:
		tanhGradRef(dz, dy, y)
	}
}

func axpy(alpha float32, x, y []float32) {
	switch cpu.Active() {
	case cpu.AVX512:
		axpyAVX512(y, alpha, x)
	case cpu.AVX2:
		axpyAVX2(y, alpha, x)
	default:
		axpyRef(alpha, x, y)
	}
}

func scale(dst []float32, alpha float32, x []float32) {
	switch cpu.Active() {
	case cpu.AVX512:
		scaleAVX512(dst, alpha, x)
	case cpu.AVX2:
		scaleAVX2(dst, alpha, x)
	default:
		scaleRef(dst, alpha, x)
	}
}

func shift(dst []float32, alpha float32, x []float32) {
	switch cpu.Active() {
	case cpu.AVX512:
		shiftAVX512(dst, alpha, x)
	case cpu.AVX2:
		shiftAVX2(dst, alpha, x)
	default:
		shiftRef(dst, alpha, x)
	}
}

func add(dst, x, y []float32) {
	switch cpu.Active() {
	case cpu.AVX512:
		addAVX512(dst, x, y)
	case cpu.AVX2:
		addAVX2(dst, x, y)
	default:
		addRef(dst, x, y)
	}
}

func mul(dst, x, y []float32) {
	switch cpu.Active() {
	case cpu.AVX512:
		mulAVX512(dst, x, y)
	case cpu.AVX2:
		mulAVX2(dst, x, y)
	default:
		mulRef(dst, x, y)
	}
}

func dot(x, y []float32) float32 {
	switch cpu.Active() {
	case cpu.AVX512:
		return dotAVX512(x, y)
	case cpu.AVX2:
		return dotAVX2(x, y)
	default:
		return dotRef(x, y)
	}
}

func sum(x []float32) float32 {
	switch cpu.Active() {
	case cpu.AVX512:
		return sumAVX512(x)
	case cpu.AVX2:
		return sumAVX2(x)
	default:
		return sumRef(x)
	}
}

func colSumAdd(dst, a []float32, m, n int) {
	switch cpu.Active() {
	case cpu.AVX512:
		colSumAddAVX512(dst, a, m)
	case cpu.AVX2:
		colSumAddAVX2(dst, a, m)
	default:
		colSumAddRef(dst, a, m, n)
	}
}

// maximum returns the maximum of x, which is not empty, from the maxima and the NaN of its lanes.
func maximum(x []float32) float32 {
	var top, nan [16]float32
	lanes := 16
	switch cpu.Active() {
	case cpu.AVX512:
		maximumAVX512(x, &top, &nan)
	case cpu.AVX2:
		maximumAVX2(x, &top, &nan)
		lanes = 8
	default:
		return maximumRef(x)
	}
	for i, v := range nan[:lanes] {
		if v != v {
			top[i] = v
		}
	}
	return maximumRef(top[:lanes])
}

func bceLogits(dz, z, y []float32, scale float32, acc *[lossLanes]float64) {
	switch cpu.Active() {
	case cpu.AVX512:
		bceLogitsAVX512(dz, z, y, scale, acc)
	case cpu.AVX2:
		bceLogitsAVX2(dz, z, y, scale, acc)
	default:
		bceLogitsRef(dz, z, y, scale, acc)
	}
}
