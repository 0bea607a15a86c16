package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"

	"github.com/ncruces/go-sqlite3"

	"lathe"
)

// fail gives a database's error its code. What already is a *lathe.Error stays as it is.
func (s *Store) fail(op string, err error) error {
	if err == nil {
		return nil
	}
	var known *lathe.Error
	if err = s.convert(err); errors.As(err, &known) {
		return err
	}
	err = fmt.Errorf("store: %s: %w", op, err)
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, sqlite3.INTERRUPT):
		return lathe.Errorf(lathe.CodeCancelled, "%w", err)
	case errors.Is(err, sqlite3.CONSTRAINT_UNIQUE), errors.Is(err, sqlite3.CONSTRAINT_PRIMARYKEY):
		return lathe.Errorf(lathe.CodeConflict, "%w", err)
	case errors.Is(err, sqlite3.BUSY), errors.Is(err, sqlite3.LOCKED), errors.Is(err, context.DeadlineExceeded):
		return lathe.Errorf(lathe.CodeUnavailable, "%w", err)
	}
	return diskError(err)
}

// diskError tells a disk that takes no more from one that gives back something else than was written.
func diskError(err error) error {
	switch {
	case errors.Is(err, sqlite3.FULL):
		return lathe.Errorf(lathe.CodeStorageFull, "%w", err).
			WithHint("free some space on the disk of the home, then try again; nothing was written")
	case isAny(err, sqlite3.IOERR_WRITE, sqlite3.IOERR_FSYNC, sqlite3.IOERR_DIR_FSYNC, sqlite3.IOERR_TRUNCATE):
		return lathe.Errorf(lathe.CodeStorageFull, "%w", err).
			WithHint("check the disk of the home, then try again; nothing was written")
	case errors.Is(err, sqlite3.CORRUPT), errors.Is(err, sqlite3.NOTADB), errors.Is(err, sqlite3.IOERR):
		return lathe.Errorf(lathe.CodeCorrupt, "%w", err).
			WithHint("check the disk, then bring back the last backup with `lathe restore`")
	}
	return err
}

func isAny(err error, codes ...sqlite3.ExtendedErrorCode) bool {
	for _, code := range codes {
		if errors.Is(err, code) {
			return true
		}
	}
	return false
}

// noRow turns "no rows" into CodeNotFound for the thing, and leaves other errors alone.
func noRow(err error, thing, name string) error {
	if errors.Is(err, sql.ErrNoRows) {
		return unknown(thing, name)
	}
	return err
}

// unknown is the one answer for what is not there and for what is another project's.
func unknown(thing, name string) error {
	e := lathe.Errorf(lathe.CodeNotFound, "%s %s is not there", thing, quote(name))
	if where, ok := lists[thing]; ok {
		return e.WithHint("see what there is: %s", where)
	}
	return e
}

// lists says where each thing is listed.
var lists = map[string]string{
	"dataset": "lathe data ls", "run": "lathe runs ls", "model": "lathe models ls", "model version": "lathe models show MODEL",
	"endpoint": "lathe endpoints ls", "key": "lathe keys ls", "secret": "lathe secrets ls",
}

// quote quotes text of a caller for a message, cut so that it cannot flood a log.
func quote(s string) string {
	if len(s) > 80 {
		s = s[:80] + "..."
	}
	return strconv.Quote(s)
}
