package guard

import (
	"context"
	"sync"
	"time"

	"lathe"
)

// maxLimit keeps sums of reservations far from overflow.
const maxLimit = 1 << 60

// chunkShare is the part of a limit that is written ahead of what is granted: at most 1/64 of a limit is lost to its
// holder by a crash, and a store commit happens once in that many grants.
const chunkShare = 64

// Limiter holds limits exactly. Each key has one lock; what is granted in windows that outlive a restart was stored
// before, so that a crash never grants more than the limit. It implements lathe.Limiter.
type Limiter struct {
	store lathe.UsageStore
	clock lathe.Clock
	base  time.Time // when the limiter was made
	mu    sync.Mutex
	keys  map[keyName]*account
}

type (
	keyName struct {
		project lathe.Project
		key     string
	}
	slotName struct {
		unit   lathe.Unit
		window lathe.Window
	}
)

// account is where the limits of one key stand.
type account struct {
	mu     sync.Mutex
	loaded bool
	slots  map[slotName]*slot
}

// slot counts one unit in one window.
type slot struct {
	start time.Time // of the window
	epoch uint64    // rises when the window starts anew; a reservation of an older one gives nothing back
	used  int64     // settled and reserved
	ahead int64     // what the store says is used; never less than used once granted
}

// NewLimiter makes a limiter over a store.
func NewLimiter(store lathe.UsageStore, clock lathe.Clock) *Limiter {
	return &Limiter{store: store, clock: clock, base: clock(), keys: make(map[keyName]*account)}
}

// now is the time when the limiter was made plus what has passed since, which the system measures apart from its clock:
// setting the clock neither opens a window nor holds one shut.
func (l *Limiter) now() time.Time { return l.base.Add(l.clock().Sub(l.base)).UTC() }

// Reserve implements lathe.Limiter.
func (l *Limiter) Reserve(ctx context.Context, p *lathe.Principal, amounts ...lathe.Amount) (lathe.Reservation, error) {
	if len(p.Limits) == 0 {
		return nothing{}, nil
	}
	a := l.account(p)
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := l.load(ctx, a, p); err != nil {
		return nil, err
	}
	now := l.now()
	takes, err := a.plan(p.Limits, amounts, now)
	if err != nil || len(takes) == 0 {
		return nothing{}, err
	}
	if err := l.writeAhead(ctx, p, takes); err != nil {
		return nil, err
	}
	for i := range takes {
		takes[i].slot.used += takes[i].n
	}
	return &reservation{account: a, takes: takes}, nil
}

func (l *Limiter) account(p *lathe.Principal) *account {
	name := keyName{p.Project, p.Key}
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.keys[name]
	if a == nil {
		a = &account{slots: make(map[slotName]*slot)}
		l.keys[name] = a
	}
	return a
}

// load reads what was stored before a restart, once.
func (l *Limiter) load(ctx context.Context, a *account, p *lathe.Principal) error {
	if a.loaded {
		return nil
	}
	if anyStored(p.Limits) {
		records, err := l.store.FindUsage(ctx, p.Project, p.Key)
		if err != nil {
			return err
		}
		for _, r := range records {
			a.slots[slotName{r.Unit, r.Window}] = &slot{start: r.Start.UTC(), used: r.Used, ahead: r.Used}
		}
	}
	a.loaded = true
	return nil
}

func anyStored(limits []lathe.Limit) bool {
	for _, limit := range limits {
		if stored(limit.Window) {
			return true
		}
	}
	return false
}

// stored tells windows that a restart must not open anew. A minute is not worth a commit: a restart takes seconds, and
// what is lost is one minute's count.
func stored(w lathe.Window) bool { return w != lathe.WindowMinute }

// take is one slot's part of a reservation.
type take struct {
	slot  *slot
	limit lathe.Limit
	epoch uint64
	n     int64
}

// plan finds the slots that count the amounts, and refuses when one of them would be passed.
func (a *account) plan(limits []lathe.Limit, amounts []lathe.Amount, now time.Time) ([]take, error) {
	var takes []take
	for _, limit := range limits {
		n, named, err := total(amounts, limit.Unit)
		if err != nil {
			return nil, err
		}
		if !named {
			continue
		}
		s := a.slot(limit, now)
		if n > 0 && n > limit.Max-s.used {
			return nil, refuse(limit, s, n, now)
		}
		takes = append(takes, take{slot: s, limit: limit, epoch: s.epoch, n: n})
	}
	return takes, nil
}

func total(amounts []lathe.Amount, unit lathe.Unit) (sum int64, named bool, err error) {
	for _, amount := range amounts {
		if amount.Unit != unit {
			continue
		}
		if amount.N < 0 || amount.N > maxLimit-sum {
			return 0, false, lathe.Errorf(lathe.CodeInvalid, "guard: limiter: %d %s cannot be reserved", amount.N, unit)
		}
		sum, named = sum+amount.N, true
	}
	return sum, named, nil
}

// slot finds the counter of a limit and moves it to the window of now.
func (a *account) slot(limit lathe.Limit, now time.Time) *slot {
	name := slotName{limit.Unit, limit.Window}
	s := a.slots[name]
	if s == nil {
		s = &slot{start: windowStart(limit.Window, now)}
		a.slots[name] = s
	}
	s.roll(windowStart(limit.Window, now))
	return s
}

// skew is how far a clock may be off at a restart.
const skew = 48 * time.Hour

// roll starts a new window. A window of the future, stored before the clock was set back, goes on until its time comes;
// one so far ahead that the clock must have been wrong becomes the present one. What was used stays used in both.
func (s *slot) roll(start time.Time) {
	switch {
	case start.After(s.start):
		s.start, s.used, s.ahead = start, 0, 0
		s.epoch++
	case s.start.Sub(start) > skew:
		s.start = start
	}
}

// writeAhead stores the next chunk of each slot that a restart must remember, before it is granted.
func (l *Limiter) writeAhead(ctx context.Context, p *lathe.Principal, takes []take) error {
	var records []lathe.UsageRecord
	for _, t := range takes {
		need := t.slot.used + t.n
		if !stored(t.limit.Window) || need <= t.slot.ahead {
			continue
		}
		chunk := min(t.limit.Max, need+t.limit.Max/chunkShare)
		records = append(records, record(p.Project, p.Key, slotName{t.limit.Unit, t.limit.Window}, t.slot.start, chunk))
	}
	if len(records) == 0 {
		return nil
	}
	if err := l.store.SaveUsage(ctx, records); err != nil {
		return err
	}
	for _, t := range takes {
		for _, r := range records {
			if r.Unit == t.limit.Unit && r.Window == t.limit.Window {
				t.slot.ahead = r.Used
			}
		}
	}
	return nil
}

func record(project lathe.Project, key string, name slotName, start time.Time, used int64) lathe.UsageRecord {
	if name.window == lathe.WindowTotal {
		start = time.Time{}
	}
	return lathe.UsageRecord{Project: project, Key: key, Unit: name.unit, Window: name.window, Start: start, Used: used}
}

// Close stores what was really used, so that a clean stop costs nobody the rest of a chunk.
func (l *Limiter) Close(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var first error
	for name, a := range l.keys {
		if err := a.save(ctx, l.store, name); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// save runs under the account's lock, so that it cannot overwrite what a later grant wrote ahead.
func (a *account) save(ctx context.Context, store lathe.UsageStore, name keyName) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	var records []lathe.UsageRecord
	for slotName, s := range a.slots {
		if stored(slotName.window) && s.ahead != s.used {
			records = append(records, record(name.project, name.key, slotName, s.start, s.used))
			s.ahead = s.used
		}
	}
	if len(records) == 0 {
		return nil
	}
	return store.SaveUsage(ctx, records)
}

// reservation is what a request holds.
type reservation struct {
	account *account
	takes   []take
	done    bool
}

// Settle implements lathe.Reservation. More than was reserved is counted, even past the limit: it happened.
func (r *reservation) Settle(used ...lathe.Amount) {
	r.account.mu.Lock()
	defer r.account.mu.Unlock()
	if r.done {
		return
	}
	r.done = true
	for _, t := range r.takes {
		if n, named := spent(used, t.limit.Unit); named && t.epoch == t.slot.epoch {
			t.slot.used = max(0, t.slot.used+n-t.n)
		}
	}
}

func spent(used []lathe.Amount, unit lathe.Unit) (n int64, named bool) {
	for _, amount := range used {
		if amount.Unit == unit {
			n, named = n+max(0, min(amount.N, maxLimit)), true
		}
	}
	return n, named
}

// nothing is the reservation of a key without limits.
type nothing struct{}

// Settle implements lathe.Reservation.
func (nothing) Settle(...lathe.Amount) {}
