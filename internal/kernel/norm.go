package kernel

import "fmt"

// LayerNorm sets y = normal gamma + beta for each row of x [rows cols], where normal = (x - mean) slope,
// slope = 1 / √(variance + eps), and the variance divides by cols. gamma and beta are [cols]; slope
// [rows] and normal [rows cols] are what the gradient needs; normal may be nil or y where it is not
// wanted. The sums are in the order of Sum and Dot; normal gamma + beta is one fused operation. It
// panics on wrong lengths and on rows of no columns. Source: Ba et al. 2016, arXiv:1607.06450.
func LayerNorm(y, normal, slope, x, gamma, beta []float32, rows, cols int, eps float32) {
	normal = checkNorm("layernorm", y, normal, x, rows, cols)
	check("layernorm", "slope", slope, rows, 1)
	checkColumns("layernorm", cols, gamma, beta)
	lineParts(rows, cols, func(i, n int) {
		layerNorm(y[i*cols:], normal[i*cols:], x[i*cols:], gamma, beta, slope[i:i+n], eps, cols)
	})
}

// LayerNormGrad sets dx = slope (g - mean of g - normal * mean of g normal) for each row, where g = dy
// gamma: the gradient by x, given what LayerNorm left. dx may be dy. It panics as LayerNorm does.
func LayerNormGrad(dx, dy, normal, slope, gamma []float32, rows, cols int) {
	checkNorm("layernormgrad", dx, normal, dy, rows, cols)
	check("layernormgrad", "normal", normal, rows, cols)
	check("layernormgrad", "slope", slope, rows, 1)
	checkColumns("layernormgrad", cols, gamma)
	lineParts(rows, cols, func(i, n int) {
		layerNormGrad(dx[i*cols:], dy[i*cols:], normal[i*cols:], gamma, slope[i:i+n], cols)
	})
}

// NormGradAdd adds the sums over rows of dy normal to dgamma and of dy to dbeta, in ascending order of
// the rows, the first by fused operations: the gradients by gamma and beta of layer and batch norm. dy
// and normal are [rows cols], the others [cols]. It panics on wrong lengths.
func NormGradAdd(dgamma, dbeta, dy, normal []float32, rows, cols int) {
	checkNorm("normgradadd", dy, normal, dy, rows, cols)
	check("normgradadd", "normal", normal, rows, cols)
	checkColumns("normgradadd", cols, dgamma, dbeta)
	lineParts(rows, cols, func(i, n int) {
		normGradAdd(dgamma, dbeta, dy[i*cols:(i+n)*cols], normal[i*cols:(i+n)*cols], n, cols)
	})
}

// Moments sets mean and variance [cols] to those of the columns of x [rows cols]: the mean is the sum of the
// rows in ascending order, divided by rows; the variance the sum of (x - mean)² in that order by fused
// operations, divided by rows. It panics on wrong lengths and on no rows.
func Moments(mean, variance, x []float32, rows, cols int) {
	checkNorm("moments", x, x, x, rows, cols)
	checkColumns("moments", cols, mean, variance)
	if rows == 0 {
		panic("kernel: moments: no rows")
	}
	n := float32(rows)
	ColSum(mean, x, rows, cols)
	divide(mean, n)
	clear(variance)
	lineParts(rows, cols, func(i, n int) { colSpreadAdd(variance, x[i*cols:(i+n)*cols], mean, n, cols) })
	divide(variance, n)
}

func divide(v []float32, n float32) {
	for i := range v {
		v[i] /= n
	}
}

// BatchNorm sets y = normal gamma + beta, where normal = (x - mean) slope, for x [rows cols]; mean, slope = 1 /
// √(variance + eps), see InverseRoot, gamma and beta are [cols]. normal [rows cols] may be nil or y
// where it is not wanted. normal gamma + beta is one fused operation. It panics on wrong lengths and on
// rows of no columns. Source: Ioffe and Szegedy 2015, arXiv:1502.03167.
func BatchNorm(y, normal, x, mean, slope, gamma, beta []float32, rows, cols int) {
	normal = checkNorm("batchnorm", y, normal, x, rows, cols)
	checkColumns("batchnorm", cols, mean, slope, gamma, beta)
	lineParts(rows, cols, func(i, n int) {
		batchNorm(y[i*cols:], normal[i*cols:], x[i*cols:], mean, slope, gamma, beta, n, cols)
	})
}

// BatchNormGrad sets dx = (dy - dbeta/rows - normal dgamma/rows) (gamma slope): the gradient by x, given
// what BatchNorm left and the sums that NormGradAdd made for this batch alone. dx may be dy. It panics
// as BatchNorm does.
func BatchNormGrad(dx, dy, normal, slope, gamma, dgamma, dbeta []float32, rows, cols int) {
	checkNorm("batchnormgrad", dx, normal, dy, rows, cols)
	check("batchnormgrad", "normal", normal, rows, cols)
	checkColumns("batchnormgrad", cols, slope, gamma, dgamma, dbeta)
	buf := scratch(3 * cols)
	defer release(buf)
	mean, along, factor := (*buf)[:cols], (*buf)[cols:2*cols], (*buf)[2*cols:]
	for j, g := range gamma {
		mean[j], along[j], factor[j] = dbeta[j]/float32(rows), dgamma[j]/float32(rows), g*slope[j]
	}
	lineParts(rows, cols, func(i, n int) {
		batchNormGrad(dx[i*cols:], dy[i*cols:], normal[i*cols:], mean, along, factor, n, cols)
	})
}

// InverseRoot sets dst = 1 / √(x + eps), each operation rounded. It panics on different lengths.
func InverseRoot(dst, x []float32, eps float32) {
	same("inverseroot", "dst", dst, len(x))
	for i, v := range x {
		dst[i] = 1 / root(float32(v+eps))
	}
}

// checkNorm checks slices of rows and returns normal, which is y where it is not wanted.
func checkNorm(op string, y, normal, x []float32, rows, cols int) []float32 {
	if normal == nil {
		normal = y
	}
	check(op, "y", y, rows, cols)
	check(op, "normal", normal, rows, cols)
	check(op, "x", x, rows, cols)
	if cols == 0 {
		panic(fmt.Sprintf("kernel: %s: rows of no columns", op))
	}
	return normal
}

// checkColumns panics unless each slice has cols elements.
func checkColumns(op string, cols int, all ...[]float32) {
	for i, v := range all {
		if len(v) != cols {
			panic(fmt.Sprintf("kernel: %s: slice %d by columns has %d elements, want %d", op, i, len(v), cols))
		}
	}
}

// lineParts calls f on n rows from i, as many as take some 10 microseconds.
func lineParts(rows, cols int, f func(i, n int)) {
	block := max(piece/cols, 1)
	for i := 0; i < rows; i += block {
		f(i, min(block, rows-i))
	}
}
