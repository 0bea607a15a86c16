package store_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"lathe"
	"lathe/internal/disk"
	"lathe/internal/store"
	"lathe/internal/store/sqlite"
)

// ingestAndDeploy is three writes that each are all or nothing. It gives the errors of the three.
func ingestAndDeploy(e *env, lease lathe.Lease) [3]error {
	_, commit := e.CommitDataset(ctx, a, draft("fresh", 0, "one", "two"))
	_, _, finish := e.FinishRun(ctx, lease, lathe.Outcome{
		State: lathe.RunSucceeded, Model: &lathe.ModelVersion{Model: "fresh", Package: blobOf("fresh")},
	})
	_, put := e.PutEndpoint(ctx, a, lathe.Endpoint{Name: "one", Routes: []lathe.Route{
		{Model: "churn", Version: 1, Share: 50}, {Model: "churn", Version: 2, Share: 50},
	}})
	return [3]error{commit, finish, put}
}

// prepare makes a home with a running run and an endpoint, and closes it.
func prepare(t *testing.T, path string) lathe.Lease {
	t.Helper()
	db, pools, err := openFaulty(path, nil)
	must(t, err)
	e := newEnv(t, pools)
	e.createVersion(t, "churn")
	e.createVersion(t, "churn")
	e.deploy(t, "one", lathe.Route{Model: "churn", Version: 1, Share: 100})
	lease := e.claim(t, e.create(t).ID)
	must(t, db.Close())
	return lease
}

// reopened is a store over a home that was prepared.
func reopened(path string, faults *disk.Injector) (*env, *sqlite.DB, error) {
	db, pools, err := openFaulty(path, faults)
	if err != nil {
		return nil, nil, err
	}
	e := &env{p: a, db: pools, clock: &clock{now: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)}, queue: &queue{}}
	e.renew(nil)
	return e, db, nil
}

// TestFaults fails many operations on the files in every way. After each the home shows each write whole or not at all,
// and whole where it was acknowledged.
func TestFaults(t *testing.T) {
	count := &disk.Injector{}
	path := filepath.Join(t.TempDir(), "lathe.db")
	lease := prepare(t, path)
	e, db, err := reopened(path, count)
	must(t, err)
	opened := count.Ops()
	for _, err := range ingestAndDeploy(e, lease) {
		must(t, err)
	}
	must(t, db.Close())
	for _, kind := range disk.Kinds {
		t.Run(kind.String(), func(t *testing.T) {
			t.Parallel()
			for at := opened + 1; at <= count.Ops(); at += max(1, (count.Ops()-opened)/8) {
				tryFault(t, &disk.Injector{Kind: kind, At: at})
			}
		})
	}
}

func tryFault(t *testing.T, faults *disk.Injector) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "lathe.db")
	lease := prepare(t, path)
	e, db, err := reopened(path, faults)
	must(t, err)
	acks := ingestAndDeploy(e, lease)
	for _, err := range acks {
		if code := lathe.CodeOf(err); faults.Kind == disk.Full && err != nil && code != lathe.CodeStorageFull {
			t.Errorf("at %d a full disk is %q: %v", faults.At, code, err)
		}
	}
	if err := db.Close(); err != nil && faults.Kind != disk.Crash && !faults.Fired() {
		t.Errorf("at %d: close: %v", faults.At, err)
	}
	e, db, err = reopened(path, nil)
	must(t, err)
	defer func() { must(t, db.Close()) }()
	for i, whole := range wholes(t, e, lease) {
		if acks[i] == nil && !whole {
			t.Errorf("%v at %d: write %d was acknowledged and is gone", faults.Kind, faults.At, i)
		}
	}
}

// wholes tells which of the three writes are there; a part of one is an error.
func wholes(t *testing.T, e *env, lease lathe.Lease) (out [3]bool) {
	t.Helper()
	if version, err := e.FindDatasetVersion(ctx, a, "fresh", 0); err == nil {
		segments, _, err := e.FindSegments(ctx, a, "fresh", 0)
		must(t, err)
		if len(segments) != 2 || version.Rows != 20 || string(version.Profile) != `{"rows":10}` {
			t.Errorf("half a dataset: %+v with %d segments", version, len(segments))
		}
		out[0] = true
	}
	run := value[lathe.Run](t)(e.FindRun(ctx, a, lease.Run))
	_, err := e.FindModelVersion(ctx, a, "fresh", "1")
	events := e.kinds(t, run.ID)
	out[1] = run.State == lathe.RunSucceeded
	if out[1] != (err == nil) || int64(len(events)) != run.Seq || events[len(events)-1] != "state"+string(run.State) {
		t.Errorf("half an end: %s, model %v, events %v", run.State, err, events)
	}
	endpoint := value[lathe.Endpoint](t)(e.FindEndpoint(ctx, a, "one"))
	out[2] = endpoint.Revision == 2
	if len(endpoint.Routes) != endpoint.Revision {
		t.Errorf("half a deployment: %+v", endpoint)
	}
	return out
}

// TestDiskFull: writes are refused, reads go on, and writes too once there is room.
func TestDiskFull(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lathe.db")
	lease := prepare(t, path)
	count := &disk.Injector{}
	_, db, err := reopened(path, count)
	must(t, err)
	must(t, db.Close())
	faults := &disk.Injector{Kind: disk.Full, At: count.Ops() + 1}
	e, db, err := reopened(path, faults)
	must(t, err)
	defer func() { must(t, db.Close()) }()
	_, full := e.AppendEvents(ctx, lease, log(1))
	var known *lathe.Error
	if !errors.As(full, &known) || known.Code != lathe.CodeStorageFull || known.Hint == "" {
		t.Errorf("a full disk gave %v", full)
	}
	must1(t)(e.FindEndpoint(ctx, a, "one"))
	faults.Free()
	must1(t)(e.AppendEvents(ctx, lease, log(1)))
}

// TestErrorsHaveCodes: what the database says reaches the caller as a code.
func TestErrorsHaveCodes(t *testing.T) {
	each(t, func(t *testing.T, e *env) {
		cancelled, cancel := context.WithCancel(ctx)
		cancel()
		_, err := e.FindRun(cancelled, a, "x")
		wantCode(t, lathe.CodeCancelled, err)
		_, err = e.CreateRun(cancelled, a, lathe.Run{Kind: "train"})
		wantCode(t, lathe.CodeCancelled, err)
		_, err = e.db.Write.ExecContext(ctx, `DROP TABLE run_event`)
		must(t, err)
		_, err = e.CreateRun(ctx, a, lathe.Run{Kind: "train"})
		wantCode(t, lathe.CodeInternal, err)
	})
	for code, want := range store.SQLiteCodes {
		if got := lathe.CodeOf(store.Fail(code)); got != want {
			t.Errorf("%v is %q, want %q", code, got, want)
		}
	}
}
