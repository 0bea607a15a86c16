package child

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"lathe"
)

// pingEvery is how often a child says that it lives; see Options.Silence for when the parent stops believing it.
const pingEvery = time.Second

// maxPending bounds the events that wait for the end of a stream.
const maxPending = 1 << 20

// errStopped is the cause of the ctx of a Work whose parent asked it to stop.
var errStopped = lathe.Errorf(lathe.CodeCancelled, "the work was stopped")

// errGone is the cause of the ctx of a Work whose parent is no more.
var errGone = errors.New("child: the parent is gone")

// Conn is a Work's side of the descriptor. Its methods are safe for concurrent use.
type Conn struct {
	out  *frameWriter
	ctx  context.Context
	spec json.RawMessage
	gaps []Gap // of this process, for the probe

	mu     sync.Mutex // guards what follows
	inputs map[uint32]*inputReader
	lastID uint32

	turn      sync.Mutex // held while a stream goes up: one at a time
	upMu      sync.Mutex // guards streaming, pending and their order on the wire
	streaming bool
	pending   [][]byte
	waiting   int // bytes in pending
}

// Spec decodes the job's spec into v.
func (c *Conn) Spec(v any) error {
	if err := json.Unmarshal(c.spec, v); err != nil {
		return fmt.Errorf("child: spec: %w", err)
	}
	return nil
}

// Event sends one event to Handler.Event. Events keep their order; those sent while a Stream is on its way go out when
// it ends, and are an error once they exceed 1 MiB together.
func (c *Conn) Event(kind string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("child: event %s: %w", kind, err)
	}
	body, err := json.Marshal(eventFrame{Kind: kind, Data: data})
	if err != nil {
		return fmt.Errorf("child: event %s: %w", kind, err)
	}
	c.upMu.Lock()
	defer c.upMu.Unlock()
	if !c.streaming {
		return c.out.write(kindEvent, body)
	}
	if c.waiting += len(body); c.waiting > maxPending {
		return fmt.Errorf("child: event %s: more than %d bytes of events during a stream", kind, maxPending)
	}
	c.pending = append(c.pending, body)
	return nil
}

// Stream sends a named stream to Handler.Stream: header as JSON, then what write writes. When write fails the parent is
// told that the stream is not whole, and the error comes back. Inside write, events may be sent but no second stream.
func (c *Conn) Stream(name string, header any, write func(w io.Writer) error) error {
	head, err := json.Marshal(header)
	if err != nil {
		return fmt.Errorf("child: stream %s: %w", name, err)
	}
	c.turn.Lock()
	defer c.turn.Unlock()
	if err := c.begin(streamFrame{Name: name, Header: head}); err != nil {
		return err
	}
	w := bufio.NewWriterSize(partWriter{c.out}, chunkSize)
	err = write(w)
	if err == nil {
		err = w.Flush()
	}
	return c.end(err)
}

func (c *Conn) begin(head streamFrame) error {
	c.upMu.Lock()
	defer c.upMu.Unlock()
	if err := c.out.writeJSON(kindStream, head); err != nil {
		return err
	}
	c.streaming = true
	return nil
}

// end closes the stream, whole or not, and lets the waiting events go.
func (c *Conn) end(failed error) error {
	c.upMu.Lock()
	defer c.upMu.Unlock()
	var err error
	if failed != nil {
		err = c.out.write(kindAbort, []byte(cut(failed.Error())))
	} else {
		err = c.out.write(kindStreamEnd)
	}
	for _, body := range c.pending {
		err = errors.Join(err, c.out.write(kindEvent, body))
	}
	c.streaming, c.pending, c.waiting = false, nil, 0
	return errors.Join(failed, err)
}

// partWriter frames a stream's bytes.
type partWriter struct{ out *frameWriter }

// Write implements io.Writer.
func (w partWriter) Write(p []byte) (int, error) {
	done := 0
	for done < len(p) {
		part := p[done:min(len(p), done+chunkSize)]
		if err := w.out.write(kindPart, part); err != nil {
			return done, err
		}
		done += len(part)
	}
	return done, nil
}

// listen handles what the parent sends until the descriptor closes, and says why. It never blocks on a Work.
func (c *Conn) listen(in *frameReader, stop context.CancelCauseFunc) error {
	for {
		f, err := in.read()
		if err != nil {
			return err
		}
		switch f.kind {
		case kindStop:
			stop(errStopped)
		case kindChunk, kindEnd, kindBadInput:
			err = c.deliver(f)
		default:
			err = fmt.Errorf("child: frame: kind %q is not for a child", byte(f.kind))
		}
		if err != nil {
			return err
		}
	}
}

// finish sends the verdict of the work, the last frame.
func (c *Conn) finish(err error) error {
	if err != nil {
		return c.out.writeJSON(kindFailed, problemOf(err))
	}
	return c.out.write(kindDone)
}

// ping says every second that this process lives, until ctx ends.
func (c *Conn) ping(ctx context.Context) {
	ticker := time.NewTicker(pingEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if c.out.write(kindPing) != nil {
				return // listen sees the closed descriptor as well and ends the process
			}
		}
	}
}
