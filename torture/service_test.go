package torture

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"lathe"
	"lathe/internal/client"
	"lathe/samples"
)

// patience is how long a test waits for what should come at once, before it takes the service for hanging.
const patience = 3 * time.Minute

// newHome gives a path for a home, short enough for a socket.
func newHome(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "lt-")
	must(t, err)
	t.Cleanup(func() { must(t, os.RemoveAll(dir)) })
	return filepath.Join(dir, "h")
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// service is a running `lathe up` and a client of it.
type service struct {
	*client.Client
	t     *testing.T
	home  string
	addr  string
	ready time.Duration // from its start to the first good answer of /readyz
	cmd   *exec.Cmd
	log   *lines
	wait  func() error // once
}

// up starts a service in a home and waits until it is ready.
func up(t *testing.T, home string) *service {
	t.Helper()
	s := &service{t: t, home: home}
	t.Cleanup(func() { s.kill() })
	s.again()
	return s
}

// again starts the service once more, after it ended.
func (s *service) again() {
	s.t.Helper()
	if err := s.start(); err != nil {
		s.t.Fatalf("up: %v", err)
	}
}

// start starts the service; the error holds what it said when it would not.
func (s *service) start() error {
	s.t.Helper()
	s.cmd, s.log = command(s.home, "up", "--addr", "127.0.0.1:0"), newLines()
	s.cmd.Stderr = s.log
	began := time.Now()
	must(s.t, s.cmd.Start())
	cmd, log := s.cmd, s.log
	s.wait = sync.OnceValue(func() error { defer log.close(); return cmd.Wait() })
	exited := make(chan error, 1)
	go func() { exited <- s.wait() }()
	const greeting = "lathe serves on http://"
	line, ok := log.find(greeting)
	if !ok {
		return errors.Join(<-exited, errors.New(log.text()))
	}
	s.addr = strings.TrimSpace(line[strings.Index(line, greeting)+len(greeting):])
	s.connect()
	s.awaitReady()
	s.ready = time.Since(began)
	return nil
}

// connect makes the client with the owner's key.
func (s *service) connect() {
	s.t.Helper()
	var err error
	s.Client, err = client.URL("http://"+s.addr, s.key(), "")
	must(s.t, err)
}

func (s *service) key() string {
	s.t.Helper()
	key, err := os.ReadFile(filepath.Join(s.home, "owner.key"))
	must(s.t, err)
	return strings.TrimSpace(string(key))
}

func (s *service) awaitReady() {
	s.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		answer, err := http.Get("http://" + s.addr + "/readyz")
		if err == nil {
			must(s.t, answer.Body.Close())
			if answer.StatusCode == http.StatusOK {
				return
			}
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("not ready: %v; its log: %s", err, s.log.text())
		}
	}
}

// kill ends the service as a power cut would, and waits until it is gone.
func (s *service) kill() {
	if err := s.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		s.t.Errorf("kill: %v", err)
	}
	_ = s.wait() // that it was killed is no news
}

// terminate asks the service to end and gives its exit code.
func (s *service) terminate() int {
	s.t.Helper()
	must(s.t, s.cmd.Process.Signal(syscall.SIGTERM))
	var exit *exec.ExitError
	if err := s.wait(); err != nil && !errors.As(err, &exit) {
		s.t.Fatal(err)
	}
	return s.cmd.ProcessState.ExitCode()
}

// command prepares the binary with nothing of our own environment that it would heed.
func command(home string, args ...string) *exec.Cmd {
	cmd := exec.Command(binary, append([]string{"--home", home}, args...)...)
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "LATHE_") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	return cmd
}

// invoke runs a command to its end.
func invoke(t *testing.T, home string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	cmd := command(home, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// do is Client.Do for what must work.
func (s *service) do(method, path string, in, out any) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.Do(ctx, method, path, in, out); err != nil {
		s.t.Fatalf("%s %s: %v; the log: %s", method, path, err, s.log.text())
	}
}

// upload adds a dataset that must be good.
func (s *service) upload(name string, csv []byte) lathe.DatasetVersion {
	s.t.Helper()
	var v lathe.DatasetVersion
	must(s.t, s.Send(context.Background(), http.MethodPost, client.Path("datasets", name), "text/csv", bytes.NewReader(csv), &v))
	return v
}

// train queues a run over the sample.
func (s *service) train(name string, epochs int, set map[string]string) lathe.Run {
	s.t.Helper()
	var run lathe.Run
	spec := lathe.TrainSpec{Dataset: "penguins", Target: samples.Target, Recipe: "mlp", Name: name, Epochs: epochs, Seed: 7, Set: set}
	s.do(http.MethodPost, client.Path("runs"), map[string]any{"kind": "train", "train": spec}, &run)
	return run
}

func (s *service) run(id string) (run lathe.Run) {
	s.t.Helper()
	s.do(http.MethodGet, client.Path("runs", id), nil, &run)
	return run
}

// finish waits for a run's end and gives its result.
func (s *service) finish(id string) (lathe.Run, lathe.TrainResult) {
	s.t.Helper()
	run := s.until(id, func(run lathe.Run) bool { return run.State.Final() })
	if run.State != lathe.RunSucceeded {
		s.t.Fatalf("run %s: %s: %+v; the log: %s", id, run.State, run.Error, s.log.text())
	}
	var result lathe.TrainResult
	must(s.t, json.Unmarshal(run.Result, &result))
	return run, result
}

// until looks at a run until it is as wanted, or rests.
func (s *service) until(id string, wanted func(lathe.Run) bool) lathe.Run {
	s.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(2 * time.Millisecond) {
		run := s.run(id)
		if wanted(run) || run.State.Final() {
			return run
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("run %s hangs: %+v; the log: %s", id, run, s.log.text())
		}
	}
}

// healthy asks the doctor.
func (s *service) healthy() {
	s.t.Helper()
	var answer struct {
		Checks []struct {
			Name, Detail string
			OK           bool
		}
	}
	s.do(http.MethodGet, client.Path("doctor"), nil, &answer)
	for _, c := range answer.Checks {
		if !c.OK {
			s.t.Fatalf("doctor: %s: %s", c.Name, c.Detail)
		}
	}
	if len(answer.Checks) < 4 {
		s.t.Fatalf("doctor looked at %d things", len(answer.Checks))
	}
}

// lines collects what a process prints, and lets one wait for a line.
type lines struct {
	mu     sync.Mutex
	more   *sync.Cond
	data   bytes.Buffer
	closed bool
}

func newLines() *lines {
	l := &lines{}
	l.more = sync.NewCond(&l.mu)
	return l
}

// Write implements io.Writer.
func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.more.Broadcast()
	return l.data.Write(p)
}

func (l *lines) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	l.more.Broadcast()
}

// find waits for a whole line that holds text, or for the end.
func (l *lines) find(text string) (string, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		in := bufio.NewReader(bytes.NewReader(l.data.Bytes()))
		for {
			line, err := in.ReadString('\n')
			if err == nil && strings.Contains(line, text) {
				return line, true
			}
			if errors.Is(err, io.EOF) {
				break
			}
		}
		if l.closed {
			return "", false
		}
		l.more.Wait()
	}
}

func (l *lines) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.data.String()
}

func (l *lines) holds(text string) bool { return strings.Contains(l.text(), text) }
