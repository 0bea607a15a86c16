package main

import (
	"context"
	"fmt"
	"strconv"

	"lathe/internal/cpu"
	"lathe/internal/kernel"
)

// The lengths of the slices: in the cache of a core, and beyond all caches.
var elementCounts = []struct {
	name string
	n    int
}{{"in cache", 32 * 1024 / 384 * 384}, {"in memory", 1 << 24 / 384 * 384}}

// elementCols is the width of a row, that of a small encoder.
const elementCols = 384

func kernelBench(ctx context.Context, w *world, r *result) error {
	r.Title = "Element-wise kernels"
	r.About = "GB/s on one thread, by its own time, counted as what one pass reads and writes (8 bytes an element, 28 for Adam), of 32 thousand elements, which stay in a core's cache, " +
		"and of 16 million, which do not. Copy is the machine's own `memmove` and stands for its memory bandwidth. NumPy's GELU is the form with tanh; lathe's is exact. " +
		"Softmax and layer norm go by rows of 384."
	for _, name := range []string{"copy", "exp", "tanh", "gelu", "softmax", "layernorm", "adam"} {
		r.Figures = append(r.Figures, figure{name, name, 2, higher})
	}
	for round := range w.times(3) {
		for _, count := range elementCounts {
			for level := cpu.AVX2; level <= cpu.Detect(); level++ {
				r.add(fmt.Sprintf("%s %s, %s", ours, level, count.name), round, 0, lathesElements(level, count.n))
			}
			var figures map[string]float64
			env := []string{"OPENBLAS_NUM_THREADS=1", "OMP_NUM_THREADS=1"}
			if _, err := w.lastJSON(ctx, &figures, env, w.python, w.peer("kernel_numpy.py"), strconv.Itoa(count.n),
				strconv.FormatInt(sliceFor.Milliseconds(), 10)); err != nil {
				return err
			}
			r.add("NumPy, "+count.name, round, 0, figures)
		}
		w.note("  round %d", round+1)
	}
	return nil
}

// lathesElements measures the kernels on n elements at a level.
func lathesElements(level cpu.Level, n int) map[string]float64 {
	defer cpu.Use(level)()
	rows, cols := n/elementCols, elementCols
	x, y, g, m, v := ramp(n), make([]float32, n), ramp(n), ramp(n), make([]float32, n)
	for i := range v {
		v[i] = 0.5
	}
	slope := make([]float32, rows)
	figures := map[string]float64{}
	measure := func(name string, bytes int, f func()) {
		figures[name] = 1e-9 * float64(bytes) * float64(n) / bestOf(stopwatch(1), f)
	}
	measure("copy", 8, func() { copy(y, x) })
	measure("exp", 8, func() { kernel.Exp(y, x) })
	measure("tanh", 8, func() { kernel.Tanh(y, x) })
	measure("gelu", 8, func() { kernel.GELU(y, x) })
	measure("softmax", 8, func() { kernel.Softmax(y, x, rows, cols) })
	measure("layernorm", 8, func() { kernel.LayerNorm(y, nil, slope, x, g[:cols], m[:cols], rows, cols, 1e-5) })
	measure("adam", 28, func() { kernel.Adam(y, g, m, v, 1e-3, 0.1, 0.001, 1e-7) })
	return figures
}
