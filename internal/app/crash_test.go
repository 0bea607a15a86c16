package app

import (
	"net/http"
	"testing"

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
