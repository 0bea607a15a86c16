package queue

import (
	"context"
	"database/sql"
	"log/slog"
	"sync"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riversqlite"
)

// driver is River's for SQLite, with notifications that stay in the process and never touch the database.
type driver struct {
	*riversqlite.Driver
	bell *bell
}

func newDriver(db *sql.DB, b *bell) *driver { return &driver{riversqlite.New(db), b} }

// GetListener implements riverdriver.Driver.
func (d *driver) GetListener(*riverdriver.GetListenenerParams) riverdriver.Listener {
	return listener{d.bell}
}

// SupportsListenNotify keeps River from writing notifications into a table.
func (d *driver) SupportsListenNotify() bool { return false }

// bell wakes the fetching of jobs. Rings do not pile up.
type bell struct {
	rung chan struct{}

	mu    sync.Mutex
	alarm *time.Timer
}

func newBell() *bell { return &bell{rung: make(chan struct{}, 1)} }

func (b *bell) ring() {
	select {
	case b.rung <- struct{}{}:
	default: // it rings already
	}
}

// completion is how long River may take to store that a job is due again: it writes in batches, every 250 ms at most.
const completion = time.Second

// ringAfter rings when a job that was put off is due. A later alarm replaces an earlier one that has not rung yet; what
// that misses, the poll finds.
func (b *bell) ringAfter(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.alarm != nil {
		b.alarm.Stop()
	}
	b.alarm = time.AfterFunc(d+completion, b.ring)
}

// silence forgets the alarm.
func (b *bell) silence() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.alarm != nil {
		b.alarm.Stop()
	}
}

// listener tells River of each ring as of an inserted job.
type listener struct{ bell *bell }

func (listener) Close(context.Context) error            { return nil }
func (listener) Connect(context.Context) error          { return nil }
func (listener) Listen(context.Context, string) error   { return nil }
func (listener) Unlisten(context.Context, string) error { return nil }
func (listener) Ping(context.Context) error             { return nil }
func (listener) Schema() string                         { return "" }
func (listener) SetAfterConnectExec(string)             {}

// WaitForNotification waits for the next ring.
func (l listener) WaitForNotification(ctx context.Context) (*riverdriver.Notification, error) {
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-l.bell.rung:
		return &riverdriver.Notification{Topic: "river_insert", Payload: `{"queue":"` + river.QueueDefault + `"}`}, nil
	}
}

// quiet leaves out what River says of its ordinary doings.
func quiet(log *slog.Logger) *slog.Logger { return slog.New(warnings{log.Handler()}) }

type warnings struct{ slog.Handler }

// Enabled implements slog.Handler.
func (w warnings) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && w.Handler.Enabled(ctx, level)
}

// WithAttrs implements slog.Handler.
func (w warnings) WithAttrs(attrs []slog.Attr) slog.Handler {
	return warnings{w.Handler.WithAttrs(attrs)}
}

// WithGroup implements slog.Handler.
func (w warnings) WithGroup(name string) slog.Handler { return warnings{w.Handler.WithGroup(name)} }
