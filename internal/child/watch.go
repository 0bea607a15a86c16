package child

import (
	"context"
	"sync"
	"time"
)

// tick is how finely silence and grace are measured; a silent child is killed within one tick of its deadline.
const tick = time.Second

// The reasons for which a watch kills.
const (
	reasonSilent = "it was silent for too long"
	reasonGrace  = "it did not stop within the grace time"
)

// watch kills a child that is silent while we listen, or does not stop when asked.
type watch struct {
	kill func(reason string)

	mu        sync.Mutex
	listening bool
	silent    int // ticks since the last frame while listening
	late      int // ticks since it was asked to stop

	maxSilent, maxLate int
	done               chan struct{}
	wg                 sync.WaitGroup
}

func newWatch(o Options, kill func(reason string)) *watch {
	return &watch{kill: kill, maxSilent: ticksIn(o.Silence), maxLate: ticksIn(o.Grace), done: make(chan struct{})}
}

// ticksIn rounds up: nobody is killed early.
func ticksIn(d time.Duration) int { return int((d + tick - 1) / tick) }

// start watches until stop; when ctx ends it calls ask once.
func (w *watch) start(ctx context.Context, o Options, ask func()) {
	ticks, release := o.Ticks(tick)
	w.wg.Go(func() {
		defer release()
		w.run(ctx, ticks, ask)
	})
}

func (w *watch) run(ctx context.Context, ticks <-chan time.Time, ask func()) {
	ended := ctx.Done()
	for {
		select {
		case <-w.done:
			return
		case <-ended:
			ended = nil
			w.wg.Go(ask) // a child that reads nothing must not hold up the watch
		case <-ticks:
			if reason := w.count(ended == nil); reason != "" {
				w.kill(reason)
			}
		}
	}
}

// count notes that a tick passed and tells whether that was one too many.
func (w *watch) count(stopping bool) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.listening {
		w.silent++
	}
	if stopping {
		w.late++
	}
	switch {
	case w.late > w.maxLate:
		return reasonGrace
	case w.silent > w.maxSilent:
		return reasonSilent
	default:
		return ""
	}
}

// expect says that the next frame is being waited for.
func (w *watch) expect() {
	w.mu.Lock()
	w.listening, w.silent = true, 0
	w.mu.Unlock()
}

// heard says that a frame came; until the next expect the child waits for us.
func (w *watch) heard() {
	w.mu.Lock()
	w.listening, w.silent = false, 0
	w.mu.Unlock()
}

// stop ends the watch and waits for it.
func (w *watch) stop() {
	close(w.done)
	w.wg.Wait()
}
