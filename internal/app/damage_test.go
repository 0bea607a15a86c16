package app

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lathe"
	"lathe/internal/client"
)

// wound damages a file.
type wound struct {
	name string
	to   func(t testing.TB, path string)
}

// flip flips one bit at a share of the file's length, in thousandths.
func flip(at int64) wound {
	return wound{"flipped", func(t testing.TB, path string) {
		t.Helper()
		data, err := os.ReadFile(path)
		must(t, err)
		data[min(int64(len(data))*at/1000, int64(len(data))-1)] ^= 0x04
		must(t, os.WriteFile(path, data, 0o600))
	}}
}

// cutTo leaves a share of the file, in thousandths.
func cutTo(share int64) wound {
	return wound{"cut off", func(t testing.TB, path string) {
		t.Helper()
		info, err := os.Stat(path)
		must(t, err)
		must(t, os.Truncate(path, info.Size()*share/1000))
	}}
}

var lost = wound{"lost", func(t testing.TB, path string) {
	t.Helper()
	must(t, os.Remove(path))
}}

// wounds are tried on each kind of object.
var wounds = []wound{flip(0), flip(100), flip(500), flip(1000), cutTo(0), cutTo(500), cutTo(999), lost}

// checkNamed wants damage to be said with its code, the thing that is damaged, and a way out.
func checkNamed(t *testing.T, what string, err error, named ...string) {
	t.Helper()
	var known *lathe.Error
	if !errors.As(err, &known) || known.Code != lathe.CodeCorrupt || known.Hint == "" {
		t.Fatalf("%s: %v", what, err)
	}
	for _, name := range named {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %q is not named in: %v", what, name, err)
		}
	}
}

// sick wants the doctor to find just one thing wrong, and to name it.
func (s *service) sick(name, detail string) {
	s.t.Helper()
	found := false
	for _, c := range s.Doctor(s.t.Context()) {
		if c.OK {
			continue
		}
		found = true
		if c.Name != name || !strings.Contains(c.Detail, detail) || c.Hint == "" {
			s.t.Errorf("doctor: %+v, want %s: %s", c, name, detail)
		}
	}
	if !found {
		s.t.Errorf("the doctor found nothing, want %s: %s", name, detail)
	}
}

// objectOf gives the file of an object.
func objectOf(home string, b lathe.Blob) string {
	name := b.Name.String()
	return filepath.Join(home, dataDir, blobsDir, "projects", "default", name[:2], name)
}

// objectCase is one kind of object: which one, and what fails when it is damaged.
type objectCase struct {
	name string
	find func(s *service) lathe.Blob
	fail func(s *service) error
	says string // beside the code and the hint
}

var objectCases = []objectCase{
	{
		name: "segment",
		find: func(s *service) lathe.Blob {
			segments, _, err := s.store.FindSegments(s.t.Context(), lathe.DefaultProject, "people", 0)
			must(s.t, err)
			return segments[0].Blob
		},
		fail: func(s *service) error {
			return s.Do(s.t.Context(), http.MethodGet, client.Path("datasets", "people", "rows"), nil, nil)
		},
	},
	{
		name: "package",
		find: func(s *service) lathe.Blob {
			version, err := s.store.FindModelVersion(s.t.Context(), lathe.DefaultProject, "other", "1")
			must(s.t, err)
			return version.Package
		},
		fail: func(s *service) error {
			answer, err := s.Open(s.t.Context(), http.MethodPost, "/predict/other", "application/json", strings.NewReader(penguin))
			if err == nil {
				err = answer.Body.Close()
			}
			return err
		},
		says: `model "other" version 1`,
	},
	{
		name: "checkpoint",
		find: func(s *service) lathe.Blob { return *s.stoppedRun().Checkpoint },
		fail: func(s *service) error {
			id := s.stoppedRun().ID
			s.do(http.MethodPost, client.Path("runs", id, "resume"), nil, nil)
			run := s.until(id, func(run lathe.Run) bool { return run.State == lathe.RunFailed })
			return &lathe.Error{Code: run.Error.Code, Message: run.Error.Message, Hint: run.Error.Hint}
		},
	},
}

// stoppedRun finds the sample's run that was stopped in mid-training.
func (s *service) stoppedRun() lathe.Run {
	s.t.Helper()
	runs, err := client.All[lathe.Run](s.t.Context(), s.Client, client.Path("runs"))
	must(s.t, err)
	for _, run := range runs {
		if run.Checkpoint != nil && (run.State == lathe.RunStopped || run.State == lathe.RunFailed) {
			return run
		}
	}
	s.t.Fatal("no run was stopped")
	return lathe.Run{}
}

// TestDamagedObjects damages each kind of object in many ways: it is refused and named, the rest is served, the doctor
// names it, and a restore brings it back.
func TestDamagedObjects(t *testing.T) {
	for _, c := range objectCases {
		t.Run(c.name, func(t *testing.T) {
			sound, backup := sampleHome(t)
			s := startIn(t, sound, nil)
			object := c.find(s)
			s.stop()
			home := ""
			for i := 0; i < len(wounds); i += thin {
				w := wounds[i]
				home = copyHome(t, sound)
				w.to(t, objectOf(home, object))
				s = startIn(t, home, nil)
				s.sick("blobs", object.Name.String()[:12])
				checkNamed(t, w.name, c.fail(s), object.Name.String(), c.says)
				s.rest(c.name)
				s.stop()
			}
			restore(t, home, backup)
			s = startIn(t, home, nil)
			s.train(lathe.TrainSpec{Dataset: "penguins", Target: "species", Recipe: "mlp", Name: "after", Epochs: 1})
			checkHealth(t, s)
			s.view()
			s.stop()
		})
	}
}

// rest uses what is not damaged.
func (s *service) rest(damaged string) {
	s.t.Helper()
	s.predict("penguins")
	s.do(http.MethodGet, client.Path("datasets", "penguins", "rows"), nil, nil)
	if damaged != "segment" {
		s.do(http.MethodGet, client.Path("datasets", "people", "rows"), nil, nil)
	}
	if damaged != "package" {
		s.predict("other")
	}
}
