package table

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestSortFloats(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	draws := []func() float64{
		r.NormFloat64,
		func() float64 { return float64(r.IntN(5)) - 2 },
		func() float64 { return 7 },
		func() float64 {
			for {
				if f := math.Float64frombits(r.Uint64()); f == f {
					return f
				}
			}
		},
	}
	for _, n := range []int{0, 1, 2, radixRows - 1, radixRows, radixRows + 1, 10_000} {
		for k, draw := range draws {
			got := make([]float64, n)
			for i := range got {
				got[i] = draw()
			}
			if n > 4 {
				got[0], got[1], got[2], got[3] = math.Inf(1), math.Inf(-1), math.MaxFloat64, -5e-324
			}
			want := slices.Clone(got)
			slices.Sort(want)
			SortFloats(got)
			if !slices.Equal(got, want) {
				t.Errorf("%d values of draw %d are not sorted", n, k)
			}
		}
	}
}
