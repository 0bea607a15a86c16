package torture

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// child is a process that a service started.
type child struct {
	pid  int
	kind string
}

// children lists the processes of a service that do work of a kind, "" for any.
func (s *service) children(kind string) []child {
	s.t.Helper()
	entries, err := os.ReadDir("/proc")
	must(s.t, err)
	var found []child
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || parent(pid) != s.cmd.Process.Pid {
			continue
		}
		line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if err != nil {
			continue // it has ended meanwhile
		}
		words := strings.Split(string(line), "\x00")
		if len(words) > 2 && words[1] == "child" && (kind == "" || words[2] == kind) {
			found = append(found, child{pid, words[2]})
		}
	}
	return found
}

// parent gives the parent of a process, 0 where there is no such process.
func parent(pid int) int {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := bytes.Cut(stat, []byte(") ")) // the name before may hold blanks
	fields := bytes.Fields(rest)
	if len(fields) < 2 {
		return 0
	}
	ppid, err := strconv.Atoi(string(fields[1]))
	if err != nil {
		return 0
	}
	return ppid
}

// peak gives the most memory that a process has had, in bytes; 0 where it is gone.
func peak(pid int) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == "VmHWM:" {
			kib, err := strconv.ParseInt(fields[1], 10, 64)
			if err != nil {
				return 0
			}
			return kib << 10
		}
	}
	return 0
}

// kill9 kills a child of a service; one that is gone already was in time.
func kill9(t *testing.T, c child) {
	t.Helper()
	if err := syscall.Kill(c.pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		t.Fatal(err)
	}
}
