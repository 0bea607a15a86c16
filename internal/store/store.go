// Package store keeps the service's records in SQL: datasets, runs with events and leases, models, endpoints, keys,
// secrets, usage and replies.
//
// Every table has a project column and every query asks for it, so another project's record is as unknown as one that
// never was. SQL is kept to what SQLite and PostgreSQL share. Values that a person could ask to have forgotten are
// sealed under the project's key before they reach the database. docs/adr has the reasons: 0001 projects, 0005 runs,
// 0010 migrations.
package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"io"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"

	"lathe"
)

// Sealer encrypts what must be forgettable under a project's key. Purpose names the one place of the value
// ("run_event/RUN/7") and is bound to it: a value that was moved to another row does not open.
type Sealer interface {
	Seal(project lathe.Project, purpose string, plain []byte) ([]byte, error)
	Open(project lathe.Project, purpose string, sealed []byte) ([]byte, error)
}

// Enqueuer is what the store needs of the queue. The runs' table is the truth; jobs only point at queued runs.
type Enqueuer interface {
	// InsertTx adds a job for a queued run in the transaction that queues it.
	InsertTx(ctx context.Context, tx *sql.Tx, project lathe.Project, run string) error
	// ResetTx forgets every job; RequeueLost adds one for each queued run again.
	ResetTx(ctx context.Context, tx *sql.Tx) error
	// Wake is called after a commit that added jobs.
	Wake()
}

// Database is how a Store reaches SQL; the package sqlite opens one. Where one pool does for both, give it twice.
type Database struct {
	Write   *sql.DB               // a transaction on it holds the database's write lock: one connection queues writers in Go
	Read    *sql.DB               //
	Convert func(err error) error // gives the engine's errors their code before the Store does; may be nil
}

// Options are what a Store needs beside the database. Keys must be set.
type Options struct {
	Clock  lathe.Clock                             // time.Now by default
	Random io.Reader                               // crypto/rand by default: ids must not be guessable
	Keys   Sealer                                  //
	Queue  Enqueuer                                // nil: queued runs wait for whoever claims them
	Notify func(project lathe.Project, run string) // called after a commit that changed a run, nil for nobody
}

// Store implements lathe's DatasetStore, RunStore, ModelStore, EndpointStore, KeyStore, SecretStore, UsageStore and
// IdempotencyStore. It is safe for concurrent use.
type Store struct {
	w       *bun.DB
	r       *bun.DB
	convert func(error) error
	opts    Options
}

var (
	_ lathe.DatasetStore     = (*Store)(nil)
	_ lathe.RunStore         = (*Store)(nil)
	_ lathe.ModelStore       = (*Store)(nil)
	_ lathe.EndpointStore    = (*Store)(nil)
	_ lathe.KeyStore         = (*Store)(nil)
	_ lathe.SecretStore      = (*Store)(nil)
	_ lathe.UsageStore       = (*Store)(nil)
	_ lathe.IdempotencyStore = (*Store)(nil)
)

// New makes a Store over a SQLite database that Migrate has brought up to date. It panics without Keys.
func New(db Database, opts Options) *Store {
	if opts.Keys == nil {
		panic("store: new: Options.Keys is nil")
	}
	if opts.Clock == nil {
		opts.Clock = time.Now
	}
	if opts.Random == nil {
		opts.Random = rand.Reader
	}
	if opts.Queue == nil {
		opts.Queue = noQueue{}
	}
	s := connect(db)
	s.opts = opts
	return s
}

func connect(db Database) *Store {
	if db.Convert == nil {
		db.Convert = func(err error) error { return err }
	}
	return &Store{w: bun.NewDB(db.Write, sqlitedialect.New()), r: bun.NewDB(db.Read, sqlitedialect.New()), convert: db.Convert}
}

// noQueue is the queue of a store whose runs are claimed by name only, as in a one-shot command.
type noQueue struct{}

func (noQueue) InsertTx(context.Context, *sql.Tx, lathe.Project, string) error { return nil }
func (noQueue) ResetTx(context.Context, *sql.Tx) error                         { return nil }
func (noQueue) Wake()                                                          {}
