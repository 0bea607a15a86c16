package torture

import (
	"context"
	"encoding/json"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"lathe"
	"lathe/internal/client"
	"lathe/samples"
)

// slow makes steps that take a while, and a checkpoint as slow as training makes one.
var slow = map[string]string{"checkpoint_ms": "1", "hidden": "256-256", "batch": "8"}

// TestKilledTraining kills the training child, the service, and both in mid-training: the run goes on from its
// checkpoint and ends with the weights of an undisturbed one.
func TestKilledTraining(t *testing.T) {
	s := up(t, newHome(t))
	s.upload("penguins", samples.Penguins)
	epochs := 100
	_, calm := s.finish(s.train("calm", epochs, slow).ID)
	for name, victims := range map[string][]string{
		"child": {"child", "child"}, "service": {"service", "service"}, "both": {"both", "both"},
	} {
		t.Run(name, func(t *testing.T) {
			for !killTraining(t, s, victims, epochs, calm) {
				epochs *= 2 // it was through before it could be killed
				_, calm = s.finish(s.train("calm", epochs, slow).ID)
			}
		})
	}
	s.healthy()
}

// killTraining trains, kills each victim after a new checkpoint, and compares; false tells that the run was too quick
// for that.
func killTraining(t *testing.T, s *service, victims []string, epochs int, calm lathe.TrainResult) bool {
	t.Helper()
	id := s.train("disturbed", epochs, slow).ID
	var marks []mark
	for _, victim := range victims {
		at := s.until(id, func(run lathe.Run) bool { return run.State == lathe.RunRunning && run.Step > last(marks).step })
		if at.State.Final() {
			return false
		}
		for _, c := range s.children("train") {
			if victim != "service" {
				kill9(t, c)
			}
		}
		if victim != "child" {
			s.kill()
			s.again()
		}
		marks = append(marks, mark{at.Step, at.Seq})
	}
	run, result := s.finish(id)
	if run.Attempt <= len(victims) {
		return false
	}
	if run.Attempt > len(victims)+1 {
		t.Errorf("%d attempts after %d kills", run.Attempt, len(victims))
	}
	if result.Digest != calm.Digest || result.Steps != calm.Steps {
		t.Errorf("weights %s after %d steps, undisturbed %s after %d", result.Digest, result.Steps, calm.Digest, calm.Steps)
	}
	checkResumed(t, s.events(id), marks)
	t.Logf("killed with checkpoints at %v of %d steps, weights %.12s as undisturbed", marks, result.Steps, result.Digest)
	return true
}

// mark is what was known of a run just before a kill: its checkpoint's step, and its newest event.
type mark struct{ step, seq int64 }

// String gives the step.
func (m mark) String() string { return strconv.FormatInt(m.step, 10) }

func last(marks []mark) mark {
	if len(marks) == 0 {
		return mark{}
	}
	return marks[len(marks)-1]
}

// checkResumed looks at the first report after each kill's new start: it is of a step after the checkpoint, not of the
// first epoch again.
func checkResumed(t *testing.T, events []lathe.Event, marks []mark) {
	t.Helper()
	for _, m := range marks {
		begun := false
		for _, e := range events {
			if e.Seq <= m.seq {
				continue
			}
			var state struct{ State lathe.RunState }
			if e.Kind == "state" {
				must(t, json.Unmarshal(e.Data, &state))
				begun = begun || state.State == lathe.RunRunning
			}
			var report struct{ Step int64 }
			if !begun || e.Kind != "metric" && e.Kind != "progress" {
				continue
			}
			must(t, json.Unmarshal(e.Data, &report))
			if report.Step <= m.step {
				t.Errorf("killed with a checkpoint at step %d, it went on at step %d", m.step, report.Step)
			}
			break
		}
	}
}

// events reads all events of a run.
func (s *service) events(id string) []lathe.Event {
	s.t.Helper()
	var all []lathe.Event
	must(s.t, s.Watch(context.Background(), id, 0, func(e lathe.Event) error {
		if want := int64(len(all) + 1); e.Seq != want {
			s.t.Errorf("event %d has seq %d", want, e.Seq)
		}
		all = append(all, e)
		return nil
	}))
	return all
}

// TestStopInTraining asks the service to end in mid-training: it ends well, without waiting for the run, and the next
// one goes on.
func TestStopInTraining(t *testing.T) {
	s := up(t, newHome(t))
	s.upload("penguins", samples.Penguins)
	for epochs := 60; !stopOnce(t, s, epochs); epochs *= 2 { // until a run is not through before the service is stopped
	}
}

func stopOnce(t *testing.T, s *service, epochs int) bool {
	t.Helper()
	_, calm := s.finish(s.train("calm", epochs, slow).ID)
	id := s.train("stopped", epochs, slow).ID
	before := s.until(id, func(run lathe.Run) bool { return run.Step > 0 })
	if code := s.terminate(); code != 0 || s.log.holds("level=WARN") || s.log.holds("level=ERROR") {
		t.Fatalf("exit code %d; the log: %s", code, s.log.text())
	}
	s.again()
	run, result := s.finish(id)
	if run.Attempt == 1 {
		return false
	}
	if result.Digest != calm.Digest {
		t.Errorf("weights %s, undisturbed %s", result.Digest, calm.Digest)
	}
	checkResumed(t, s.events(id), []mark{{before.Step, before.Seq}})
	return true
}

// TestKilledCommand kills a command that trains in a service of its own; the next command that watches the run goes on
// with it.
func TestKilledCommand(t *testing.T) {
	home := newHome(t)
	s := up(t, home)
	s.upload("penguins", samples.Penguins)
	for epochs := 100; ; epochs *= 2 {
		_, calm := s.finish(s.train("calm", epochs, slow).ID)
		id, step := killCommand(t, s, epochs)
		out := works(t, home, "runs", "watch", id, "--json", "-q")
		var result lathe.TrainResult
		must(t, json.Unmarshal([]byte(out), &result))
		if result.Digest != calm.Digest {
			t.Errorf("weights %s, undisturbed %s", result.Digest, calm.Digest)
		}
		s.again()
		if run := s.run(id); run.Attempt > 1 {
			t.Logf("killed at step %d of %d, %d attempts", step, result.Steps, run.Attempt)
			break
		}
	}
}

// killCommand starts a training command where no service runs and kills it after a checkpoint. The command's own service
// is looked at over the home's socket.
func killCommand(t *testing.T, s *service, epochs int) (id string, step int64) {
	t.Helper()
	s.terminate()
	args := []string{"train", "penguins", "--target", samples.Target, "--recipe", "mlp", "--name", "command", "--seed", "7", "--epochs", strconv.Itoa(epochs)}
	for name, value := range slow {
		args = append(args, "--set", name+"="+value)
	}
	cmd := command(s.home, args...)
	must(t, cmd.Start())
	own := client.Unix(filepath.Join(s.home, "run", "lathe.sock"), s.key(), "")
	defer own.Close()
	for deadline := time.Now().Add(patience); step == 0; time.Sleep(time.Millisecond) {
		var list struct{ Items []lathe.Run }
		if err := own.Do(context.Background(), http.MethodGet, client.Path("runs"), nil, &list); err == nil && len(list.Items) > 0 {
			id, step = list.Items[0].ID, list.Items[0].Step // the newest
		}
		if spec := string(first(list.Items).Spec); !strings.Contains(spec, `"command"`) {
			id, step = "", 0
		}
		if time.Now().After(deadline) {
			t.Fatal("the command's run makes no checkpoint")
		}
	}
	must(t, cmd.Process.Kill())
	if err := cmd.Wait(); err == nil {
		t.Error("a command that was killed ended well")
	}
	return id, step
}

func first(runs []lathe.Run) lathe.Run {
	if len(runs) == 0 {
		return lathe.Run{}
	}
	return runs[0]
}
