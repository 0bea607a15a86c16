package child

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"lathe"
)

// Work is what a child does for one job. Its ctx ends when the parent asks it to stop; it then has the grace time to
// send what is worth keeping. Its error reaches the parent as a *lathe.Error; a panic ends the process and reaches it
// as a *CrashError.
type Work func(ctx context.Context, c *Conn) error

// command is the hidden command of the binary, and descriptor the number of the inherited socket.
const (
	command    = "child"
	descriptor = 3
)

// envLimits carries the Limits, because they must hold before the first frame is read.
const envLimits = "LATHE_CHILD"

// Main returns at once unless this process was started as `lathe child KIND`; then it does the work of that kind and
// exits. Call it first in main, and in the TestMain of packages whose tests start children.
func Main(works map[string]Work) {
	if len(os.Args) < 2 || os.Args[1] != command {
		return
	}
	if err := run(os.Args[2:], works); err != nil {
		fmt.Fprintln(os.Stderr, "lathe: error: "+err.Error())
		os.Exit(1)
	}
	os.Exit(0)
}

func run(args []string, works map[string]Work) error {
	limits, err := inherited(args)
	if err != nil {
		return err
	}
	signal.Ignore(unix.SIGINT, unix.SIGTERM, unix.SIGHUP) // the parent decides when a child ends
	file, err := openDescriptor()
	if err != nil {
		return err
	}
	warm()
	gaps := lockDown(limits)
	return serve(file, args[0], gaps, works, func() { os.Exit(1) })
}

// inherited reads what the supervisor passes by, and refuses to run when it was not the supervisor that started us.
func inherited(args []string) (Limits, error) {
	var limits Limits
	given := os.Getenv(envLimits)
	if len(args) != 1 || given == "" {
		return limits, fmt.Errorf("child: this command is started by lathe itself, not by hand")
	}
	if err := json.Unmarshal([]byte(given), &limits); err != nil {
		return limits, fmt.Errorf("child: %s: %w", envLimits, err)
	}
	return limits, nil
}

func openDescriptor() (*os.File, error) {
	if err := unix.SetNonblock(descriptor, true); err != nil {
		return nil, fmt.Errorf("child: descriptor %d: %w", descriptor, err)
	}
	unix.CloseOnExec(descriptor)
	return os.NewFile(descriptor, "parent"), nil
}

// warm does what the runtime would otherwise do later, when files can no longer be opened.
func warm() {
	_, _ = time.Now().Zone() // reads the time zone
	runtime.GC()             // starts the collector's workers
}

// serve talks to the parent over conn: one job, then the verdict. gone is called when the parent vanishes.
func serve(conn io.ReadWriter, kind string, gaps []Gap, works map[string]Work, gone func()) error {
	ctx, stop := context.WithCancelCause(context.Background())
	defer stop(nil)
	c := &Conn{out: &frameWriter{w: conn}, ctx: ctx, gaps: gaps, inputs: map[uint32]*inputReader{}}
	if err := c.out.writeJSON(kindReady, readyFrame{Gaps: gaps}); err != nil {
		return err
	}
	pinging, pinged := context.WithCancel(context.Background())
	defer pinged()
	go c.ping(pinging)
	in := newFrameReader(conn)
	if err := c.readJob(in, kind, stop); err != nil {
		return err
	}
	go func() {
		stop(fmt.Errorf("%w: %w", errGone, c.listen(in, stop)))
		gone()
	}()
	return c.finish(c.work(works[kind], kind))
}

// readJob takes the job, and a stop that overtook it.
func (c *Conn) readJob(in *frameReader, kind string, stop context.CancelCauseFunc) error {
	f, err := in.read()
	for err == nil && f.kind == kindStop {
		stop(errStopped)
		f, err = in.read()
	}
	if err != nil {
		return fmt.Errorf("child: job: %w", err)
	}
	var job jobFrame
	if f.kind != kindJob {
		return fmt.Errorf("child: job: frame of kind %q came first", byte(f.kind))
	}
	if err := json.Unmarshal(f.payload, &job); err != nil {
		return fmt.Errorf("child: job: %w", err)
	}
	if job.Kind != kind {
		return fmt.Errorf("child: job: of kind %q for a child of kind %q", job.Kind, kind)
	}
	c.spec = job.Spec
	return nil
}

func (c *Conn) work(w Work, kind string) error {
	switch {
	case w != nil:
		return w(c.ctx, c)
	case kind == probeKind:
		return probe(c.ctx, c)
	default:
		return lathe.Errorf(lathe.CodeInternal, "child: no work of kind %q", kind)
	}
}
