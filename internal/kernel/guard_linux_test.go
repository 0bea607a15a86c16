package kernel

import (
	"syscall"
	"testing"
	"unsafe"
)

// guarded returns n elements that end where memory that cannot be read begins.
func guarded(t *testing.T, n int) []float32 {
	t.Helper()
	page := syscall.Getpagesize()
	size := (4*n + page - 1) / page * page
	mem, err := syscall.Mmap(-1, 0, size+page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Munmap(mem); err != nil {
			t.Error(err)
		}
	})
	if err := syscall.Mprotect(mem[size:], syscall.PROT_NONE); err != nil {
		t.Fatal(err)
	}
	return unsafe.Slice((*float32)(unsafe.Pointer(&mem[size-4*n])), n)
}

// TestGuardPages runs the kernels on buffers that end at a guard page: a read beyond one would kill
// the test.
func TestGuardPages(t *testing.T) {
	const most = 70 * 70
	g := make([][]float32, 4)
	for i := range g {
		g[i] = guarded(t, most)
	}
	end := func(i, n int) []float32 { return g[i][most-n:] }
	eachLevel(t, func(t *testing.T) {
		for n := 1; n < 70; n++ {
			for _, o := range operations {
				v := make([][]float32, o.slices)
				for i := range v {
					v[i] = end(i, n)
				}
				o.run(v)
			}
			for _, f := range forms {
				f.run(end(0, 9*n), end(1, 9*11), end(2, 11*n), 9, 11, n)
				f.run(end(0, n*n), end(1, n*3), end(2, 3*n), n, 3, n)
				f.run(end(0, n), end(1, n*n), end(2, n), n, n, 1)
				f.run(end(0, n), end(1, n), end(2, n*n), 1, n, n)
			}
			ColSum(end(0, n), end(1, 5*n), 5, n)
			Dense(end(0, 3*n), end(1, 3*8), end(2, 8*n), end(3, n), 3, 8, n, ActReLU)
		}
	})
}
