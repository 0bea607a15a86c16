package child_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"lathe"
	"lathe/internal/child"
)

// TestMain makes the test binary its own child.
func TestMain(m *testing.M) {
	child.Main(works)
	if os.Getenv("GORACE") == "" {
		os.Setenv("GORACE", "atexit_sleep_ms=0") // the race detector's children would each take a second to exit
	}
	if os.Getenv(envMiddle) != "" {
		middle()
		return
	}
	os.Exit(m.Run())
}

// works are what the children of these tests do.
var works = map[string]child.Work{
	"echo":     echo,
	"twice":    readTwice,
	"stream":   sendStream,
	"abort":    abortStream,
	"within":   eventsWithinStream,
	"problem":  func(context.Context, *child.Conn) error { return problem },
	"internal": func(context.Context, *child.Conn) error { return errors.New("wire: gone") },
	"panic":    func(context.Context, *child.Conn) error { panic("planted panic") },
	"exit": func(context.Context, *child.Conn) error {
		os.Exit(3)
		return nil
	},
	"segv": func(context.Context, *child.Conn) error {
		if err := syscall.Kill(os.Getpid(), syscall.SIGSEGV); err != nil {
			return err
		}
		select {}
	},
	"flood":   floodStderr,
	"wait":    waitForStop,
	"deaf":    deaf,
	"hog":     hog,
	"garbage": garbage,
	"close":   func(context.Context, *child.Conn) error { return errors.Join(syscall.Close(3), sleepForever()) },
	"environ": func(_ context.Context, c *child.Conn) error { return c.Event("environ", os.Environ()) },
	"spin":    spin,
	"halfway": func(_ context.Context, c *child.Conn) error {
		return c.Stream("s", nil, func(w io.Writer) error {
			if err := pattern(w, 100_000); err != nil {
				return err
			}
			panic("planted in a stream")
		})
	},
	"big event": func(_ context.Context, c *child.Conn) error {
		return c.Event("big", strings.Repeat("x", 2<<20))
	},
}

var problem = lathe.Errorf(lathe.CodeInvalid, "column %q is missing", "age").WithField("age").WithHint("add it")

// echo sends back each input that the spec names, its length and checksum as an event.
func echo(_ context.Context, c *child.Conn) error {
	var names []string
	if err := c.Spec(&names); err != nil {
		return err
	}
	for _, name := range names {
		if err := digest(c, name); err != nil {
			return err
		}
	}
	return nil
}

func digest(c *child.Conn, name string) error {
	in, err := c.Input(name)
	if err != nil {
		return err
	}
	defer in.Close()
	sum := crc32.NewIEEE()
	n, err := io.Copy(sum, in)
	if err != nil {
		return err
	}
	return c.Event(name, fmt.Sprintf("%d %08x", n, sum.Sum32()))
}

// readTwice reads two inputs in turns, one of them only in part, and then again from its start.
func readTwice(_ context.Context, c *child.Conn) error {
	a, err := c.Input("a")
	if err != nil {
		return err
	}
	b, err := c.Input("b")
	if err != nil {
		return err
	}
	pair := make([]byte, 20)
	for i := range 10 {
		if _, err := io.ReadFull(a, pair[2*i:2*i+1]); err != nil {
			return err
		}
		if _, err := io.ReadFull(b, pair[2*i+1:2*i+2]); err != nil {
			return err
		}
	}
	if err := errors.Join(a.Close(), b.Close(), c.Event("pair", string(pair))); err != nil {
		return err
	}
	return digest(c, "a")
}

// pattern fills a stream with something that shows lost and swapped parts.
func pattern(w io.Writer, words int) error {
	buf := make([]byte, 0, 8*words)
	for i := range words {
		buf = binary.BigEndian.AppendUint64(buf, uint64(i)*0x9e3779b97f4a7c15)
	}
	_, err := w.Write(buf)
	return err
}

func sendStream(_ context.Context, c *child.Conn) error {
	for step := range 3 {
		err := errors.Join(c.Event("before", step), c.Stream("checkpoint", map[string]int{"step": step}, func(w io.Writer) error {
			return pattern(w, 100_000)
		}))
		if err != nil {
			return err
		}
	}
	return c.Event("after", nil)
}

func abortStream(_ context.Context, c *child.Conn) error {
	err := c.Stream("half", nil, func(w io.Writer) error {
		return errors.Join(pattern(w, 1000), errors.New("planted"))
	})
	if err == nil || !strings.Contains(err.Error(), "planted") {
		return fmt.Errorf("stream: %w", err)
	}
	return c.Event("went on", nil)
}

func eventsWithinStream(_ context.Context, c *child.Conn) error {
	return c.Stream("s", nil, func(w io.Writer) error {
		return errors.Join(pattern(w, 100_000), c.Event("one", 1), c.Event("two", 2), pattern(w, 100_000))
	})
}

func floodStderr(context.Context, *child.Conn) error {
	line := strings.Repeat("x", 1023) + "\n"
	for range 8 << 10 {
		fmt.Fprint(os.Stderr, line)
	}
	fmt.Fprintln(os.Stderr, "the last line")
	os.Exit(4)
	return nil
}

// waitForStop works until it is stopped, and then saves what is worth keeping.
func waitForStop(ctx context.Context, c *child.Conn) error {
	if err := c.Event("pid", os.Getpid()); err != nil {
		return err
	}
	<-ctx.Done()
	save := func(w io.Writer) error { return pattern(w, 10) }
	return errors.Join(c.Stream("last", nil, save), context.Cause(ctx))
}

func sleepForever() error {
	select {}
}

// deaf does not stop when it is asked.
func deaf(_ context.Context, c *child.Conn) error {
	return errors.Join(c.Event("pid", os.Getpid()), sleepForever())
}

// hog takes all memory that it gets, and writes to it.
func hog(_ context.Context, c *child.Conn) error {
	var all [][]byte
	for {
		all = append(all, bytes.Repeat([]byte{1}, 8<<20))
		if err := c.Event("mib", 8*len(all)); err != nil {
			return err
		}
	}
}

// garbage writes what is no frame.
func garbage(_ context.Context, c *child.Conn) error {
	var frame []byte
	if err := c.Spec(&frame); err != nil {
		return err
	}
	if _, err := syscall.Write(3, frame); err != nil {
		return err
	}
	return sleepForever()
}

// spin keeps the processor busy and hears nothing.
func spin(_ context.Context, c *child.Conn) error {
	if err := c.Event("pid", os.Getpid()); err != nil {
		return err
	}
	for n := uint64(0); ; n++ {
		runtime.KeepAlive(n)
	}
}

// envMiddle makes the test binary the parent in the middle: it starts a child, tells its pid and waits to be killed.
const envMiddle = "LATHE_TEST_MIDDLE"

func middle() {
	s := child.NewSupervisor(child.Options{})
	err := s.Run(context.Background(), child.Job{Kind: os.Getenv(envMiddle)}, child.Handler{
		Event: func(_ string, data json.RawMessage) error {
			_, err := fmt.Println(string(data))
			return err
		},
	})
	fmt.Fprintln(os.Stderr, err)
}
