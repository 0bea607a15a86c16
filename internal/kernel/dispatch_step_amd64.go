//go:build amd64 && !noasm

package kernel

import "lathe/internal/cpu"

func sgdMomentum(w, g, v []float32, rate, momentum float32) {
	switch cpu.Active() {
	case cpu.AVX512:
		sgdMomentumAVX512(w, v, rate, momentum, g)
	case cpu.AVX2:
		sgdMomentumAVX2(w, v, rate, momentum, g)
	default:
		sgdMomentumRef(w, g, v, rate, momentum)
	}
}

func sgdNesterov(w, g, v []float32, rate, momentum float32) {
	switch cpu.Active() {
	case cpu.AVX512:
		sgdNesterovAVX512(w, v, rate, momentum, g)
	case cpu.AVX2:
		sgdNesterovAVX2(w, v, rate, momentum, g)
	default:
		sgdNesterovRef(w, g, v, rate, momentum)
	}
}

func rmsProp(w, g, v []float32, rate, c, eps float32) {
	switch cpu.Active() {
	case cpu.AVX512:
		rmsPropAVX512(w, v, rate, c, eps, g)
	case cpu.AVX2:
		rmsPropAVX2(w, v, rate, c, eps, g)
	default:
		rmsPropRef(w, g, v, rate, c, eps)
	}
}

func rmsMomentum(w, g, m, v []float32, rate, c, eps, momentum float32) {
	switch cpu.Active() {
	case cpu.AVX512:
		rmsMomentumAVX512(w, m, v, rate, c, eps, momentum, g)
	case cpu.AVX2:
		rmsMomentumAVX2(w, m, v, rate, c, eps, momentum, g)
	default:
		rmsMomentumRef(w, g, m, v, rate, c, eps, momentum)
	}
}

func adam(w, g, m, v []float32, alpha, c1, c2, eps float32) {
	switch cpu.Active() {
	case cpu.AVX512:
		adamAVX512(w, m, v, alpha, c1, c2, eps, g)
	case cpu.AVX2:
		adamAVX2(w, m, v, alpha, c1, c2, eps, g)
	default:
		adamRef(w, g, m, v, alpha, c1, c2, eps)
	}
}

func adamW(w, g, m, v []float32, alpha, c1, c2, eps, decay float32) {
	switch cpu.Active() {
	case cpu.AVX512:
		adamWAVX512(w, m, v, alpha, c1, c2, eps, decay, g)
	case cpu.AVX2:
		adamWAVX2(w, m, v, alpha, c1, c2, eps, decay, g)
	default:
		adamWRef(w, g, m, v, alpha, c1, c2, eps, decay)
	}
}

func clip(dst, x []float32, low, high float32) {
	switch cpu.Active() {
	case cpu.AVX512:
		clipAVX512(dst, low, high, x)
	case cpu.AVX2:
		clipAVX2(dst, low, high, x)
	default:
		clipRef(dst, x, low, high)
	}
}

func squares(x []float32, acc *[lossLanes]float64) {
	switch cpu.Active() {
	case cpu.AVX512:
		squaresAVX512(x, acc)
	case cpu.AVX2:
		squaresAVX2(x, acc)
	default:
		squaresRef(x, acc)
	}
}

func dotPart(x, y []float32, acc *[lanes]float32) {
	switch cpu.Active() {
	case cpu.AVX512:
		dotPartAVX512(x, y, acc)
	case cpu.AVX2:
		dotPartAVX2(x, y, acc)
	default:
		dotPartRef(x, y, acc)
	}
}

func sumPart(x []float32, acc *[lanes]float32) {
	switch cpu.Active() {
	case cpu.AVX512:
		sumPartAVX512(x, acc)
	case cpu.AVX2:
		sumPartAVX2(x, acc)
	default:
		sumPartRef(x, acc)
	}
}

func dropoutMask(dst []float32, start uint64, floor uint32, keep float32) {
	switch cpu.Active() {
	case cpu.AVX512:
		dropoutMaskAVX512(dst, start, floor, keep)
	case cpu.AVX2:
		dropoutMaskAVX2(dst, start, floor, keep)
	default:
		dropoutMaskRef(dst, start, floor, keep)
	}
}

func dropout(dst, x []float32, start uint64, floor uint32, keep float32) {
	switch cpu.Active() {
	case cpu.AVX512:
		dropoutAVX512(dst, x, start, floor, keep)
	case cpu.AVX2:
		dropoutAVX2(dst, x, start, floor, keep)
	default:
		dropoutRef(dst, x, start, floor, keep)
	}
}
