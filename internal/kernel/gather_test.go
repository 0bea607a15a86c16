package kernel

import (
	"fmt"
	"testing"
)

func TestGather(t *testing.T) {
	src := []float32{0, 1, 10, 11, 20, 21}
	dst := bufferOf(make([]float32, 6), 3)
	Gather(dst.v, src, []int32{2, 0, 2}, 2)
	dst.verify(t, "gather", []float32{20, 21, 0, 1, 20, 21})
	Gather(nil, src, nil, 2)
	Gather(nil, nil, []int32{5}, 0)
	mustPanic(t, "row 3 of 3", func() { Gather(dst.v, src, []int32{0, 1, 3}, 2) })
	mustPanic(t, "row -1", func() { Gather(dst.v, src, []int32{0, 1, -1}, 2) })
	mustPanic(t, "ragged src", func() { Gather(dst.v, src[:5], []int32{0, 1, 1}, 2) })
	mustPanic(t, "short dst", func() { Gather(dst.v[:5], src, []int32{0, 1, 1}, 2) })
	mustPanic(t, "next row 3", func() { GatherPrefetch(dst.v, src, []int32{0, 1, 1}, []int32{3}, 2) })
	dst.verify(t, "gather, after panics", []float32{20, 21, 0, 1, 20, 21})
	GatherPrefetch(dst.v, src, []int32{1, 1, 0}, []int32{2}, 2)
	dst.verify(t, "gatherprefetch", []float32{10, 11, 10, 11, 0, 1})
	GatherPrefetch(nil, src, nil, []int32{2}, 2)
	GatherPrefetch(nil, nil, []int32{5}, []int32{7}, 0)
}

func TestScatterAdd(t *testing.T) {
	dst := bufferOf([]float32{1, 2, 3, 4, 5, 6}, 3)
	ScatterAdd(dst.v, []float32{1, 2, 10, 20, 100, 200}, []int32{2, 0, 2}, 2)
	dst.verify(t, "scatteradd", []float32{11, 22, 3, 4, 106, 208})
	mustPanic(t, "row 3 of 3", func() { ScatterAdd(dst.v, make([]float32, 4), []int32{0, 3}, 2) })
	mustPanic(t, "short src", func() { ScatterAdd(dst.v, make([]float32, 3), []int32{0, 1}, 2) })
	dst.verify(t, "scatteradd, after panics", []float32{11, 22, 3, 4, 106, 208})
}

// TestRowsLevels tries every width of a row, and an index longer than a piece.
func TestRowsLevels(t *testing.T) {
	s := newSource(20)
	for cols := range 70 {
		checkRowsLevels(t, s, 9, 1+cols%13, cols)
	}
	checkRowsLevels(t, s, 5, 2*piece/64+3, 64)
}

func checkRowsLevels(t *testing.T, s source, rows, n, cols int) {
	t.Helper()
	table, list := s.some(rows*cols), s.some(n*cols)
	index, next := make([]int32, n), make([]int32, n+3)
	for i := range next {
		next[i] = int32(s.IntN(rows))
	}
	copy(index, next[3:])
	gathered, sums := make([]float32, n*cols), append([]float32{}, table...)
	gatherRef(gathered, table, index, cols)
	scatterAddRef(sums, list, index, cols)
	eachLevel(t, func(t *testing.T) {
		src, dst := bufferOf(table, s.shift()), bufferOf(list, s.shift())
		Gather(dst.v, src.v, index, cols)
		dst.verify(t, fmt.Sprintf("gather of %d", cols), gathered)
		dst = bufferOf(list, s.shift())
		GatherPrefetch(dst.v, src.v, index, next, cols)
		dst.verify(t, fmt.Sprintf("gatherprefetch of %d", cols), gathered)
		dst = bufferOf(list, s.shift())
		ScatterAdd(src.v, dst.v, index, cols)
		src.verify(t, fmt.Sprintf("scatteradd of %d", cols), sums)
		dst.verify(t, fmt.Sprintf("scatteradd of %d: src", cols), list)
	})
}

func FuzzIndexed(f *testing.F) {
	seeds(func(data []byte) { f.Add(data, uint8(7), uint8(3)) })
	f.Fuzz(func(t *testing.T, data []byte, width, seed uint8) {
		v, s := floats(data), newSource(uint64(seed))
		cols, rows, n := int(width), 1+int(seed)%5, len(data)%29
		index := make([]int32, n)
		for i := range index {
			index[i] = int32(s.IntN(rows))
		}
		table, list, at := cycle(v, rows*cols, 0), cycle(v, n*cols, 3), s.shift()
		agree(t, "gather", list, at, func(dst []float32) float64 { GatherPrefetch(dst, table, index, index, cols); return 0 })
		agree(t, "scatteradd", table, at, func(dst []float32) float64 { ScatterAdd(dst, list, index, cols); return 0 })
	})
}

// BenchmarkGather copies random rows of a table larger than the caches of a core, a batch at a time,
// with work in between that takes as long as a step does.
func BenchmarkGather(b *testing.B) {
	const rows, cols, batch = 80000, 30, 32
	s := newSource(1)
	table, dst, order := s.finite(rows*cols), make([]float32, batch*cols), make([]int32, rows)
	for i, r := range s.Perm(rows) {
		order[i] = int32(r)
	}
	work, kernels := ramp(4096), map[string]func(i int){
		"none":     func(int) {},
		"gather":   func(i int) { Gather(dst, table, order[i:i+batch], cols) },
		"prefetch": func(i int) { GatherPrefetch(dst, table, order[i:i+batch], order[i+batch:i+2*batch], cols) },
	}
	for _, name := range []string{"none", "gather", "prefetch"} {
		b.Run(name, func(b *testing.B) {
			i := 0
			for b.Loop() {
				kernels[name](i)
				Tanh(work, work)
				if i += batch; i+2*batch > rows {
					i = 0
				}
			}
		})
	}
}
