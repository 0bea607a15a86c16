package app

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"lathe"
	"lathe/internal/client"
	"lathe/internal/disk"
	"lathe/samples"
)

// TestFullDisk fills the disk at many moments of each deed: it fails with its own code and a way out, everything can
// still be read, and with space it works.
func TestFullDisk(t *testing.T) {
	for _, d := range deeds {
		t.Run(d.name, func(t *testing.T) {
			before, after := d.states(t)
			for n := 1; d.fill(t, n, before, after); n += 5 * thin {
			}
		})
	}
}

// fill does the deed on a disk that is full from its n-th operation on; false tells that it needed fewer.
func (d deed) fill(t *testing.T, n int, before, after string) bool {
	t.Helper()
	home, _ := sampleHome(t)
	in := &disk.Injector{}
	s := startIn(t, home, func(o *Options) { o.faults = in })
	in.Arm(disk.Full, n)
	err := d.do(s)
	if !in.Fired() {
		must(t, err)
		return false
	}
	checkFull(t, fmt.Sprintf("%s: full at operation %d", d.name, n), err)
	if view := s.view(); view != before {
		t.Fatalf("%s: full at operation %d: %s\nwant %s", d.name, n, view, before)
	}
	in.Free()
	must(t, d.do(s))
	if view := s.view(); view != after {
		t.Fatalf("%s: with space again: %s\nwant %s", d.name, view, after)
	}
	checkHealth(t, s)
	s.stop()
	return true
}

func checkFull(t *testing.T, what string, err error) {
	t.Helper()
	var known *lathe.Error
	if !errors.As(err, &known) || known.Code != lathe.CodeStorageFull || known.Hint == "" {
		t.Fatalf("%s: %v", what, err)
	}
}

// TestFullDiskStatus sees a full disk as a program does that speaks HTTP.
func TestFullDiskStatus(t *testing.T) {
	home, _ := sampleHome(t)
	in := &disk.Injector{}
	s := startIn(t, home, func(o *Options) { overTCP(o); o.faults = in })
	in.Arm(disk.Full, 1)
	for path, body := range map[string]string{
		"/api/v1/keys": `{"name":"k","scopes":[{"verb":"read"}]}`,
		"/api/v1/runs": `{"kind":"train","train":{"dataset":"penguins","target":"species"}}`,
	} {
		if answer, data := s.ask(http.MethodPost, path, s.owner(), body, nil); answer.StatusCode != http.StatusInsufficientStorage {
			t.Errorf("%s: %d %s", path, answer.StatusCode, data)
		}
	}
	if answer, data := s.ask(http.MethodPost, "/predict", s.owner(), penguin, nil); answer.StatusCode != http.StatusOK {
		t.Errorf("a prediction: %d %s", answer.StatusCode, data)
	}
	in.Free()
	if answer, data := s.ask(http.MethodPost, "/api/v1/keys", s.owner(), `{"name":"k","scopes":[{"verb":"read"}]}`, nil); answer.StatusCode != http.StatusCreated {
		t.Errorf("with space again: %d %s", answer.StatusCode, data)
	}
	s.stop()
}

// TestFullDiskAtStart starts on a full disk: it is refused with a way out, and starts once there is space.
func TestFullDiskAtStart(t *testing.T) {
	home, _ := sampleHome(t)
	first := startIn(t, home, nil)
	want := first.view()
	first.stop()
	for n := 1; n < 200; n += 3 {
		in := &disk.Injector{Kind: disk.Full, At: n}
		s, err := tryIn(t, home, func(o *Options) { o.faults = in })
		if err != nil {
			checkFull(t, fmt.Sprintf("start: full at operation %d", n), err)
			continue
		}
		if !in.Fired() {
			t.Logf("a start takes fewer than %d operations", n)
			s.stop()
			break
		}
		in.Free()
		s.stop()
	}
	again := startIn(t, home, nil)
	if view := again.view(); view != want {
		t.Errorf("%s\nwant %s", view, want)
	}
	checkHealth(t, again)
	again.stop()
}

// TestFullDiskInTraining fills the disk under a training run: the run fails with the reason, and resumes with space.
func TestFullDiskInTraining(t *testing.T) {
	home, _ := sampleHome(t)
	in := &disk.Injector{}
	s := startIn(t, home, func(o *Options) { o.faults = in })
	spec := lathe.TrainSpec{
		Dataset: "penguins", Target: samples.Target, Recipe: "mlp", Name: "filled", Epochs: 100,
		Set: map[string]string{"checkpoint_ms": "1"},
	}
	calm := s.train(spec)
	id := s.startRun(spec).ID
	s.until(id, func(run lathe.Run) bool { return run.State == lathe.RunRunning })
	in.Arm(disk.Full, 1)
	s.log.await(t, "a run's state was not stored and is tried again")
	in.Free()
	run := s.until(id, func(run lathe.Run) bool { return run.State == lathe.RunFailed })
	if run.Error.Code != lathe.CodeStorageFull || run.Error.Hint == "" {
		t.Errorf("%+v", run.Error)
	}
	s.do(http.MethodPost, client.Path("runs", id, "resume"), nil, nil)
	run = s.until(id, func(run lathe.Run) bool { return run.State == lathe.RunSucceeded })
	if !strings.Contains(string(run.Result), calm.Digest) {
		t.Errorf("other weights than undisturbed: %s", run.Result)
	}
	s.stop()
}
