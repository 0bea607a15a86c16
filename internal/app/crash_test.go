package app

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"lathe"
	"lathe/internal/client"
	"lathe/samples"
)

// TestCrashingRun has a run whose process dies each time before it gets anywhere: it is given up with a reason, may be
// resumed by hand, and others are served meanwhile.
func TestCrashingRun(t *testing.T) {
	home, _ := sampleHome(t)
	s := startIn(t, home, nil)
	id := s.startRun(lathe.TrainSpec{Dataset: "penguins", Target: samples.Target, Name: "crashing"}).ID
	for try := 1; try <= 2; try++ {
		run := s.until(id, func(run lathe.Run) bool { return run.State == lathe.RunFailed })
		if run.Attempt != try*maxCrashes || run.Error.Code != lathe.CodeInternal || run.Error.Hint == "" {
			t.Errorf("%d attempts, %+v", run.Attempt, run.Error)
		}
		s.predict("penguins")
		if try == 1 {
			s.do(http.MethodPost, client.Path("runs", id, "resume"), nil, nil)
		}
	}
	s.stop()
}

// TestClockMoves moves the clock by a day either way under a training run: nothing is done twice, and the weights are
// those of an undisturbed run.
func TestClockMoves(t *testing.T) {
	home, _ := sampleHome(t)
	clock := newClock()
	s := startIn(t, home, func(o *Options) { o.Clock = clock.now })
	spec := lathe.TrainSpec{
		Dataset: "penguins", Target: samples.Target, Recipe: "mlp", Name: "moved", Epochs: 200,
		Set: map[string]string{"checkpoint_ms": "1", "hidden": "128-128"},
	}
	calm := s.train(spec)
	run := s.startRun(spec)
	s.until(run.ID, func(run lathe.Run) bool { return run.Step > 0 })
	clock.advance(24 * time.Hour)
	if _, err := s.store.RequeueExpired(t.Context()); err != nil { // as the service does now and then
		t.Fatal(err)
	}
	clock.advance(-48 * time.Hour)
	run = s.until(run.ID, func(run lathe.Run) bool { return run.State == lathe.RunSucceeded })
	var result lathe.TrainResult
	must(t, json.Unmarshal(run.Result, &result))
	if result.Digest != calm.Digest || result.Version != calm.Version+1 {
		t.Errorf("version %d, weights %s; undisturbed version %d, %s", result.Version, result.Digest, calm.Version, calm.Digest)
	}
	t.Logf("%d attempts", run.Attempt)
	s.predict("penguins")
	s.stop()
}
