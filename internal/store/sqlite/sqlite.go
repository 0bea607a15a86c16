// Package sqlite opens the home's database: SQLite that is encrypted (AES-256-XTS), authenticated page by page, in WAL
// mode with synchronous=FULL, and that notices when committed work was lost.
//
// The layers, from SQLite down: page tags and the commit seal, the encryption, injected
// faults (in tests), the system's files as ncruces/go-sqlite3 opens them. Four files lie side by side:
//
//	lathe.db       the database; each page of 4 KiB ends with a tag of 16 bytes
//	lathe.db-wal   what was committed and not yet moved into the database
//	lathe.db-seal  what the two must hold at least
//	lathe.db-lock  held by the one process that has the database open
//
// docs/adr/0009-sqlite-at-rest.md says why, what a power cut does, and what it costs.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"time"

	sqlite3 "github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/driver"
	"github.com/ncruces/go-sqlite3/vfs"

	"lathe/internal/disk"
	"lathe/internal/seal"
)

// readers is how many connections read at once. Each has its own cache; four keep two cores busy.
const readers = 4

// Options say which database to open and how.
type Options struct {
	Path string   // of the main file, in a folder that exists; the others stand beside it
	Key  seal.Key // the file's key; the keys for encryption, tags and seal are derived from it

	// AcceptLoss opens a database whose committed work is incomplete, with what is left of it. `lathe doctor
	// --accept-loss` sets it; DB.Lost then says what is missing. Pages that are damaged stay refused.
	AcceptLoss bool

	// Faults, where set, fails operations on the files: for tests.
	Faults *disk.Injector

	system vfs.VFS               // what lies under all; the system's files unless a test says otherwise
	folder func(disk.FS) disk.FS // the same for the seal
}

// DB is an open database with two pools. Every change goes through Write, which has one connection, so that writers
// queue in Go instead of meeting SQLITE_BUSY; a transaction begins IMMEDIATE. While a transaction on Write is open, its
// goroutine must not ask Write for another connection: it would wait for itself. Read has four connections that can
// only query and never wait for the writer. Jobs (River) get Write.
type DB struct {
	Write *sql.DB
	Read  *sql.DB

	// Lost says what Options.AcceptLoss accepted, "" for nothing.
	Lost string

	options Options
	files   *files
	name    string // of the registered VFS
	lock    *disk.Lock
	once    sync.Once
	closed  error
}

// Open opens the database, making it where there is none. It takes the lock (CodeConflict when another process has
// it), compares the files with the commit seal and checks pages; what is damaged or missing is CodeCorrupt with the
// file, the page where one is at fault, and the way out.
func Open(ctx context.Context, o Options) (*DB, error) {
	o, err := o.resolve()
	if err != nil {
		return nil, err
	}
	lock, err := disk.TakeLock(o.Path + "-lock")
	if err != nil {
		return nil, err
	}
	db := &DB{options: o, lock: lock}
	if err := db.open(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

func (db *DB) open(ctx context.Context) (err error) {
	if db.files, err = newFiles(db.options); err != nil {
		return err
	}
	db.Lost = db.files.guard.lost
	db.name = register(db.files)
	if db.Write, err = db.pool(1, setupWriter); err != nil {
		return err
	}
	if err := db.Write.PingContext(ctx); err != nil { // makes the file, or recovers the WAL
		return db.Convert(fmt.Errorf("sqlite: open: %w", err))
	}
	if db.Read, err = db.pool(readers, setupReader); err != nil {
		return err
	}
	return nil
}

// Close closes both pools, moves the WAL into the main file and lets the lock go. It may be called twice.
func (db *DB) Close() error {
	db.once.Do(func() { db.closed = db.close() })
	return db.closed
}

func (db *DB) close() error {
	var errs []error
	for _, pool := range []*sql.DB{db.Read, db.Write} { // the writer last: it folds the WAL in
		if pool != nil {
			errs = append(errs, pool.Close())
		}
	}
	if db.files != nil {
		vfs.Unregister(db.name)
		errs = append(errs, db.files.close())
	}
	return errors.Join(append(errs, db.lock.Close())...)
}

// pool makes a pool of n connections.
func (db *DB) pool(n int, setup func(*sqlite3.Conn) error) (*sql.DB, error) {
	pool, err := driver.Open(dsn(db.options.Path, db.name), setup)
	if err != nil {
		return nil, fmt.Errorf("sqlite: open: %w", err)
	}
	pool.SetMaxOpenConns(n)
	pool.SetMaxIdleConns(n)
	pool.SetConnMaxLifetime(0)
	return pool, nil
}

// dsn is a connection string. The VFS has the keys, so that none is in the string.
func dsn(path, vfsName string) string {
	u := url.URL{Scheme: "file", Path: path, RawQuery: "vfs=" + vfsName}
	return u.String()
}

// busyTimeout is for what the one writer still meets: a checkpoint or the recovery of another connection.
const busyTimeout = 10 * time.Second

func setupWriter(c *sqlite3.Conn) error {
	if err := c.BusyTimeout(busyTimeout); err != nil {
		return err
	}
	// Room for the tag; it must stand before the first page is made, and changes nothing after.
	if _, err := c.FileControl("main", sqlite3.FCNTL_RESERVE_BYTES, tagSize); err != nil {
		return err
	}
	return c.Exec(`PRAGMA page_size=4096; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;
		PRAGMA cache_size=-4096; PRAGMA temp_store=MEMORY; PRAGMA journal_size_limit=16777216;
		PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON`)
}

func setupReader(c *sqlite3.Conn) error {
	if err := c.BusyTimeout(busyTimeout); err != nil {
		return err
	}
	return c.Exec(`PRAGMA query_only=ON; PRAGMA synchronous=FULL; PRAGMA cache_size=-4096; PRAGMA temp_store=MEMORY;
		PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON`)
}
