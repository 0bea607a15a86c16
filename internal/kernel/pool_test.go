package kernel

import (
	"fmt"
	"sync"
	"testing"
)

// pooled are the matrix products of a pool, in the order of forms.
func pooled(p *Pool) []func(c, a, b []float32, m, k, n int) {
	return []func(c, a, b []float32, m, k, n int){p.MatMul, p.MatMulAdd, p.MatMulTA, p.MatMulTAAdd, p.MatMulTB}
}

// TestPoolProducts: products that are shared, by rows and by columns, have the bits of those that are not.
func TestPoolProducts(t *testing.T) {
	s := newSource(30)
	for _, threads := range []int{2, 3} {
		p := NewPool(threads)
		defer p.Stop()
		for _, sh := range [][3]int{{300, 90, 90}, {90, 90, 300}, {1, 2100, 1030}, {1030, 2100, 1}, {25, 1300, 67}} {
			m, k, n := sh[0], sh[1], sh[2]
			a, b, c := s.some(m*k), s.some(k*n), s.some(m*n)
			for i, run := range pooled(p) {
				want := append([]float32{}, c...)
				forms[i].run(want, a, b, m, k, n)
				got := bufferOf(c, s.shift())
				run(got.v, a, b, m, k, n)
				got.verify(t, fmt.Sprintf("%s %dx%dx%d on %d threads", forms[i].name, m, k, n, threads), want)
			}
			checkPoolDense(t, p, s, m, k, n)
		}
	}
}

func checkPoolDense(t *testing.T, p *Pool, s source, m, k, n int) {
	t.Helper()
	x, w, bias := s.finite(m*k), s.finite(k*n), s.finite(n)
	for act := ActNone; act <= ActTanh; act++ {
		want := make([]float32, m*n)
		Dense(want, x, w, bias, m, k, n, act)
		got := bufferOf(make([]float32, m*n), s.shift())
		p.Dense(got.v, x, w, bias, m, k, n, act)
		got.verify(t, fmt.Sprintf("dense %dx%dx%d act %d on %d threads", m, k, n, act, p.Threads()), want)
	}
}

// TestPoolCut: the parts of a product are all of it, once.
func TestPoolCut(t *testing.T) {
	for _, sh := range [][2]int{{1, 1}, {1, 64}, {24, 64}, {25, 25}, {1000, 7}, {7, 1000}, {48, 2000}, {5000, 5000}} {
		for _, threads := range []int{2, 3, 7} {
			s := sharedProduct{product: product{m: sh[0], n: sh[1], k: 400}}
			s.cut(threads)
			length, last := s.n, 0
			if s.byRows {
				length = s.m
			}
			for i := range s.parts {
				from, to := i*s.blocks/s.parts*s.block, min((i+1)*s.blocks/s.parts*s.block, length)
				if from != last || to <= from {
					t.Errorf("%v on %d threads: part %d of %d is [%d %d) after %d", sh, threads, i, s.parts, from, to, last)
				}
				last = to
			}
			if last != length {
				t.Errorf("%v on %d threads: ends at %d of %d", sh, threads, last, length)
			}
		}
	}
}

func TestPoolRun(t *testing.T) {
	p := NewPool(3)
	for _, pool := range []*Pool{nil, NewPool(0), p} {
		for _, n := range []int{0, 1, 63, 64, 128, 1000, 4096, 10007} {
			for _, grain := range []int{0, 1, 64, 1000} {
				seen := make([]int32, n)
				pool.Run(n, grain, func(from, to int) {
					for i := from; i < to; i++ {
						seen[i]++
					}
				})
				for i, times := range seen {
					if times != 1 {
						t.Fatalf("n %d, grain %d: element %d was visited %d times", n, grain, i, times)
					}
				}
			}
		}
		pool.Stop()
		pool.Stop()
	}
	ran := 0
	p.Run(1000, 64, func(from, to int) { ran += to - from }) // stopped: alone
	if ran != 1000 {
		t.Errorf("a stopped pool ran %d of 1000", ran)
	}
}

// TestPoolNested: work within work, and work of several goroutines at once, ends and is right.
func TestPoolNested(t *testing.T) {
	p := NewPool(2)
	defer p.Stop()
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 50 {
				total := make([]int32, 1024)
				p.Run(16, 1, func(from, to int) {
					p.Run(1024, 64, func(a, b int) {
						for i := a; i < b; i++ {
							total[i] += int32(to - from)
						}
					})
				})
				if total[0] != 16 || total[1023] != 16 {
					t.Errorf("got %d and %d, want 16", total[0], total[1023])
				}
			}
		})
	}
	all.Wait()
}

// TestPoolAllocates: shared products, batches and slices allocate nothing once warm.
func TestPoolAllocates(t *testing.T) {
	p := NewPool(2)
	defer p.Stop()
	c, a, b := make([]float32, 256*256), make([]float32, 256*256), make([]float32, 256*256)
	f := func(from, to int) { Exp(c[from:to], a[from:to]) }
	view := func(v []float32) Matrices { return Matrices{Data: v, Row: 128, Outer: 128 * 128} }
	n := testing.AllocsPerRun(30, func() {
		p.MatMul(c, a, b, 256, 256, 256)
		p.MatMulBatch(view(c), view(a), view(b), 4, 1, 128, 128, 128, false)
		p.Run(len(c), 64, f)
	})
	if n > poolLoss {
		t.Errorf("%v allocations a run", n)
	}
}

func BenchmarkPool(b *testing.B) {
	shapes := [][3]int{{128, 128, 128}, {256, 256, 256}, {512, 384, 1536}, {1024, 1024, 1024}, {4096, 384, 1536}}
	for _, s := range shapes {
		m, k, n := s[0], s[1], s[2]
		for _, threads := range []int{1, 2} {
			b.Run(fmt.Sprintf("%dx%dx%d/%d", m, k, n, threads), func(b *testing.B) {
				p := NewPool(threads)
				defer p.Stop()
				x, y, z := ramp(m*k), ramp(k*n), make([]float32, m*n)
				for b.Loop() {
					p.MatMul(z, x, y, m, k, n)
				}
				b.ReportMetric(2*float64(m*k*n)*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GFLOPS")
			})
		}
	}
}
