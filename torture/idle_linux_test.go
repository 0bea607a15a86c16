package torture

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"lathe/samples"
)

// TestIdle prints what a service costs that has work behind it and nothing to do. Times are printed and not judged.
func TestIdle(t *testing.T) {
	s := up(t, newHome(t))
	s.upload("penguins", samples.Penguins)
	s.finish(s.train("penguins", 2, nil).ID)
	s.terminate()
	s.again()
	memory := resident(t, s.cmd.Process.Pid)
	if memory > 100<<20 {
		t.Errorf("%d MiB of memory", memory>>20)
	}
	t.Logf("ready in %v, %d MiB of memory", s.ready, memory>>20)
}

// resident gives the memory of a process that is not the file's own, in bytes.
func resident(t *testing.T, pid int) int64 {
	t.Helper()
	statm, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	must(t, err)
	pages, err := strconv.ParseInt(strings.Fields(string(statm))[1], 10, 64)
	must(t, err)
	return pages * int64(os.Getpagesize())
}
