//go:build amd64 && !noasm

package kernel

import "lathe/internal/cpu"

func expRows(dst, x, top, total []float32, factor float32, cols, dstStep, xStep int) {
	switch cpu.Active() {
	case cpu.AVX512:
		expRowsAVX512(&dst[0], &x[0], &top[0], &total[0], factor, len(top), cols, dstStep, xStep)
	case cpu.AVX2:
		expRowsAVX2(&dst[0], &x[0], &top[0], &total[0], factor, len(top), cols, dstStep, xStep)
	default:
		expRowsRef(dst, x, top, total, factor, cols, dstStep, xStep)
	}
}

func scaleRows(dst, factor []float32, cols, step int) {
	switch cpu.Active() {
	case cpu.AVX512:
		scaleRowsAVX512(&dst[0], &factor[0], len(factor), cols, step)
	case cpu.AVX2:
		scaleRowsAVX2(&dst[0], &factor[0], len(factor), cols, step)
	default:
		scaleRowsRef(dst, factor, cols, step)
	}
}

func ceRows(dst, mul, alpha []float32, sub float32, cols int) {
	switch cpu.Active() {
	case cpu.AVX512:
		ceRowsAVX512(&dst[0], &mul[0], &alpha[0], sub, len(mul), cols, cols)
	case cpu.AVX2:
		ceRowsAVX2(&dst[0], &mul[0], &alpha[0], sub, len(mul), cols, cols)
	default:
		ceRowsRef(dst, mul, alpha, sub, cols)
	}
}

func softmaxGrad(dx, dy, y []float32, cols int, scale float32) {
	switch cpu.Active() {
	case cpu.AVX512:
		softmaxGradAVX512(&dx[0], &dy[0], &y[0], scale, len(y)/cols, cols)
	case cpu.AVX2:
		softmaxGradAVX2(&dx[0], &dy[0], &y[0], scale, len(y)/cols, cols)
	default:
		softmaxGradRef(dx, dy, y, cols, scale)
	}
}

// smallLine is the number of columns up to which a row stays in one register.
func smallLine() int { return [...]int{cpu.Generic: 0, cpu.AVX2: 8, cpu.AVX512: 16}[cpu.Active()] }

func softmaxSmall(dst, x []float32, rows, cols, step int, factor float32) {
	if cpu.Active() == cpu.AVX512 {
		softmaxSmallAVX512(&dst[0], &x[0], factor, rows, cols, step)
		return
	}
	softmaxSmallAVX2(&dst[0], &x[0], factor, rows, cols, step)
}

func ceSmall(dz, z, top, total, alpha []float32, label []int32, base, hot float32, cols int) {
	if cpu.Active() == cpu.AVX512 {
		ceSmallAVX512(&dz[0], &z[0], &top[0], &total[0], &alpha[0], &label[0], base, hot, len(label), cols)
		return
	}
	ceSmallAVX2(&dz[0], &z[0], &top[0], &total[0], &alpha[0], &label[0], base, hot, len(label), cols)
}
