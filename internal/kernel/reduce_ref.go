package kernel

import "math"

// lowest is -Inf.
var lowest = float32(math.Inf(-1))

// fold adds the lanes pairwise.
func fold(acc *[lanes]float32) float32 {
	for half := lanes / 2; half > 0; half /= 2 {
		for j := range half {
			acc[j] += acc[j+half]
		}
	}
	return acc[0]
}

func dotRef(x, y []float32) float32 {
	var acc [lanes]float32
	dotPartRef(x, y, &acc)
	return fold(&acc)
}

func dotPartRef(x, y []float32, acc *[lanes]float32) {
	for i, v := range x {
		acc[i%lanes] = fma(v, y[i], acc[i%lanes])
	}
	padLanes(acc, len(x))
}

func sumRef(x []float32) float32 {
	var acc [lanes]float32
	sumPartRef(x, &acc)
	return fold(&acc)
}

func sumPartRef(x []float32, acc *[lanes]float32) {
	for i, v := range x {
		acc[i%lanes] += v
	}
	padLanes(acc, len(x))
}

// squaresRef adds x² to lanes of float64; the product is exact.
func squaresRef(x []float32, acc *[lossLanes]float64) {
	for i, v := range x {
		acc[i%lossLanes] += float64(float64(v) * float64(v))
	}
}

// padLanes adds the zeros that fill the last round; they turn a -0 into 0.
func padLanes(acc *[lanes]float32, n int) {
	if n%lanes == 0 {
		return
	}
	for j := n % lanes; j < lanes; j++ {
		acc[j] += 0
	}
}

func maximumRef(x []float32) float32 {
	top := lowest
	for _, v := range x {
		if v != v {
			return v
		}
		if v > top {
			top = v
		}
	}
	return top + 0
}

func colSumAddRef(dst, a []float32, m, n int) {
	for i := range m {
		addRef(dst, dst, a[i*n:(i+1)*n])
	}
}

func shiftRef(dst []float32, alpha float32, x []float32) {
	for i, v := range x {
		dst[i] = v + alpha
	}
}
