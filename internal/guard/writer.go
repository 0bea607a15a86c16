package guard

import (
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"lathe"
)

// A client that does not take its answer is given up: each 64 KiB must go out within writeWait.
const (
	writeWait  = 30 * time.Second
	writeChunk = 64 << 10
)

// writer counts what is answered, and moves the connection's write deadline along while the client takes the answer.
type writer struct {
	http.ResponseWriter
	start  time.Time
	status int
	bytes  int64
	mark   int64 // bytes at the last deadline
	stream bool

	done    <-chan struct{} // closed when a stream is cut; nil for others
	raw     io.Reader       // the request's body, without a cap
	surplus bool            // what is left of it is dropped after the answer
	through atomic.Bool     // all of the body was read, or there is none
}

// WriteHeader implements http.ResponseWriter; only the first final status counts.
func (w *writer) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
		w.extend(0)
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (w *writer) Write(b []byte) (int, error) {
	if err := w.cutError(); err != nil {
		return 0, err
	}
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	w.extend(len(b))
	n, err := w.ResponseWriter.Write(b)
	w.bytes += int64(n)
	return n, err
}

// extend moves the deadline where the server's own, set at the request's start, could be near. A connection without
// deadlines, as in tests, needs none.
func (w *writer) extend(n int) {
	if w.stream || w.bytes+int64(n)-w.mark >= writeChunk || w.bytes == 0 && time.Since(w.start) > writeWait/4 {
		w.mark = w.bytes
		_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(time.Now().Add(writeWait))
	}
}

// cutError ends reads and writes of a stream that was cut, whether or not its handler looks at the context.
func (w *writer) cutError() error {
	select {
	case <-w.done:
		return lathe.Errorf(lathe.CodeCancelled, "guard: the stream was cut")
	default:
		return nil
	}
}

// Flush implements http.Flusher.
func (w *writer) Flush() {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	_ = http.NewResponseController(w.ResponseWriter).Flush() // an error shows at the next Write
}

// Unwrap serves http.ResponseController.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }
