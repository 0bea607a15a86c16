package kernel

import "fmt"

// Matrices is a batch of matrices within one slice, or a single one: those of the heads of an
// attention lie side by side within a row. Matrix (u, v) starts at element u*Outer + v*Inner, and its
// stored rows start Row elements apart.
type Matrices struct {
	Data         []float32
	Row          int
	Outer, Inner int
	Transposed   bool // what is stored is the transpose of what is meant; not for a result
}

// span is how many matrices a batch has, along two axes, and their shape.
type span struct{ outer, inner, m, k, n int }

// MatMulBatch sets c = a b, or adds a b to c, for each of outer x inner matrices: a is [m k], b [k n],
// c [m n], each element one chain as in MatMul. The matrices of c must not overlap each other, nor a
// or b. It panics where a matrix reaches beyond its slice.
func MatMulBatch(c, a, b Matrices, outer, inner, m, k, n int, add bool) {
	(*Pool)(nil).MatMulBatch(c, a, b, outer, inner, m, k, n, add)
}

// MatMulBatch is the function MatMulBatch, shared.
func (p *Pool) MatMulBatch(c, a, b Matrices, outer, inner, m, k, n int, add bool) {
	s := span{outer, inner, m, k, n}
	if outer < 0 || inner < 0 || m < 0 || k < 0 || n < 0 {
		panic(fmt.Sprintf("kernel: matmulbatch: negative size in %v", s))
	}
	if c.Transposed {
		panic("kernel: matmulbatch: c is transposed")
	}
	a.check("a", s, m, k)
	b.check("b", s, k, n)
	c.check("c", s, m, n)
	g := product{m: m, k: k, n: n, ar: a.Row, ac: 1, br: b.Row, bc: 1, cr: c.Row, add: add}
	if a.Transposed {
		g.ar, g.ac = 1, a.Row
	}
	if b.Transposed {
		g.br, g.bc = 1, b.Row
	}
	p.multiplyBatch(sharedBatch{product: g, a: a, b: b, c: c, span: s})
}

// check panics unless every matrix [rows cols] lies within the slice.
func (m Matrices) check(name string, s span, rows, cols int) {
	if m.Transposed {
		rows, cols = cols, rows
	}
	if s.outer == 0 || s.inner == 0 || rows == 0 || cols == 0 {
		return
	}
	if m.Row < cols && rows > 1 || m.Row < 0 || m.Outer < 0 || m.Inner < 0 {
		panic(fmt.Sprintf("kernel: matmulbatch: %s: rows of %d elements %d apart, matrices %d and %d apart", name, cols, m.Row, m.Outer, m.Inner))
	}
	need := float64(s.outer-1)*float64(m.Outer) + float64(s.inner-1)*float64(m.Inner) + float64(rows-1)*float64(m.Row) + float64(cols)
	if need > float64(len(m.Data)) {
		panic(fmt.Sprintf("kernel: matmulbatch: %s has %d elements, want %.0f", name, len(m.Data), need))
	}
}

// sharedBatch is the batch that a pool works on.
type sharedBatch struct {
	product
	a, b, c Matrices
	span    span
	run     func(part int)
	parts   int
}

// multiplyBatch computes a batch, with the workers where it is large. A part is some whole matrices.
func (p *Pool) multiplyBatch(s sharedBatch) {
	count := s.span.outer * s.span.inner
	if s.m == 0 || s.n == 0 || count == 0 {
		return
	}
	work := float64(count) * float64(s.m) * float64(s.k) * float64(s.n)
	if p == nil || count < 2 || work < shareMost || !p.acquire() {
		s.some(0, count)
		return
	}
	s.run, s.parts = p.batch.run, min(4*p.threads, count)
	p.batch = s
	p.share(s.parts, s.run)
	p.batch = sharedBatch{run: s.run}
	p.busy.Unlock()
}

func (s *sharedBatch) part(i int) {
	count := s.span.outer * s.span.inner
	s.some(i*count/s.parts, (i+1)*count/s.parts)
}

// some computes the matrices from .. to, counted along the inner axis first.
func (s *sharedBatch) some(from, to int) {
	for i := from; i < to; i++ {
		u, v := i/s.span.inner, i%s.span.inner
		g := s.product
		g.c = s.c.at(u, v)
		if s.k > 0 {
			g.a, g.b = s.a.at(u, v), s.b.at(u, v)
		}
		g.alone()
	}
}

func (m Matrices) at(u, v int) []float32 { return m.Data[u*m.Outer+v*m.Inner:] }
