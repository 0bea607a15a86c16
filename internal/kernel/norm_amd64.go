//go:build amd64 && !noasm

package kernel

import "lathe/internal/cpu"

func layerNorm(y, normal, x, gamma, beta, slope []float32, eps float32, cols int) {
	switch cpu.Active() {
	case cpu.AVX512:
		layerNormAVX512(&y[0], &normal[0], &x[0], &gamma[0], &beta[0], &slope[0], eps, float32(cols), len(slope), cols)
	case cpu.AVX2:
		layerNormAVX2(&y[0], &normal[0], &x[0], &gamma[0], &beta[0], &slope[0], eps, float32(cols), len(slope), cols)
	default:
		layerNormRef(y, normal, x, gamma, beta, slope, eps, cols)
	}
}

func layerNormGrad(dx, dy, normal, gamma, slope []float32, cols int) {
	switch cpu.Active() {
	case cpu.AVX512:
		layerNormGradAVX512(&dx[0], &dy[0], &normal[0], &gamma[0], &slope[0], float32(cols), len(slope), cols)
	case cpu.AVX2:
		layerNormGradAVX2(&dx[0], &dy[0], &normal[0], &gamma[0], &slope[0], float32(cols), len(slope), cols)
	default:
		layerNormGradRef(dx, dy, normal, gamma, slope, cols)
	}
}

func normGradAdd(dgamma, dbeta, dy, normal []float32, rows, cols int) {
	switch cpu.Active() {
	case cpu.AVX512:
		normGradAddAVX512(&dgamma[0], &dbeta[0], &dy[0], &normal[0], rows, cols)
	case cpu.AVX2:
		normGradAddAVX2(&dgamma[0], &dbeta[0], &dy[0], &normal[0], rows, cols)
	default:
		normGradAddRef(dgamma, dbeta, dy, normal, rows, cols)
	}
}

func colSpreadAdd(dst, x, mean []float32, rows, cols int) {
	switch cpu.Active() {
	case cpu.AVX512:
		colSpreadAddAVX512(&dst[0], &mean[0], &x[0], rows, cols)
	case cpu.AVX2:
		colSpreadAddAVX2(&dst[0], &mean[0], &x[0], rows, cols)
	default:
		colSpreadAddRef(dst, x, mean, rows, cols)
	}
}

func batchNorm(y, normal, x, mean, slope, gamma, beta []float32, rows, cols int) {
	switch cpu.Active() {
	case cpu.AVX512:
		batchNormAVX512(&y[0], &normal[0], &x[0], &mean[0], &slope[0], &gamma[0], &beta[0], rows, cols)
	case cpu.AVX2:
		batchNormAVX2(&y[0], &normal[0], &x[0], &mean[0], &slope[0], &gamma[0], &beta[0], rows, cols)
	default:
		batchNormRef(y, normal, x, mean, slope, gamma, beta, rows, cols)
	}
}

func batchNormGrad(dx, dy, normal, mean, along, factor []float32, rows, cols int) {
	switch cpu.Active() {
	case cpu.AVX512:
		batchNormGradAVX512(&dx[0], &dy[0], &normal[0], &mean[0], &along[0], &factor[0], rows, cols)
	case cpu.AVX2:
		batchNormGradAVX2(&dx[0], &dy[0], &normal[0], &mean[0], &along[0], &factor[0], rows, cols)
	default:
		batchNormGradRef(dx, dy, normal, mean, along, factor, rows, cols)
	}
}
