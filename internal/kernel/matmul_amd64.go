//go:build amd64 && !noasm

package kernel

import (
	"unsafe"

	"lathe/internal/cpu"
)

// tile is the argument of the tile functions: all rows of some columns of c, as wide as the function.
// Steps are in bytes; _gen/matmul.go knows the offsets.
type tile struct {
	c, a, b, start       *float32
	m, k                 int
	aRow, aCol, aStep    int // aStep lies between two tiles of rows
	bRow, cRow, startRow int
	tail                 int     // columns in the last vector of a masked tile
	floor                float32 // the least output: 0 for ReLU, -Inf else
}

// zeros starts the chains that have no bias; as wide as the widest tile.
var zeros [128]float32

const floatSize = 4

// multiply picks the form of the product for which there are tiles.
func multiply(g *product) {
	level := cpu.Active()
	switch {
	case g.m == 0 || g.n == 0:
	case level == cpu.Generic || g.k == 0:
		multiplyRef(g)
	case g.n == 1 && g.m > 1 && g.cr == 1:
		multiplyVector(g, level)
	case g.large(level):
		multiplyBlocked(g, level)
	case g.bc != 1:
		multiplyTransposed(g, level)
	default:
		multiplyTiles(g, level)
	}
}

// multiplyVector computes c = a b for a vector b as cᵀ = bᵀ aᵀ, so that vectors go across rows of a.
func multiplyVector(g *product, level cpu.Level) {
	t := product{
		c: g.c, a: g.b, b: g.a, m: 1, k: g.k, n: g.m, ac: g.br, br: g.ac, bc: g.ar, cr: g.m, add: g.add, relu: g.relu,
	}
	if g.bias != nil && !g.add {
		for i := range g.m {
			g.c[i] = g.bias[0]
		}
		t.add = true
	}
	if t.bc != 1 {
		multiplyTransposed(&t, level)
		return
	}
	multiplyTiles(&t, level)
}

// multiplyTransposed copies bᵀ to scratch first.
func multiplyTransposed(g *product, level cpu.Level) {
	buf := scratch(g.k * g.n)
	transposed(*buf, g.b, g.n, g.k, g.n, g.bc)
	t := *g
	t.b, t.br, t.bc = *buf, g.n, 1
	multiplyTiles(&t, level)
	release(buf)
}

// transposed copies src [rows cols] to dst [cols rows]; the rows of both lie steps apart.
func transposed(dst, src []float32, rows, cols, dstStep, srcStep int) {
	if rows >= 8 && cols >= 8 {
		transposeAVX2(&dst[0], &src[0], rows, cols, dstStep, srcStep)
		return
	}
	for i := range rows {
		for j, v := range src[i*srcStep : i*srcStep+cols] {
			dst[j*dstStep+i] = v
		}
	}
}

// chunk is the number of elements of a that one call of a tile function reads: they stay in L2 while
// all columns are computed, and the call ends soon enough for the scheduler, which cannot interrupt
// assembly. rowStep is a multiple of the rows of every tile.
const (
	chunk   = 1 << 15
	rowStep = 24
)

// depth is the longest part of a chain that one call computes, so that it ends within some 50
// microseconds.
const depth = 2048

// multiplyTiles goes over parts of k, in ascending order: the chain of each element of c is stored after
// one and taken up again by the next.
func multiplyTiles(g *product, level cpu.Level) {
	if g.k <= depth {
		multiplyChunks(g, level)
		return
	}
	part := *g
	for p := 0; p < g.k; p += depth {
		part.k = min(depth, g.k-p)
		part.a, part.b = g.a[p*g.ac:], g.b[p*g.br:]
		part.add, part.relu = g.add || p > 0, g.relu && p+part.k == g.k
		multiplyChunks(&part, level)
	}
}

// multiplyChunks goes over chunks of rows.
func multiplyChunks(g *product, level cpu.Level) {
	rows := max(chunk/g.k/rowStep, 1) * rowStep
	for i := 0; i < g.m; i += rows {
		multiplyRows(g, i, min(rows, g.m-i), level)
	}
}

// multiplyRows computes some rows of c, as many columns at a time as a tile is wide.
func multiplyRows(g *product, i, rows int, level cpu.Level) {
	t := tile{
		m: rows, k: g.k, aRow: floatSize * g.ar, aCol: floatSize * g.ac, bRow: floatSize * g.br,
		cRow: floatSize * g.cr, floor: lowest,
	}
	if g.relu {
		t.floor = 0
	}
	for j := 0; j < g.n; {
		t.c, t.a, t.b, t.start = &g.c[i*g.cr+j], &g.a[i*g.ar], &g.b[j], &zeros[0]
		switch {
		case g.add:
			t.start, t.startRow = t.c, t.cRow
		case g.bias != nil:
			t.start = &g.bias[j]
		}
		if level == cpu.AVX512 {
			j += t.runAVX512(g.n-j, g.ar)
		} else {
			j += t.runAVX2(g.n-j, g.ar)
		}
	}
}

// runAVX2 computes some of the left columns and returns how many.
func (t *tile) runAVX2(left, ar int) int {
	arg := (*byte)(unsafe.Pointer(t))
	t.aStep = 6 * floatSize * ar
	switch {
	case t.m == 1 && left >= 64:
		tile1x8AVX2(arg)
		return 64
	case t.m == 1 && left >= 32:
		tile1x4AVX2(arg)
		return 32
	case left >= 16:
		tile6x2AVX2(arg)
		return 16
	case left > 8:
		t.tail = left - 8
		tile6x2TailAVX2(arg)
		return left
	}
	t.tail, t.aStep = left, 8*floatSize*ar
	tile8x1TailAVX2(arg)
	return left
}

// runAVX512 computes some of the left columns and returns how many.
func (t *tile) runAVX512(left, ar int) int {
	arg := (*byte)(unsafe.Pointer(t))
	t.aStep = 6 * floatSize * ar
	if t.m == 1 && left >= 128 {
		tile1x8AVX512(arg)
		return 128
	}
	if left >= 64 {
		tile6x4AVX512(arg)
		return 64
	}
	t.tail = (left-1)%16 + 1
	if left > 48 {
		tile6x4TailAVX512(arg)
		return left
	}
	t.aStep = 8 * floatSize * ar
	switch {
	case left > 32:
		tile8x3TailAVX512(arg)
	case left > 16:
		tile8x2TailAVX512(arg)
	default:
		tile8x1TailAVX512(arg)
	}
	return left
}
