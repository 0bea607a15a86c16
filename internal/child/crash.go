package child

import (
	"context"
	"fmt"
	"strings"
	"syscall"
)

// CrashError says that a child ended without a verdict.
type CrashError struct {
	Kind        string         // of the job
	Reason      string         // why the supervisor killed it, "" when it ended by itself
	Signal      syscall.Signal // that ended it, 0 for none
	Exit        int            // its exit status, -1 after a signal
	OutOfMemory bool           // it asked for more than its limit
	Memory      int64          // that limit in bytes
	Stderr      string         // the last 64 KiB of its standard error, for the log
	Cause       error          // what was seen on the descriptor, or why Run's ctx ended
}

// Error implements error.
func (e *CrashError) Error() string {
	switch {
	case e.OutOfMemory:
		return fmt.Sprintf("child: %s: ran out of memory, limit %d MiB", e.Kind, e.Memory>>20)
	case e.Reason != "":
		return fmt.Sprintf("child: %s: killed because %s", e.Kind, e.Reason)
	case e.Signal != 0:
		return fmt.Sprintf("child: %s: ended by signal %d, %s", e.Kind, int(e.Signal), e.Signal)
	default:
		return fmt.Sprintf("child: %s: exited with status %d without a result", e.Kind, e.Exit)
	}
}

// Unwrap gives the cause, context.Canceled for a child that did not stop within the grace time.
func (e *CrashError) Unwrap() error { return e.Cause }

// lostError says that nothing more will come from a child: the descriptor closed, or it broke the protocol.
type lostError struct {
	reason string // to kill it at once; "" where it ends by itself, because its descriptor closed
	err    error
}

func (e *lostError) Error() string { return "child: lost: " + e.err.Error() }
func (e *lostError) Unwrap() error { return e.err }

// outOfMemory are the words with which the Go runtime, and the C library that makes its threads in some builds, die
// when memory is refused. Nothing else limits the threads of a child.
var outOfMemory = []string{
	"runtime: out of memory", "runtime: cannot allocate memory", "fatal error: out of memory", "errno=12",
	"pthread_create failed", "failed to create new OS thread",
}

// crash makes the report of a process that is gone.
func (p *process) crash(ctx context.Context, kind string, lost *lostError) error {
	e := &CrashError{Kind: kind, Exit: -1, Memory: p.memory, Stderr: p.stderr.String(), Cause: lost.err}
	status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if ok && status.Signaled() {
		e.Signal = status.Signal()
	}
	if ok && status.Exited() {
		e.Exit = status.ExitStatus()
	}
	if e.Signal == syscall.SIGKILL {
		p.mu.Lock()
		e.Reason = p.reason
		p.mu.Unlock()
	}
	if e.Reason == reasonGrace {
		e.Cause = context.Cause(ctx)
	}
	if e.Exit > 0 || e.Signal == syscall.SIGABRT {
		for _, words := range outOfMemory {
			e.OutOfMemory = e.OutOfMemory || strings.Contains(e.Stderr, words)
		}
	}
	return e
}
