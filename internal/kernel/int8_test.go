package kernel

import (
	"fmt"
	"testing"
)

// bytesOf returns n unsigned and signed bytes, often the extremes, at which other instructions saturate.
func bytesOf(s source, n int) ([]uint8, []int8) {
	a, b := make([]uint8, n), make([]int8, n)
	for i := range a {
		a[i], b[i] = uint8(s.Uint32()), int8(s.Uint32())
		if s.IntN(3) == 0 {
			a[i] = 255
		}
		switch s.IntN(4) {
		case 0:
			b[i] = -128
		case 1:
			b[i] = 127
		}
	}
	return a, b
}

func TestDotInt8(t *testing.T) {
	s := newSource(80)
	for n := range 200 {
		a, b := bytesOf(s, n+3)
		for _, shift := range []int{0, 1, 3} {
			x, y := a[shift:n+shift], b[shift:n+shift]
			want := dotInt8Ref(x, y)
			eachLevel(t, func(t *testing.T) {
				if got := DotInt8(x, y); got != want {
					t.Fatalf("dot of %d = %d, want %d", n, got, want)
				}
			})
		}
	}
	a, b := make([]uint8, int8Depth), make([]int8, int8Depth)
	for i := range a {
		a[i], b[i] = 255, -128
	}
	eachLevel(t, func(t *testing.T) {
		if got := DotInt8(a, b); got != -255*128*int8Depth {
			t.Errorf("the deepest dot = %d", got)
		}
	})
	mustPanic(t, "lengths", func() { DotInt8(a[:3], b[:4]) })
	mustPanic(t, "depth", func() { DotInt8(make([]uint8, int8Depth+1), make([]int8, int8Depth+1)) })
}

// checkInt8 compares a product with its definition, element by element.
func checkInt8(t *testing.T, s source, rows, k, n int, withBias bool) {
	t.Helper()
	a, _ := bytesOf(s, rows*k)
	_, w := bytesOf(s, n*k)
	zero, _ := bytesOf(s, rows)
	scale, scales := s.finite(rows), s.finite(n)
	var bias []float32
	start := make([]float32, n)
	if withBias {
		bias = s.some(n)
		copy(start, bias)
	}
	want := make([]float32, rows*n)
	for i := range want {
		row, col, sum := i/n, i%n, 0
		for p := range k {
			sum += (int(a[row*k+p]) - int(zero[row])) * int(w[col*k+p])
		}
		want[i] = fma(float32(int32(sum)), float32(scale[row]*scales[col]), start[col])
	}
	m := NewInt8Matrix(w, scales, k, n)
	eachLevel(t, func(t *testing.T) {
		y := bufferOf(make([]float32, rows*n), s.shift())
		MatMulInt8(y.v, a, zero, scale, m, bias, rows)
		y.verify(t, fmt.Sprintf("int8 %dx%dx%d", rows, k, n), want)
	})
}

func TestMatMulInt8(t *testing.T) {
	s := newSource(81)
	for n := range 40 {
		checkInt8(t, s, 1+n%11, n, 1+(n*7)%50, n%2 == 0)
		checkInt8(t, s, 1+n%9, 1+n%6, n, n%3 == 0)
	}
	for _, sh := range [][3]int{{0, 3, 3}, {3, 3, 0}, {3, 0, 3}, {40, 1000, 3}, {2000, 9, 33}} {
		checkInt8(t, s, sh[0], sh[1], sh[2], true)
	}
	v, b, w := make([]float32, 6), make([]uint8, 6), NewInt8Matrix(make([]int8, 6), make([]float32, 2), 3, 2)
	for name, f := range map[string]func(){
		"weights": func() { NewInt8Matrix(make([]int8, 5), v[:2], 3, 2) },
		"scales":  func() { NewInt8Matrix(make([]int8, 6), v[:3], 3, 2) },
		"depth":   func() { NewInt8Matrix(make([]int8, int8Depth+1), v[:1], int8Depth+1, 1) },
		"a":       func() { MatMulInt8(v[:4], b[:5], b[:2], v[:2], w, nil, 2) },
		"y":       func() { MatMulInt8(v[:5], b, b[:2], v[:2], w, nil, 2) },
		"zero":    func() { MatMulInt8(v[:4], b, b[:1], v[:2], w, nil, 2) },
		"bias":    func() { MatMulInt8(v[:4], b, b[:2], v[:2], w, v[:1], 2) },
	} {
		mustPanic(t, name, f)
	}
	if k, n := w.Shape(); k != 3 || n != 2 {
		t.Errorf("shape %d %d", k, n)
	}
}

func TestInt8Allocates(t *testing.T) {
	w := NewInt8Matrix(make([]int8, 50*30), make([]float32, 50), 30, 50)
	y, a, zero, scale := make([]float32, 8*50), make([]uint8, 8*30), make([]uint8, 8), make([]float32, 8)
	eachLevel(t, func(t *testing.T) {
		if n := testing.AllocsPerRun(50, func() { MatMulInt8(y, a, zero, scale, w, nil, 8) }); n > poolLoss {
			t.Errorf("%v allocations a run", n)
		}
	})
}

func FuzzInt8(f *testing.F) {
	f.Add(uint64(1), uint8(3), uint8(9), uint8(17))
	f.Fuzz(func(t *testing.T, seed uint64, rows, k, n uint8) {
		checkInt8(t, newSource(seed), int(rows)%40, int(k), int(n)%80, seed%2 == 0)
	})
}

func BenchmarkInt8(b *testing.B) {
	for _, sh := range [][3]int{{1, 384, 1536}, {32, 384, 384}, {256, 384, 1536}} {
		rows, k, n := sh[0], sh[1], sh[2]
		w := NewInt8Matrix(make([]int8, n*k), ramp(n), k, n)
		y, a, zero, scale := make([]float32, rows*n), make([]uint8, rows*k), make([]uint8, rows), ramp(rows)
		b.Run(fmt.Sprintf("%dx%dx%d", rows, k, n), func(b *testing.B) {
			atLevels(b, func(b *testing.B) {
				for b.Loop() {
					MatMulInt8(y, a, zero, scale, w, nil, rows)
				}
				b.ReportMetric(2*float64(rows*k*n)*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GOPS")
			})
		})
	}
}
