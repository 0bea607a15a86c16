package store_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"lathe"
)

func (e *env) create(t testing.TB) lathe.Run {
	t.Helper()
	return value[lathe.Run](t)(e.CreateRun(ctx, e.p, lathe.Run{Kind: "train", Spec: json.RawMessage(`{"target":"y"}`)}))
}

func (e *env) claim(t testing.TB, id string) lathe.Lease {
	t.Helper()
	_, lease, err := e.ClaimRun(ctx, e.p, id, "worker", time.Minute)
	must(t, err)
	return lease
}

// log makes n events.
func log(n int) []lathe.Event {
	return slices.Repeat([]lathe.Event{{Kind: "log", Data: json.RawMessage(`{"message":"it's"}`)}}, n)
}

// kinds lists a run's events, state events with their state, and checks that their seqs have no gap.
func (e *env) kinds(t testing.TB, id string) []string {
	t.Helper()
	var out []string
	for i, event := range value[[]lathe.Event](t)(e.FindEvents(ctx, a, id, 0, 1000)) {
		if event.Seq != int64(i+1) || event.Run != id {
			t.Errorf("event %d has seq %d of run %s", i, event.Seq, event.Run)
		}
		var data struct{ State string }
		must(t, json.Unmarshal(event.Data, &data))
		out = append(out, event.Kind+data.State)
	}
	return out
}

func TestRunLife(t *testing.T) {
	each(t, func(t *testing.T, e *env) {
		created := e.create(t)
		want := lathe.Run{
			Project: a, ID: created.ID, Kind: "train", State: lathe.RunQueued, Spec: json.RawMessage(`{"target":"y"}`),
			Seq: 1, CreatedAt: e.clock.Now(),
		}
		if !reflect.DeepEqual(created, want) || len(created.ID) != 26 {
			t.Errorf("created\n%+v, want\n%+v", created, want)
		}
		if found := value[lathe.Run](t)(e.FindRun(ctx, a, created.ID)); !reflect.DeepEqual(found, want) {
			t.Errorf("found\n%+v, want\n%+v", found, want)
		}
		e.clock.add(time.Second)
		run, lease, err := e.ClaimRun(ctx, a, created.ID, "worker", time.Minute)
		must(t, err)
		if run.State != lathe.RunRunning || run.Attempt != 1 || !run.StartedAt.Equal(e.clock.Now()) || lease.Token != 1 || lease.Holder != "worker" {
			t.Errorf("claimed %+v under %+v", run, lease)
		}
		if seq := value[int64](t)(e.AppendEvents(ctx, lease, log(3))); seq != 5 {
			t.Errorf("seq %d after 3 events, want 5", seq)
		}
		must(t, e.SaveCheckpoint(ctx, lease, 40, blobOf("state")))
		e.finishWithModel(t, lease)
		kinds := e.kinds(t, created.ID)
		if want := []string{"statequeued", "staterunning", "log", "log", "log", "statesucceeded"}; !reflect.DeepEqual(kinds, want) {
			t.Errorf("events %v, want %v", kinds, want)
		}
		if rest := value[[]lathe.Event](t)(e.FindEvents(ctx, a, created.ID, 2, 2)); len(rest) != 2 || rest[0].Seq != 3 || rest[0].Time.IsZero() {
			t.Errorf("events after 2: %+v", rest)
		}
		if len(e.queue.jobs) != 1 || e.queue.wakes != 1 {
			t.Errorf("jobs %v, %d wakes", e.queue.jobs, e.queue.wakes)
		}
	})
}

func (e *env) finishWithModel(t *testing.T, lease lathe.Lease) {
	t.Helper()
	run, version, err := e.FinishRun(ctx, lease, lathe.Outcome{
		State: lathe.RunSucceeded, Model: &lathe.ModelVersion{Model: "churn", Package: blobOf("package"), Manifest: json.RawMessage(`{"a":1}`)},
		Result: func(version int) (json.RawMessage, error) { return fmt.Appendf(nil, `{"version":%d}`, version), nil },
	})
	must(t, err)
	if run.State != lathe.RunSucceeded || string(run.Result) != `{"version":1}` || run.Step != 40 || *run.Checkpoint != blobOf("state") || run.FinishedAt == nil {
		t.Errorf("finished %+v", run)
	}
	stored := value[lathe.ModelVersion](t)(e.FindModelVersion(ctx, a, "churn", ""))
	if !reflect.DeepEqual(*version, stored) || stored.Number != 1 || stored.Run != run.ID {
		t.Errorf("stored %+v, returned %+v", stored, version)
	}
}

// TestFinishIsAtomic: neither the model nor the state is stored when any part of the end fails.
func TestFinishIsAtomic(t *testing.T) {
	each(t, func(t *testing.T, e *env) {
		lease := e.claim(t, e.create(t).ID)
		good := lathe.ModelVersion{Model: "churn", Package: blobOf("package")}
		cases := map[string]lathe.Outcome{
			"result fails": {State: lathe.RunSucceeded, Model: &good, Result: func(int) (json.RawMessage, error) { return nil, errors.New("no") }},
			"bad result":   {State: lathe.RunSucceeded, Model: &good, Result: func(int) (json.RawMessage, error) { return json.RawMessage("{"), nil }},
			"bad model":    {State: lathe.RunSucceeded, Model: &lathe.ModelVersion{Model: "churn"}},
			"no end":       {State: lathe.RunQueued, Model: &good},
			"no error":     {State: lathe.RunFailed, Model: &good},
		}
		for name, outcome := range cases {
			if _, _, err := e.FinishRun(ctx, lease, outcome); err == nil {
				t.Errorf("%s: finished", name)
			}
		}
		_, err := e.FindModel(ctx, a, "churn")
		wantCode(t, lathe.CodeNotFound, err)
		if run := value[lathe.Run](t)(e.FindRun(ctx, a, lease.Run)); run.State != lathe.RunRunning || run.Seq != 2 {
			t.Errorf("the run is %+v", run)
		}
		problem := &lathe.Problem{Code: lathe.CodeInvalid, Field: "target", Message: "loss is NaN at step 7", Hint: "lower the rate"}
		run, _, err := e.FinishRun(ctx, lease, lathe.Outcome{State: lathe.RunFailed, Error: problem})
		must(t, err)
		if !reflect.DeepEqual(run.Error, problem) {
			t.Errorf("error %+v", run.Error)
		}
	})
}

// TestFencing: nothing is written under a lease that was lost, whichever way.
func TestFencing(t *testing.T) {
	lose := map[string]func(*testing.T, *env, lathe.Lease){
		"claimed by another": func(t *testing.T, e *env, l lathe.Lease) {
			e.clock.add(time.Minute)
			_, _, err := e.ClaimRun(ctx, a, l.Run, "other", time.Minute)
			must(t, err)
		},
		"released": func(t *testing.T, e *env, l lathe.Lease) { must(t, e.ReleaseRun(ctx, l)) },
		"lost":     func(t *testing.T, e *env, _ lathe.Lease) { must1(t)(e.RequeueLost(ctx, "other")) },
		"expired": func(t *testing.T, e *env, _ lathe.Lease) {
			e.clock.add(time.Minute)
			must1(t)(e.RequeueExpired(ctx))
		},
		"finished": func(t *testing.T, e *env, l lathe.Lease) {
			_, _, err := e.FinishRun(ctx, l, lathe.Outcome{State: lathe.RunStopped})
			must(t, err)
		},
	}
	each(t, func(t *testing.T, e *env) {
		for name, lose := range lose {
			lease := e.claim(t, e.create(t).ID)
			lose(t, e, lease)
			before := value[lathe.Run](t)(e.FindRun(ctx, a, lease.Run))
			for what, err := range e.useLease(lease) {
				if lathe.CodeOf(err) != lathe.CodeConflict {
					t.Errorf("%s, then %s: %v", name, what, err)
				}
			}
			if after := value[lathe.Run](t)(e.FindRun(ctx, a, lease.Run)); !reflect.DeepEqual(after, before) {
				t.Errorf("%s: a stale lease changed\n%+v to\n%+v", name, before, after)
			}
		}
	})
}

// useLease tries everything that takes a lease.
func (e *env) useLease(lease lathe.Lease) map[string]error {
	_, renew := e.RenewLease(ctx, lease, time.Minute)
	_, events := e.AppendEvents(ctx, lease, log(1))
	_, none := e.AppendEvents(ctx, lease, nil)
	_, _, finish := e.FinishRun(ctx, lease, lathe.Outcome{State: lathe.RunSucceeded})
	return map[string]error{
		"renew": renew, "append": events, "append nothing": none, "finish": finish,
		"checkpoint": e.SaveCheckpoint(ctx, lease, 1, blobOf("x")), "release": e.ReleaseRun(ctx, lease),
	}
}

func TestLeaseTimes(t *testing.T) {
	each(t, func(t *testing.T, e *env) {
		lease := e.claim(t, e.create(t).ID)
		claim := func() error {
			_, _, err := e.ClaimRun(ctx, a, lease.Run, "other", time.Minute)
			return err
		}
		e.clock.add(time.Minute - time.Microsecond)
		wantCode(t, lathe.CodeConflict, claim())
		must1(t)(e.RenewLease(ctx, lease, time.Minute))
		e.clock.add(time.Minute - time.Microsecond)
		wantCode(t, lathe.CodeConflict, claim())
		if lost := value[[]lathe.Run](t)(e.RequeueExpired(ctx)); len(lost) != 0 {
			t.Errorf("%d runs expired before their time", len(lost))
		}
		e.clock.add(time.Microsecond)
		must1(t)(e.RenewLease(ctx, lease, time.Minute)) // late, but nobody came
		wantCode(t, lathe.CodeConflict, claim())
		e.clock.add(time.Minute)
		must(t, claim())
		run := value[lathe.Run](t)(e.FindRun(ctx, a, lease.Run))
		if run.Attempt != 2 || run.StartedAt.Equal(e.clock.Now()) {
			t.Errorf("taken over %+v", run)
		}
	})
}

func TestStopAndResume(t *testing.T) {
	each(t, func(t *testing.T, e *env) {
		queued := e.create(t)
		if run := value[lathe.Run](t)(e.StopRun(ctx, a, queued.ID)); run.State != lathe.RunStopped || run.FinishedAt == nil {
			t.Errorf("a queued run is %+v", run)
		}
		_, _, err := e.ClaimRun(ctx, a, queued.ID, "worker", time.Minute)
		wantCode(t, lathe.CodeConflict, err)
		if run := value[lathe.Run](t)(e.ResumeRun(ctx, a, queued.ID)); run.State != lathe.RunQueued || run.FinishedAt != nil {
			t.Errorf("resumed %+v", run)
		}
		lease := e.claim(t, queued.ID)
		must(t, e.SaveCheckpoint(ctx, lease, 7, blobOf("state")))
		if value[bool](t)(e.RenewLease(ctx, lease, time.Minute)) {
			t.Error("stopping before it was asked to")
		}
		for range 2 { // the second changes nothing
			run := value[lathe.Run](t)(e.StopRun(ctx, a, queued.ID))
			if run.State != lathe.RunRunning || !run.Stopping || run.Seq != 5 {
				t.Errorf("stopping %+v", run)
			}
		}
		if !value[bool](t)(e.RenewLease(ctx, lease, time.Minute)) {
			t.Error("the holder is not told")
		}
		must(t, e.ReleaseRun(ctx, lease)) // asked to stop: it does not go back into the queue
		run := value[lathe.Run](t)(e.FindRun(ctx, a, queued.ID))
		if run.State != lathe.RunStopped || run.Stopping || run.Step != 7 || *run.Checkpoint != blobOf("state") {
			t.Errorf("stopped %+v", run)
		}
		must1(t)(e.ResumeRun(ctx, a, queued.ID))
		_, err = e.ResumeRun(ctx, a, queued.ID)
		wantCode(t, lathe.CodeConflict, err)
		e.finishWith(t, queued.ID, lathe.RunSucceeded)
		_, err = e.ResumeRun(ctx, a, queued.ID)
		wantCode(t, lathe.CodeConflict, err)
		_, err = e.StopRun(ctx, a, queued.ID)
		wantCode(t, lathe.CodeConflict, err)
	})
}

func (e *env) finishWith(t *testing.T, id string, state lathe.RunState) {
	t.Helper()
	_, _, err := e.FinishRun(ctx, e.claim(t, id), lathe.Outcome{State: state})
	must(t, err)
}

// TestRequeueLost: the queue is made anew, lost runs first.
func TestRequeueLost(t *testing.T) {
	each(t, func(t *testing.T, e *env) {
		waits, lost, stops, mine, done := e.create(t).ID, e.create(t).ID, e.create(t).ID, e.create(t).ID, e.create(t).ID
		lease := e.claim(t, lost)
		e.claim(t, stops)
		must1(t)(e.StopRun(ctx, a, stops))
		_, _, err := e.ClaimRun(ctx, a, mine, "me", time.Minute)
		must(t, err)
		e.finishWith(t, done, lathe.RunSucceeded)
		e.queue.jobs = append(e.queue.jobs, "stale")
		runs := value[[]lathe.Run](t)(e.RequeueLost(ctx, "me"))
		if len(runs) != 1 || runs[0].ID != lost || runs[0].State != lathe.RunQueued {
			t.Errorf("queued again %+v", runs)
		}
		if want := []string{"alpha/" + lost, "alpha/" + waits}; !reflect.DeepEqual(e.queue.jobs, want) {
			t.Errorf("jobs %v, want %v", e.queue.jobs, want)
		}
		for id, want := range map[string]lathe.RunState{stops: lathe.RunStopped, mine: lathe.RunRunning, done: lathe.RunSucceeded} {
			if run := value[lathe.Run](t)(e.FindRun(ctx, a, id)); run.State != want {
				t.Errorf("run is %s, want %s", run.State, want)
			}
		}
		if next := e.claim(t, lost); next.Token != lease.Token+1 {
			t.Errorf("token %d after %d", next.Token, lease.Token)
		}
	})
}

// TestQueueFails: a run whose job cannot be inserted is not stored.
func TestQueueFails(t *testing.T) {
	each(t, func(t *testing.T, e *env) {
		lease := e.claim(t, e.create(t).ID)
		e.queue.fault = errors.New("no room")
		if _, err := e.CreateRun(ctx, a, lathe.Run{Kind: "train"}); err == nil {
			t.Error("created without a job")
		}
		if err := e.ReleaseRun(ctx, lease); err == nil {
			t.Error("released without a job")
		}
		if _, err := e.RequeueLost(ctx, "other"); err == nil {
			t.Error("queued again without a job")
		}
		runs, _, err := e.FindRuns(ctx, a, lathe.Page{})
		must(t, err)
		if len(runs) != 1 || runs[0].State != lathe.RunRunning || runs[0].Seq != 2 {
			t.Errorf("left %+v", runs)
		}
	})
}

func TestEventRefusals(t *testing.T) {
	each(t, func(t *testing.T, e *env) {
		lease := e.claim(t, e.create(t).ID)
		cases := map[string]struct {
			events []lathe.Event
			code   lathe.Code
		}{
			"state":     {[]lathe.Event{{Kind: "state", Data: json.RawMessage(`{"state":"succeeded"}`)}}, lathe.CodeInvalid},
			"unknown":   {[]lathe.Event{{Kind: "gossip", Data: json.RawMessage(`1`)}}, lathe.CodeInvalid},
			"not JSON":  {[]lathe.Event{{Kind: "log", Data: json.RawMessage(`{`)}}, lathe.CodeInvalid},
			"no data":   {[]lathe.Event{{Kind: "log"}}, lathe.CodeInvalid},
			"too many":  {log(1001), lathe.CodeTooLarge},
			"too large": {[]lathe.Event{{Kind: "log", Data: json.RawMessage(`"` + string(make([]byte, 1<<20)) + `"`)}}, lathe.CodeTooLarge},
		}
		for name, c := range cases {
			if _, err := e.AppendEvents(ctx, lease, append(log(1), c.events...)); lathe.CodeOf(err) != c.code {
				t.Errorf("%s: %v, want %s", name, err, c.code)
			}
		}
		if kinds := e.kinds(t, lease.Run); len(kinds) != 2 {
			t.Errorf("refused events left %v", kinds)
		}
		_, err := e.FindEvents(ctx, a, lease.Run, 0, 1001)
		wantCode(t, lathe.CodeInvalid, err)
	})
}

// TestManyClaims: of many who claim a run at once, one gets it; of many who append, all do, without a gap.
func TestManyClaims(t *testing.T) {
	each(t, func(t *testing.T, e *env) {
		id := e.create(t).ID
		leases := make(chan lathe.Lease, 32)
		together(32, func(i int) {
			_, lease, err := e.ClaimRun(ctx, a, id, fmt.Sprint(i), time.Minute)
			if err == nil {
				leases <- lease
			} else if lathe.CodeOf(err) != lathe.CodeConflict {
				t.Error(err)
			}
		})
		if len(leases) != 1 {
			t.Fatalf("%d claims won", len(leases))
		}
		lease := <-leases
		together(8, func(int) {
			for range 5 {
				if _, err := e.AppendEvents(ctx, lease, log(3)); err != nil {
					t.Error(err)
				}
			}
		})
		if kinds := e.kinds(t, id); len(kinds) != 2+8*5*3 {
			t.Errorf("%d events", len(kinds))
		}
	})
}

// together runs f n times at once.
func together(n int, f func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { f(i) })
	}
	wg.Wait()
}

func TestNotify(t *testing.T) {
	each(t, func(t *testing.T, e *env) {
		var heard []string
		e.renew(func(p lathe.Project, run string) { heard = append(heard, string(p)+"/"+run) })
		id := e.create(t).ID
		lease := e.claim(t, id)
		must1(t)(e.AppendEvents(ctx, lease, log(2)))
		_, err := e.AppendEvents(ctx, lease, []lathe.Event{{Kind: "state"}})
		wantCode(t, lathe.CodeInvalid, err)
		must1(t)(e.StopRun(ctx, a, id))
		_, _, err = e.FinishRun(ctx, lease, lathe.Outcome{State: lathe.RunStopped})
		must(t, err)
		if want := slices.Repeat([]string{"alpha/" + id}, 5); !reflect.DeepEqual(heard, want) {
			t.Errorf("heard %v, want %v", heard, want)
		}
	})
}
