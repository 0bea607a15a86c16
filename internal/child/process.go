package child

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// allowed are the variables that a child inherits; all others, keys and tokens among them, stay with the parent.
var allowed = map[string]bool{
	"LATHE_CPU": true, "GOMAXPROCS": true, "GOGC": true, "GOTRACEBACK": true, "GORACE": true, "TZ": true,
}

// maxStderr is how much of a child's standard error is kept, its end.
const maxStderr = 64 << 10

// process is one child.
type process struct {
	cmd    *exec.Cmd
	conn   net.Conn
	stderr *tail
	memory int64
	exited chan struct{} // closed when it is gone

	mu     sync.Mutex
	reason string // why we killed it, "" if we did not
}

// startRequest asks the starter for a process.
type startRequest struct {
	cmd  *exec.Cmd
	done chan error
}

// startAll starts children from one thread that lives as long as the supervisor: Linux sends Pdeathsig when the thread
// that started a process ends, not when its process does.
func (s *Supervisor) startAll() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for r := range s.starts {
		r.done <- r.cmd.Start()
	}
}

// start starts a child of a kind; it waits for its job.
func (s *Supervisor) start(kind string) (*process, error) {
	limits, ok := s.options.Limits[kind]
	if !ok {
		limits = DefaultLimits
	}
	conn, theirs, err := socketPair()
	if err != nil {
		return nil, fmt.Errorf("child: start: %s: %w", kind, err)
	}
	defer theirs.Close()
	p := &process{conn: conn, stderr: &tail{}, memory: limits.Memory, exited: make(chan struct{})}
	p.cmd = exec.Command(s.options.Executable, command, kind)
	p.cmd.Args[0] = "lathe"
	p.cmd.Env = environment(s.options.Env, limits)
	p.cmd.Stderr = p.stderr
	p.cmd.ExtraFiles = []*os.File{theirs}
	p.cmd.Dir = "/"
	p.cmd.WaitDelay = time.Second // nothing else holds its standard error, but if it did, we would not wait for it
	p.cmd.SysProcAttr = attributes()
	request := startRequest{cmd: p.cmd, done: make(chan error)}
	s.starts <- request
	if err := <-request.done; err != nil {
		conn.Close()
		return nil, fmt.Errorf("child: start: %s: %w", kind, err)
	}
	go p.reap()
	return p, nil
}

// reap waits for the process; its exit status is read from cmd.ProcessState.
func (p *process) reap() {
	defer close(p.exited)
	_ = p.cmd.Wait() // the state says the same, and more
}

// kill ends the process at once; the first reason stays.
func (p *process) kill(reason string) {
	p.mu.Lock()
	if p.reason == "" {
		p.reason = reason
	}
	p.mu.Unlock()
	_ = p.cmd.Process.Kill() // fails only when it is gone already
}

// socketPair makes a connected pair: ours, and the end that a child inherits.
func socketPair() (net.Conn, *os.File, error) {
	syscall.ForkLock.RLock()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err == nil {
		unix.CloseOnExec(fds[0])
		unix.CloseOnExec(fds[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, nil, fmt.Errorf("child: socketpair: %w", err)
	}
	theirs := os.NewFile(uintptr(fds[1]), "child")
	ours := os.NewFile(uintptr(fds[0]), "parent")
	defer ours.Close() // FileConn has a duplicate
	conn, err := net.FileConn(ours)
	if err != nil {
		theirs.Close()
		return nil, nil, fmt.Errorf("child: socketpair: %w", err)
	}
	return conn, theirs, nil
}

// environment is all that a child sees: the allow-list, and what the limits say. The Go heap aims at seven eighths of
// the memory, so that it collects harder before it gets near the kernel's limit.
func environment(from []string, limits Limits) []string {
	encoded, err := json.Marshal(limits)
	if err != nil {
		panic(err) // two numbers
	}
	env := []string{envLimits + "=" + string(encoded), "GGML_NO_BACKTRACE=1"}
	if limits.Memory > 0 {
		env = append(env, fmt.Sprintf("GOMEMLIMIT=%d", limits.Memory-limits.Memory/8))
	}
	for _, v := range from {
		if name, _, _ := strings.Cut(v, "="); allowed[name] {
			env = append(env, v)
		}
	}
	return env
}

// tail keeps the last maxStderr bytes written to it.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

// Write implements io.Writer and never fails.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := len(p)
	if n > maxStderr {
		p = p[n-maxStderr:]
	}
	if over := len(t.buf) + len(p) - maxStderr; over > 0 {
		t.buf = append(t.buf[:0], t.buf[over:]...)
	}
	t.buf = append(t.buf, p...)
	return n, nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.buf)
}
