package rest

import (
	"net/http"

	"lathe/internal/guard"
)

// stream is an answer that begins with its first byte: until then a failure is a clean problem, and after it the
// connection is cut, so that nobody takes a part for the whole.
type stream struct {
	w           http.ResponseWriter
	contentType string
	begun       bool
}

func newStream(w http.ResponseWriter, contentType string) *stream {
	return &stream{w: w, contentType: contentType}
}

// Write implements io.Writer.
func (s *stream) Write(b []byte) (int, error) {
	if !s.begun {
		s.begun = true
		s.w.Header().Set("Content-Type", s.contentType)
		s.w.WriteHeader(http.StatusOK)
	}
	return s.w.Write(b)
}

// end finishes the answer; its error is for the gate while nothing was written.
func (s *stream) end(r *http.Request, err error) error {
	if err == nil && !s.begun {
		_, err = s.Write(nil)
	}
	if err == nil || !s.begun {
		return err
	}
	guard.Report(r.Context(), err)
	panic(http.ErrAbortHandler)
}
