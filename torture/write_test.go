package torture

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lathe/samples"
)

// writer makes one kind of write, one after the other, and knows which were acknowledged.
type writer interface {
	// write makes the next write; with nil it was acknowledged.
	write(ctx context.Context, s *service) error
	// check looks for all that was acknowledged. Of the write that failed last it takes either outcome, whole.
	check(s *service)
}

func TestKilledWrites(t *testing.T) { killWrites(t, 5) }

// killWrites kills the service so many times while seven writers write, and looks after each restart. Some starts are
// killed as well.
func killWrites(t *testing.T, kills int) {
	s := up(t, newHome(t))
	s.upload("penguins", samples.Penguins)
	s.finish(s.train("penguins", 1, nil).ID)
	writers := newWriters(s)
	rng := rand.New(rand.NewPCG(1, 2))
	var slowest time.Duration
	acked := 0
	for round := range kills {
		acked += killOnWrite(s, writers, 1+rng.IntN(60))
		if round%3 == 2 {
			killStarting(s, time.Duration(rng.IntN(60))*time.Millisecond)
		}
		s.again()
		slowest = max(slowest, s.ready)
		for _, w := range writers {
			w.check(s)
		}
		s.healthy()
	}
	t.Logf("%d kills, %d acknowledged writes, none lost; the slowest start took %v", kills, acked, slowest.Round(time.Millisecond))
}

// killOnWrite has all writers write at once and kills the service when so many writes were acknowledged.
func killOnWrite(s *service, writers []writer, after int) (acked int) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var count atomic.Int64
	var dead atomic.Bool
	var group sync.WaitGroup
	for _, w := range writers {
		group.Go(func() {
			for {
				err := w.write(ctx, s)
				switch {
				case err != nil && !dead.Load():
					s.t.Errorf("a write failed in a service that was alive: %v", err)
					return
				case err != nil:
					return
				}
				if count.Add(1) == int64(after) {
					dead.Store(true)
					if err := s.cmd.Process.Kill(); err != nil {
						s.t.Errorf("kill: %v", err)
					}
				}
			}
		})
	}
	group.Wait()
	s.kill()
	if s.t.Failed() {
		s.t.FailNow()
	}
	return int(count.Load())
}

// killStarting kills a service on its way up. The time decides where, and nothing else.
func killStarting(s *service, after time.Duration) {
	s.t.Helper()
	cmd := command(s.home, "up", "--addr", "127.0.0.1:0")
	must(s.t, cmd.Start())
	time.Sleep(after)
	must(s.t, cmd.Process.Kill())
	if err := cmd.Wait(); err == nil {
		s.t.Error("a service that was killed ended well")
	}
}
