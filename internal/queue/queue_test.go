package queue_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"reflect"
	"sync"
	"testing"
	"time"

	"lathe"
	"lathe/internal/queue"
	"lathe/internal/seal"
	"lathe/internal/store"
	"lathe/internal/store/sqlite"
)

var ctx = context.Background()

const project = lathe.Project("alpha")

// home is a database with the store and the queue over it.
type home struct {
	db    *sqlite.DB
	store *store.Store
	queue *queue.Queue
}

func open(t testing.TB, path string, opts queue.Options) *home {
	t.Helper()
	db, err := sqlite.Open(ctx, sqlite.Options{Path: path, Key: seal.Key{1}})
	must(t, err)
	opts.Log = slog.New(slog.DiscardHandler)
	q, err := queue.New(db.Write, opts)
	must(t, err)
	pools := store.Database{Write: db.Write, Read: db.Read, Convert: db.Convert}
	must(t, store.Migrate(ctx, pools, nil))
	must(t, queue.Migrate(ctx, db.Write))
	return &home{db, store.New(pools, store.Options{Keys: plain{}, Queue: q}), q}
}

// newHome opens an empty home; at the test's end the queue stops before the database closes.
func newHome(t testing.TB, opts queue.Options) *home {
	h := open(t, filepath.Join(t.TempDir(), "lathe.db"), opts)
	t.Cleanup(func() {
		must(t, h.queue.Stop(ctx))
		must(t, h.db.Close())
	})
	return h
}

// plain seals nothing.
type plain struct{}

func (plain) Seal(_ lathe.Project, _ string, value []byte) ([]byte, error) { return value, nil }
func (plain) Open(_ lathe.Project, _ string, value []byte) ([]byte, error) { return value, nil }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// create queues n runs and gives their ids.
func (h *home) create(t testing.TB, n int) []string {
	t.Helper()
	ids := make([]string, n)
	for i := range ids {
		run, err := h.store.CreateRun(ctx, project, lathe.Run{Kind: "train"})
		must(t, err)
		ids[i] = run.ID
	}
	return ids
}

// finish claims a run and ends it. A run that is not to be had is no error, as in the service.
func (h *home) finish(ctx context.Context, p lathe.Project, id string) (bool, error) {
	_, lease, err := h.store.ClaimRun(ctx, p, id, "test", time.Hour)
	if lathe.CodeOf(err) == lathe.CodeConflict {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	_, _, err = h.store.FinishRun(ctx, lease, lathe.Outcome{State: lathe.RunSucceeded})
	return true, err
}

// jobs counts River's jobs in a state.
func (h *home) jobs(t testing.TB, state string) (n int) {
	t.Helper()
	must(t, h.db.Write.QueryRowContext(ctx, `SELECT COUNT(*) FROM river_job WHERE state = ?`, state).Scan(&n))
	return n
}

func TestRunsInOrder(t *testing.T) {
	h := newHome(t, queue.Options{})
	ids := h.create(t, 10)
	worked := make(chan string, len(ids))
	must(t, h.queue.Start(ctx, func(ctx context.Context, p lathe.Project, id string) error {
		done, err := h.finish(ctx, p, id)
		if done {
			worked <- id
		}
		return err
	}))
	var got []string
	for range ids {
		got = append(got, <-worked)
	}
	if !reflect.DeepEqual(got, ids) {
		t.Errorf("worked on %v, want %v", got, ids)
	}
	late := h.create(t, 1)[0] // the queue is running: Wake has it start at once
	if id := <-worked; id != late {
		t.Errorf("worked on %s, want %s", id, late)
	}
}

func TestInsertFollowsItsTransaction(t *testing.T) {
	h := newHome(t, queue.Options{})
	tx, err := h.db.Write.BeginTx(ctx, nil)
	must(t, err)
	must(t, h.queue.InsertTx(ctx, tx, project, "r1"))
	must(t, tx.Rollback())
	if n := h.jobs(t, "available"); n != 0 {
		t.Errorf("%d jobs after a rollback", n)
	}
	h.create(t, 3)
	if n := h.jobs(t, "available"); n != 3 {
		t.Errorf("%d jobs for 3 runs", n)
	}
	var due int
	must(t, h.db.Write.QueryRowContext(ctx, `SELECT COUNT(*) FROM river_job WHERE scheduled_at < '2001-01-01'`).Scan(&due))
	if due != 3 {
		t.Errorf("%d of 3 jobs are due whatever the clock says", due)
	}
	_, err = h.store.RequeueLost(ctx, "test")
	must(t, err)
	if n := h.jobs(t, "available"); n != 3 {
		t.Errorf("%d jobs for 3 runs after RequeueLost", n)
	}
}

func TestFailedWorkIsTriedAgain(t *testing.T) {
	h := newHome(t, queue.Options{Retry: time.Millisecond, Poll: 20 * time.Millisecond})
	id := h.create(t, 1)[0]
	attempts, done := 0, make(chan int)
	must(t, h.queue.Start(ctx, func(ctx context.Context, p lathe.Project, run string) error {
		attempts++
		switch {
		case run != id || p != project:
			return fmt.Errorf("got %s/%s", p, run)
		case attempts == 1:
			return errors.New("disk full")
		case attempts == 2:
			panic("a bug")
		}
		done <- attempts
		return nil
	}))
	if n := <-done; n != 3 {
		t.Errorf("%d attempts, want 3", n)
	}
}

// TestRetryNeedsNoScheduler: a job that is due after the longest retry must stay available, for no scheduler runs.
func TestRetryNeedsNoScheduler(t *testing.T) {
	if _, err := queue.New(nil, queue.Options{Retry: 6 * time.Second}); err == nil {
		t.Error("a retry after 6 s was accepted")
	}
	h := newHome(t, queue.Options{Retry: 5 * time.Second})
	h.create(t, 1)
	must(t, h.queue.Start(ctx, func(context.Context, lathe.Project, string) error { return errors.New("no") }))
	must(t, h.queue.Stop(ctx)) // waits until the job's state is stored
	if n := h.jobs(t, "available"); n != 1 {
		t.Errorf("%d jobs are available, want 1", n)
	}
}

func TestStopWaits(t *testing.T) {
	h := newHome(t, queue.Options{})
	h.create(t, 1)
	started, release := make(chan struct{}), make(chan struct{})
	var ended sync.WaitGroup
	ended.Add(1)
	must(t, h.queue.Start(ctx, func(ctx context.Context, _ lathe.Project, _ string) error {
		defer ended.Done()
		close(started)
		<-release
		return ctx.Err()
	}))
	<-started
	if err := h.queue.Start(ctx, nil); err == nil {
		t.Error("a second Start was accepted")
	}
	stopped := make(chan error)
	go func() { stopped <- h.queue.Stop(ctx) }()
	select {
	case err := <-stopped:
		t.Fatalf("stopped while work runs: %v", err)
	case <-time.After(50 * time.Millisecond): // too short only lets a bug pass
	}
	close(release)
	must(t, <-stopped)
	ended.Wait()
	must(t, h.queue.Stop(ctx))
	if n := h.jobs(t, "completed"); n != 1 {
		t.Errorf("%d jobs completed, want 1: Stop cancelled the work", n)
	}
}

func TestStopCancelsAfterContext(t *testing.T) {
	h := newHome(t, queue.Options{})
	h.create(t, 1)
	started := make(chan struct{})
	returned := false
	must(t, h.queue.Start(ctx, func(ctx context.Context, _ lathe.Project, _ string) error {
		close(started)
		<-ctx.Done()
		returned = true
		return ctx.Err()
	}))
	<-started
	expired, cancel := context.WithCancel(ctx)
	cancel()
	must(t, h.queue.Stop(expired))
	if !returned {
		t.Error("Stop returned before the work did")
	}
	must(t, h.queue.Stop(expired))
	if n := h.jobs(t, "running"); n != 0 {
		t.Errorf("%d jobs still run", n)
	}
}

func TestWorkers(t *testing.T) {
	h := newHome(t, queue.Options{Workers: 2})
	h.create(t, 5)
	entered, leave := make(chan struct{}, 5), make(chan struct{})
	var mu sync.Mutex
	now, most := 0, 0
	must(t, h.queue.Start(ctx, func(context.Context, lathe.Project, string) error {
		mu.Lock()
		now++
		most = max(most, now)
		mu.Unlock()
		entered <- struct{}{}
		<-leave
		mu.Lock()
		now--
		mu.Unlock()
		return nil
	}))
	<-entered
	<-entered // two are in before one leaves
	close(leave)
	for range 3 {
		<-entered
	}
	must(t, h.queue.Stop(ctx))
	if most != 2 {
		t.Errorf("%d at once, want 2", most)
	}
}

// TestTwoQueues: two clients over one database may both be given a run (there may be two jobs for it), but only one
// gets its lease.
func TestTwoQueues(t *testing.T) {
	h := newHome(t, queue.Options{})
	other, err := queue.New(h.db.Write, queue.Options{Log: slog.New(slog.DiscardHandler)})
	must(t, err)
	ids := h.create(t, 40)
	for _, id := range ids[:20] {
		tx, err := h.db.Write.BeginTx(ctx, nil)
		must(t, err)
		must(t, other.InsertTx(ctx, tx, project, id)) // a job too many
		must(t, tx.Commit())
	}
	worked := make(chan string, 2*len(ids))
	work := func(ctx context.Context, p lathe.Project, id string) error {
		done, err := h.finish(ctx, p, id)
		if done {
			worked <- id
		}
		return err
	}
	must(t, h.queue.Start(ctx, work))
	must(t, other.Start(ctx, work))
	seen := map[string]int{}
	for range ids {
		seen[<-worked]++
	}
	must(t, h.queue.Stop(ctx))
	must(t, other.Stop(ctx))
	if len(worked) > 0 || len(seen) != len(ids) {
		t.Errorf("%d runs worked on, %d once more", len(seen), len(worked))
	}
}

func TestMigrate(t *testing.T) {
	h := newHome(t, queue.Options{})
	must(t, queue.Migrate(ctx, h.db.Write))
	_, err := h.db.Write.ExecContext(ctx, `INSERT INTO river_migration (line, version) VALUES ('main', 99)`)
	must(t, err)
	err = queue.Migrate(ctx, h.db.Write)
	var known *lathe.Error
	if !errors.As(err, &known) || known.Code != lathe.CodeUnsupported || known.Hint == "" {
		t.Errorf("a newer queue gave %v", err)
	}
}

// BenchmarkQueue measures a run from its insert to its worker.
func BenchmarkQueue(b *testing.B) {
	h := newHome(b, queue.Options{})
	started := make(chan struct{})
	must(b, h.queue.Start(ctx, func(context.Context, lathe.Project, string) error {
		started <- struct{}{}
		return nil
	}))
	for b.Loop() {
		h.create(b, 1)
		<-started
	}
}
