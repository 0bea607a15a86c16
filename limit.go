package lathe

import (
	"context"
	"time"
)

// Unit is what a limit counts.
type Unit string

// The units. Money is in millionths of the currency that the price table names.
const (
	UnitRequests Unit = "requests"
	UnitRows     Unit = "rows"
	UnitTokens   Unit = "tokens"
	UnitMoney    Unit = "money"
)

// Window is the span after which a limit starts anew; WindowTotal never does.
type Window string

// The windows. Day and month follow UTC.
const (
	WindowMinute Window = "minute"
	WindowHour   Window = "hour"
	WindowDay    Window = "day"
	WindowMonth  Window = "month"
	WindowTotal  Window = "total"
)

// Limit allows a key at most Max units a window.
type Limit struct {
	Unit   Unit   `json:"unit"`
	Max    int64  `json:"max"`
	Window Window `json:"window"`
}

// Amount is so many of a unit.
type Amount struct {
	Unit Unit
	N    int64
}

// Usage is where a limit stands.
type Usage struct {
	Key    string     `json:"key"`
	Limit  Limit      `json:"limit"`
	Used   int64      `json:"used"` // settled and reserved
	Resets *time.Time `json:"resets,omitempty"`
}

// Limiter holds limits exactly, whatever runs at once: the worst case is reserved at admission, all amounts or none, and
// settled at the end. Of 1,000 parallel requests against a limit of 100, 100 are admitted.
type Limiter interface {
	// Reserve takes the amounts from every limit of the principal that counts them. CodeRateLimited (a window that ends)
	// or CodeExhausted (a day, a month, a total) when one would be passed; nothing is taken then.
	Reserve(ctx context.Context, p *Principal, amounts ...Amount) (Reservation, error)
	// Usage gives the limits of a key as they stand.
	Usage(ctx context.Context, p *Principal) ([]Usage, error)
}

// Reservation is what a request holds until it ends.
type Reservation interface {
	// Settle replaces the reserved amounts by what was really used, and gives back the rest. Units that are not named
	// stay as reserved. Only the first call counts.
	Settle(used ...Amount)
}

// UsageRecord is how much of a limit is spoken for, as stored: the limiter writes ahead of what it grants, so that a
// crash never gives more than the limit.
type UsageRecord struct {
	Project Project
	Key     string
	Unit    Unit
	Window  Window
	Start   time.Time // of the window; zero for WindowTotal
	Used    int64
}

// UsageStore keeps what limiters must remember over a restart: hours, days, months and totals.
type UsageStore interface {
	FindUsage(ctx context.Context, project Project, key string) ([]UsageRecord, error)
	SaveUsage(ctx context.Context, records []UsageRecord) error
}
