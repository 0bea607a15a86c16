package kernel

import (
	"fmt"
	"math/bits"
)

// product describes c = start + a b, where element (i, p) of a lies at a[i*ar+p*ac], element (p, j) of
// b at b[p*br+j*bc] and element (i, j) of c at c[i*cr+j]; one of ar and ac, and of br and bc, is 1. The
// start is c itself when add is set, else bias, else 0; act ends it.
type product struct {
	c, a, b, bias      []float32
	m, k, n            int
	ar, ac, br, bc, cr int
	add, relu          bool
	act                Activation
}

// MatMul sets c = a b: a is [m k], b is [k n], c is [m n]. It panics on wrong lengths.
func MatMul(c, a, b []float32, m, k, n int) { (*Pool)(nil).MatMul(c, a, b, m, k, n) }

// MatMulAdd adds a b to c: a is [m k], b is [k n], c is [m n]. It panics on wrong lengths.
func MatMulAdd(c, a, b []float32, m, k, n int) { (*Pool)(nil).MatMulAdd(c, a, b, m, k, n) }

// MatMulTA sets c = aᵀ b: a is [k m], b is [k n], c is [m n]. It is the gradient of a weight, where k
// is the batch. It panics on wrong lengths.
func MatMulTA(c, a, b []float32, m, k, n int) { (*Pool)(nil).MatMulTA(c, a, b, m, k, n) }

// MatMulTAAdd adds aᵀ b to c: a is [k m], b is [k n], c is [m n]. It panics on wrong lengths.
func MatMulTAAdd(c, a, b []float32, m, k, n int) { (*Pool)(nil).MatMulTAAdd(c, a, b, m, k, n) }

// MatMulTB sets c = a bᵀ: a is [m k], b is [n k], c is [m n]. It is the gradient of an input. It
// panics on wrong lengths.
func MatMulTB(c, a, b []float32, m, k, n int) { (*Pool)(nil).MatMulTB(c, a, b, m, k, n) }

// Dense sets y = act(x w + bias): x is [m k], w is [k n], bias is [n] or nil for 0, y is [m n]. The
// chain of each element starts from its bias. It panics on wrong lengths and unknown activations.
func Dense(y, x, w, bias []float32, m, k, n int, act Activation) {
	(*Pool)(nil).Dense(y, x, w, bias, m, k, n, act)
}

// MatMul is the function MatMul, shared.
func (p *Pool) MatMul(c, a, b []float32, m, k, n int) {
	check("matmul", "a", a, m, k)
	check("matmul", "b", b, k, n)
	check("matmul", "c", c, m, n)
	p.multiply(product{c: c, a: a, b: b, m: m, k: k, n: n, ar: k, ac: 1, br: n, bc: 1, cr: n})
}

// MatMulAdd is the function MatMulAdd, shared.
func (p *Pool) MatMulAdd(c, a, b []float32, m, k, n int) {
	check("matmuladd", "a", a, m, k)
	check("matmuladd", "b", b, k, n)
	check("matmuladd", "c", c, m, n)
	p.multiply(product{c: c, a: a, b: b, m: m, k: k, n: n, ar: k, ac: 1, br: n, bc: 1, cr: n, add: true})
}

// MatMulTA is the function MatMulTA, shared.
func (p *Pool) MatMulTA(c, a, b []float32, m, k, n int) {
	check("matmulta", "a", a, k, m)
	check("matmulta", "b", b, k, n)
	check("matmulta", "c", c, m, n)
	p.multiply(product{c: c, a: a, b: b, m: m, k: k, n: n, ar: 1, ac: m, br: n, bc: 1, cr: n})
}

// MatMulTAAdd is the function MatMulTAAdd, shared.
func (p *Pool) MatMulTAAdd(c, a, b []float32, m, k, n int) {
	check("matmultaadd", "a", a, k, m)
	check("matmultaadd", "b", b, k, n)
	check("matmultaadd", "c", c, m, n)
	p.multiply(product{c: c, a: a, b: b, m: m, k: k, n: n, ar: 1, ac: m, br: n, bc: 1, cr: n, add: true})
}

// MatMulTB is the function MatMulTB, shared.
func (p *Pool) MatMulTB(c, a, b []float32, m, k, n int) {
	check("matmultb", "a", a, m, k)
	check("matmultb", "b", b, n, k)
	check("matmultb", "c", c, m, n)
	p.multiply(product{c: c, a: a, b: b, m: m, k: k, n: n, ar: k, ac: 1, br: 1, bc: k, cr: n})
}

// Dense is the function Dense, shared.
func (p *Pool) Dense(y, x, w, bias []float32, m, k, n int, act Activation) {
	check("dense", "x", x, m, k)
	check("dense", "w", w, k, n)
	check("dense", "y", y, m, n)
	if bias != nil {
		check("dense", "bias", bias, 1, n)
	}
	checkActivation("dense", act)
	p.multiply(product{
		c: y, a: x, b: w, bias: bias, m: m, k: k, n: n, ar: k, ac: 1, br: n, bc: 1, cr: n, relu: act == ActReLU, act: act,
	})
}

// alone computes the product on the calling goroutine.
func (g *product) alone() {
	multiply(g)
	if g.act <= ActReLU || g.n == 0 {
		return
	}
	if g.cr == g.n {
		y := g.c[:g.m*g.n]
		Activate(y, y, g.act)
		return
	}
	for i := range g.m {
		y := g.c[i*g.cr : i*g.cr+g.n]
		Activate(y, y, g.act)
	}
}

// check panics unless v holds rows x cols elements.
func check(op, name string, v []float32, rows, cols int) {
	hi, lo := bits.Mul64(uint64(rows), uint64(cols))
	if rows < 0 || cols < 0 || hi != 0 || lo != uint64(len(v)) {
		panic(fmt.Sprintf("kernel: %s: %s has %d elements, want [%d %d]", op, name, len(v), rows, cols))
	}
}
