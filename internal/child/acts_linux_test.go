package child_test

import (
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"lathe/internal/child"
)

func init() { works["try"] = try }

// acts are what a sandbox must refuse.
var acts = map[string]func() error{
	"dial":        func() error { return drop(net.Dial("tcp", "127.0.0.1:1")) },
	"listen":      func() error { return drop(net.Listen("tcp", "127.0.0.1:0")) },
	"unix socket": func() error { return drop(net.Listen("unix", "@lathe-test")) },
	"read file":   func() error { return drop(os.Open("/etc/passwd")) },
	"write file":  func() error { return os.WriteFile("/tmp/lathe-planted", []byte("x"), 0o600) },
	"list folder": func() error {
		_, err := os.ReadDir("/")
		return err
	},
	"stat": func() error {
		_, err := os.Stat("/")
		return err
	},
	"exec":        func() error { return syscall.Exec("/bin/true", []string{"true"}, nil) },
	"run":         func() error { return exec.Command("/bin/true").Run() },
	"kill parent": func() error { return syscall.Kill(os.Getppid(), 0) },
	"kill all":    func() error { return syscall.Kill(-1, 0) },
	"chdir":       func() error { return os.Chdir("/tmp") },
	"remove":      func() error { return os.Remove("/tmp/lathe-planted") },
	"pipe": func() error {
		var p [2]int
		return syscall.Pipe2(p[:], 0)
	},
	"code": func() error {
		_, err := syscall.Mmap(-1, 0, 4096, syscall.PROT_READ|syscall.PROT_EXEC, syscall.MAP_ANON|syscall.MAP_PRIVATE)
		return err
	},
	"ptrace": func() error { return syscall.PtraceAttach(os.Getppid()) },
	"rlimit": func() error {
		return syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 1 << 16, Max: 1 << 16})
	},
}

func drop(c io.Closer, err error) error {
	if err == nil {
		return c.Close()
	}
	return err
}

// try does the act that the spec names and tells how it went, after all that the Go runtime must still be able to do.
func try(_ context.Context, c *child.Conn) error {
	var name string
	if err := c.Spec(&name); err != nil {
		return err
	}
	exercise()
	err := acts[name]()
	if err == nil {
		return c.Event("result", "done")
	}
	return c.Event("result", err.Error())
}

// exercise makes threads, garbage, timers and signals.
func exercise() {
	done := make(chan int)
	for i := range 32 {
		go func() {
			runtime.LockOSThread() // a thread each, which ends with the goroutine
			time.Sleep(time.Millisecond)
			s := make([]string, 0)
			for j := range 2000 {
				s = append(s, strconv.Itoa(i*j))
			}
			done <- len(s)
		}()
	}
	for range 32 {
		<-done
	}
	runtime.GC()
}
