package rest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"net/http"
	"time"

	"lathe"
	"lathe/internal/guard"
)

// replyLife is how long an answer can be had again.
const replyLife = 24 * time.Hour

// replyHeader marks an answer that is given again.
const replyHeader = "Idempotency-Replayed"

// idempotent reads the body of a JSON route and runs it, once where the request carries an Idempotency-Key: the same
// key, caller and content get the first success again. A failure gives the key back, because trying again may help.
func (s *server) idempotent(w http.ResponseWriter, r *http.Request, rt route, hasBody bool, run func(http.ResponseWriter, []byte) error) {
	data, err := readJSONBody(r, hasBody)
	if err != nil {
		guard.Fail(w, r, err)
		return
	}
	key := r.Header.Get("Idempotency-Key")
	if key == "" || r.Method != http.MethodPost && r.Method != http.MethodPut {
		if err := run(w, data); err != nil {
			guard.Fail(w, r, err)
		}
		return
	}
	if err := s.once(w, r, rt, key, data, run); err != nil {
		guard.Fail(w, r, err)
	}
}

func readJSONBody(r *http.Request, hasBody bool) ([]byte, error) {
	if !hasBody {
		return nil, nil
	}
	if _, err := guard.CheckContentType(r, "application/json"); err != nil {
		return nil, err
	}
	if err := guard.CheckEncoding(r); err != nil {
		return nil, err
	}
	return guard.ReadBody(r)
}

// once takes the key, runs, and stores the answer before it is sent. The store is told even when the client is gone.
func (s *server) once(w http.ResponseWriter, r *http.Request, rt route, key string, data []byte, run func(http.ResponseWriter, []byte) error) error {
	if len(key) > 200 {
		return lathe.Errorf(lathe.CodeInvalid, "rest: the idempotency key has %d bytes, 200 are the most", len(key)).WithField("Idempotency-Key")
	}
	p := guard.From(r.Context())
	first, err := s.Replies.BeginReply(r.Context(), p.Project, p.Key, key, fingerprint(r, data), replyLife)
	if err != nil {
		return err
	}
	if first != nil {
		return replay(w, first)
	}
	ctx := context.WithoutCancel(r.Context())
	rec := &recorder{header: w.Header(), status: http.StatusOK}
	finished := false
	defer func() {
		if !finished { // a panic: the request may be tried again
			_ = s.Replies.FinishReply(ctx, p.Project, p.Key, key, nil)
		}
	}()
	failure := run(rec, data)
	var reply *lathe.Reply
	if failure == nil {
		reply = rec.reply(rt.secret)
	}
	finished = true
	if err := s.Replies.FinishReply(ctx, p.Project, p.Key, key, reply); err != nil && failure == nil {
		return err
	}
	if failure != nil {
		return failure
	}
	w.WriteHeader(rec.status)
	_, err = w.Write(rec.body.Bytes())
	return ignoreGone(err)
}

// fingerprint is over what makes a request the same.
func fingerprint(r *http.Request, data []byte) []byte {
	h := sha256.New()
	h.Write([]byte(r.Method + "\x00" + r.URL.Path + "\x00" + r.URL.RawQuery + "\x00"))
	h.Write(data)
	return h.Sum(nil)
}

func replay(w http.ResponseWriter, reply *lathe.Reply) error {
	if reply.Status == http.StatusConflict {
		return lathe.Errorf(lathe.CodeConflict, "rest: this request was carried out before, and its answer is shown once").WithHint("make another with a new Idempotency-Key")
	}
	for name, value := range reply.Header {
		w.Header().Set(name, value)
	}
	w.Header().Set(replyHeader, "true")
	w.WriteHeader(reply.Status)
	_, err := w.Write(reply.Body)
	return ignoreGone(err)
}

// recorder holds an answer back until it is stored.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (r *recorder) Header() http.Header { return r.header }

// WriteHeader implements http.ResponseWriter.
func (r *recorder) WriteHeader(status int) { r.status = status }

// Write implements http.ResponseWriter.
func (r *recorder) Write(b []byte) (int, error) { return r.body.Write(b) }

// reply is what is stored. An answer with a secret leaves only a mark.
func (r *recorder) reply(secret bool) *lathe.Reply {
	if secret {
		return &lathe.Reply{Status: http.StatusConflict}
	}
	return &lathe.Reply{Status: r.status, Header: map[string]string{"Content-Type": r.header.Get("Content-Type")}, Body: r.body.Bytes()}
}
