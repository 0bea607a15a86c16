package child

import (
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

// Gap is a protection that does not hold on this machine, for `lathe doctor`.
type Gap struct {
	Name string `json:"name"` // memory, core, network, files, exec, processes, orphans or priority
	Why  string `json:"why"`
}

// maxOpenFiles leaves room for the descriptors that the Go runtime holds; a locked child can open no more anyway.
const maxOpenFiles = 64

// memorySlack is what the kernel lets a child map beyond its limit: what the Go runtime maps for itself (measured:
// 80 MiB of data at start) and the fragmentation of a heap that is at its limit. The limit that the collector aims at
// lies below; the kernel's is there for what the collector cannot hold.
const memorySlack = 128 << 20

// lockDown gives up for good what a child does not need, and says where that failed. What fails is a gap and no error:
// a service without seccomp is better than none, and doctor tells.
func lockDown(limits Limits) []Gap {
	runtime.LockOSThread() // what follows is done to this thread, which then extends it to all
	gaps := []Gap{}
	note := func(name string, err error) {
		if err != nil {
			gaps = append(gaps, Gap{Name: name, Why: err.Error()})
		}
	}
	note("core", rlimit(unix.RLIMIT_CORE, 0))
	note("files", rlimit(unix.RLIMIT_FSIZE, 0))
	note("files", rlimit(unix.RLIMIT_NOFILE, maxOpenFiles))
	note("priority", unix.Setpriority(unix.PRIO_PGRP, 0, limits.Nice))
	if limits.Memory > 0 {
		note("memory", limitMemory(limits.Memory+limits.Memory/4+memorySlack))
	}
	gaps = append(gaps, lockPlatform()...)
	runtime.UnlockOSThread()
	return gaps
}

// rlimit sets a limit that cannot be raised again.
func rlimit(resource int, value uint64) error {
	if err := unix.Setrlimit(resource, &unix.Rlimit{Cur: value, Max: value}); err != nil {
		return fmt.Errorf("child: lock: rlimit %d to %d: %w", resource, value, err)
	}
	return nil
}
