//go:build !linux

package child

import "runtime"

// limitMemory has no kernel limit to set: mapped memory is not counted by RLIMIT_DATA outside Linux.
func limitMemory(int64) error { return errNoLimit }

type noLimit struct{}

func (noLimit) Error() string {
	return "only the collector's limit holds on " + runtime.GOOS + ", not the kernel's"
}

var errNoLimit error = noLimit{}

// lockPlatform reports what is had on Linux only.
func lockPlatform() []Gap {
	var gaps []Gap
	for _, name := range []string{"network", "files", "exec", "processes"} {
		gaps = append(gaps, Gap{Name: name, Why: "system calls are filtered on Linux only, this is " + runtime.GOOS})
	}
	return append(gaps, Gap{Name: "orphans", Why: "a stopped child outlives its parent until it is continued"})
}
