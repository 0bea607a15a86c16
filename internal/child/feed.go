package child

import (
	"context"
	"errors"
	"fmt"
	"io"

	"lathe"
)

// maxFeeds bounds the inputs that a child has open at once.
const maxFeeds = 16

// feed streams one opened input down to the child, one chunk for one request, on a goroutine of its own: a slow source
// holds up neither events nor the stop.
type feed struct {
	id     uint32
	input  Input
	next   chan struct{} // capacity 1: a request that has not been answered
	out    *frameWriter
	cancel context.CancelFunc
}

// feed handles a request for input. Its errors are breaches of the protocol.
func (s *session) feed(fr frame) error {
	id, rest := fr.split()
	f := s.feeds[id]
	switch {
	case fr.kind == kindOpen:
		return s.open(id, string(rest))
	case f == nil:
		return fmt.Errorf("input %d is not open", id)
	case fr.kind == kindClose:
		f.cancel()
		delete(s.feeds, id)
		return nil
	}
	select {
	case f.next <- struct{}{}:
		return nil
	default:
		return fmt.Errorf("input %d: asked twice for one chunk", id)
	}
}

func (s *session) open(id uint32, name string) error {
	if s.feeds[id] != nil || len(s.feeds) == maxFeeds {
		return fmt.Errorf("input %d opened twice, or more than %d at once", id, maxFeeds)
	}
	input, ok := s.inputs[name]
	if !ok {
		input.Open = func(context.Context) (io.ReadCloser, error) {
			return nil, lathe.Errorf(lathe.CodeInternal, "child: input: the job has none named %.100q", name)
		}
	}
	ctx, cancel := context.WithCancel(s.ctx)
	f := &feed{id: id, input: input, next: make(chan struct{}, 1), out: s.out, cancel: cancel}
	f.next <- struct{}{}
	s.feeds[id] = f
	s.feeding.Go(func() {
		defer cancel()
		if err := f.run(ctx); err != nil {
			s.log.Debug("child: input not fed", "input", name, "error", err)
		}
	})
	return nil
}

// run reads the input and answers requests until its end, which is the answer to the last one. The error says that the
// child could not be told.
func (f *feed) run(ctx context.Context) error {
	r, err := f.input.Open(ctx)
	if err != nil {
		return f.fail(err)
	}
	defer r.Close()
	buf := make([]byte, chunkSize)
	for f.asked(ctx) {
		n := 0
		if err == nil {
			n, err = readSome(r, buf)
		}
		if n == 0 {
			return f.finish(err)
		}
		if sent := f.out.write(kindChunk, idBytes(f.id), buf[:n]); sent != nil {
			return sent
		}
	}
	return nil
}

// finish answers a request at the end of the input, or where it can no longer be read.
func (f *feed) finish(err error) error {
	if errors.Is(err, io.EOF) {
		return f.out.write(kindEnd, idBytes(f.id))
	}
	return f.fail(err)
}

// asked waits for a request and tells whether there was one.
func (f *feed) asked(ctx context.Context) bool {
	select {
	case <-f.next:
		return true
	case <-ctx.Done():
		return false
	}
}

// fail answers a request with the problem.
func (f *feed) fail(err error) error {
	return f.out.writeJSON(kindBadInput, problemOf(err), idBytes(f.id)...)
}

// readSome reads what is there, at least one byte or an error.
func readSome(r io.Reader, buf []byte) (int, error) {
	for range 100 {
		if n, err := r.Read(buf); n > 0 || err != nil {
			return n, err
		}
	}
	return 0, io.ErrNoProgress
}
