package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"lathe"
	"lathe/internal/app/native"
	"lathe/internal/child"
)

const (
	leaseTTL   = 15 * time.Second
	maxCrashes = 5 // of one run, without a new checkpoint between them, before it is given up
)

var (
	errStopped = errors.New("app: the run was asked to stop")
	errLost    = errors.New("app: the run's lease was lost")
)

// worker carries out runs: it holds the lease, starts the child and stores what the child reports.
type worker struct {
	runs   lathe.RunStore
	data   lathe.DatasetStore
	blobs  lathe.BlobStore
	work   *workshop
	hub    *hub
	holder string
	retry  time.Duration // between tries to store a run's state
	log    *slog.Logger

	mu      sync.Mutex
	crashes map[runKey]crashes
}

// crashes is how often a run's child crashed while the run's checkpoint stayed where it was. A run that is killed and
// goes on again and again is no run that cannot work.
type crashes struct {
	step int64
	n    int
}

// crashed counts a crash and tells whether the run may go on.
func (w *worker) crashed(run lathe.Run) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	key := runKey{run.Project, run.ID}
	c := w.crashes[key]
	if c.step != run.Step {
		c = crashes{step: run.Step}
	}
	c.n++
	if c.n >= maxCrashes {
		delete(w.crashes, key)
		return false
	}
	if w.crashes == nil {
		w.crashes = map[runKey]crashes{}
	}
	w.crashes[key] = c
	return true
}

// Work takes one run from the queue to its end. A nil error means that the queue is done with it: it ended, it was put
// back, or somebody else has it.
func (w *worker) Work(ctx context.Context, project lathe.Project, id string) error {
	w.work.storing.RLock()
	defer w.work.storing.RUnlock()
	job := &heldRun{worker: w}
	err := w.persist(ctx, id, func(ctx context.Context) (err error) {
		job.run, job.lease, err = w.runs.ClaimRun(ctx, project, id, w.holder, leaseTTL)
		return err
	})
	if code := lathe.CodeOf(err); code == lathe.CodeConflict || code == lathe.CodeNotFound {
		return nil
	}
	if err != nil {
		return err
	}
	return w.persist(ctx, id, job.ending(job.carryOut(ctx)))
}

// persist stores a run's state, and tries until it is stored or ctx ends: on a disk that is full even the queue cannot
// note that there is more to do. Each try outlives ctx, because a run's end must be stored even when ctx is what ended it.
func (w *worker) persist(ctx context.Context, id string, store func(ctx context.Context) error) error {
	for {
		try, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
		err := store(try)
		cancel()
		if code := lathe.CodeOf(err); err == nil || code == lathe.CodeConflict || code == lathe.CodeNotFound {
			return err
		}
		w.log.Error("a run's state was not stored and is tried again", "run", id, "error", err)
		select {
		case <-ctx.Done():
			return err
		case <-time.After(w.retry):
		}
	}
}

// heldRun is one run in the hands of a worker.
type heldRun struct {
	*worker
	run     lathe.Run
	lease   lathe.Lease
	verify  *lathe.VerifySpec // of a run that compares
	result  lathe.TrainResult
	version *lathe.ModelVersion
}

// carryOut runs the child under the lease's heartbeat.
func (j *heldRun) carryOut(ctx context.Context) error {
	spec, err := j.spec()
	if err != nil {
		return err
	}
	dataset, err := j.data.FindDatasetVersion(ctx, j.run.Project, spec.Dataset, spec.DatasetVersion)
	if err != nil {
		return err
	}
	if err := j.warn(ctx, dataset); err != nil {
		return err
	}
	input, err := j.work.input(ctx, j.run.Project, dataset)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	beating := make(chan struct{})
	go func() {
		defer close(beating)
		j.heartbeat(ctx, cancel)
	}()
	defer func() { cancel(nil); <-beating }()
	if err := j.work.train(ctx, j, native.TrainJob{Run: j.run.ID, Spec: spec, Data: input}); err != nil {
		return whyEnded(ctx, err)
	}
	return nil
}

// whyEnded tells work that was cut off from work that failed. Whoever stops the queue has a cause of its own.
func whyEnded(ctx context.Context, err error) error {
	switch cause := context.Cause(ctx); {
	case cause == nil:
		return err
	case errors.Is(cause, errStopped), errors.Is(cause, errLost):
		return cause
	default:
		return ctx.Err()
	}
}

// spec reads what is to be trained.
func (j *heldRun) spec() (spec lathe.TrainSpec, err error) {
	if j.run.Kind == lathe.RunVerify {
		j.verify = new(lathe.VerifySpec)
		err = json.Unmarshal(j.run.Spec, j.verify)
		spec = j.verify.Train
	} else {
		err = json.Unmarshal(j.run.Spec, &spec)
	}
	if err != nil {
		return spec, fmt.Errorf("app: run %s: spec: %w", j.run.ID, err)
	}
	return spec, nil
}

// warn passes on what the dataset's profile warns of, before anything is learnt from it.
func (j *heldRun) warn(ctx context.Context, dataset lathe.DatasetVersion) error {
	var profile struct {
		Warnings []struct{ Column, Message, Hint string }
	}
	if j.run.Attempt > 1 || j.verify != nil || json.Unmarshal(dataset.Profile, &profile) != nil {
		return nil
	}
	const most = 20
	for i, w := range profile.Warnings {
		message := w.Message + ": " + w.Hint
		if w.Column != "" {
			message = "column " + w.Column + ": " + message
		}
		if i == most {
			message = fmt.Sprintf("%d more; see: lathe data profile %s", len(profile.Warnings)-most, dataset.Dataset)
		}
		if err := j.event(ctx, "warning", note(message)); err != nil || i == most {
			return err
		}
	}
	return nil
}

// heartbeat renews the lease until ctx ends, and ends the work when the run is to stop or the lease is lost.
func (j *heldRun) heartbeat(ctx context.Context, cancel context.CancelCauseFunc) {
	ticker := time.NewTicker(leaseTTL / 3)
	defer ticker.Stop()
	for {
		wake := j.hub.wait(j.run.Project, j.run.ID)
		if stopping, err := j.stopping(ctx); stopping {
			cancel(errStopped)
		} else if err != nil && ctx.Err() == nil {
			j.log.Warn("run not read", "run", j.run.ID, "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-wake: // something was committed to the run: perhaps that it is to stop
			continue
		case <-ticker.C:
		}
		if _, err := j.runs.RenewLease(ctx, j.lease, leaseTTL); lathe.CodeOf(err) == lathe.CodeConflict {
			cancel(errLost)
		} else if err != nil && ctx.Err() == nil {
			j.log.Warn("lease not renewed", "run", j.run.ID, "error", err)
		}
	}
}

func (j *heldRun) stopping(ctx context.Context) (bool, error) {
	run, err := j.runs.FindRun(ctx, j.run.Project, j.run.ID)
	return run.Stopping, err
}

// event stores one line of the child's report.
func (j *heldRun) event(ctx context.Context, kind string, data json.RawMessage) error {
	_, err := j.runs.AppendEvents(ctx, j.lease, []lathe.Event{{Kind: kind, Data: data}})
	return err
}

// checkpoint makes the child's state durable, and only then names it.
func (j *heldRun) checkpoint(ctx context.Context, header json.RawMessage, r io.Reader) error {
	var at struct {
		Step int64 `json:"step"`
	}
	if err := json.Unmarshal(header, &at); err != nil {
		return fmt.Errorf("app: checkpoint: %w", err)
	}
	blob, err := j.blobs.Put(ctx, j.run.Project, r)
	if err != nil {
		return err
	}
	if err := j.runs.SaveCheckpoint(ctx, j.lease, at.Step, blob); err != nil {
		return err
	}
	j.run.Step = at.Step
	return nil
}

// product stores the package; its row comes with the run's end.
func (j *heldRun) product(ctx context.Context, header json.RawMessage, r io.Reader) error {
	if err := json.Unmarshal(header, &j.result); err != nil {
		return fmt.Errorf("app: result: %w", err)
	}
	j.result.Run = j.run.ID
	if j.verify != nil {
		return nil
	}
	version, err := storePackage(ctx, j.blobs, j.run.Project, j.result.Model, j.run.ID, r)
	if err != nil {
		return err
	}
	j.version = &version
	return nil
}

// ending decides how the run ends and gives what stores that.
func (j *heldRun) ending(err error) func(ctx context.Context) error {
	var crash *child.CrashError
	switch {
	case err == nil && j.verify != nil && j.result.Digest != "":
		return j.compare
	case err == nil && j.version == nil:
		return j.failure(errors.New("app: the child ended without a result"))
	case err == nil:
		return j.succeed
	case errors.Is(err, errLost):
		return func(context.Context) error { return nil }
	case errors.Is(err, errStopped):
		return j.finish(lathe.Outcome{State: lathe.RunStopped})
	case errors.Is(err, context.Canceled):
		return j.release // the service stops; the next start goes on from the checkpoint
	case errors.As(err, &crash) && crash.OutOfMemory:
		return j.failure(outOfMemory(crash))
	case errors.As(err, &crash) && j.crashed(j.run):
		j.log.Warn("child crashed, the run goes on from its checkpoint", "run", j.run.ID, "attempt", j.run.Attempt, "error", err)
		return j.releaseCrashed
	default:
		return j.failure(err)
	}
}

func (j *heldRun) release(ctx context.Context) error { return j.runs.ReleaseRun(ctx, j.lease) }

func (j *heldRun) releaseCrashed(ctx context.Context) error {
	if err := j.event(ctx, "warning", note("the training process ended unexpectedly; going on from the last checkpoint")); err != nil {
		return err
	}
	return j.release(ctx)
}

func (j *heldRun) finish(outcome lathe.Outcome) func(ctx context.Context) error {
	return func(ctx context.Context) error {
		_, _, err := j.runs.FinishRun(ctx, j.lease, outcome)
		return err
	}
}

func (j *heldRun) failure(err error) func(ctx context.Context) error {
	if lathe.CodeOf(err) == lathe.CodeInternal {
		j.log.Error("run failed", "run", j.run.ID, "error", err)
	}
	return j.finish(lathe.Outcome{State: lathe.RunFailed, Error: problem(err)})
}

// succeed stores result and model version in one transaction.
func (j *heldRun) succeed(ctx context.Context) error {
	return j.finish(lathe.Outcome{
		State: lathe.RunSucceeded, Model: j.version,
		Result: func(version int) (json.RawMessage, error) {
			j.result.Version = version
			return json.Marshal(&j.result)
		},
	})(ctx)
}

// problem makes an error fit to be stored and shown.
func problem(err error) *lathe.Problem {
	var e *lathe.Error
	if errors.As(err, &e) {
		return &lathe.Problem{Code: e.Code, Field: e.Field, Message: e.Message, Hint: e.Hint}
	}
	return &lathe.Problem{Code: lathe.CodeInternal, Message: err.Error(), Hint: "lathe runs resume tries again from the last checkpoint"}
}

func note(text string) json.RawMessage {
	data, err := json.Marshal(map[string]string{"message": text})
	if err != nil {
		panic(err) // a string always marshals
	}
	return data
}
