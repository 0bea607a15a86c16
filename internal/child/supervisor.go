package child

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"lathe"
)

// Limits is what a child of one kind may use.
type Limits struct {
	Memory int64 `json:"memory"` // bytes; the Go heap aims below it, the kernel refuses memory a good way above it
	Nice   int   `json:"nice"`   // 0 to 19: how far it steps back for the service
}

// DefaultLimits holds for kinds that Options.Limits does not name.
var DefaultLimits = Limits{Memory: 2 << 30, Nice: 10}

// Options configures a Supervisor; the zero value is ready to use.
type Options struct {
	Executable string            // what to run as `child KIND`; this very binary by default
	Env        []string          // where the allow-listed variables come from; os.Environ() by default
	Limits     map[string]Limits // by kind
	// Silence is how long a child may send nothing while we listen; 10 s by default, ten missed pings, because a child
	// of low priority on a loaded machine is late without being stuck.
	Silence time.Duration
	Grace   time.Duration // from being asked to stop to SIGKILL; 10 s by default
	// Ticks gives a tick about every period until the returned function is called. Silence and Grace are counted in
	// ticks, so a parent that was itself suspended does not kill its children. time.NewTicker by default.
	Ticks func(period time.Duration) (<-chan time.Time, func())
	Log   *slog.Logger // for what explains a CrashError; what matters is in the error
}

// Job is what a child is to do.
type Job struct {
	Kind   string
	Spec   any // as JSON, at most 1 MiB
	Inputs []Input
}

// Input is data that the child may ask for by name, any number of times. Open gets a ctx that ends with the child; a
// blocked Read must return then.
type Input struct {
	Name string
	Open func(ctx context.Context) (io.ReadCloser, error)
}

// Handler takes what a child sends. Its functions are called one at a time, in the order in which the child sent, and
// an error of theirs kills the child and is what Run returns. While they work, the child waits: it is not called silent.
// They are called during the grace time too, after Run's ctx has ended.
type Handler struct {
	// Event gets an event; data is valid JSON of at most 1 MiB and may be kept.
	Event func(kind string, data json.RawMessage) error
	// Stream gets a stream. r fails before its end when the stream is not whole; what Stream leaves unread is skipped.
	Stream func(name string, header json.RawMessage, r io.Reader) error
}

// Supervisor starts children and outlives them. It is safe for concurrent use.
type Supervisor struct {
	options Options
	starts  chan startRequest

	mu      sync.Mutex
	stopped context.Context // ends when Stop is called
	stop    context.CancelFunc
	running sync.WaitGroup
	starter sync.WaitGroup
}

// NewSupervisor makes a Supervisor; Stop ends it.
func NewSupervisor(o Options) *Supervisor {
	if o.Executable == "" {
		o.Executable = self()
	}
	if o.Env == nil {
		o.Env = os.Environ()
	}
	if o.Silence == 0 {
		o.Silence = 10 * time.Second
	}
	if o.Grace == 0 {
		o.Grace = 10 * time.Second
	}
	if o.Ticks == nil {
		o.Ticks = realTicks
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Supervisor{options: o, starts: make(chan startRequest)}
	s.stopped, s.stop = context.WithCancel(context.Background())
	s.starter.Go(s.startAll)
	return s
}

func realTicks(period time.Duration) (<-chan time.Time, func()) {
	t := time.NewTicker(period)
	return t.C, t.Stop
}

// Stop asks every child to stop, waits until the last is gone, at most the grace time, and ends the supervisor. It may
// be called twice.
func (s *Supervisor) Stop() {
	s.mu.Lock()
	first := s.stopped.Err() == nil
	s.stop()
	s.mu.Unlock()
	s.running.Wait()
	if first {
		close(s.starts)
	}
	s.starter.Wait()
}

// enter registers a run, unless the supervisor is stopping.
func (s *Supervisor) enter() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped.Err() != nil {
		return lathe.Errorf(lathe.CodeUnavailable, "the service is shutting down")
	}
	s.running.Add(1)
	return nil
}

// Run starts a child for job and waits until it is gone. It returns nil when the work was done, a *lathe.Error that the
// child sent (its code is lathe.CodeCancelled when it was stopped), a *CrashError when it ended in any other way, or
// the error of a handler. When ctx ends the child is asked to stop and has the grace time.
func (s *Supervisor) Run(ctx context.Context, job Job, h Handler) error {
	if err := ctx.Err(); err != nil {
		return lathe.Errorf(lathe.CodeCancelled, "child: run: %s: %w", job.Kind, err)
	}
	if err := s.enter(); err != nil {
		return err
	}
	defer s.running.Done()
	spec, err := json.Marshal(job.Spec)
	if err != nil {
		return fmt.Errorf("child: run: %s: spec: %w", job.Kind, err)
	}
	p, err := s.start(job.Kind)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.stopped, cancel)()
	return s.supervise(ctx, p, jobFrame{Kind: job.Kind, Spec: spec}, job.Inputs, h)
}

// supervise talks to p until its verdict, sees to it that p ends, and says how it went.
func (s *Supervisor) supervise(ctx context.Context, p *process, job jobFrame, inputs []Input, h Handler) error {
	w := newWatch(s.options, p.kill)
	feeding, fed := context.WithCancel(context.WithoutCancel(ctx))
	sess := newSession(feeding, p.conn, w, inputs, h, s.options.Log)
	w.start(ctx, s.options, sess.askToStop)
	err := sess.run(job)
	var lost *lostError
	var verdict *verdictError
	switch {
	case errors.As(err, &lost):
		if lost.reason != "" {
			p.kill(lost.reason)
		}
	case err != nil && !errors.As(err, &verdict):
		p.kill("its messages could not be handled")
	}
	w.expect() // a child that should be on its way out has the same time for it as it has between two frames
	<-p.exited
	w.stop()
	fed()
	p.conn.Close()
	sess.wait()
	switch {
	case lost != nil:
		return p.crash(ctx, job.Kind, lost)
	case verdict != nil:
		return verdict.problem
	default:
		return err
	}
}
