package queue

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"

	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"

	"lathe"
)

// Migrate brings River's tables up to date, each step in a transaction with its version. It runs after store.Migrate.
// Tables of a newer River are CodeUnsupported and stay untouched.
func Migrate(ctx context.Context, db *sql.DB) error {
	migrator, err := rivermigrate.New(riversqlite.New(db), &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return fmt.Errorf("queue: migrate: %w", err)
	}
	if err := refuseNewer(ctx, db, len(migrator.AllVersions())); err != nil {
		return err
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("queue: migrate: %w", err)
	}
	return nil
}

func refuseNewer(ctx context.Context, db *sql.DB, newest int) error {
	var tables, version int
	err := db.QueryRowContext(ctx, `SELECT COUNT(*) FROM sqlite_master WHERE name = 'river_migration'`).Scan(&tables)
	if err != nil {
		return fmt.Errorf("queue: migrate: %w", err)
	}
	if tables == 0 {
		return nil
	}
	if err := db.QueryRowContext(ctx, `SELECT COALESCE(MAX(version), 0) FROM river_migration`).Scan(&version); err != nil {
		return fmt.Errorf("queue: migrate: %w", err)
	}
	if version > newest {
		return lathe.Errorf(lathe.CodeUnsupported, "the queue has version %d, this lathe knows up to %d", version, newest).
			WithHint("start the newer lathe that wrote it, or bring back a backup of this version with `lathe restore`")
	}
	return nil
}
