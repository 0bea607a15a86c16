package store

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"lathe"
)

//go:embed migration/*.sql
var migrationFiles embed.FS

// migration is one file NNNN_name.sql. A released file never changes: a correction is the next file.
type migration struct {
	version    int
	name       string
	statements []string
}

const versionTable = `CREATE TABLE IF NOT EXISTS schema_version (
	version BIGINT PRIMARY KEY,
	name TEXT NOT NULL,
	applied_at BIGINT NOT NULL
)`

// Migrate brings a database's tables up to this binary's version. Each migration is one transaction with its row in
// schema_version, so a kill between or within them leaves a version that the next start goes on from. A database that
// is newer than the binary is CodeUnsupported and stays untouched.
func Migrate(ctx context.Context, db Database, clock lathe.Clock) error {
	all, err := loadMigrations(migrationFiles)
	if err != nil {
		return err
	}
	if clock == nil {
		clock = time.Now
	}
	m := migrator{store: connect(db), clock: clock}
	return m.run(ctx, all)
}

type migrator struct {
	store  *Store
	clock  lathe.Clock
	before func(step string) error // tests stop here
}

func (m *migrator) run(ctx context.Context, all []migration) error {
	for _, next := range all {
		err := m.store.write(ctx, "migrate to "+next.name, func(ctx context.Context, tx bun.Tx) error {
			return m.apply(ctx, tx, next, len(all))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// apply brings the schema to one version. It asks for the version inside the transaction: another process may have been
// faster.
func (m *migrator) apply(ctx context.Context, tx bun.Tx, next migration, newest int) error {
	if err := m.exec(ctx, tx, versionTable); err != nil {
		return err
	}
	current, err := schemaVersion(ctx, tx)
	if err != nil {
		return err
	}
	switch {
	case current > newest:
		return lathe.Errorf(lathe.CodeUnsupported, "the database has version %d, this lathe knows up to %d", current, newest).
			WithHint("start the newer lathe that wrote it, or bring back a backup of this version with `lathe restore`")
	case current >= next.version:
		return nil
	}
	for _, statement := range next.statements {
		if err := m.exec(ctx, tx, statement); err != nil {
			return err
		}
	}
	row := &versionRow{Version: next.version, Name: next.name, AppliedAt: m.clock().UnixMicro()}
	_, err = tx.NewInsert().Model(row).Exec(ctx)
	return err
}

func (m *migrator) exec(ctx context.Context, tx bun.Tx, statement string) error {
	if m.before != nil {
		if err := m.before(statement); err != nil {
			return err
		}
	}
	_, err := tx.Tx.ExecContext(ctx, statement)
	return err
}

type versionRow struct {
	bun.BaseModel `bun:"table:schema_version"`
	Version       int
	Name          string
	AppliedAt     int64
}

func schemaVersion(ctx context.Context, db bun.IDB) (int, error) {
	var version int
	err := db.NewSelect().Model((*versionRow)(nil)).ColumnExpr("COALESCE(MAX(version), 0)").Scan(ctx, &version)
	return version, err
}

// loadMigrations reads and checks the files: 0001, 0002 and so on without gaps.
func loadMigrations(files fs.FS) ([]migration, error) {
	names, err := fs.Glob(files, "migration/*.sql")
	if err != nil {
		return nil, fmt.Errorf("store: migrations: %w", err)
	}
	var all []migration
	for i, path := range names { // sorted by Glob
		text, err := fs.ReadFile(files, path)
		if err != nil {
			return nil, fmt.Errorf("store: migrations: %w", err)
		}
		name := strings.TrimSuffix(strings.TrimPrefix(path, "migration/"), ".sql")
		number, _, _ := strings.Cut(name, "_")
		if version, err := strconv.Atoi(number); err != nil || version != i+1 {
			return nil, fmt.Errorf("store: migrations: file %d is named %s", i+1, path)
		}
		all = append(all, migration{version: i + 1, name: name, statements: splitStatements(string(text))})
	}
	if len(all) == 0 {
		return nil, errors.New("store: migrations: none in the binary")
	}
	return all, nil
}

// splitStatements cuts at a semicolon that ends a line: all that the files need.
func splitStatements(text string) []string {
	var out []string
	for part := range strings.SplitSeq(text, ";\n") {
		if strings.TrimSpace(part) != "" {
			out = append(out, part)
		}
	}
	return out
}
