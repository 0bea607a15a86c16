package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"lathe"
	"lathe/internal/app/native"
	"lathe/internal/child"
	"lathe/internal/client"
	"lathe/samples"
)

// TestMain makes the test binary what the service's children run. A run of the model "crashing" ends its process.
func TestMain(m *testing.M) {
	works := native.Works()
	train := works[native.KindTrain]
	works[native.KindTrain] = func(ctx context.Context, c *child.Conn) error {
		var job native.TrainJob
		if err := c.Spec(&job); err != nil {
			return err
		}
		if job.Spec.Name == "crashing" {
			os.Exit(3)
		}
		return train(ctx, c)
	}
	child.Main(works)
	code := m.Run()
	if sampleDir != "" {
		if err := os.RemoveAll(sampleDir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// patience is how long a test waits for what should come at once, before it takes the service for hanging.
const patience = 2 * time.Minute

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// service is a running App and a client with the owner's key.
type service struct {
	*client.Client
	*App
	t    testing.TB
	home string
	log  *journal
	wire *http.Transport // of requests as they stand
}

// startIn starts a service in a home; the test closes it where it does not do so itself.
func startIn(t testing.TB, home string, edit func(*Options)) *service {
	t.Helper()
	s, err := tryIn(t, home, edit)
	must(t, err)
	return s
}

func tryIn(t testing.TB, home string, edit func(*Options)) (*service, error) {
	t.Helper()
	s := &service{t: t, home: home, log: &journal{}, wire: &http.Transport{}}
	o := Options{Home: home, Log: slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelWarn}))}
	if edit != nil {
		edit(&o)
	}
	a, err := Start(t.Context(), o)
	if err != nil {
		return nil, err
	}
	s.App = a
	t.Cleanup(func() { _ = a.Close() }) // a test that cares closes it and looks
	s.Client = client.Unix(Socket(home), s.owner(), "")
	return s, nil
}

func (s *service) owner() string {
	s.t.Helper()
	key, err := os.ReadFile(filepath.Join(s.home, ownerFile))
	must(s.t, err)
	return strings.TrimSpace(string(key))
}

// stop closes the service, which must go well.
func (s *service) stop() {
	s.t.Helper()
	s.Client.Close()
	s.wire.CloseIdleConnections()
	must(s.t, s.App.Close())
}

// journal is what the service logged, warnings and worse.
type journal struct {
	mu   sync.Mutex
	text strings.Builder
}

// Write implements io.Writer.
func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

// await waits until the service has logged a text.
func (j *journal) await(t testing.TB, text string) {
	t.Helper()
	for deadline := time.Now().Add(patience); !strings.Contains(j.String(), text); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%q was not logged in %s", text, j)
		}
	}
}

// String gives all of it.
func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// overTCP has the service listen where browsers and tests reach it.
func overTCP(o *Options) { o.Addr = "127.0.0.1:0" }

// do is Client.Do for what must work.
func (s *service) do(method, path string, in, out any) {
	s.t.Helper()
	if err := s.Do(s.t.Context(), method, path, in, out); err != nil {
		s.t.Fatalf("%s %s: %v", method, path, err)
	}
}

// upload adds a CSV file as a version of a dataset.
func (s *service) upload(name, csv string, options ...string) (v lathe.DatasetVersion, err error) {
	path := client.Query(client.Path("datasets", name), options...)
	return v, s.Send(s.t.Context(), http.MethodPost, path, "text/csv", strings.NewReader(csv), &v)
}

// startRun queues a training run.
func (s *service) startRun(spec lathe.TrainSpec) (run lathe.Run) {
	s.t.Helper()
	s.do(http.MethodPost, client.Path("runs"), map[string]any{"kind": "train", "train": spec}, &run)
	return run
}

// train trains to the end.
func (s *service) train(spec lathe.TrainSpec) lathe.TrainResult {
	s.t.Helper()
	run := s.until(s.startRun(spec).ID, func(run lathe.Run) bool { return run.State.Final() })
	if run.State != lathe.RunSucceeded {
		s.t.Fatalf("run: %s, %+v", run.State, run.Error)
	}
	var result lathe.TrainResult
	must(s.t, json.Unmarshal(run.Result, &result))
	return result
}

// until looks at a run until it is as wanted.
func (s *service) until(id string, wanted func(lathe.Run) bool) (run lathe.Run) {
	s.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(2 * time.Millisecond) {
		s.do(http.MethodGet, client.Path("runs", id), nil, &run)
		if wanted(run) {
			return run
		}
		if run.State.Final() || time.Now().After(deadline) {
			s.t.Fatalf("run %s: %s, step %d, %+v", id, run.State, run.Step, run.Error)
		}
	}
}

// ask sends one request as it stands and reads the answer.
func (s *service) ask(method, path, key, body string, edit func(*http.Request)) (*http.Response, []byte) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, "http://"+s.Addr()+path, strings.NewReader(body))
	must(s.t, err)
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if edit != nil {
		edit(r)
	}
	answer, err := s.wire.RoundTrip(r)
	must(s.t, err)
	data, err := io.ReadAll(answer.Body)
	must(s.t, err)
	must(s.t, answer.Body.Close())
	return answer, data
}

// newKey makes a key.
func (s *service) newKey(body map[string]any) (key lathe.Key, secret string) {
	s.t.Helper()
	var made struct {
		Key    lathe.Key
		Secret string
	}
	s.do(http.MethodPost, client.Path("keys"), body, &made)
	return made.Key, made.Secret
}

// penguin is a row of the sample as a request.
const penguin = `[{"island":"Biscoe","bill_length_mm":49.1,"bill_depth_mm":14.7,"flipper_length_mm":221,"body_mass_g":5100,"sex":"male","year":2009}]`

// newDir gives a folder with a path short enough for a home's socket.
func newDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "la-")
	must(t, err)
	t.Cleanup(func() { must(t, os.RemoveAll(dir)) })
	return dir
}

func newHome(t testing.TB) string { return filepath.Join(newDir(t), "h") }

// copyHome copies a home, its sockets and pipes left out.
func copyHome(t testing.TB, from string) string {
	t.Helper()
	to := newHome(t)
	must(t, filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		switch {
		case d.IsDir():
			return os.MkdirAll(filepath.Join(to, rel), 0o700)
		case !d.Type().IsRegular():
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), data, 0o600)
	}))
	return to
}

var (
	sampleDir  string
	sampleOnce sync.Once
)

// sampleHome gives a copy of a home that holds one of everything: datasets (one with erased rows), models, endpoints, a
// run that was stopped in mid-training, keys (one revoked), a secret. Beside it lies its backup.
func sampleHome(t testing.TB) (home, backup string) {
	t.Helper()
	sampleOnce.Do(func() {
		dir, err := os.MkdirTemp("", "la-")
		must(t, err)
		sampleDir = dir
		makeSample(t, filepath.Join(dir, "h"), filepath.Join(dir, "backup"))
	})
	return copyHome(t, filepath.Join(sampleDir, "h")), filepath.Join(sampleDir, "backup")
}

const stoppedModel = "stopped"

func makeSample(t testing.TB, home, backup string) {
	t.Helper()
	s := startIn(t, home, nil)
	defer s.stop()
	_, err := s.upload("penguins", string(samples.Penguins))
	must(t, err)
	_, err = s.upload("people", "name,age\nAda,36\nBob,41\nCleo,52\n", "header", "yes")
	must(t, err)
	spec := lathe.TrainSpec{Dataset: "penguins", Target: samples.Target, Recipe: "mlp", Epochs: 3}
	s.train(spec)
	spec.Seed = 1
	s.train(spec)
	spec.Name = "other"
	s.train(spec)
	for endpoint, ref := range map[string]string{"penguins": "1", "other": ""} {
		s.do(http.MethodPut, client.Path("endpoints", endpoint), map[string]any{"model": endpoint, "ref": ref}, nil)
	}
	s.stopRun(lathe.TrainSpec{
		Dataset: "penguins", Target: samples.Target, Recipe: "mlp", Name: stoppedModel, Epochs: 100_000,
		Set: map[string]string{"checkpoint_ms": "1"},
	})
	must(t, s.Send(t.Context(), http.MethodPut, client.Path("secrets", "cloud"), "application/octet-stream", strings.NewReader("sk-1"), nil))
	s.newKey(map[string]any{"name": "reader", "scopes": []lathe.Scope{{Verb: lathe.VerbRead}}})
	s.do(http.MethodPost, client.Path("datasets", "people", "erasures"), lathe.EraseSpec{Column: "name", Equals: "Bob"}, nil)
	s.backup(backup)
}

// stopRun starts a run that would take long and stops it after its first checkpoint.
func (s *service) stopRun(spec lathe.TrainSpec) {
	s.t.Helper()
	id := s.startRun(spec).ID
	s.until(id, func(run lathe.Run) bool { return run.Step > 0 })
	s.do(http.MethodPost, client.Path("runs", id, "stop"), nil, nil)
	s.until(id, func(run lathe.Run) bool { return run.State == lathe.RunStopped })
}

// backup takes one through the service.
func (s *service) backup(path string) {
	s.t.Helper()
	answer, err := s.Open(s.t.Context(), http.MethodPost, client.Path("backups"), "", nil)
	must(s.t, err)
	data, err := io.ReadAll(answer.Body)
	must(s.t, err)
	must(s.t, answer.Body.Close())
	must(s.t, os.WriteFile(path, data, 0o600))
}

// restore puts a backup into a home that nobody serves.
func restore(t testing.TB, home, backup string) {
	t.Helper()
	f, err := os.Open(backup)
	must(t, err)
	must(t, Restore(t.Context(), Options{Home: home}, f))
	must(t, f.Close())
}

// listening tells whether something accepts connections.
func listening(addr string) bool {
	conn, err := net.Dial("tcp", addr)
	return err == nil && conn.Close() == nil
}

// digest tells two contents apart.
func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:8])
}
