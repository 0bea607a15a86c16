package kernel

import (
	"fmt"
	"testing"

	"lathe/internal/cpu"
)

// atLevels runs f at each level that the machine has.
func atLevels(b *testing.B, f func(b *testing.B)) {
	for l := cpu.Generic; l <= cpu.Detect(); l++ {
		b.Run(l.String(), func(b *testing.B) {
			defer cpu.Use(l)()
			f(b)
		})
	}
}

func ramp(n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(i%17)/16 - 0.5
	}
	return v
}

func BenchmarkMatMul(b *testing.B) {
	forms := []struct {
		name string
		f    func(c, a, b []float32, m, k, n int)
	}{{"plain", MatMul}, {"TA", MatMulTA}, {"TB", MatMulTB}}
	shapes := [][3]int{
		{1, 30, 64},
		{32, 30, 64},
		{32, 64, 32},
		{32, 32, 1},
		{30, 32, 64},
		{64, 32, 32},
		{32, 32, 64},
		{32, 1, 32},
		{32, 32, 32},
		{64, 64, 64},
		{256, 256, 256},
		{1024, 1024, 1024},
		{512, 384, 1536},
	}
	for _, form := range forms {
		for _, s := range shapes {
			m, k, n := s[0], s[1], s[2]
			b.Run(fmt.Sprintf("%s/%dx%dx%d", form.name, m, k, n), func(b *testing.B) {
				x, y, z := ramp(m*k), ramp(k*n), make([]float32, m*n)
				atLevels(b, func(b *testing.B) {
					b.ReportAllocs()
					for b.Loop() {
						form.f(z, x, y, m, k, n)
					}
					b.ReportMetric(2*float64(m*k*n)*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GFLOPS")
				})
			})
		}
	}
}

func BenchmarkOperations(b *testing.B) {
	for _, o := range operations {
		for _, n := range []int{32, 2048, 4129} {
			b.Run(fmt.Sprintf("%s/%d", o.name, n), func(b *testing.B) {
				v := make([][]float32, o.slices)
				for i := range v {
					v[i] = ramp(n)
				}
				atLevels(b, func(b *testing.B) {
					b.SetBytes(int64(4 * n * (o.slices + o.outs)))
					for b.Loop() {
						o.run(v)
					}
				})
			})
		}
	}
}
