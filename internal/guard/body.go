package guard

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"time"

	"lathe"
)

// A client that sends slowly is given up: each 64 KiB must come within readWait of waiting for them.
const (
	readWait  = 10 * time.Second
	readChunk = 64 << 10
)

// limitBody puts the route's cap on the body. A length that says it is over is refused before a byte is read.
func (rt *route) limitBody(w *writer, r *http.Request) error {
	if r.ContentLength == 0 || r.Body == nil || r.Body == http.NoBody {
		w.noReadDeadline()
		return nil
	}
	w.raw = r.Body
	if r.ContentLength > rt.Need.Body {
		return tooLarge(rt.Need.Body)
	}
	r.Body = &body{ReadCloser: r.Body, w: w, limit: rt.Need.Body, deadline: w.start.Add(readWait)}
	return nil
}

// noReadDeadline is called when the body is through: the server's deadline would otherwise end the request's context
// while its handler still works.
func (w *writer) noReadDeadline() {
	w.through.Store(true)
	_ = http.NewResponseController(w.ResponseWriter).SetReadDeadline(time.Time{})
}

func tooLarge(limit int64) *lathe.Error {
	return lathe.Errorf(lathe.CodeTooLarge, "guard: the body is larger than the %d bytes that this route takes", limit).WithHint("send less at a time")
}

// body caps and paces one request body.
type body struct {
	io.ReadCloser
	w        *writer
	limit    int64
	n, mark  int64
	waited   time.Duration // for the bytes since mark
	deadline time.Time     // as last set
	err      error
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	if b.err == nil {
		b.err = b.w.cutError()
	}
	if b.err != nil {
		return 0, b.err
	}
	began := b.pace()
	n, err := b.ReadCloser.Read(p)
	b.n += int64(n)
	b.waited += time.Since(began)
	if b.n-b.mark >= readChunk {
		b.mark, b.waited = b.n, 0
	}
	switch {
	case b.n > b.limit:
		b.err = tooLarge(b.limit)
		return n - int(b.n-b.limit), b.err
	case errors.Is(err, io.EOF):
		b.w.noReadDeadline()
		b.err = err
	case err != nil:
		b.err = readError(err)
	}
	return n, b.err
}

// pace sets the deadline for the next read from what is left to wait. Time that the handler takes does not count.
func (b *body) pace() time.Time {
	now := time.Now()
	want := now.Add(readWait - b.waited)
	if d := want.Sub(b.deadline); d > time.Second || d < -time.Second {
		b.deadline = want
		_ = http.NewResponseController(b.w.ResponseWriter).SetReadDeadline(want)
	}
	return now
}

// What of a refused body is read and thrown away after the answer: many clients send all before they read, and a
// connection that is closed under them shows them a network failure instead of the reason.
const (
	surplusBytes = 256 << 20
	surplusWait  = 5 * time.Second
)

// serverDrops is how much of an unread body net/http takes by itself, and keeps the connection (maxPostHandlerReadBytes).
const serverDrops = 256 << 10

// refuseBody is called when a request fails: a long body that was not read is dropped after the answer, and the connection
// closed.
func (w *writer) refuseBody(r *http.Request) {
	if w.raw == nil || w.status != 0 || r.ContentLength >= 0 && r.ContentLength <= serverDrops {
		return
	}
	if b, ok := r.Body.(*body); ok && errors.Is(b.err, io.EOF) {
		return
	}
	w.Header().Set("Connection", "close")
	w.surplus = true
}

// drop takes what the client still sends, up to a bound. A client that asked whether to send at all has its answer.
func (w *writer) drop(r *http.Request) {
	if !w.surplus || r.Header.Get("Expect") != "" {
		return
	}
	rc := http.NewResponseController(w.ResponseWriter)
	if rc.EnableFullDuplex() != nil || rc.Flush() != nil || rc.SetReadDeadline(time.Now().Add(surplusWait)) != nil {
		return
	}
	_, _ = io.CopyN(io.Discard, w.raw, surplusBytes) // what fails here has its answer
}

// readError says what went wrong with a body that did not come whole.
func readError(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return &lathe.Error{Code: lathe.CodeCancelled, Message: "guard: the body came too slowly", Hint: "send at least 64 KiB in 10 seconds", Cause: err}
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return &lathe.Error{Code: lathe.CodeInvalid, Message: "guard: the body ended before its length", Cause: err}
	}
	return &lathe.Error{Code: lathe.CodeCancelled, Message: "guard: the body could not be read", Cause: err}
}

// FirstRoom is how much memory a body gets before its bytes have come, whatever length it claims: 10,000 slow clients may
// cost 32 KiB each.
const FirstRoom = 4 << 10

// ReadBody reads a whole body into memory, within the route's cap.
func ReadBody(r *http.Request) ([]byte, error) {
	var buf bytes.Buffer
	if r.ContentLength > 0 {
		buf.Grow(int(min(r.ContentLength+bytes.MinRead, FirstRoom)))
	}
	if r.Body == nil {
		return nil, nil
	}
	_, err := buf.ReadFrom(r.Body)
	return buf.Bytes(), err
}
