package store_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"lathe"
)

// oracleRun is what a run should be: the rules of lathe.RunStore over plain fields.
type oracleRun struct {
	project  lathe.Project
	id       string
	state    lathe.RunState
	stopping bool
	token    int64
	seq      int64
	step     int64
	until    time.Time
	leases   []lathe.Lease // ever given
}

func (r *oracleRun) enter(state lathe.RunState) {
	r.state, r.seq = state, r.seq+1
	if state.Final() {
		r.stopping = false
	}
}

func (r *oracleRun) requeue() {
	if r.stopping {
		r.enter(lathe.RunStopped)
		return
	}
	r.enter(lathe.RunQueued)
}

// holds tells whether a lease is still good.
func (r *oracleRun) holds(l lathe.Lease) bool {
	return r.state == lathe.RunRunning && l.Token == r.token
}

// runMachine does random things to some runs, and to the oracle the same.
type runMachine struct {
	t    *testing.T
	e    *env
	rand *rand.Rand
	runs []*oracleRun
	step int
}

// TestRandomRuns compares random sequences of operations with the oracle, after every step.
func TestRandomRuns(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			each(t, func(t *testing.T, e *env) {
				m := &runMachine{t: t, e: e, rand: rand.New(rand.NewPCG(seed, 1))}
				for m.step = range 120 {
					m.turn()
				}
			})
		})
	}
}

func (m *runMachine) turn() {
	if len(m.runs) == 0 || m.rand.IntN(12) == 0 {
		m.create()
		return
	}
	m.e.clock.add(time.Duration(m.rand.IntN(30)) * time.Second)
	r := m.runs[m.rand.IntN(len(m.runs))]
	switch m.rand.IntN(11) {
	case 0, 1, 2:
		m.claim(r)
	case 3:
		m.stop(r)
	case 4:
		m.resume(r)
	case 5:
		m.sweep()
	default:
		if len(r.leases) > 0 {
			m.use(r, r.leases[max(0, len(r.leases)-1-m.rand.IntN(2))])
		}
	}
	m.compare(r)
}

func (m *runMachine) create() {
	project := []lathe.Project{a, b}[m.rand.IntN(2)]
	run, err := m.e.CreateRun(ctx, project, lathe.Run{Kind: "train"})
	must(m.t, err)
	m.runs = append(m.runs, &oracleRun{project: project, id: run.ID, state: lathe.RunQueued, seq: 1})
}

// want compares an outcome with what the rules say.
func (m *runMachine) want(what string, ok bool, err error) bool {
	m.t.Helper()
	code := lathe.CodeConflict
	if ok {
		code = ""
	}
	if lathe.CodeOf(err) != code {
		m.t.Fatalf("step %d: %s gave %v, want code %q", m.step, what, err, code)
	}
	return ok
}

func (m *runMachine) claim(r *oracleRun) {
	now := m.e.clock.Now()
	free := r.state == lathe.RunQueued || r.state == lathe.RunRunning && !r.until.After(now)
	_, lease, err := m.e.ClaimRun(ctx, r.project, r.id, fmt.Sprint("holder", m.step), time.Minute)
	if m.want("claim", free, err) {
		r.enter(lathe.RunRunning)
		r.token++
		r.until = now.Add(time.Minute)
		r.leases = append(r.leases, lease)
	}
}

func (m *runMachine) stop(r *oracleRun) {
	_, err := m.e.StopRun(ctx, r.project, r.id)
	m.want("stop", r.state != lathe.RunSucceeded && r.state != lathe.RunFailed, err)
	switch {
	case r.state == lathe.RunQueued:
		r.enter(lathe.RunStopped)
	case r.state == lathe.RunRunning && !r.stopping:
		r.stopping = true
		r.enter(lathe.RunRunning)
	}
}

func (m *runMachine) resume(r *oracleRun) {
	_, err := m.e.ResumeRun(ctx, r.project, r.id)
	if m.want("resume", r.state == lathe.RunStopped || r.state == lathe.RunFailed, err) {
		r.enter(lathe.RunQueued)
	}
}

// sweep requeues what is lost, or what is expired.
func (m *runMachine) sweep() {
	holder := fmt.Sprint("holder", m.rand.IntN(m.step+1))
	all := m.rand.IntN(2) == 0
	var err error
	if all {
		_, err = m.e.RequeueLost(ctx, holder)
	} else {
		_, err = m.e.RequeueExpired(ctx)
	}
	must(m.t, err)
	for _, r := range m.runs {
		mine := len(r.leases) > 0 && r.leases[len(r.leases)-1].Holder == holder
		if r.state == lathe.RunRunning && (all && !mine || !all && !r.until.After(m.e.clock.Now())) {
			r.requeue()
		}
	}
}

// use does something that needs a lease.
func (m *runMachine) use(r *oracleRun, lease lathe.Lease) {
	ok := r.holds(lease)
	switch m.rand.IntN(5) {
	case 0:
		stopping, err := m.e.RenewLease(ctx, lease, time.Minute)
		if m.want("renew", ok, err) {
			r.until = m.e.clock.Now().Add(time.Minute)
			m.want("told to stop", true, map[bool]error{false: fmt.Errorf("%v", stopping)}[stopping == r.stopping])
		}
	case 1:
		n := m.rand.IntN(4)
		_, err := m.e.AppendEvents(ctx, lease, log(n))
		if m.want("append", ok, err) {
			r.seq += int64(n)
		}
	case 2:
		if m.want("checkpoint", ok, m.e.SaveCheckpoint(ctx, lease, int64(m.step), blobOf("s"))) {
			r.step = int64(m.step)
		}
	case 3:
		if m.want("release", ok, m.e.ReleaseRun(ctx, lease)) {
			r.requeue()
		}
	case 4:
		state := []lathe.RunState{lathe.RunSucceeded, lathe.RunFailed, lathe.RunStopped}[m.rand.IntN(3)]
		_, _, err := m.e.FinishRun(ctx, lease, lathe.Outcome{State: state, Error: &lathe.Problem{Code: "x"}})
		if m.want("finish", ok, err) {
			r.enter(state)
		}
	}
}

// compare reads the run and its events.
func (m *runMachine) compare(r *oracleRun) {
	m.t.Helper()
	run, err := m.e.FindRun(ctx, r.project, r.id)
	must(m.t, err)
	if run.State != r.state || run.Stopping != r.stopping || run.Seq != r.seq || run.Step != r.step || int64(run.Attempt) != r.token {
		m.t.Fatalf("step %d: run %+v, want %+v", m.step, run, *r)
	}
	if (run.FinishedAt != nil) != r.state.Final() {
		m.t.Fatalf("step %d: %s run finished at %v", m.step, r.state, run.FinishedAt)
	}
	events, err := m.e.FindEvents(ctx, r.project, r.id, max(0, r.seq-3), 10)
	must(m.t, err)
	if len(events) != int(min(3, r.seq)) || events[len(events)-1].Seq != r.seq {
		m.t.Fatalf("step %d: %d events up to %d, want seq %d", m.step, len(events), events[len(events)-1].Seq, r.seq)
	}
	if last := events[len(events)-1]; r.state.Final() {
		var data struct{ State lathe.RunState }
		must(m.t, json.Unmarshal(last.Data, &data))
		if last.Kind != "state" || data.State != r.state {
			m.t.Fatalf("step %d: the last event of a %s run is %s %s", m.step, r.state, last.Kind, last.Data)
		}
	}
}
