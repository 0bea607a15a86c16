//go:build amd64 && !noasm

package kernel

import (
	"fmt"
	"testing"

	"lathe/internal/cpu"
)

// TestBlocked runs the blocked product on shapes that end within and just after a block, in all
// forms, whatever their size.
func TestBlocked(t *testing.T) {
	s := newSource(14)
	for _, sh := range [][3]int{
		{1, 1, 1},
		{7, 20, 9},
		{97, 9, 70},
		{3, blockK + 1, 65},
		{96, 40, 130},
		{9, 17, blockN + 5},
		{5, 2*blockK + 3, 17},
		{100, 8, 64},
		{2, blockK, 31},
	} {
		for _, ta := range []bool{false, true} {
			for _, tb := range []bool{false, true} {
				checkBlocked(t, s, sh[0], sh[1], sh[2], ta, tb)
			}
		}
	}
}

func checkBlocked(t *testing.T, s source, m, k, n int, ta, tb bool) {
	t.Helper()
	g := product{a: s.some(m * k), b: s.some(k * n), m: m, k: k, n: n, ar: k, ac: 1, br: n, bc: 1, cr: n + 3}
	if ta {
		g.ar, g.ac = 1, m
	}
	if tb {
		g.br, g.bc = 1, k
	}
	start := s.some(m*g.cr - 3)
	for kind := range 4 {
		g.bias, g.add, g.relu = nil, kind == 1, kind == 2
		if kind >= 2 {
			g.bias = s.some(n)
		}
		want := append([]float32{}, start...)
		g.c = want
		multiplyRef(&g)
		for l := cpu.AVX2; l <= cpu.Detect(); l++ {
			c := bufferOf(start, s.shift())
			g.c = c.v
			multiplyBlocked(&g, l)
			c.verify(t, fmt.Sprintf("%v %dx%dx%d ta %v tb %v kind %d", l, m, k, n, ta, tb, kind), want)
		}
	}
}

// TestLarge takes a product of each form over the threshold, through the front door.
func TestLarge(t *testing.T) {
	const m, k, n = 48, 521, 509
	s := newSource(15)
	a, b, c := s.finite(m*k), s.finite(k*n), s.finite(m*n)
	for _, f := range forms {
		if !f.add { // TestBlocked adds
			agree(t, f.name, c, 5, func(c []float32) float64 { f.run(c, a, b, m, k, n); return 0 })
		}
	}
}

// TestLargeAllocates checks that a warm large product allocates nothing.
func TestLargeAllocates(t *testing.T) {
	c, a, b := make([]float32, 64*300), make([]float32, 64*300), make([]float32, 300*300)
	for l := cpu.AVX2; l <= cpu.Detect(); l++ {
		defer cpu.Use(l)()
		if n := testing.AllocsPerRun(20, func() { MatMulTB(c, a, b, 64, 300, 300) }); n > poolLoss {
			t.Errorf("%v: %v allocations a run", l, n)
		}
	}
}
