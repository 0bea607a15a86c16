package child

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"

	"lathe"
)

// session is the parent's side of one conversation. All of it but the feeds runs on the goroutine of run.
type session struct {
	ctx     context.Context // of the feeds
	in      *frameReader
	out     *frameWriter
	watch   *watch
	inputs  map[string]Input
	feeds   map[uint32]*feed
	feeding sync.WaitGroup
	handler Handler
	log     *slog.Logger
	lost    *lostError // set once nothing more will come
}

// verdictError carries the problem that a child sent as its last word.
type verdictError struct{ problem *lathe.Error }

func (e *verdictError) Error() string { return e.problem.Error() }
func (e *verdictError) Unwrap() error { return e.problem }

func newSession(ctx context.Context, conn io.ReadWriter, w *watch, inputs []Input, h Handler, log *slog.Logger) *session {
	s := &session{
		ctx: ctx, in: newFrameReader(conn), out: &frameWriter{w: conn}, watch: w,
		inputs: map[string]Input{}, feeds: map[uint32]*feed{}, handler: h, log: log,
	}
	for _, in := range inputs {
		s.inputs[in.Name] = in
	}
	return s
}

// askToStop sends the stop. That it cannot be sent shows on the reading side as well.
func (s *session) askToStop() {
	if err := s.out.write(kindStop); err != nil {
		s.log.Debug("child: stop not sent", "error", err)
	}
}

// wait returns when the last feed has ended; their ctx must have.
func (s *session) wait() { s.feeding.Wait() }

// run sends the job and handles what comes back until the verdict: nil, a *verdictError, a *lostError, or the error of
// a handler.
func (s *session) run(job jobFrame) error {
	if err := s.ready(); err != nil {
		return err
	}
	if err := s.send(job); err != nil {
		return err
	}
	for {
		f, err := s.next()
		if err != nil {
			return err
		}
		switch f.kind {
		case kindEvent:
			err = s.event(f.payload)
		case kindStream:
			err = s.stream(f.payload)
		case kindDone:
			return nil
		case kindFailed:
			return s.verdict(f.payload)
		default:
			err = s.broken(fmt.Errorf("frame of kind %q out of place", byte(f.kind)))
		}
		if s.lost != nil {
			return s.lost // what a handler made of it is only a consequence
		}
		if err != nil {
			return err
		}
	}
}

// send sends the job. A child that went away shows on the reading side, with its reason; all else is our own mistake.
func (s *session) send(job jobFrame) error {
	body, err := json.Marshal(job)
	if err == nil && len(body) > maxPayload {
		err = fmt.Errorf("spec of %d bytes, at most %d", len(body), maxPayload)
	}
	if err != nil {
		return fmt.Errorf("child: job: %s: %w", job.Kind, err)
	}
	if err := s.out.write(kindJob, body); err != nil {
		s.log.Debug("child: job not sent", "error", err)
	}
	return nil
}

// ready takes the child's first frame, which comes after it has locked itself down.
func (s *session) ready() error {
	f, err := s.next()
	if err != nil {
		return err
	}
	var ready readyFrame
	if f.kind != kindReady {
		return s.broken(fmt.Errorf("frame of kind %q came first", byte(f.kind)))
	}
	if err := json.Unmarshal(f.payload, &ready); err != nil {
		return s.broken(err)
	}
	for _, gap := range ready.Gaps {
		s.log.Debug("child not fully locked down", "gap", gap.Name, "why", gap.Why)
	}
	return nil
}

// next returns the next frame that is not housekeeping: pings and the requests for input are dealt with here.
func (s *session) next() (frame, error) {
	for s.lost == nil {
		s.watch.expect()
		f, err := s.in.read()
		s.watch.heard()
		if err != nil {
			return frame{}, s.closed(err)
		}
		switch f.kind {
		case kindPing:
		case kindOpen, kindNext, kindClose:
			if err := s.feed(f); err != nil {
				return frame{}, s.broken(err)
			}
		default:
			return f, nil
		}
	}
	return frame{}, s.lost
}

// closed notes that the descriptor can be read no further.
func (s *session) closed(err error) error {
	if errors.Is(err, errFrame) {
		return s.broken(err)
	}
	return s.lose(&lostError{err: err})
}

// broken notes that the child broke the protocol.
func (s *session) broken(err error) error {
	return s.lose(&lostError{reason: "it broke the protocol: " + err.Error(), err: err})
}

func (s *session) lose(lost *lostError) error {
	if s.lost == nil {
		s.lost = lost
	}
	return s.lost
}

func (s *session) event(payload []byte) error {
	var e eventFrame
	if err := json.Unmarshal(payload, &e); err != nil {
		return s.broken(err)
	}
	if s.handler.Event == nil {
		return nil
	}
	return s.handler.Event(e.Kind, e.Data)
}

func (s *session) stream(payload []byte) error {
	var head streamFrame
	if err := json.Unmarshal(payload, &head); err != nil {
		return s.broken(err)
	}
	r := &streamReader{session: s}
	if s.handler.Stream != nil {
		if err := s.handler.Stream(head.Name, head.Header, r); err != nil && !errors.Is(err, errAborted) {
			return err
		}
	}
	return r.skip()
}

// verdict makes the last word of the child an error.
func (s *session) verdict(payload []byte) error {
	problem, err := parseProblem(payload)
	if err != nil {
		return s.broken(err)
	}
	return &verdictError{problem}
}

// streamReader reads the stream that the child is sending.
type streamReader struct {
	session *session
	rest    bytes.Reader
	end     error
}

// errAborted ends a stream that the child gave up.
var errAborted = errors.New("child: stream: the child gave it up")

// Read implements io.Reader; io.EOF means that the stream is whole.
func (r *streamReader) Read(p []byte) (int, error) {
	for r.rest.Len() == 0 && len(p) > 0 {
		if r.end == nil {
			r.end = r.fetch()
		}
		if r.end != nil {
			return 0, r.end
		}
	}
	if len(p) == 0 {
		return 0, nil
	}
	return r.rest.Read(p)
}

// fetch takes the next part. Its bytes stay valid until the next fetch.
func (r *streamReader) fetch() error {
	f, err := r.session.next()
	if err != nil {
		return err
	}
	switch f.kind {
	case kindPart:
		r.rest.Reset(f.payload)
		return nil
	case kindStreamEnd:
		return io.EOF
	case kindAbort:
		return fmt.Errorf("%w: %s", errAborted, f.payload)
	default:
		return r.session.broken(fmt.Errorf("frame of kind %q inside a stream", byte(f.kind)))
	}
}

// skip reads what the handler left. A stream that the child gave up is no failure of the run: the child goes on and
// says itself how it ends.
func (r *streamReader) skip() error {
	_, err := io.Copy(io.Discard, r)
	if errors.Is(err, errAborted) {
		return nil
	}
	return err
}
