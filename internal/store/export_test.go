package store

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/ncruces/go-sqlite3"

	"lathe"
)

// What tests outside the package compare with the schema.
var (
	ProjectTables  = slices.Sorted(slices.Values(slices.Concat(rootTables, partTables)))
	BlobReferences = blobReferences
)

// MigrateUntil is Migrate with a look at each statement before it runs; an error stops there.
func MigrateUntil(ctx context.Context, db Database, before func(statement string) error) error {
	all, err := loadMigrations(migrationFiles)
	if err != nil {
		return err
	}
	m := migrator{store: connect(db), clock: time.Now, before: before}
	return m.run(ctx, all)
}

// Fail is what a caller gets of an engine's error where the database says no more.
func Fail(err error) error { return connect(Database{}).fail("test", err) }

// SQLiteCodes are the codes of errors that tests cannot bring about.
var SQLiteCodes = map[error]lathe.Code{
	sqlite3.FULL:                 lathe.CodeStorageFull,
	sqlite3.IOERR_WRITE:          lathe.CodeStorageFull,
	sqlite3.IOERR_FSYNC:          lathe.CodeStorageFull,
	sqlite3.IOERR_READ:           lathe.CodeCorrupt,
	sqlite3.IOERR_SHORT_READ:     lathe.CodeCorrupt,
	sqlite3.CORRUPT:              lathe.CodeCorrupt,
	sqlite3.NOTADB:               lathe.CodeCorrupt,
	sqlite3.BUSY:                 lathe.CodeUnavailable,
	sqlite3.CONSTRAINT_UNIQUE:    lathe.CodeConflict,
	sqlite3.CONSTRAINT_NOTNULL:   lathe.CodeInternal,
	sqlite3.INTERRUPT:            lathe.CodeCancelled,
	context.DeadlineExceeded:     lathe.CodeUnavailable,
	errors.New("something else"): lathe.CodeInternal,
}
