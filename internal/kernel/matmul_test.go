package kernel

import (
	"fmt"
	"testing"
)

// chain is the rule for one element, written out: the test's own definition of a product. The k
// elements of a and b lie steps apart.
func chain(start float32, k int, a []float32, aStep int, b []float32, bStep int) float32 {
	for p := range k {
		start = fma(a[p*aStep], b[p*bStep], start)
	}
	return start
}

// form is one of the matrix products: which of a and b is transposed, and whether it adds to c.
type form struct {
	name        string
	run         func(c, a, b []float32, m, k, n int)
	ta, tb, add bool
}

var forms = []form{
	{"MatMul", MatMul, false, false, false},
	{"MatMulAdd", MatMulAdd, false, false, true},
	{"MatMulTA", MatMulTA, true, false, false},
	{"MatMulTAAdd", MatMulTAAdd, true, false, true},
	{"MatMulTB", MatMulTB, false, true, false},
}

// want computes the product element by element.
func (f form) want(c, a, b []float32, m, k, n int) []float32 {
	aRow, aCol, bRow, bCol := k, 1, n, 1
	if f.ta {
		aRow, aCol = 1, m
	}
	if f.tb {
		bRow, bCol = 1, k
	}
	out := make([]float32, m*n)
	for i := range m {
		for j := range n {
			start := float32(0)
			if f.add {
				start = c[i*n+j]
			}
			if k > 0 {
				start = chain(start, k, a[i*aRow:], aCol, b[j*bCol:], bRow)
			}
			out[i*n+j] = start
		}
	}
	return out
}

// check runs the product on buffers amid canaries.
func (f form) check(t *testing.T, s source, m, k, n int) {
	t.Helper()
	c0, a0, b0 := s.some(m*n), s.some(m*k), s.some(k*n)
	want := f.want(c0, a0, b0, m, k, n)
	eachLevel(t, func(t *testing.T) {
		c, a, b := bufferOf(c0, s.shift()), bufferOf(a0, s.shift()), bufferOf(b0, s.shift())
		f.run(c.v, a.v, b.v, m, k, n)
		what := fmt.Sprintf("%s %dx%dx%d", f.name, m, k, n)
		c.verify(t, what, want)
		a.verify(t, what+": a", a0)
		b.verify(t, what+": b", b0)
	})
}

// TestMatMulTails tries every width and height of the tails.
func TestMatMulTails(t *testing.T) {
	s := newSource(3)
	for _, f := range forms {
		for n := range 67 {
			f.check(t, s, 1+n%9, 5, n)
			f.check(t, s, n, 3, 1+n%18)
		}
	}
}

func TestMatMulShapes(t *testing.T) {
	s := newSource(4)
	shapes := [][3]int{
		{0, 0, 0},
		{3, 0, 4},
		{0, 3, 4},
		{3, 4, 0},
		{1, 1, 1},
		{1, 30, 64},
		{32, 30, 64},
		{32, 64, 32},
		{32, 32, 1},
		{1, 7, 129},
		{1, 64, 200},
		{30, 32, 64},
		{9, 100, 1},
		{33, 8, 1},
		{13, 17, 131},
		{2, 65, 97},
		{61, 9, 50},
		{70, 1400, 9}, // more than one chunk of rows
		{3, 4099, 5},
		{1, 2049, 70},
		{9, 2500, 1}, // more than one part of the depth
	}
	for _, f := range forms {
		for _, sh := range shapes {
			f.check(t, s, sh[0], sh[1], sh[2])
		}
	}
}

func TestDense(t *testing.T) {
	s := newSource(5)
	for _, sh := range [][3]int{{32, 30, 64}, {32, 32, 1}, {1, 30, 64}, {7, 5, 19}, {5, 0, 3}, {3, 2, 0}, {1, 33, 1}, {2, 2060, 5}} {
		for act := ActNone; act <= ActMish; act++ {
			for _, withBias := range []bool{false, true} {
				checkDense(t, s, sh[0], sh[1], sh[2], act, withBias)
			}
		}
	}
}

var activationRefs = []func(dst, x []float32){
	func(_, _ []float32) {}, reluRef, sigmoidRef, tanhRef, refOf(seluOne), refOf(geluOne), refOf(geluTanhOne), refOf(siluOne),
	refOf(mishOne),
}

func refOf(f func(float32) float32) func(dst, x []float32) {
	return func(dst, x []float32) { mapRef(f, dst, x) }
}

func checkDense(t *testing.T, s source, m, k, n int, act Activation, withBias bool) {
	t.Helper()
	x, w, start := s.some(m*k), s.some(k*n), make([]float32, n)
	var bias []float32
	if withBias {
		bias = s.some(n)
		copy(start, bias)
	}
	want := make([]float32, m*n)
	for i := range want {
		want[i] = start[i%n]
	}
	want = form{add: true}.want(want, x, w, m, k, n)
	ref := activationRefs[act]
	ref(want, want)
	eachLevel(t, func(t *testing.T) {
		y := bufferOf(make([]float32, m*n), s.shift())
		Dense(y.v, x, w, bias, m, k, n, act)
		y.verify(t, fmt.Sprintf("dense %dx%dx%d act %d bias %v", m, k, n, act, withBias), want)
	})
}

// TestMatMulByHand pins the meaning of the forms.
func TestMatMulByHand(t *testing.T) {
	a, b := []float32{1, 2, 3, 4, 5, 6}, []float32{1, 0, 2, -1, 3, 1} // 2x3 and 3x2, or 3x2 and 2x3
	c := make([]float32, 4)
	MatMul(c, a, b, 2, 3, 2)
	sameBits(t, "a b", c, []float32{14, 1, 32, 1})
	MatMulAdd(c, a, b, 2, 3, 2)
	sameBits(t, "c + a b", c, []float32{28, 2, 64, 2})
	MatMulTA(c, a, b, 2, 3, 2) // columns of a: 1 3 5, 2 4 6
	sameBits(t, "aᵀ b", c, []float32{22, 2, 28, 2})
	MatMulTB(c, a, b, 2, 3, 2) // rows of b: 1 0 2, -1 3 1
	sameBits(t, "a bᵀ", c, []float32{7, 8, 16, 17})
	Dense(c, a, b, []float32{-20, 1}, 2, 3, 2, ActReLU)
	sameBits(t, "dense", c, []float32{0, 2, 12, 2})
}

func TestMatMulPanics(t *testing.T) {
	v := make([]float32, 6)
	for name, f := range map[string]func(){
		"a":          func() { MatMul(v[:4], v[:5], v, 2, 3, 2) },
		"b":          func() { MatMulTB(v[:4], v, v[:5], 2, 3, 2) },
		"c":          func() { MatMulTA(v, v, v, 2, 3, 2) },
		"negative":   func() { MatMul(v, v, v, -1, -6, 1) },
		"overflow":   func() { MatMul(nil, nil, nil, 1<<32, 1<<32, 0) },
		"bias":       func() { Dense(v[:4], v, v, v[:3], 2, 3, 2, ActNone) },
		"activation": func() { Dense(v[:4], v, v, nil, 2, 3, 2, ActMish+1) },
	} {
		mustPanic(t, name, f)
	}
}

// TestMatMulAllocates checks that the scratch of a warm product is reused.
func TestMatMulAllocates(t *testing.T) {
	c, a, b := make([]float32, 32*64), make([]float32, 32*64), make([]float32, 64*64)
	eachLevel(t, func(t *testing.T) {
		n := testing.AllocsPerRun(100, func() {
			MatMulTB(c, a, b, 32, 64, 64)
			MatMul(c[:32], a, b[:64], 32, 64, 1)
		})
		if n > poolLoss {
			t.Errorf("%v allocations a run", n)
		}
	})
}
