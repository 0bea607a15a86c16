package child

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// limitMemory bounds private writable memory. RLIMIT_AS would count the address space that Go reserves and never uses.
func limitMemory(bytes int64) error {
	if raceEnabled {
		return nil // the race detector's shadow memory alone exceeds every limit
	}
	return rlimit(unix.RLIMIT_DATA, uint64(bytes))
}

// lockPlatform makes the process undumpable (a core pattern that is a pipe does not ask RLIMIT_CORE, and nobody may
// attach to it) and applies the system call filter to all threads.
func lockPlatform() []Gap {
	var gaps []Gap
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		gaps = append(gaps, Gap{Name: "core", Why: fmt.Sprintf("child: lock: undumpable: %v", err)})
	}
	if err := filterCalls(); err != nil {
		for _, name := range []string{"network", "files", "exec", "processes"} {
			gaps = append(gaps, Gap{Name: name, Why: err.Error()})
		}
	}
	return gaps
}
