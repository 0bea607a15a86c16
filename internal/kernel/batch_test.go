package kernel

import (
	"fmt"
	"testing"
)

// randomMatrices returns a batch of matrices [rows cols] with gaps, in canaries.
func randomMatrices(s source, outer, inner, rows, cols int, transposed bool) (Matrices, buffer) {
	if transposed {
		rows, cols = cols, rows
	}
	m := Matrices{Row: cols, Transposed: transposed}
	switch s.IntN(3) {
	case 0: // heads side by side in a row
		m.Inner, m.Row = cols+s.IntN(3), inner*(cols+3)
		m.Outer = rows*m.Row + s.IntN(3)
	case 1: // one after the other
		m.Row += s.IntN(4)
		m.Inner = rows*m.Row + s.IntN(5)
		m.Outer = inner*m.Inner + s.IntN(5)
	default: // inner outermost
		m.Outer = rows*m.Row + s.IntN(2)
		m.Inner = outer*m.Outer + s.IntN(2)
	}
	n := 0
	if outer*inner*rows*cols > 0 {
		n = (outer-1)*m.Outer + (inner-1)*m.Inner + (rows-1)*m.Row + cols
	}
	b := bufferOf(s.some(n), s.shift())
	m.Data = b.v
	return m, b
}

// element returns element (i, j) of matrix (u, v).
func (m Matrices) element(u, v, i, j int) *float32 {
	if m.Transposed {
		i, j = j, i
	}
	return &m.Data[u*m.Outer+v*m.Inner+i*m.Row+j]
}

func TestMatMulBatch(t *testing.T) {
	s := newSource(31)
	p := NewPool(2)
	defer p.Stop()
	shapes := [][5]int{
		{1, 1, 1, 1, 1},
		{2, 3, 5, 7, 9},
		{0, 2, 3, 3, 3},
		{2, 2, 3, 0, 4},
		{2, 2, 0, 3, 4},
		{3, 2, 17, 8, 33},
		{1, 4, 12, 32, 12},
		{2, 1, 9, 5, 1},
		{2, 2, 1, 5, 9},
		{2, 2, 25, 70, 70},
		{1, 2, 5, 130, 510},
	}
	for _, sh := range shapes {
		for kind := range 8 {
			ta, tb, add := kind&1 > 0, kind&2 > 0, kind&4 > 0
			checkBatch(t, s, p, span{sh[0], sh[1], sh[2], sh[3], sh[4]}, ta, tb, add)
		}
	}
}

func checkBatch(t *testing.T, s source, p *Pool, sp span, ta, tb, add bool) {
	t.Helper()
	a, _ := randomMatrices(s, sp.outer, sp.inner, sp.m, sp.k, ta)
	b, _ := randomMatrices(s, sp.outer, sp.inner, sp.k, sp.n, tb)
	c, cb := randomMatrices(s, sp.outer, sp.inner, sp.m, sp.n, false)
	start := append([]float32{}, cb.v...)
	want := c
	want.Data = append([]float32{}, cb.v...)
	for i := range sp.outer * sp.inner * sp.m * sp.n {
		j, u := i%sp.n, i/sp.n
		row, u := u%sp.m, u/sp.m
		v, u := u%sp.inner, u/sp.inner
		e := want.element(u, v, row, j)
		if !add {
			*e = 0
		}
		for q := range sp.k {
			*e = fma(*a.element(u, v, row, q), *b.element(u, v, q, j), *e)
		}
	}
	eachLevel(t, func(t *testing.T) {
		for _, pool := range []*Pool{nil, p} {
			copy(cb.v, start)
			pool.MatMulBatch(c, a, b, sp.outer, sp.inner, sp.m, sp.k, sp.n, add)
			cb.verify(t, fmt.Sprintf("batch %v ta %v tb %v add %v", sp, ta, tb, add), want.Data)
		}
	})
}

func TestMatMulBatchPanics(t *testing.T) {
	v := make([]float32, 24)
	good := Matrices{Data: v[:12], Row: 3, Outer: 6}
	for name, m := range map[string]Matrices{
		"short":    {Data: v[:11], Row: 3, Outer: 6},
		"row":      {Data: v, Row: 2, Outer: 6},
		"negative": {Data: v, Row: 3, Outer: -6},
		"far":      {Data: v, Row: 3, Outer: 1 << 62},
	} {
		mustPanic(t, name+" a", func() { MatMulBatch(good, m, good, 2, 1, 2, 3, 2, false) })
		mustPanic(t, name+" c", func() { MatMulBatch(m, good, good, 2, 1, 2, 2, 3, false) })
	}
	transposed := good
	transposed.Transposed = true
	mustPanic(t, "c transposed", func() { MatMulBatch(transposed, good, good, 2, 1, 2, 2, 3, false) })
	mustPanic(t, "negative size", func() { MatMulBatch(good, good, good, 2, -1, 2, 2, 3, false) })
}

func FuzzMatMulBatch(f *testing.F) {
	f.Add(uint64(1), uint8(2), uint8(3), uint8(5), uint8(6), uint8(7), uint8(0))
	f.Fuzz(func(t *testing.T, seed uint64, outer, inner, m, k, n, kind uint8) {
		sp := span{int(outer) % 4, int(inner) % 4, int(m) % 40, int(k) % 40, int(n) % 80}
		checkBatch(t, newSource(seed), nil, sp, kind&1 > 0, kind&2 > 0, kind&4 > 0)
	})
}
