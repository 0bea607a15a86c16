package guard

import (
	"errors"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lathe"
)

func limit(unit lathe.Unit, max int64, window lathe.Window) lathe.Limit {
	return lathe.Limit{Unit: unit, Max: max, Window: window}
}

func who(limits ...lathe.Limit) *lathe.Principal {
	return &lathe.Principal{Key: "k", Project: "p", Limits: limits}
}

func used(t *testing.T, l *Limiter, p *lathe.Principal) []int64 {
	t.Helper()
	usage, err := l.Usage(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]int64, len(usage))
	for i, u := range usage {
		out[i] = u.Used
	}
	return out
}

// TestThousandAgainstHundred: of 1,000 requests at once against a limit of 100, 100 are admitted, through the whole gate.
func TestThousandAgainstHundred(t *testing.T) {
	for _, window := range []lathe.Window{lathe.WindowMinute, lathe.WindowHour, lathe.WindowDay, lathe.WindowMonth, lathe.WindowTotal} {
		t.Run(string(window), func(t *testing.T) {
			w := newWorld(t)
			var ran atomic.Int64
			w.gate.Handle("GET /x", Need{Verb: lathe.VerbRead}, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { ran.Add(1) }))
			_, secret := w.key(t, "p", []lathe.Limit{limit(lathe.UnitRequests, 100, window)}, lathe.Scope{Verb: lathe.VerbRead})
			var admitted, refused atomic.Int64
			var group sync.WaitGroup
			for range 1000 {
				group.Go(func() {
					switch w.do(request1("GET", "/x", secret)).Code {
					case 200:
						admitted.Add(1)
					case 429:
						refused.Add(1)
					}
				})
			}
			group.Wait()
			if admitted.Load() != 100 || ran.Load() != 100 || refused.Load() != 900 {
				t.Errorf("%d admitted, %d ran, %d refused", admitted.Load(), ran.Load(), refused.Load())
			}
		})
	}
}

func TestAllOrNone(t *testing.T) {
	l := NewLimiter(&memUsage{}, newClock().now)
	p := who(limit(lathe.UnitRows, 10, lathe.WindowHour), limit(lathe.UnitTokens, 5, lathe.WindowDay))
	if _, err := l.Reserve(t.Context(), p, lathe.Amount{Unit: lathe.UnitRows, N: 3}, lathe.Amount{Unit: lathe.UnitTokens, N: 6}); err == nil {
		t.Fatal("admitted")
	}
	if got := used(t, l, p); got[0] != 0 || got[1] != 0 {
		t.Errorf("used %v", got)
	}
	if _, err := l.Reserve(t.Context(), p, lathe.Amount{Unit: lathe.UnitRows, N: -1}); lathe.CodeOf(err) != lathe.CodeInvalid {
		t.Errorf("negative: %v", err)
	}
	if _, err := l.Reserve(t.Context(), p, lathe.Amount{Unit: lathe.UnitRows, N: 1 << 62}, lathe.Amount{Unit: lathe.UnitRows, N: 1 << 62}); err == nil {
		t.Error("an overflowing sum was admitted")
	}
}

func TestSettle(t *testing.T) {
	l := NewLimiter(&memUsage{}, newClock().now)
	p := who(limit(lathe.UnitRows, 10, lathe.WindowHour), limit(lathe.UnitTokens, 100, lathe.WindowTotal))
	r, err := l.Reserve(t.Context(), p, lathe.Amount{Unit: lathe.UnitRows, N: 8}, lathe.Amount{Unit: lathe.UnitTokens, N: 90})
	if err != nil {
		t.Fatal(err)
	}
	r.Settle(lathe.Amount{Unit: lathe.UnitTokens, N: 20})
	r.Settle(lathe.Amount{Unit: lathe.UnitTokens, N: 0}, lathe.Amount{Unit: lathe.UnitRows, N: 0}) // only the first counts
	if got := used(t, l, p); got[0] != 8 || got[1] != 20 {
		t.Errorf("used %v", got)
	}
	r, err = l.Reserve(t.Context(), p, lathe.Amount{Unit: lathe.UnitTokens, N: 80})
	if err != nil {
		t.Fatal(err)
	}
	r.Settle(lathe.Amount{Unit: lathe.UnitTokens, N: 500}) // it happened
	if got := used(t, l, p); got[1] != 520 {
		t.Errorf("used %v", got)
	}
}

func TestCodes(t *testing.T) {
	clock := newClock()
	l := NewLimiter(&memUsage{}, clock.now)
	for window, want := range map[lathe.Window]lathe.Code{
		lathe.WindowMinute: lathe.CodeRateLimited, lathe.WindowHour: lathe.CodeRateLimited, lathe.WindowDay: lathe.CodeExhausted,
		lathe.WindowMonth: lathe.CodeExhausted, lathe.WindowTotal: lathe.CodeExhausted,
	} {
		p := who(limit(lathe.UnitRows, 2, window))
		p.Key = string(window)
		if _, err := l.Reserve(t.Context(), p, lathe.Amount{Unit: lathe.UnitRows, N: 2}); err != nil {
			t.Fatal(err)
		}
		_, err := l.Reserve(t.Context(), p, lathe.Amount{Unit: lathe.UnitRows, N: 1})
		h := http.Header{}
		Headers(h, err, Explain(t.Context(), err))
		retry := h.Get("Retry-After")
		if lathe.CodeOf(err) != want || (retry != "") != (want == lathe.CodeRateLimited) || (h.Get("X-Should-Retry") == "false") != (want == lathe.CodeExhausted) {
			t.Errorf("%s: %v, headers %v", window, err, h)
		}
		if window == lathe.WindowMinute && retry != "30" { // the clock stands at half past
			t.Errorf("retry after %s", retry)
		}
		if _, err := l.Reserve(t.Context(), p, lathe.Amount{Unit: lathe.UnitRows, N: 3}); lathe.CodeOf(err) != lathe.CodeTooLarge {
			t.Errorf("%s: more than the limit at once: %v", window, err)
		}
	}
}

func TestWindows(t *testing.T) {
	for window, step := range map[lathe.Window]time.Duration{
		lathe.WindowMinute: time.Minute, lathe.WindowHour: time.Hour, lathe.WindowDay: 24 * time.Hour, lathe.WindowMonth: 31 * 24 * time.Hour,
	} {
		clock := newClock()
		l := NewLimiter(&memUsage{}, clock.now)
		p := who(limit(lathe.UnitRows, 1, window))
		one := lathe.Amount{Unit: lathe.UnitRows, N: 1}
		old, err := l.Reserve(t.Context(), p, one)
		if err != nil {
			t.Fatal(err)
		}
		clock.advance(-24 * time.Hour) // a clock that goes back opens no window anew
		if _, err := l.Reserve(t.Context(), p, one); err == nil {
			t.Errorf("%s: admitted in the past", window)
		}
		clock.advance(24 * time.Hour)
		if _, err := l.Reserve(t.Context(), p, one); err == nil {
			t.Errorf("%s: admitted twice", window)
		}
		clock.advance(step)
		if _, err := l.Reserve(t.Context(), p, one); err != nil {
			t.Errorf("%s: the next window: %v", window, err)
		}
		old.Settle(lathe.Amount{Unit: lathe.UnitRows, N: 0}) // of the window before: gives nothing back in this one
		if got := used(t, l, p); got[0] != 1 {
			t.Errorf("%s: used %v", window, got)
		}
	}
}

// TestClockFarAhead: a clock that was wrong by a year shuts no window for a year, and what was used stays used.
func TestClockFarAhead(t *testing.T) {
	far := newClock()
	l := NewLimiter(&memUsage{}, far.now)
	p := who(limit(lathe.UnitRows, 1, lathe.WindowDay))
	one := lathe.Amount{Unit: lathe.UnitRows, N: 1}
	far.advance(365 * 24 * time.Hour) // wrong by a year, and then mended
	if _, err := l.Reserve(t.Context(), p, one); err != nil {
		t.Fatal(err)
	}
	far.advance(-365 * 24 * time.Hour)
	if _, err := l.Reserve(t.Context(), p, one); err == nil {
		t.Error("what was used was forgotten")
	}
	far.advance(24 * time.Hour)
	if _, err := l.Reserve(t.Context(), p, one); err != nil {
		t.Errorf("shut for a year: %v", err)
	}
}

// TestRestart: whenever the process is killed, what all lives together admit is never more than the limit; a clean stop
// loses nothing.
func TestRestart(t *testing.T) {
	for _, clean := range []bool{false, true} {
		clock, store := newClock(), &memUsage{}
		p := who(limit(lathe.UnitRows, 1000, lathe.WindowTotal), limit(lathe.UnitRows, 2000, lathe.WindowMonth))
		random := rand.New(rand.NewPCG(1, 2))
		admitted := int64(0)
		for range 200 { // lives
			l := NewLimiter(store, clock.now)
			for range random.IntN(30) {
				n := random.Int64N(3) + 1
				if r, err := l.Reserve(t.Context(), p, lathe.Amount{Unit: lathe.UnitRows, N: n}); err == nil {
					back := random.Int64N(2)
					r.Settle(lathe.Amount{Unit: lathe.UnitRows, N: n - back})
					admitted += n - back
				}
			}
			if clean {
				if err := l.Close(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if admitted > 1000 {
				t.Fatalf("clean %v: %d admitted", clean, admitted)
			}
		}
		if clean && admitted < 999 {
			t.Errorf("only %d of 1000 after clean stops", admitted)
		}
	}
}

// TestHotPath: the store is written once for many grants.
func TestHotPath(t *testing.T) {
	store := &memUsage{}
	l := NewLimiter(store, newClock().now)
	p := who(limit(lathe.UnitRequests, 100_000, lathe.WindowDay))
	for range 10_000 {
		if _, err := l.Reserve(t.Context(), p, lathe.Amount{Unit: lathe.UnitRequests, N: 1}); err != nil {
			t.Fatal(err)
		}
	}
	if store.saves > 10 {
		t.Errorf("%d commits for 10,000 grants", store.saves)
	}
}

func TestStoreFailure(t *testing.T) {
	store := &memUsage{}
	l := NewLimiter(store, newClock().now)
	p := who(limit(lathe.UnitRows, 10, lathe.WindowDay))
	store.fail = lathe.Errorf(lathe.CodeStorageFull, "full")
	if _, err := l.Reserve(t.Context(), p, lathe.Amount{Unit: lathe.UnitRows, N: 1}); lathe.CodeOf(err) != lathe.CodeStorageFull {
		t.Errorf("%v", err)
	}
	store.fail = nil
	if got := used(t, l, p); got[0] != 0 {
		t.Errorf("used %v of a grant that was not stored", got)
	}
	if err := errors.Join(l.Close(t.Context())); err != nil {
		t.Error(err)
	}
}

// TestAgainstModel compares random sequences with the plainest possible counter.
func TestAgainstModel(t *testing.T) {
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 7))
		clock := newClock()
		l := NewLimiter(&memUsage{}, clock.now)
		limits := []lathe.Limit{limit(lathe.UnitRows, 20, lathe.WindowMinute), limit(lathe.UnitRows, 50, lathe.WindowHour), limit(lathe.UnitTokens, 30, lathe.WindowTotal)}
		p := who(limits...)
		counts, starts := make([]int64, 3), make([]time.Time, 3)
		type open struct {
			r      lathe.Reservation
			n      [3]int64
			starts [3]time.Time
		}
		var reservations []open
		for step := range 300 {
			clock.advance(time.Duration(random.Int64N(int64(20 * time.Second))))
			for i, x := range limits {
				if s := windowStart(x.Window, clock.now()); s.After(starts[i]) {
					starts[i], counts[i] = s, 0
				}
			}
			if len(reservations) > 0 && random.IntN(3) == 0 {
				o := reservations[0]
				reservations = reservations[1:]
				rows := random.Int64N(5)
				o.r.Settle(lathe.Amount{Unit: lathe.UnitRows, N: rows})
				for i := range 2 {
					if o.starts[i].Equal(starts[i]) {
						counts[i] = max(0, counts[i]+rows-o.n[i])
					}
				}
				continue
			}
			rows, tokens := random.Int64N(8), random.Int64N(4)
			n := [3]int64{rows, rows, tokens}
			fits := true
			for i := range limits {
				fits = fits && (n[i] == 0 || counts[i]+n[i] <= limits[i].Max)
			}
			r, err := l.Reserve(t.Context(), p, lathe.Amount{Unit: lathe.UnitRows, N: rows}, lathe.Amount{Unit: lathe.UnitTokens, N: tokens})
			if (err == nil) != fits {
				t.Fatalf("seed %d, step %d: %v, and the model says %v", seed, step, err, fits)
			}
			if fits {
				for i := range counts {
					counts[i] += n[i]
				}
				reservations = append(reservations, open{r, n, [3]time.Time(starts)})
			}
		}
	}
}
