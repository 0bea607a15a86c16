//go:build amd64 && !noasm

package kernel

import "lathe/internal/cpu"

func erf(dst, x []float32) {
	switch cpu.Active() {
	case cpu.AVX512:
		erfAVX512(dst, x)
	case cpu.AVX2:
		erfAVX2(dst, x)
	default:
		mapRef(erfOne, dst, x)
	}
}

func gelu(dst, x []float32) {
	switch cpu.Active() {
	case cpu.AVX512:
		geluAVX512(dst, x)
	case cpu.AVX2:
		geluAVX2(dst, x)
	default:
		mapRef(geluOne, dst, x)
	}
}

func geluGrad(dz, dy, x []float32) {
	switch cpu.Active() {
	case cpu.AVX512:
		geluGradAVX512(dz, dy, x)
	case cpu.AVX2:
		geluGradAVX2(dz, dy, x)
	default:
		slopeRef(geluSlope, dz, dy, x)
	}
}

func geluTanh(dst, x []float32) {
	switch cpu.Active() {
	case cpu.AVX512:
		geluTanhAVX512(dst, x)
	case cpu.AVX2:
		geluTanhAVX2(dst, x)
	default:
		mapRef(geluTanhOne, dst, x)
	}
}

func geluTanhGrad(dz, dy, x []float32) {
	switch cpu.Active() {
	case cpu.AVX512:
		geluTanhGradAVX512(dz, dy, x)
	case cpu.AVX2:
		geluTanhGradAVX2(dz, dy, x)
	default:
		slopeRef(geluTanhSlope, dz, dy, x)
	}
}

func silu(dst, x []float32) {
	switch cpu.Active() {
	case cpu.AVX512:
		siluAVX512(dst, x)
	case cpu.AVX2:
		siluAVX2(dst, x)
	default:
		mapRef(siluOne, dst, x)
	}
}

func siluGrad(dz, dy, x []float32) {
	switch cpu.Active() {
	case cpu.AVX512:
		siluGradAVX512(dz, dy, x)
	case cpu.AVX2:
		siluGradAVX2(dz, dy, x)
	default:
		slopeRef(siluSlope, dz, dy, x)
	}
}

func selu(dst, x []float32) {
	switch cpu.Active() {
	case cpu.AVX512:
		seluAVX512(dst, x)
	case cpu.AVX2:
		seluAVX2(dst, x)
	default:
		mapRef(seluOne, dst, x)
	}
}

func seluGrad(dz, dy, y []float32) {
	switch cpu.Active() {
	case cpu.AVX512:
		seluGradAVX512(dz, dy, y)
	case cpu.AVX2:
		seluGradAVX2(dz, dy, y)
	default:
		slopeRef(seluSlope, dz, dy, y)
	}
}

func mish(dst, x []float32) {
	switch cpu.Active() {
	case cpu.AVX512:
		mishAVX512(dst, x)
	case cpu.AVX2:
		mishAVX2(dst, x)
	default:
		mapRef(mishOne, dst, x)
	}
}

func mishGrad(dz, dy, x []float32) {
	switch cpu.Active() {
	case cpu.AVX512:
		mishGradAVX512(dz, dy, x)
	case cpu.AVX2:
		mishGradAVX2(dz, dy, x)
	default:
		slopeRef(mishSlope, dz, dy, x)
	}
}
