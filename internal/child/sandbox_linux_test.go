package child_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"lathe/internal/child"
)

func TestSandboxRefuses(t *testing.T) {
	s := start(t, child.Options{})
	for name := range acts {
		var got record
		if err := s.Run(t.Context(), child.Job{Kind: "try", Spec: name}, got.handler()); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(got.lines) != 1 || !strings.HasSuffix(got.lines[0], `operation not permitted"`) {
			t.Errorf("%s: got %q, want it not permitted", name, got.lines)
		}
	}
}

func TestProbeFindsNoGap(t *testing.T) {
	gaps, err := start(t, child.Options{}).Probe(t.Context())
	if err != nil || len(gaps) != 0 {
		t.Errorf("got %v, %v", gaps, err)
	}
}

func TestPriorityAndLimits(t *testing.T) {
	s := start(t, child.Options{Limits: map[string]child.Limits{"deaf": {Nice: 7}}})
	seen := errors.New("seen")
	got := record{onEvent: func(_ string, data json.RawMessage) error {
		pid := number(t, data)
		checkNice(t, pid, "7")
		checkLimits(t, pid)
		if group, err := syscall.Getpgid(pid); err != nil || group != pid {
			t.Errorf("process group %d, %v, want %d", group, err, pid)
		}
		return seen
	}}
	if err := s.Run(t.Context(), child.Job{Kind: "deaf"}, got.handler()); err != seen {
		t.Error(err)
	}
}

// checkNice reads the nice value of every thread.
func checkNice(t *testing.T, pid int, want string) {
	t.Helper()
	stats, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	if err != nil || len(stats) < 2 {
		t.Fatalf("threads %q, %v", stats, err)
	}
	for _, path := range stats {
		data, err := os.ReadFile(path)
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			continue // the thread has ended
		}
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(data), ") ")
		if got := strings.Fields(rest)[16]; got != want { // field 19 of proc(5)
			t.Errorf("%s: nice %s, want %s", path, got, want)
		}
	}
}

func checkLimits(t *testing.T, pid int) {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", pid))
	if err != nil {
		t.Fatal(err)
	}
	limits := map[string]string{}
	for line := range strings.Lines(string(data)) {
		limits[strings.TrimSpace(line[:26])] = strings.Join(strings.Fields(line[26:47]), " ")
	}
	for name, want := range map[string]string{"Max core file size": "0", "Max file size": "0", "Max open files": "64"} {
		if limits[name] != want {
			t.Errorf("%s: %q, want %q", name, limits[name], want)
		}
	}
}

// A parent that is killed leaves no orphan, whatever the child is doing.
func TestKilledParentLeavesNoOrphan(t *testing.T) {
	for name, c := range map[string]struct {
		kind   string
		before syscall.Signal
	}{
		"waiting": {"wait", 0},
		"deaf":    {"deaf", 0},
		"busy":    {"spin", 0},
		"stopped": {"wait", syscall.SIGSTOP},
	} {
		t.Run(name, func(t *testing.T) { killParent(t, c.kind, c.before) })
	}
}

func killParent(t *testing.T, kind string, before syscall.Signal) {
	parent := exec.Command("/proc/self/exe")
	parent.Env = append(os.Environ(), envMiddle+"="+kind)
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	handle, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(handle)
	if before != 0 {
		if err := syscall.Kill(pid, before); err != nil {
			t.Fatal(err)
		}
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait() // reports the kill
	waitGone(t, handle)
}

// waitGone returns when the process has ended; one that never does runs into the test's time limit.
func waitGone(t *testing.T, handle int) {
	t.Helper()
	fds := []unix.PollFd{{Fd: int32(handle), Events: unix.POLLIN}}
	for {
		_, err := unix.Poll(fds, -1)
		if err == nil {
			return
		}
		if !errors.Is(err, unix.EINTR) {
			t.Fatal(err)
		}
	}
}
