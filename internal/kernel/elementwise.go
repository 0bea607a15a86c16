package kernel

import "fmt"

// same panics unless v has n elements.
func same(op, name string, v []float32, n int) {
	if len(v) != n {
		panic(fmt.Sprintf("kernel: %s: %s has %d elements, want %d", op, name, len(v), n))
	}
}

// piece is the number of elements after which a slow kernel gives the scheduler, which cannot interrupt
// assembly, its turn: some 20 microseconds.
const piece = 1 << 15

// inPieces runs f on all of x.
func inPieces(f func(dst, x []float32), dst, x []float32) {
	for len(x) > piece {
		f(dst[:piece], x[:piece])
		dst, x = dst[piece:], x[piece:]
	}
	f(dst, x)
}

// pieces calls f on parts of [0, n).
func pieces(n int, f func(from, to int)) {
	from := 0
	for ; n-from > piece; from += piece {
		f(from, from+piece)
	}
	f(from, n)
}

// Exp sets dst = e^x. The error is at most 1.02 ulp over all float32, subnormal results included;
// Exp(-Inf) = 0, Exp(x) = +Inf above 88.72284. It panics on different lengths.
func Exp(dst, x []float32) {
	same("exp", "dst", dst, len(x))
	inPieces(exp, dst, x)
}

// Log sets dst = ln x. The error is at most 1 ulp over all positive float32, subnormals included;
// Log(±0) = -Inf, Log(+Inf) = +Inf, NaN below 0. It panics on different lengths.
func Log(dst, x []float32) {
	same("log", "dst", dst, len(x))
	inPieces(log, dst, x)
}

// Tanh sets dst = tanh x. The error is at most 2.5 ulp over all float32, and the sign of 0 is kept.
// It panics on different lengths.
func Tanh(dst, x []float32) {
	same("tanh", "dst", dst, len(x))
	inPieces(tanh, dst, x)
}

// Sigmoid sets dst = 1 / (1 + e^-x). The error is at most 2.5 ulp over all float32, subnormal results
// included. It panics on different lengths.
func Sigmoid(dst, x []float32) {
	same("sigmoid", "dst", dst, len(x))
	inPieces(sigmoid, dst, x)
}

// ReLU sets dst = 0 where 0 > x, and x elsewhere: NaN and -0 stay. It panics on different lengths.
func ReLU(dst, x []float32) {
	same("relu", "dst", dst, len(x))
	inPieces(relu, dst, x)
}

// Axpy sets y = alpha x + y, one fused operation an element. It panics on different lengths.
func Axpy(alpha float32, x, y []float32) {
	same("axpy", "y", y, len(x))
	pieces(len(x), func(i, j int) { axpy(alpha, x[i:j], y[i:j]) })
}

// Scale sets dst = alpha x. It panics on different lengths.
func Scale(dst []float32, alpha float32, x []float32) {
	same("scale", "dst", dst, len(x))
	pieces(len(x), func(i, j int) { scale(dst[i:j], alpha, x[i:j]) })
}

// Add sets dst = x + y. It panics on different lengths.
func Add(dst, x, y []float32) {
	same("add", "dst", dst, len(x))
	same("add", "y", y, len(x))
	pieces(len(x), func(i, j int) { add(dst[i:j], x[i:j], y[i:j]) })
}

// Mul sets dst = x y, element by element. It panics on different lengths.
func Mul(dst, x, y []float32) {
	same("mul", "dst", dst, len(x))
	same("mul", "y", y, len(x))
	pieces(len(x), func(i, j int) { mul(dst[i:j], x[i:j], y[i:j]) })
}
