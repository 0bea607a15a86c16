package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/uptrace/bun"
)

// write runs fn in a transaction that may change something: all of it is durable when write returns nil, none of it
// otherwise. op names the operation in errors. What fn reads holds until the commit: a serializable transaction takes
// SQLite's write lock at its start.
func (s *Store) write(ctx context.Context, op string, fn func(ctx context.Context, tx bun.Tx) error) error {
	return s.fail(op, s.w.RunInTx(ctx, &sql.TxOptions{Isolation: sql.LevelSerializable}, fn))
}

// read runs fn over one snapshot.
func (s *Store) read(ctx context.Context, op string, fn func(ctx context.Context, tx bun.Tx) error) error {
	return s.fail(op, s.r.RunInTx(ctx, &sql.TxOptions{ReadOnly: true}, fn))
}

// now is the time as the database holds it, so that a record reads back as it was returned.
func (s *Store) now() time.Time { return s.opts.Clock().UTC().Truncate(time.Microsecond) }

func toMicro(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func fromMicro(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

func toMicroOrNull(t *time.Time) *int64 {
	if t == nil {
		return nil
	}
	us := toMicro(*t)
	return &us
}

func fromMicroOrNull(us *int64) *time.Time {
	if us == nil {
		return nil
	}
	t := fromMicro(*us)
	return &t
}

// changed tells how many rows a statement touched.
func changed(result sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}
