package child

import (
	"context"
	"fmt"
	"io"

	"lathe"
)

// inputReader reads one input. At most one chunk is on its way, so that deliver never blocks.
type inputReader struct {
	conn   *Conn
	id     uint32
	chunks chan chunk // capacity 1
	rest   []byte
	err    error // sticky
}

// chunk is one answer of the parent: bytes, or how the input ended.
type chunk struct {
	data []byte
	err  error
}

// Input opens an input of the job by name, from its start; it may be opened again, and several at once. Reads end with
// a *lathe.Error when the parent cannot read it, or when the work is stopped. Close it unless it was read to its end.
// It is used by one goroutine at a time.
func (c *Conn) Input(name string) (io.ReadCloser, error) {
	if len(name) > 255 {
		return nil, lathe.Errorf(lathe.CodeInternal, "child: input: name of %d bytes", len(name))
	}
	c.mu.Lock()
	c.lastID++
	in := &inputReader{conn: c, id: c.lastID, chunks: make(chan chunk, 1)}
	c.inputs[in.id] = in
	c.mu.Unlock()
	if err := c.out.write(kindOpen, idBytes(in.id), []byte(name)); err != nil {
		return nil, fmt.Errorf("child: input %s: %w", name, err)
	}
	return in, nil
}

// Read implements io.Reader.
func (in *inputReader) Read(p []byte) (int, error) {
	for len(in.rest) == 0 && in.err == nil && len(p) > 0 {
		in.fetch()
	}
	if len(in.rest) == 0 {
		return 0, in.err
	}
	n := copy(p, in.rest)
	in.rest = in.rest[n:]
	return n, nil
}

// fetch waits for the chunk on its way and asks for the next one, which travels while this one is read.
func (in *inputReader) fetch() {
	select {
	case got := <-in.chunks:
		in.rest, in.err = got.data, got.err
	case <-in.conn.ctx.Done():
		in.err = context.Cause(in.conn.ctx)
	}
	if in.err == nil {
		in.err = in.conn.out.write(kindNext, idBytes(in.id))
		return
	}
	in.drop()
}

// drop forgets the input on both sides.
func (in *inputReader) drop() {
	in.conn.mu.Lock()
	_, open := in.conn.inputs[in.id]
	delete(in.conn.inputs, in.id)
	in.conn.mu.Unlock()
	if open {
		if err := in.conn.out.write(kindClose, idBytes(in.id)); err != nil && in.err == nil {
			in.err = err
		}
	}
}

// Close implements io.Closer.
func (in *inputReader) Close() error {
	in.drop()
	in.rest = nil
	if in.err == nil {
		in.err = fmt.Errorf("child: input: read after close")
	}
	return nil
}

// deliver hands a frame of an input to its reader. Frames of an input that was closed in the meantime are dropped.
func (c *Conn) deliver(f frame) error {
	id, body := f.split()
	got, err := chunkOf(f.kind, body)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	in := c.inputs[id]
	if in == nil {
		return nil
	}
	select {
	case in.chunks <- got:
		return nil
	default:
		return fmt.Errorf("child: input %d: a chunk that was not asked for", id)
	}
}

func chunkOf(k kind, body []byte) (chunk, error) {
	switch k {
	case kindChunk:
		return chunk{data: append([]byte(nil), body...)}, nil
	case kindEnd:
		return chunk{err: io.EOF}, nil
	default:
		problem, err := parseProblem(body)
		if err != nil {
			return chunk{}, fmt.Errorf("child: input: %w", err)
		}
		return chunk{err: problem}, nil
	}
}
