package kernel

import (
	"fmt"
	"math/bits"
)

// Activation is the function that Dense applies to each output.
type Activation uint8

// The activations; they are the functions ReLU, Sigmoid and Tanh of this package.
const (
	ActNone Activation = iota
	ActReLU
	ActSigmoid
	ActTanh
)

// product describes c = start + a b, where element (i, p) of a lies at a[i*ar+p*ac] and element
// (p, j) of b at b[p*br+j*bc]. The start is c itself when add is set, else bias, else 0.
type product struct {
	c, a, b, bias  []float32
	m, k, n        int
	ar, ac, br, bc int
	add, relu      bool
}

// MatMul sets c = a b: a is [m k], b is [k n], c is [m n]. It panics on wrong lengths.
func MatMul(c, a, b []float32, m, k, n int) {
	plain("matmul", c, a, b, m, k, n, false)
}

// MatMulAdd adds a b to c: a is [m k], b is [k n], c is [m n]. It panics on wrong lengths.
func MatMulAdd(c, a, b []float32, m, k, n int) {
	plain("matmuladd", c, a, b, m, k, n, true)
}

func plain(op string, c, a, b []float32, m, k, n int, add bool) {
	check(op, "a", a, m, k)
	check(op, "b", b, k, n)
	check(op, "c", c, m, n)
	multiply(&product{c: c, a: a, b: b, m: m, k: k, n: n, ar: k, ac: 1, br: n, bc: 1, add: add})
}

// MatMulTA sets c = aᵀ b: a is [k m], b is [k n], c is [m n]. It is the gradient of a weight, where k
// is the batch. It panics on wrong lengths.
func MatMulTA(c, a, b []float32, m, k, n int) {
	transposedA("matmulta", c, a, b, m, k, n, false)
}

// MatMulTAAdd adds aᵀ b to c: a is [k m], b is [k n], c is [m n]. It panics on wrong lengths.
func MatMulTAAdd(c, a, b []float32, m, k, n int) {
	transposedA("matmultaadd", c, a, b, m, k, n, true)
}

func transposedA(op string, c, a, b []float32, m, k, n int, add bool) {
	check(op, "a", a, k, m)
	check(op, "b", b, k, n)
	check(op, "c", c, m, n)
	multiply(&product{c: c, a: a, b: b, m: m, k: k, n: n, ar: 1, ac: m, br: n, bc: 1, add: add})
}

// MatMulTB sets c = a bᵀ: a is [m k], b is [n k], c is [m n]. It is the gradient of an input. It
// panics on wrong lengths.
func MatMulTB(c, a, b []float32, m, k, n int) {
	check("matmultb", "a", a, m, k)
	check("matmultb", "b", b, n, k)
	check("matmultb", "c", c, m, n)
	multiply(&product{c: c, a: a, b: b, m: m, k: k, n: n, ar: k, ac: 1, br: 1, bc: k})
}

// Dense sets y = act(x w + bias): x is [m k], w is [k n], bias is [n] or nil for 0, y is [m n]. The
// chain of each element starts from its bias. It panics on wrong lengths and unknown activations.
func Dense(y, x, w, bias []float32, m, k, n int, act Activation) {
	check("dense", "x", x, m, k)
	check("dense", "w", w, k, n)
	check("dense", "y", y, m, n)
	if bias != nil {
		check("dense", "bias", bias, 1, n)
	}
	checkActivation("dense", act)
	multiply(&product{
		c: y, a: x, b: w, bias: bias, m: m, k: k, n: n, ar: k, ac: 1, br: n, bc: 1, relu: act == ActReLU,
	})
	switch act {
	case ActSigmoid:
		Sigmoid(y, y)
	case ActTanh:
		Tanh(y, y)
	}
}

// check panics unless v holds rows x cols elements.
func check(op, name string, v []float32, rows, cols int) {
	hi, lo := bits.Mul64(uint64(rows), uint64(cols))
	if rows < 0 || cols < 0 || hi != 0 || lo != uint64(len(v)) {
		panic(fmt.Sprintf("kernel: %s: %s has %d elements, want [%d %d]", op, name, len(v), rows, cols))
	}
}

func checkActivation(op string, act Activation) {
	if act > ActTanh {
		panic(fmt.Sprintf("kernel: %s: unknown activation %d", op, act))
	}
}
