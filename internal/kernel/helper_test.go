package kernel

import (
	"math"
	"math/rand/v2"
	"testing"

	"lathe/internal/cpu"
)

// eachLevel runs f with the kernels of each level that the machine and the build have.
func eachLevel(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	defer cpu.Use(cpu.Active())() // also after t.Fatal
	for l := cpu.Generic; l <= cpu.Detect(); l++ {
		restore := cpu.Use(l)
		f(t)
		restore()
	}
}

// canary is a NaN: a kernel that reads beyond its buffer spoils its answer, one that writes there
// spoils the canary.
const (
	canary = 0x7fa5c3d2
	margin = 80
)

// buffer is a slice v at some distance from an aligned address, amid canaries.
type buffer struct {
	all, v []float32
	start  int
}

// bufferOf returns the elements of src in a buffer.
func bufferOf(src []float32, shift int) buffer {
	all := make([]float32, len(src)+2*margin)
	for i := range all {
		all[i] = math.Float32frombits(canary)
	}
	start := margin + shift
	v := all[start : start+len(src) : start+len(src)]
	copy(v, src)
	return buffer{all, v, start}
}

// verify fails the test unless the buffer holds want and its canaries are whole.
func (b buffer) verify(t *testing.T, what string, want []float32) {
	t.Helper()
	sameBits(t, what, b.v, want)
	for i, v := range b.all {
		inside := i >= b.start && i < b.start+len(b.v)
		if !inside && math.Float32bits(v) != canary {
			t.Fatalf("%s: %s: wrote outside a buffer of %d, at %d", cpu.Active(), what, len(b.v), i-b.start)
		}
	}
}

// sameBits fails the test unless got and want have the same bits, or are both NaN, everywhere.
func sameBits(t *testing.T, what string, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d elements, want %d", what, len(got), len(want))
	}
	for i, g := range got {
		w := want[i]
		if math.Float32bits(g) != math.Float32bits(w) && (g == g || w == w) {
			t.Fatalf("%s: %s: element %d of %d is %g (%#08x), want %g (%#08x)", cpu.Active(), what, i, len(got),
				g, math.Float32bits(g), w, math.Float32bits(w))
		}
	}
}

// sameFloat is sameBits for one float64.
func sameFloat(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.Float64bits(got) != math.Float64bits(want) && (got == got || want == want) {
		t.Fatalf("%s: %s: %g (%#x), want %g (%#x)", cpu.Active(), what, got, math.Float64bits(got), want, math.Float64bits(want))
	}
}

// edges are the float32 at which something changes.
var edges = []float32{
	0, float32(math.Copysign(0, -1)), 1, -1, 0.5, -0.5, float32(math.Inf(1)), float32(math.Inf(-1)),
	float32(math.NaN()), math.SmallestNonzeroFloat32, -math.SmallestNonzeroFloat32, 0x1p-126, -0x1p-126,
	0x1.fffffcp-127, math.MaxFloat32, -math.MaxFloat32, 88.72283, 88.72284, -87.33655, -103.97208, -103.97209,
	-104.1, 89, 9.01, 9.02, -9.02, 9.2, 0.35, 0.41421357, 0.70710677, 0.7071068, 1.4142135, 1.4142137, 1e-30, -1e30,
}

// source makes inputs of several kinds.
type source struct{ *rand.Rand }

func newSource(seed uint64) source { return source{rand.New(rand.NewPCG(seed, 42))} }

// finite returns n numbers as they occur in training, some of them 0.
func (s source) finite(n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(s.NormFloat64())
		if s.IntN(8) == 0 {
			v[i] = 0
		}
	}
	return v
}

// wild returns n numbers, among them any bits and the edges; a few at a time are not finite.
func (s source) wild(n int) []float32 {
	v := s.finite(n)
	for i := range v {
		switch s.IntN(6) {
		case 0:
			v[i] = math.Float32frombits(s.Uint32())
		case 1:
			v[i] = edges[s.IntN(len(edges))]
		case 2:
			v[i] *= 0x1p-120
		}
	}
	return v
}

// some returns finite numbers in most cases and wild ones in the others.
func (s source) some(n int) []float32 {
	if s.IntN(3) == 0 {
		return s.wild(n)
	}
	return s.finite(n)
}

// shift returns a distance from an aligned address.
func (s source) shift() int { return s.IntN(17) }

// mustPanic fails the test unless f panics.
func mustPanic(t *testing.T, what string, f func()) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Errorf("%s did not panic", what)
		}
	}()
	f()
}

// agree fails the test unless f leaves the same in dst, and returns the same, at every level.
func agree(t *testing.T, what string, dst []float32, shift int, f func(dst []float32) float64) {
	t.Helper()
	want := append([]float32{}, dst...)
	restore := cpu.Use(cpu.Generic)
	value := f(want)
	restore()
	eachLevel(t, func(t *testing.T) {
		if cpu.Active() == cpu.Generic && cpu.Detect() > cpu.Generic {
			return // has just run
		}
		b := bufferOf(dst, shift)
		sameFloat(t, what, f(b.v), value)
		b.verify(t, what, want)
	})
}
