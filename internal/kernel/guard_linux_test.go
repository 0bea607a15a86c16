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
			guardRows(end, n)
			guardBytes(end, n)
		}
	})
}

// guardRows runs the kernels that go by rows, on rows of n.
func guardRows(end func(i, n int) []float32, n int) {
	const rows = 3
	index, mean, spread := []int32{2, 0, 2}, make([]float32, n), make([]float32, n)
	x, y, z, w := end(0, rows*n), end(1, rows*n), end(2, rows*n), end(3, n)
	GatherPrefetch(x, y, index, index, n)
	ScatterAdd(x, y, index, n)
	Softmax(x, y, rows, n)
	SoftmaxScaled(x, y, []int32{1, int32(n), 0}, rows, n, 2)
	SoftmaxGrad(x, y, z, rows, n, 2)
	LogSumExp(end(3, rows), y, rows, n)
	CELogits(x, y, make([]int32, rows), rows, n, 1)
	LayerNorm(x, y, end(3, rows), z, mean, w, rows, n, 1)
	LayerNormGrad(x, y, z, end(3, rows), w, rows, n)
	NormGradAdd(mean, w, y, z, rows, n)
	Moments(mean, w, y, rows, n)
	BatchNorm(x, y, z, mean, spread, w, w, rows, n)
	BatchNormGrad(x, y, z, mean, w, spread, w, rows, n)
}

// guardBytes runs the conversions and the products of bytes on n elements.
func guardBytes(end func(i, n int) []float32, n int) {
	halves := func(i, n int) []uint16 {
		v := end(i, (n+1)/2)
		all := unsafe.Slice((*uint16)(unsafe.Pointer(&v[0])), (n+1)/2*2)
		return all[len(all)-n:]
	}
	bytes := func(i, n int) []uint8 {
		v := end(i, (n+3)/4)
		all := unsafe.Slice((*uint8)(unsafe.Pointer(&v[0])), (n+3)/4*4)
		return all[len(all)-n:]
	}
	HalfToFloat(end(0, n), halves(1, n))
	FloatToHalf(halves(1, n), end(0, n))
	BrainToFloat(end(0, n), halves(1, n))
	FloatToBrain(halves(1, n), end(0, n))
	a, signed := bytes(0, 3*n), make([]int8, 5*n)
	DotInt8(a[2*n:], signed[4*n:])
	w := NewInt8Matrix(signed, end(1, 5), n, 5)
	MatMulInt8(end(2, 15), a, bytes(3, 3), end(1, 3), w, nil, 3)
}
