package guard

import (
	"context"
	"strconv"
	"time"

	"lathe"
)

func knownUnit(u lathe.Unit) bool {
	return u == lathe.UnitRequests || u == lathe.UnitRows || u == lathe.UnitTokens || u == lathe.UnitMoney
}

func knownWindow(w lathe.Window) bool {
	switch w {
	case lathe.WindowMinute, lathe.WindowHour, lathe.WindowDay, lathe.WindowMonth, lathe.WindowTotal:
		return true
	}
	return false
}

// windowStart gives the start of the window that holds a time in UTC; the zero time for the total.
func windowStart(w lathe.Window, now time.Time) time.Time {
	switch w {
	case lathe.WindowMinute:
		return now.Truncate(time.Minute)
	case lathe.WindowHour:
		return now.Truncate(time.Hour)
	case lathe.WindowDay:
		return time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, time.UTC)
	case lathe.WindowMonth:
		return time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
	default:
		return time.Time{}
	}
}

// windowEnd gives when the window starts anew; false for the total.
func windowEnd(w lathe.Window, start time.Time) (time.Time, bool) {
	switch w {
	case lathe.WindowMinute:
		return start.Add(time.Minute), true
	case lathe.WindowHour:
		return start.Add(time.Hour), true
	case lathe.WindowDay:
		return start.AddDate(0, 0, 1), true
	case lathe.WindowMonth:
		return start.AddDate(0, 1, 0), true
	default:
		return time.Time{}, false
	}
}

// limitError is a refusal that knows when to try again.
type limitError struct {
	refusal *lathe.Error
	wait    time.Duration
}

// Error implements error.
func (e *limitError) Error() string { return e.refusal.Error() }

// Unwrap gives the *lathe.Error.
func (e *limitError) Unwrap() error { return e.refusal }

// RetryAfter gives how long to wait.
func (e *limitError) RetryAfter() time.Duration { return e.wait }

// refuse says which limit is passed. What ends within the hour is worth another try; a day, a month and a total are a
// budget that is used up; more than a limit ever allows is too large.
func refuse(limit lathe.Limit, s *slot, n int64, now time.Time) error {
	span := "a " + string(limit.Window)
	if limit.Window == lathe.WindowTotal {
		span = "in total"
	}
	what := strconv.FormatInt(limit.Max, 10) + " " + string(limit.Unit) + " " + span
	if n > limit.Max && limit.Max > 0 {
		return lathe.Errorf(lathe.CodeTooLarge, "guard: %d %s at once, and the key's limit is %s", n, limit.Unit, what).WithHint("send less at a time, or ask for a higher limit")
	}
	end, ends := windowEnd(limit.Window, s.start)
	if limit.Window == lathe.WindowMinute || limit.Window == lathe.WindowHour {
		err := lathe.Errorf(lathe.CodeRateLimited, "guard: the key's limit is %s, %d are used", what, s.used).WithHint("try again after %s", end.Format(time.RFC3339))
		return &limitError{err, max(end.Sub(now), time.Second)}
	}
	err := lathe.Errorf(lathe.CodeExhausted, "guard: the key's limit is %s, %d are used", what, s.used)
	if ends {
		return err.WithHint("it starts anew at %s", end.Format(time.RFC3339))
	}
	return err.WithHint("ask for a higher limit")
}

// Usage implements lathe.Limiter.
func (l *Limiter) Usage(ctx context.Context, p *lathe.Principal) ([]lathe.Usage, error) {
	a := l.account(p)
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := l.load(ctx, a, p); err != nil {
		return nil, err
	}
	now := l.now()
	out := make([]lathe.Usage, 0, len(p.Limits))
	for _, limit := range p.Limits {
		s := a.slot(limit, now)
		usage := lathe.Usage{Key: p.Key, Limit: limit, Used: s.used}
		if end, ends := windowEnd(limit.Window, s.start); ends {
			usage.Resets = &end
		}
		out = append(out, usage)
	}
	return out, nil
}
