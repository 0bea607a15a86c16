package main

import (
	"context"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// server names what this test binary does instead of testing: serve on an address, or end at once.
const server = "BENCH_TEST_SERVER"

func TestMain(m *testing.M) {
	switch addr := os.Getenv(server); addr {
	case "":
		os.Exit(m.Run())
	case "end":
		_, _ = os.Stderr.WriteString("no such model\n") // the test reads it or fails
		os.Exit(3)
	default:
		os.Exit(serveReady(addr))
	}
}

// serveReady answers 503 to its first request and 200 to the others, until SIGTERM.
func serveReady(addr string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return 1
	}
	first := true
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if first {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		first = false
	})}
	go func() {
		<-ctx.Done()
		_ = s.Close() // the process ends
	}()
	_ = s.Serve(l) // ends by Close
	return 0
}

// testWorld has a work folder in a temporary root.
func testWorld(t *testing.T) *world {
	t.Helper()
	w := &world{root: t.TempDir(), out: t.Output(), err: t.Output()}
	if err := os.MkdirAll(w.work(""), 0o755); err != nil {
		t.Fatal(err)
	}
	return w
}

func TestService(t *testing.T) {
	w := testWorld(t)
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	t.Setenv(server, addr)
	s, err := w.serve(t.Context(), "http://"+addr+"/readyz", time.Minute, os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	if s.ready <= 0 {
		t.Errorf("ready after %v", s.ready)
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	if s.cmd.ProcessState == nil || !s.cmd.ProcessState.Success() {
		t.Errorf("ended with %v", s.cmd.ProcessState)
	}
	logs, err := os.ReadDir(w.work(""))
	if err != nil || len(logs) != 0 {
		t.Errorf("left %v, %v", logs, err)
	}
}

// TestServiceEnds reports what a server printed that never became ready.
func TestServiceEnds(t *testing.T) {
	w := testWorld(t)
	t.Setenv(server, "end")
	_, err := w.serve(t.Context(), "http://127.0.0.1:1/readyz", time.Minute, os.Args[0])
	if err == nil || !strings.Contains(err.Error(), "no such model") || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("error %v", err)
	}
}

func TestLastJSON(t *testing.T) {
	w := testWorld(t)
	t.Setenv("LATHE_URL", "http://elsewhere")
	for name, script := range map[string]string{
		"alone":      `echo '{"a": 7}'`,
		"after text": `echo 'Running 8s test'; echo '{"a":1}'; echo '{"a":7}'`,
		"indented":   `printf '{\n  "b": {\n    "c": 1\n  },\n  "a": 7\n}\n'`,
		"variables":  `echo "{\"a\": 7$LATHE_URL}"`,
		"given":      `echo "{\"a\": $GIVEN}"`,
	} {
		t.Run(name, func(t *testing.T) {
			var v struct{ A int }
			seconds, err := w.lastJSON(t.Context(), &v, []string{"GIVEN=7"}, "sh", "-c", script)
			if err != nil || v.A != 7 || seconds <= 0 {
				t.Errorf("%+v after %v s, %v", v, seconds, err)
			}
		})
	}
}

func TestLastJSONFails(t *testing.T) {
	w := testWorld(t)
	for script, want := range map[string]string{`echo why >&2; exit 4`: "exit status 4: why", `echo none`: `answer "none"`} {
		var v struct{}
		if _, err := w.lastJSON(t.Context(), &v, nil, "sh", "-c", script); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v", script, err)
		}
	}
}

// TestVenv makes an environment once, and installs again only when the requirements change.
func TestVenv(t *testing.T) {
	w := testWorld(t)
	calls := w.work("calls")
	maker, requirements := w.work("python3"), w.work("requirements.txt")
	script := "#!/bin/sh\necho \"$@\" >> '" + calls + "'\nif [ \"$2\" = venv ]; then mkdir -p \"$4/bin\"; touch \"$4/bin/python\"; fi\n"
	write(t, maker, script, 0o755)
	t.Setenv("PYTHON", maker)
	t.Setenv("LATHE_CACHE", w.work("cache"))
	for i, step := range []struct {
		text  string
		calls int
	}{{"flask==1", 2}, {"flask==1", 2}, {"flask==2", 3}} {
		write(t, requirements, step.text, 0o644)
		python, err := w.venv(t.Context(), "peers", requirements)
		if err != nil || !strings.HasSuffix(python, "cache/peers/bin/python") {
			t.Fatalf("step %d: %q, %v", i, python, err)
		}
		log, err := os.ReadFile(calls)
		if err != nil || strings.Count(string(log), "\n") != step.calls {
			t.Errorf("step %d: calls %s, %v", i, log, err)
		}
	}
}

func write(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}
