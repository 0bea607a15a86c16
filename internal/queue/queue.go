// Package queue hands queued runs to a worker, one at a time unless told otherwise. It is River over the service's own
// database: a job is inserted in the transaction that queues its run, so there is never one without the other.
//
// A job only points at a run. Whether the run may be worked on is decided by its lease (package store), so a job too
// many does no harm, and a job too few cannot be: RequeueLost makes all jobs anew from the runs at every start.
//
// River's leader is off. It would write to the disk every five seconds of an idle service, and what it does is not
// needed: it rescues no job without a time-out, and retries are kept short enough to need no scheduler. River's poll of
// a table for notifications (20 queries a second) is replaced by a wake-up within the process. docs/adr/0005 has the
// measurements.
package queue

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/riverqueue/river"

	"lathe"
)

// Work carries out one run to its end, or puts it back. With nil the queue is done with the job, also when the run was
// not to be had: somebody else has it, or it rests. An error has the job tried again after Options.Retry. When ctx ends
// the queue is stopping and Work must come back soon.
type Work func(ctx context.Context, project lathe.Project, run string) error

// Options of a Queue; zero values mean the defaults.
type Options struct {
	Workers int           // runs worked on at once; 1
	Retry   time.Duration // between attempts that gave an error; 4 s, at most 5 s: River's leader would have to wake longer ones
	Poll    time.Duration // between looks for jobs that nobody announced; 30 s
	Log     *slog.Logger  // of warnings and errors; slog.Default()
}

// Queue is a store.Enqueuer, and a background service with Start and Stop. It is safe for concurrent use.
type Queue struct {
	opts   Options
	client *river.Client[*sql.Tx]
	bell   *bell
	work   Work // set once before the client starts

	mu      sync.Mutex
	started bool
}

// New makes a queue over the pool that writes; Migrate has made its tables.
func New(db *sql.DB, opts Options) (*Queue, error) {
	if opts.Retry > maxRetry {
		return nil, fmt.Errorf("queue: new: retry after %v is more than %v", opts.Retry, maxRetry)
	}
	opts.setDefaults()
	q := &Queue{opts: opts, bell: newBell()}
	workers := river.NewWorkers()
	river.AddWorker(workers, &worker{queue: q})
	client, err := river.NewClient(newDriver(db, q.bell), &river.Config{
		Queues:                 map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: opts.Workers}},
		Workers:                workers,
		JobTimeout:             -1,
		FetchCooldown:          10 * time.Millisecond,
		FetchPollInterval:      opts.Poll,
		LeaderElectionDisabled: true,
		Logger:                 quiet(opts.Log),
	})
	if err != nil {
		return nil, fmt.Errorf("queue: new: %w", err)
	}
	q.client = client
	return q, nil
}

// maxRetry is River's scheduler interval: a job that is due later waits for the leader's scheduler.
const maxRetry = 5 * time.Second

func (o *Options) setDefaults() {
	if o.Workers <= 0 {
		o.Workers = 1
	}
	if o.Retry <= 0 {
		o.Retry = 4 * time.Second
	}
	if o.Poll <= 0 {
		o.Poll = 30 * time.Second
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
}

// InsertTx adds a job for a queued run within a transaction. Call Wake after its commit.
func (q *Queue) InsertTx(ctx context.Context, tx *sql.Tx, project lathe.Project, run string) error {
	inserted, err := q.client.InsertTx(ctx, tx, job{Project: project, Run: run}, nil)
	if err != nil {
		return fmt.Errorf("queue: insert: %w", err)
	}
	// River takes jobs whose time has come, by the wall clock. A clock that is set back must not hold a run up.
	_, err = tx.ExecContext(ctx, `UPDATE river_job SET scheduled_at = '2000-01-01 00:00:00.000' WHERE id = ?`, inserted.Job.ID)
	if err != nil {
		return fmt.Errorf("queue: insert: %w", err)
	}
	return nil
}

// ResetTx forgets all jobs, finished ones too, within a transaction. Call it while no worker runs: at start.
func (q *Queue) ResetTx(ctx context.Context, tx *sql.Tx) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM river_job`); err != nil {
		return fmt.Errorf("queue: reset: %w", err)
	}
	return nil
}

// Wake has the workers look for jobs now.
func (q *Queue) Wake() { q.bell.ring() }

// Start begins to take jobs. ctx is for the start alone; Stop ends the work.
func (q *Queue) Start(ctx context.Context, work Work) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.started {
		return errors.New("queue: start: started already")
	}
	q.work = work
	if err := q.client.Start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("queue: start: %w", err)
	}
	q.started = true
	return nil
}

// Stop takes no more jobs and waits for running work; when ctx ends it cancels that work and waits for it still. It may
// be called twice, and without Start.
func (q *Queue) Stop(ctx context.Context) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.started {
		return nil
	}
	if q.client.Stop(ctx) != nil { // only ctx's own error
		if err := q.client.StopAndCancel(context.WithoutCancel(ctx)); err != nil {
			return fmt.Errorf("queue: stop: %w", err)
		}
	}
	q.bell.silence()
	q.started = false
	return nil
}

// job is what River keeps of a run.
type job struct {
	Project lathe.Project `json:"project"`
	Run     string        `json:"run"`
}

// Kind names the one kind of job in River's table; it must never change.
func (job) Kind() string { return "run" }

type worker struct {
	river.WorkerDefaults[job]
	queue *Queue
}

// Work calls the queue's Work. A failure is snoozed, not failed: River gives a job up after so many failures.
func (w *worker) Work(ctx context.Context, j *river.Job[job]) error {
	err := w.guarded(ctx, j.Args)
	if err == nil {
		return nil
	}
	w.queue.opts.Log.Error("run is tried again", "project", j.Args.Project, "run", j.Args.Run, "after", w.queue.opts.Retry, "error", err)
	w.queue.bell.ringAfter(w.queue.opts.Retry)
	return river.JobSnooze(w.queue.opts.Retry)
}

// guarded turns a panic of the work into an error, so that one run cannot take the queue down.
func (w *worker) guarded(ctx context.Context, args job) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("queue: work on run %s: panic: %v", args.Run, p)
		}
	}()
	return w.queue.work(ctx, args.Project, args.Run)
}
