package kernel

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// Pool is a few goroutines that help their caller with large products and long slices. What it
// computes has the same bits as without it: it only goes across outputs.
//
// A pool has threads-1 workers, which sleep while there is nothing to do; the caller itself works
// first, and takes over what no worker has begun, so that a busy machine delays nobody. Work too small
// to be worth waking a worker, and work that comes while another goroutine has the pool, stays on its
// caller. All methods may be called at the same time, and on a nil pool, which has no workers.
type Pool struct {
	threads int
	wake    chan struct{} // one token for each worker that is asked to help
	done    chan struct{} // one for each that has
	workers sync.WaitGroup

	busy    sync.Mutex // held by the call that has the workers, and by Stop
	stopped bool
	work    work
	product sharedProduct
	slice   sharedSlice
	batch   sharedBatch
}

// work is what the workers help with.
type work struct {
	run   func(part int)
	parts int
	next  atomic.Int64 // the first part that nobody has begun
}

// NewPool starts a pool that uses up to threads processors, its caller's included; less than 2 have no
// workers. Stop ends it.
func NewPool(threads int) *Pool {
	threads = max(threads, 1)
	p := &Pool{threads: threads, wake: make(chan struct{}, threads), done: make(chan struct{}, threads)}
	p.product.run, p.slice.run, p.batch.run = p.product.part, p.slice.part, p.batch.part
	for range threads - 1 {
		p.workers.Go(p.help)
	}
	return p
}

// Threads is the number of processors that the pool uses, 1 for a nil pool.
func (p *Pool) Threads() int {
	if p == nil {
		return 1
	}
	return p.threads
}

// Stop ends the workers and waits for them; calls after it work alone. It may be called twice.
func (p *Pool) Stop() {
	if p == nil {
		return
	}
	p.busy.Lock()
	if !p.stopped {
		p.stopped = true
		close(p.wake)
	}
	p.busy.Unlock()
	p.workers.Wait()
}

// patience is how often a worker that has just worked, and a caller whose workers still do, look again
// before they sleep: some 20 microseconds, in which the next product of a step comes or the last part
// ends. To wake a thread takes longer.
const patience = 2000

// help is a worker.
func (p *Pool) help() {
	for p.awaken() {
		p.work.take()
		p.done <- struct{}{}
	}
}

// awaken waits for a token and says whether there will be work.
func (p *Pool) awaken() bool {
	for i := range patience {
		select {
		case _, ok := <-p.wake:
			return ok
		default:
		}
		if i%64 == 0 {
			runtime.Gosched() // whoever waits for a processor goes first
		}
	}
	_, ok := <-p.wake
	return ok
}

// collect takes back a token that nobody came for, or waits for a worker.
func (p *Pool) collect() {
	for range patience {
		select {
		case <-p.wake:
			return
		case <-p.done:
			return
		default:
		}
	}
	select {
	case <-p.wake:
	case <-p.done:
	}
}

// take runs parts until all are begun.
func (w *work) take() {
	for {
		part := int(w.next.Add(1)) - 1
		if part >= w.parts {
			return
		}
		w.run(part)
	}
}

// acquire says whether the caller has the workers now; it gives them back by unlocking busy.
func (p *Pool) acquire() bool {
	if p == nil || p.threads < 2 || !p.busy.TryLock() {
		return false
	}
	if p.stopped {
		p.busy.Unlock()
		return false
	}
	return true
}

// share runs the parts 0, 1, ... on the caller and the workers.
func (p *Pool) share(parts int, run func(part int)) {
	p.work.run, p.work.parts = run, parts
	p.work.next.Store(0)
	helpers := min(p.threads, parts) - 1
	for range helpers {
		p.wake <- struct{}{}
	}
	p.work.take()
	for range helpers {
		p.collect()
	}
	p.work.run = nil
}

// sharedSlice is a long slice that a pool works on.
type sharedSlice struct {
	f        func(from, to int)
	n, parts int
	run      func(part int)
}

// align is where parts of slices start: at multiples of it.
const align = 64

// Run calls f on parts [from, to) that make up [0, n): in parallel where there are at least two parts
// of grain elements. Parts start at multiples of 64. f must compute each element by itself; a grain
// should be worth some 50 microseconds, several times what it takes to wake a worker.
func (p *Pool) Run(n, grain int, f func(from, to int)) {
	parts := min(n/max(grain, align), 4*p.Threads())
	if parts < 2 || !p.acquire() {
		f(0, n)
		return
	}
	s := &p.slice
	s.f, s.n, s.parts = f, n, parts
	p.share(parts, s.run)
	s.f = nil
	p.busy.Unlock()
}

func (s *sharedSlice) part(i int) {
	blocks := (s.n + align - 1) / align
	s.f(i*blocks/s.parts*align, min((i+1)*blocks/s.parts*align, s.n))
}
