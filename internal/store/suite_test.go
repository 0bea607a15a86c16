package store_test

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"lathe"
	"lathe/internal/seal"
	"lathe/internal/store"
	"lathe/internal/store/sqlite"
)

// databases are what the whole suite runs on; each opens an empty one that lives as long as the test.
var databases = map[string]func(t testing.TB) store.Database{"sqlite": openSQLite}

func openSQLite(t testing.TB) store.Database {
	db, err := sqlite.Open(context.Background(), sqlite.Options{Path: filepath.Join(t.TempDir(), "lathe.db"), Key: seal.Key{1}})
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	return store.Database{Write: db.Write, Read: db.Read, Convert: db.Convert}
}

// env is a store with what tests reach around it.
type env struct {
	*store.Store
	p     lathe.Project // that the helpers act in
	db    store.Database
	clock *clock
	queue *queue
}

// each runs a test on an empty store of every database.
func each(t *testing.T, test func(t *testing.T, e *env)) {
	t.Helper()
	for name, open := range databases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newEnv(t, open(t)))
		})
	}
}

func newEnv(t testing.TB, db store.Database) *env {
	t.Helper()
	e := &env{p: a, db: db, clock: &clock{now: time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)}, queue: &queue{}}
	must(t, store.Migrate(context.Background(), db, e.clock.Now))
	e.Store = store.New(db, store.Options{Clock: e.clock.Now, Random: &counter{}, Keys: keys{}, Queue: e.queue})
	return e
}

// counter gives the same "random" bits in every test.
type counter struct {
	mu sync.Mutex
	n  uint64
}

func (c *counter) Read(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range p {
		c.n++
		p[i] = byte(c.n * 0x9e3779b97f4a7c15 >> 56)
	}
	return len(p), nil
}

// clock stands still until a test moves it.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// keys seals with a key of each project that everyone can compute.
type keys struct{}

func (keys) Seal(project lathe.Project, purpose string, plain []byte) ([]byte, error) {
	return seal.Seal(sha256.Sum256([]byte(project)), plain, seal.Associate(purpose)), nil
}

func (keys) Open(project lathe.Project, purpose string, sealed []byte) ([]byte, error) {
	return seal.Open(sha256.Sum256([]byte(project)), sealed, seal.Associate(purpose))
}

// queue remembers the jobs in order. Its fault makes inserts fail; a transaction that fails keeps them all the same, so
// tests that use both reset it.
type queue struct {
	mu    sync.Mutex
	jobs  []string
	wakes int
	fault error
}

func (q *queue) InsertTx(_ context.Context, tx *sql.Tx, project lathe.Project, run string) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if tx == nil {
		return fmt.Errorf("no transaction")
	}
	q.jobs = append(q.jobs, string(project)+"/"+run)
	return q.fault
}

func (q *queue) ResetTx(context.Context, *sql.Tx) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.jobs = nil
	return q.fault
}

func (q *queue) Wake() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.wakes++
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// value gives a result, or ends the test.
func value[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		must(t, err)
		return v
	}
}

// wantCode fails unless err has the code.
func wantCode(t testing.TB, want lathe.Code, err error) {
	t.Helper()
	if got := lathe.CodeOf(err); got != want {
		t.Errorf("code %q, want %q: %v", got, want, err)
	}
}

// blobOf makes the record of a blob of that content.
func blobOf(content string) lathe.Blob {
	sum := sha256.Sum256([]byte(content))
	name, err := lathe.ParseBlobName(hex.EncodeToString(sum[:]))
	if err != nil {
		panic(err)
	}
	return lathe.Blob{Name: name, Bytes: int64(len(content)), At: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)}
}

const a, b, z = lathe.Project("alpha"), lathe.Project("beta"), lathe.Project("zeta")

var ctx = context.Background()

// renew makes the store anew over the same database, with somebody who listens. Its ids begin anew.
func (e *env) renew(notify func(lathe.Project, string)) {
	e.Store = store.New(e.db, store.Options{Clock: e.clock.Now, Random: &counter{}, Keys: keys{}, Queue: e.queue, Notify: notify})
}

// decoded gives a value of a dump as it was: bytes are in base 64 there.
func decoded(text string) string {
	if plain, err := base64.StdEncoding.DecodeString(text); err == nil {
		return string(plain)
	}
	return text
}
