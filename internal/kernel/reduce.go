package kernel

import "math"

// lanes is the number of partial results of a reduction. Element i goes to lane i mod 64, the slice
// being padded with zeros to a whole number of rounds; then lane j takes in lane j+32, j+16, j+8, j+4,
// j+2 and j+1 in turn.
const lanes = 64

// Dot returns the sum of x y in float32, in 64 lanes of fused multiply-adds: lane i mod 64 takes x[i]
// y[i], zeros pad the last round, and the lanes are added pairwise at distance 32, 16, 8, 4, 2, 1.
// It panics on different lengths.
func Dot(x, y []float32) float32 {
	same("dot", "y", y, len(x))
	if len(x) <= piece {
		return dot(x, y)
	}
	var acc [lanes]float32
	pieces(len(x), func(i, j int) { dotPart(x[i:j], y[i:j], &acc) })
	return fold(&acc)
}

// SumSquares returns the sum of x² in float32, in the order of Dot.
func SumSquares(x []float32) float32 { return Dot(x, x) }

// Sum returns the sum of x in float32, in the order of Dot, by plain additions.
func Sum(x []float32) float32 {
	if len(x) <= piece {
		return sum(x)
	}
	var acc [lanes]float32
	pieces(len(x), func(i, j int) { sumPart(x[i:j], &acc) })
	return fold(&acc)
}

// Norm returns the root of the sum of x² in float64, which no float32 overflows: 16 lanes, lane i mod 16
// taking element i, are added pairwise at distance 8, 4, 2, 1. See SquaredNorm for several slices.
func Norm(x []float32) float64 { return math.Sqrt(SquaredNorm(x)) }

// SquaredNorm returns the square of Norm.
func SquaredNorm(x []float32) float64 {
	var acc [lossLanes]float64
	pieces(len(x), func(i, j int) { squares(x[i:j], &acc) })
	return foldLoss(&acc)
}

// Max returns the largest element: NaN when there is one, -Inf for none, and +0 for either zero.
func Max(x []float32) float32 {
	if len(x) == 0 {
		return lowest
	}
	top := lowest
	for len(x) > piece {
		m := maximum(x[:piece])
		if m != m {
			return m
		}
		top, x = max(top, m), x[piece:]
	}
	return max(top, maximum(x)) // also of NaN; neither is -0
}

// ColSum sets dst to the sums of the columns of a [m n], adding rows in ascending order to 0; dst is
// [n]. It is the gradient of a bias. It panics on wrong lengths.
func ColSum(dst, a []float32, m, n int) {
	check("colsum", "dst", dst, 1, n)
	check("colsum", "a", a, m, n)
	clear(dst)
	ColSumAdd(dst, a, m, n)
}

// ColSumAdd adds the rows of a [m n] to dst [n] in ascending order. It panics on wrong lengths.
func ColSumAdd(dst, a []float32, m, n int) {
	check("colsumadd", "dst", dst, 1, n)
	check("colsumadd", "a", a, m, n)
	if n == 0 {
		return
	}
	lineParts(m, n, func(i, rows int) { colSumAdd(dst, a[i*n:(i+rows)*n], rows, n) })
}
