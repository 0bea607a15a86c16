package child_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"reflect"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"lathe"
	"lathe/internal/child"
)

// start makes a supervisor that the test stops.
func start(t *testing.T, o child.Options) *child.Supervisor {
	t.Helper()
	s := child.NewSupervisor(o)
	t.Cleanup(s.Stop)
	return s
}

// record is a Handler that writes down what it gets.
type record struct {
	lines   []string
	streams [][]byte
	onEvent func(kind string, data json.RawMessage) error
}

func (r *record) handler() child.Handler {
	return child.Handler{Event: r.event, Stream: r.stream}
}

func (r *record) event(kind string, data json.RawMessage) error {
	r.lines = append(r.lines, kind+" "+string(data))
	if r.onEvent != nil {
		return r.onEvent(kind, data)
	}
	return nil
}

func (r *record) stream(name string, header json.RawMessage, body io.Reader) error {
	data, err := io.ReadAll(body)
	if err != nil {
		r.lines = append(r.lines, name+" broke")
		return err
	}
	r.lines = append(r.lines, fmt.Sprintf("%s %s %d bytes", name, header, len(data)))
	r.streams = append(r.streams, data)
	return nil
}

// bytesInput is an input that can be opened again and again.
func bytesInput(name string, data []byte) child.Input {
	return child.Input{Name: name, Open: func(context.Context) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(data)), nil
	}}
}

func patterned(t *testing.T, words int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := pattern(&b, words); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestInputs(t *testing.T) {
	s := start(t, child.Options{})
	var names, want []string
	var inputs []child.Input
	for _, size := range []int{0, 1, 256<<10 - 1, 256 << 10, 256<<10 + 1, 3 << 20} {
		name := fmt.Sprintf("in%d", size)
		data := patterned(t, size/8+1)[:size]
		names = append(names, name)
		inputs = append(inputs, bytesInput(name, data))
		want = append(want, fmt.Sprintf("%s \"%d %08x\"", name, size, crc32.ChecksumIEEE(data)))
	}
	var got record
	if err := s.Run(t.Context(), child.Job{Kind: "echo", Spec: names, Inputs: inputs}, got.handler()); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got.lines, want) {
		t.Errorf("got %q\nwant %q", got.lines, want)
	}
}

func TestInputsInTurns(t *testing.T) {
	s := start(t, child.Options{})
	a, b := bytes.Repeat([]byte("a"), 1<<20), bytes.Repeat([]byte("b"), 1<<20)
	var got record
	job := child.Job{Kind: "twice", Inputs: []child.Input{bytesInput("a", a), bytesInput("b", b)}}
	if err := s.Run(t.Context(), job, got.handler()); err != nil {
		t.Fatal(err)
	}
	want := []string{`pair "abababababababababab"`, fmt.Sprintf(`a "%d %08x"`, len(a), crc32.ChecksumIEEE(a))}
	if !slices.Equal(got.lines, want) {
		t.Errorf("got %q, want %q", got.lines, want)
	}
}

// brokenReader fails after some bytes.
type brokenReader struct{ left int }

var errCorrupt = lathe.Errorf(lathe.CodeCorrupt, "blob abc: chunk 3 is not what was written").WithHint("restore it")

func (r *brokenReader) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, errCorrupt
	}
	n := min(len(p), r.left)
	r.left -= n
	return n, nil
}

func (r *brokenReader) Close() error { return nil }

func TestInputFails(t *testing.T) {
	s := start(t, child.Options{})
	for name, open := range map[string]func(context.Context) (io.ReadCloser, error){
		"open": func(context.Context) (io.ReadCloser, error) { return nil, errCorrupt },
		"read": func(context.Context) (io.ReadCloser, error) { return &brokenReader{left: 1 << 20}, nil },
	} {
		err := s.Run(t.Context(), child.Job{Kind: "echo", Spec: []string{"in"}, Inputs: []child.Input{{Name: "in", Open: open}}}, child.Handler{})
		if !reflect.DeepEqual(err, error(errCorrupt)) {
			t.Errorf("%s: got %#v, want %#v", name, err, errCorrupt)
		}
	}
	err := s.Run(t.Context(), child.Job{Kind: "echo", Spec: []string{"none"}}, child.Handler{})
	if lathe.CodeOf(err) != lathe.CodeInternal || !strings.Contains(err.Error(), `none named "none"`) {
		t.Errorf("unknown input: got %v", err)
	}
}

func TestStreams(t *testing.T) {
	s := start(t, child.Options{})
	for kind, want := range map[string][]string{
		"stream": {
			"before 0", `checkpoint {"step":0} 800000 bytes`, "before 1", `checkpoint {"step":1} 800000 bytes`,
			"before 2", `checkpoint {"step":2} 800000 bytes`, "after null",
		},
		"within": {"s null 1600000 bytes", "one 1", "two 2"},
		"abort":  {"half broke", "went on null"},
	} {
		var got record
		if err := s.Run(t.Context(), child.Job{Kind: kind}, got.handler()); err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		if !slices.Equal(got.lines, want) {
			t.Errorf("%s: got %q\nwant %q", kind, got.lines, want)
		}
		for i, data := range got.streams {
			if whole := patterned(t, 100_000); !bytes.Equal(data[:len(whole)], whole) {
				t.Errorf("%s: stream %d came changed", kind, i)
			}
		}
	}
}

func TestStreamLeftUnread(t *testing.T) {
	s := start(t, child.Options{})
	var got record
	h := got.handler()
	h.Stream = func(_ string, _ json.RawMessage, r io.Reader) error {
		_, err := io.ReadFull(r, make([]byte, 10))
		return err
	}
	if err := s.Run(t.Context(), child.Job{Kind: "stream"}, h); err != nil {
		t.Fatal(err)
	}
	if want := []string{"before 0", "before 1", "before 2", "after null"}; !slices.Equal(got.lines, want) {
		t.Errorf("got %q, want %q", got.lines, want)
	}
}

func TestProblems(t *testing.T) {
	s := start(t, child.Options{})
	for kind, want := range map[string]*lathe.Error{
		"problem":   problem,
		"internal":  {Code: lathe.CodeInternal, Message: "wire: gone"},
		"unknown":   {Code: lathe.CodeInternal, Message: `child: no work of kind "unknown"`},
		"big event": {Code: lathe.CodeInternal, Message: `child: frame: kind 'V' of 1048577 bytes, want 2 to 1048576`},
	} {
		err := s.Run(t.Context(), child.Job{Kind: kind}, child.Handler{})
		if !reflect.DeepEqual(err, error(want)) {
			t.Errorf("%s: got %#v, want %#v", kind, err, want)
		}
	}
	err := s.Run(t.Context(), child.Job{Kind: "echo", Spec: strings.Repeat("x", 2<<20)}, child.Handler{})
	if err == nil || !strings.Contains(err.Error(), "at most 1048576") {
		t.Errorf("a spec of 2 MiB: got %v", err)
	}
}

func TestCrashes(t *testing.T) {
	s := start(t, child.Options{})
	for kind, want := range map[string]struct{ message, stderr string }{
		"panic":   {"child: panic: exited with status 2 without a result", "planted panic"},
		"exit":    {"child: exit: exited with status 3 without a result", ""},
		"segv":    {"child: segv: exited with status 2 without a result", "SIGSEGV"},
		"flood":   {"child: flood: exited with status 4 without a result", "the last line\n"},
		"close":   {"child: close: exited with status 1 without a result", ""},
		"halfway": {"child: halfway: exited with status 2 without a result", "planted in a stream"},
	} {
		var got record
		err := s.Run(t.Context(), child.Job{Kind: kind}, got.handler())
		var crash *child.CrashError
		if !errors.As(err, &crash) || crash.Error() != want.message {
			t.Errorf("%s: got %v, want %s", kind, err, want.message)
			continue
		}
		if !strings.Contains(crash.Stderr, want.stderr) || len(crash.Stderr) > 64<<10 {
			t.Errorf("%s: %d bytes of standard error without %q", kind, len(crash.Stderr), want.stderr)
		}
	}
}

func TestKilled(t *testing.T) {
	s := start(t, child.Options{})
	got := record{onEvent: func(_ string, pid json.RawMessage) error { return syscall.Kill(number(t, pid), syscall.SIGKILL) }}
	err := s.Run(t.Context(), child.Job{Kind: "wait"}, got.handler())
	var crash *child.CrashError
	if !errors.As(err, &crash) || crash.Signal != syscall.SIGKILL || !strings.Contains(err.Error(), "signal") {
		t.Errorf("got %v", err)
	}
}

func number(t *testing.T, data json.RawMessage) int {
	t.Helper()
	var n int
	if err := json.Unmarshal(data, &n); err != nil {
		t.Error(err)
	}
	return n
}

// manual gives the test the ticks of a supervisor.
type manual struct{ ticks chan time.Time }

func newManual() manual { return manual{make(chan time.Time)} }

func (m manual) source(time.Duration) (<-chan time.Time, func()) { return m.ticks, func() {} }

// until ticks until done closes.
func (m manual) until(done <-chan struct{}) {
	for {
		select {
		case m.ticks <- time.Time{}:
		case <-done:
			return
		}
	}
}

// runTicking runs a job whose time starts to run when its first event has been handled.
func runTicking(t *testing.T, ctx context.Context, o child.Options, kind string, first func(pid int) error) error {
	t.Helper()
	clock := newManual()
	o.Ticks = clock.source
	s := start(t, o)
	begin, done := make(chan struct{}), make(chan struct{})
	var ticking sync.WaitGroup
	ticking.Go(func() {
		select {
		case <-begin:
			clock.until(done)
		case <-done:
		}
	})
	got := record{onEvent: func(_ string, pid json.RawMessage) error {
		defer close(begin)
		return first(number(t, pid))
	}}
	err := s.Run(ctx, child.Job{Kind: kind}, got.handler())
	close(done)
	ticking.Wait()
	return err
}

func TestHangIsNoticed(t *testing.T) {
	err := runTicking(t, t.Context(), child.Options{}, "wait", func(pid int) error { return syscall.Kill(pid, syscall.SIGSTOP) })
	var crash *child.CrashError
	if !errors.As(err, &crash) || crash.Signal != syscall.SIGKILL || !strings.Contains(err.Error(), "silent") {
		t.Errorf("got %v, want a child killed for its silence", err)
	}
}

func TestGraceEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	err := runTicking(t, ctx, child.Options{Silence: 1e6 * time.Hour}, "deaf", func(int) error {
		cancel()
		return nil
	})
	var crash *child.CrashError
	if !errors.As(err, &crash) || !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "grace time") {
		t.Errorf("got %v, want a child killed at the end of the grace time", err)
	}
}

func TestStopSavesWork(t *testing.T) {
	s := start(t, child.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	got := record{onEvent: func(string, json.RawMessage) error {
		cancel()
		return nil
	}}
	err := s.Run(ctx, child.Job{Kind: "wait"}, got.handler())
	if lathe.CodeOf(err) != lathe.CodeCancelled {
		t.Errorf("got %v, want code cancelled", err)
	}
	if len(got.lines) != 2 || got.lines[1] != "last null 80 bytes" {
		t.Errorf("got %q, want the pid and what was saved", got.lines)
	}
	if err := s.Run(ctx, child.Job{Kind: "wait"}, child.Handler{}); lathe.CodeOf(err) != lathe.CodeCancelled {
		t.Errorf("run with a ctx that has ended: got %v", err)
	}
}

// A source that gives nothing holds up neither events nor the stop.
func TestStopWhileInputBlocks(t *testing.T) {
	s := start(t, child.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	open := func(inner context.Context) (io.ReadCloser, error) {
		cancel()
		r, w := io.Pipe()
		context.AfterFunc(inner, func() { w.CloseWithError(inner.Err()) })
		return r, nil
	}
	err := s.Run(ctx, child.Job{Kind: "echo", Spec: []string{"in"}, Inputs: []child.Input{{Name: "in", Open: open}}}, child.Handler{})
	if lathe.CodeOf(err) != lathe.CodeCancelled {
		t.Errorf("got %v, want code cancelled", err)
	}
}

func TestSupervisorStop(t *testing.T) {
	s := start(t, child.Options{})
	var stopping sync.WaitGroup
	got := record{onEvent: func(string, json.RawMessage) error {
		stopping.Go(s.Stop)
		return nil
	}}
	if err := s.Run(t.Context(), child.Job{Kind: "wait"}, got.handler()); lathe.CodeOf(err) != lathe.CodeCancelled {
		t.Errorf("got %v, want code cancelled", err)
	}
	stopping.Wait()
	s.Stop()
	if err := s.Run(t.Context(), child.Job{Kind: "wait"}, child.Handler{}); lathe.CodeOf(err) != lathe.CodeUnavailable {
		t.Errorf("run after Stop: got %v, want code unavailable", err)
	}
}

func TestHandlerErrorKills(t *testing.T) {
	s := start(t, child.Options{})
	planted := lathe.Errorf(lathe.CodeConflict, "the lease is lost")
	pid := 0
	got := record{onEvent: func(_ string, data json.RawMessage) error {
		pid = number(t, data)
		return planted
	}}
	if err := s.Run(t.Context(), child.Job{Kind: "deaf"}, got.handler()); err != error(planted) {
		t.Errorf("event: got %v, want %v", err, planted)
	}
	if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("child %d is still there: %v", pid, err)
	}
	h := child.Handler{Stream: func(string, json.RawMessage, io.Reader) error { return planted }}
	if err := s.Run(t.Context(), child.Job{Kind: "stream"}, h); err != error(planted) {
		t.Errorf("stream: got %v, want %v", err, planted)
	}
}

func TestBrokenProtocol(t *testing.T) {
	s := start(t, child.Options{})
	for name, c := range map[string]struct{ frame, want string }{
		"huge length":     {"V\xff\xff\xff\xff", "4294967295 bytes"},
		"unknown kind":    {"!\x00\x00\x00\x00", "unknown kind"},
		"loaded ping":     {"P\x00\x00\x00\x01x", "1 bytes"},
		"parent's frame":  {"S\x00\x00\x00\x00", "out of place"},
		"stray part":      {"C\x00\x00\x00\x01x", "out of place"},
		"broken event":    {"V\x00\x00\x00\x02{]", "invalid character"},
		"event in stream": {"B\x00\x00\x00\x02{}V\x00\x00\x00\x02{}", "inside a stream"},
		"not open":        {"n\x00\x00\x00\x04abcd", "not open"},
		"asked twice":     {"o\x00\x00\x00\x06abcdinn\x00\x00\x00\x04abcdn\x00\x00\x00\x04abcdn\x00\x00\x00\x04abcd", "asked twice"},
		"opened twice":    {"o\x00\x00\x00\x06abcdino\x00\x00\x00\x06abcdin", "opened twice"},
	} {
		stuck := child.Input{Name: "in", Open: func(ctx context.Context) (io.ReadCloser, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}}
		var got record
		err := s.Run(t.Context(), child.Job{Kind: "garbage", Spec: []byte(c.frame), Inputs: []child.Input{stuck}}, got.handler())
		var crash *child.CrashError
		if !errors.As(err, &crash) || !strings.Contains(err.Error(), "broke the protocol") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want a broken protocol with %q", name, err, c.want)
		}
	}
}

func TestEnvironment(t *testing.T) {
	s := start(t, child.Options{
		Env:    []string{"LATHE_CPU=generic", "TZ=Asia/Tokyo", "LATHE_KEY=secret", "AWS_SECRET_ACCESS_KEY=secret", "PATH=/bin", "GOMEMLIMIT=1", "LD_PRELOAD=x"},
		Limits: map[string]child.Limits{"environ": {Memory: 1 << 30, Nice: 3}},
	})
	var got record
	if err := s.Run(t.Context(), child.Job{Kind: "environ"}, got.handler()); err != nil {
		t.Fatal(err)
	}
	want := `environ ["LATHE_CHILD={\"memory\":1073741824,\"nice\":3}","GGML_NO_BACKTRACE=1","GOMEMLIMIT=939524096","LATHE_CPU=generic","TZ=Asia/Tokyo"]`
	if len(got.lines) != 1 || got.lines[0] != want {
		t.Errorf("got  %q\nwant %q", got.lines, want)
	}
}

func TestNoExecutable(t *testing.T) {
	s := start(t, child.Options{Executable: "/dev/null/none"})
	if err := s.Run(t.Context(), child.Job{Kind: "echo"}, child.Handler{}); err == nil {
		t.Error("a program that is not there was started")
	}
}

func TestManyAtOnce(t *testing.T) {
	s := start(t, child.Options{})
	data := patterned(t, 10_000)
	want := []string{fmt.Sprintf(`in "%d %08x"`, len(data), crc32.ChecksumIEEE(data))}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			var got record
			err := s.Run(t.Context(), child.Job{Kind: "echo", Spec: []string{"in"}, Inputs: []child.Input{bytesInput("in", data)}}, got.handler())
			if err != nil || !slices.Equal(got.lines, want) {
				t.Errorf("got %q, %v", got.lines, err)
			}
		})
	}
	all.Wait()
}
