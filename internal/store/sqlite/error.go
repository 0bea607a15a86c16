package sqlite

import (
	"context"
	"errors"

	sqlite3 "github.com/ncruces/go-sqlite3"

	"lathe"
	"lathe/internal/disk"
)

// Convert gives an error of either pool its code: a full disk, damage (with the page that the last refused read was
// about), a lock that was not had in time, a statement that was cancelled. It adds nothing to other errors, so unique
// violations and the like are left to who knows what the row means. Nil stays nil.
func (db *DB) Convert(err error) error {
	var known *lathe.Error
	var code sqlite3.ErrorCode
	switch {
	case err == nil || errors.As(err, &known):
		return err
	case disk.IsFull(err):
		return full(err)
	case !errors.As(err, &code):
		return err
	}
	return db.convert(err, code)
}

func (db *DB) convert(err error, code sqlite3.ErrorCode) error {
	switch code {
	case sqlite3.FULL:
		return full(err)
	case sqlite3.IOERR, sqlite3.CORRUPT, sqlite3.NOTADB:
		return db.damage(err, code)
	case sqlite3.BUSY, sqlite3.LOCKED:
		return lathe.Errorf(lathe.CodeUnavailable, "sqlite: the database is busy: %w", err).WithHint("try again")
	case sqlite3.INTERRUPT:
		return lathe.Errorf(lathe.CodeCancelled, "sqlite: cancelled: %w", errors.Join(context.Canceled, err))
	}
	return err
}

// writing are the I/O errors of operations that need space or change a file.
var writing = map[sqlite3.ExtendedErrorCode]bool{
	sqlite3.IOERR_WRITE: true, sqlite3.IOERR_FSYNC: true, sqlite3.IOERR_DIR_FSYNC: true, sqlite3.IOERR_TRUNCATE: true,
	sqlite3.IOERR_DELETE: true, sqlite3.IOERR_SHMSIZE: true, sqlite3.IOERR_SHMOPEN: true,
}

// damage finds out what an I/O error was about: SQLite's own error says only that there was one.
func (db *DB) damage(err error, code sqlite3.ErrorCode) error {
	var extended sqlite3.ExtendedErrorCode
	errors.As(err, &extended)
	if db.files == nil {
		return err // not open yet
	}
	damage, write := db.files.guard.last()
	switch {
	case writing[extended]:
		return errors.Join(write, err)
	case code == sqlite3.IOERR && extended != sqlite3.IOERR_DATA:
		return err
	case damage != nil:
		return damage
	}
	return lathe.Errorf(lathe.CodeCorrupt, "sqlite: the database is damaged: %w", err).WithHint(restoreHint)
}

func full(err error) error {
	return lathe.Errorf(lathe.CodeStorageFull, "sqlite: %w", err).WithHint("free space on the disk that holds the data; nothing was changed")
}
