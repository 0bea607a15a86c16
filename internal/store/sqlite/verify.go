package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"lathe"
)

// Verify reads the whole database: the tag of every page, SQLite's own check of its structure, and foreign keys.
// Damage is CodeCorrupt with the first page, or what SQLite found. Writers wait while pages are read, about 7 s a
// GiB; it is for `lathe doctor`.
func (db *DB) Verify(ctx context.Context) error {
	if err := db.verifyPages(ctx); err != nil {
		return err
	}
	return db.Convert(integrity(ctx, db.Read))
}

// verifyPages holds the writer's connection, so that nobody commits or moves pages from the WAL.
func (db *DB) verifyPages(ctx context.Context) error {
	conn, err := db.Write.Conn(ctx)
	if err != nil {
		return db.Convert(fmt.Errorf("sqlite: verify: %w", err))
	}
	g := db.files.guard
	scan, err := g.scan()
	if err == nil {
		err = g.compareWAL(scan)
	}
	if err == nil {
		err = g.checkPages(ctx, scan, true)
	}
	return errors.Join(err, conn.Close())
}

// integrity asks SQLite.
func integrity(ctx context.Context, pool *sql.DB) error {
	found, err := column(ctx, pool, `PRAGMA integrity_check(10)`)
	if err == nil && len(found) == 1 && found[0] == "ok" {
		found, err = column(ctx, pool, `SELECT 'row ' || rowid || ' of ' || "table" || ' names no row of ' || parent FROM pragma_foreign_key_check LIMIT 10`)
	}
	if err != nil {
		return fmt.Errorf("sqlite: verify: %w", err)
	}
	if len(found) > 0 {
		return lathe.Errorf(lathe.CodeCorrupt, "sqlite: the database is not sound: %s", found[0]).WithHint(restoreHint)
	}
	return nil
}

func column(ctx context.Context, pool *sql.DB, query string) (out []string, err error) {
	rows, err := pool.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, rows.Err()
}
