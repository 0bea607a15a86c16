//go:build amd64 && !noasm

package kernel

import (
	"sync"

	"lathe/internal/cpu"
)

// The block sizes of large products, measured on Zen 4 (32 KB L1, 1 MB L2): a sliver of b, blockK x 16
// or x 64, is read again for each tile of rows and, like a block of a, lies in L2.
const (
	blockM = 96
	blockK = 384
	blockN = 1024

	// pad keeps the rows of a packed block of a off the same cache sets.
	pad = 16
)

// panels holds the packed blocks of a and b.
type panels struct {
	a [blockM * (blockK + pad)]float32
	b [blockK * blockN]float32
}

// panelPool recycles panels so that a warm product allocates nothing.
var panelPool = sync.Pool{New: func() any { return new(panels) }}

// block is one step of a large product: rows i.., columns j.. and part p.. of k.
type block struct {
	*product
	level         cpu.Level
	wide          int // columns of a sliver of b
	i, j, p       int
	rows, cols, k int
	a, b          []float32 // packed: a is [rows k+pad], b is slivers of [k wide]
}

// large says whether packing pays, as measured: always where b must be transposed anyway, else where
// enough rows share the packed b and either b or the rows of a, read for each sliver, leave the cache.
func (g *product) large(level cpu.Level) bool {
	if g.bc != 1 {
		return g.k*g.n > 1<<16
	}
	limit, wide := 1<<17, 16
	if level == cpu.AVX512 {
		limit, wide = 1<<18, 64
	}
	return g.m >= 48 && (g.k*g.n > limit || g.m*g.k > limit && g.n > 4*wide)
}

// multiplyBlocked goes over blocks of k, in ascending order, so that the chain of each element of c is
// stored after one and taken up again by the next.
func multiplyBlocked(g *product, level cpu.Level) {
	s := block{product: g, level: level, wide: 16}
	if level == cpu.AVX512 {
		s.wide = 64
	}
	room := panelPool.Get().(*panels)
	s.a, s.b = room.a[:], room.b[:]
	parts := (g.k + blockK - 1) / blockK
	for part := range parts {
		s.p = part * g.k / parts
		s.k = (part+1)*g.k/parts - s.p
		for s.j = 0; s.j < g.n; s.j += blockN {
			s.cols = min(blockN, g.n-s.j)
			s.packB()
			s.columns()
		}
	}
	panelPool.Put(room)
}

// columns goes over the rows of the block of columns.
func (s *block) columns() {
	for s.i = 0; s.i < s.m; s.i += blockM {
		s.rows = min(blockM, s.m-s.i)
		s.packA()
		for j := 0; j < s.cols; j += s.wide {
			s.sliver(j)
		}
	}
}

// sliver computes the columns j.. of the block for its rows.
func (s *block) sliver(j int) {
	ar := s.k + pad
	t := tile{
		c: &s.c[s.i*s.cr+s.j+j], a: &s.a[0], b: &s.b[j*s.k], start: &zeros[0], m: s.rows, k: s.k,
		aRow: floatSize * ar, aCol: floatSize, bRow: floatSize * s.wide, cRow: floatSize * s.cr, floor: lowest,
	}
	switch {
	case s.add || s.p > 0:
		t.start, t.startRow = t.c, t.cRow
	case s.bias != nil:
		t.start = &s.bias[s.j+j]
	}
	if s.relu && s.p+s.k == s.product.k {
		t.floor = 0
	}
	left := min(s.wide, s.cols-j)
	if s.level == cpu.AVX512 {
		t.runAVX512(left, ar)
		return
	}
	t.runAVX2(left, ar)
}

// packA copies the block of a to rows of k+pad.
func (s *block) packA() {
	row := s.k + pad
	if s.ar == 1 {
		transposed(s.a, s.product.a[s.p*s.ac+s.i:], s.k, s.rows, row, s.ac)
		return
	}
	for i := range s.rows {
		copy(s.a[i*row:i*row+s.k], s.product.a[(s.i+i)*s.ar+s.p:])
	}
}

// packB copies the block of b to slivers.
func (s *block) packB() {
	for j := 0; j < s.cols; j += s.wide {
		w := min(s.wide, s.cols-j)
		dst := s.b[j*s.k:]
		if s.bc != 1 {
			transposed(dst, s.product.b[(s.j+j)*s.bc+s.p:], w, s.k, s.wide, s.bc)
			continue
		}
		s.packRows(dst, s.product.b[s.p*s.br+s.j+j:], w)
	}
}

// packRows copies w columns of b to a sliver.
func (s *block) packRows(dst, src []float32, w int) {
	switch {
	case w < s.wide:
		for p := range s.k {
			copy(dst[p*s.wide:p*s.wide+w], src[p*s.br:])
		}
	case s.level == cpu.AVX512:
		packAVX512(&dst[0], &src[0], s.k, s.br)
	default:
		packAVX2(&dst[0], &src[0], s.k, s.br)
	}
}
