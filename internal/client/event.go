package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"lathe"
)

// maxLine bounds a line of an event stream, in bytes.
const maxLine = 4 << 20

// Watch calls each for every event of a run after a seq until the run rests. A stream that breaks is taken up again
// where it broke, a few times.
func (c *Client) Watch(ctx context.Context, run string, after int64, each func(lathe.Event) error) error {
	const tries = 5
	var err error
	for range tries {
		var ended bool
		if after, ended, err = c.stream(ctx, run, after, each); ended {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
	return fmt.Errorf("client: watch run %s: the stream breaks off again and again: %w", run, err)
}

// stream reads one connection; ended is false where it broke and another may go on after the returned seq.
func (c *Client) stream(ctx context.Context, run string, after int64, each func(lathe.Event) error) (last int64, ended bool, err error) {
	path := Query(Path("runs", run, "events"), "after", strconv.FormatInt(after, 10))
	answer, err := c.Open(ctx, http.MethodGet, path, "\ntext/event-stream", nil)
	if err != nil {
		return after, lathe.CodeOf(err) != lathe.CodeUnavailable, err
	}
	defer drain(answer)
	err = Events(answer.Body, func(data []byte) error {
		var e lathe.Event
		if err := json.Unmarshal(data, &e); err != nil {
			return fmt.Errorf("client: watch run %s: %w", run, err)
		}
		after = e.Seq
		if err := each(e); err != nil {
			return callerError{err}
		}
		return nil
	})
	if stop, ok := err.(callerError); ok { //nolint:errorlint // made two lines up, never wrapped
		return after, true, stop.error
	}
	return after, err == nil || ctx.Err() != nil, err
}

// callerError marks what the caller's function returned, which no new connection mends.
type callerError struct{ error }

// Events calls each with the data of every server-sent event until the stream ends.
// Source: WHATWG HTML, 9.2.6 Interpreting an event stream.
func Events(r io.Reader, each func(data []byte) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 16<<10), maxLine)
	var data []byte
	for lines.Scan() {
		line := lines.Bytes()
		if len(line) == 0 {
			if data != nil {
				if err := each(data); err != nil {
					return err
				}
			}
			data = nil
			continue
		}
		if value, ok := bytes.CutPrefix(line, []byte("data:")); ok {
			if data != nil {
				data = append(data, '\n')
			}
			data = append(data, bytes.TrimPrefix(value, []byte(" "))...)
		}
	}
	return lines.Err()
}
