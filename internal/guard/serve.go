package guard

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"lathe"
)

// nosniff keeps browsers from running what someone stored as text; shared, because headers are only read.
var nosniff = []string{"nosniff"}

// ServeHTTP checks what holds for any route, names the request and hands it to its route.
func (g *Gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	req := &request{id: g.newRequestID(r), start: time.Now(), gate: g, route: g.unknown}
	w.Header()["X-Request-Id"] = []string{req.id}
	w.Header()["X-Content-Type-Options"] = nosniff
	out := &writer{ResponseWriter: w, start: req.start}
	r = r.WithContext(context.WithValue(r.Context(), contextKey{}, req))
	defer g.finish(out, r, req)
	if err := g.checkPeer(r); err != nil {
		Fail(out, r, err)
		return
	}
	g.mux.ServeHTTP(out, r)
}

// finish answers for a panic, counts and logs.
func (g *Gate) finish(w *writer, r *http.Request, req *request) {
	cause := recover()
	if err, ok := cause.(error); cause != nil && !(ok && errors.Is(err, http.ErrAbortHandler)) {
		g.config.Log.LogAttrs(r.Context(), slog.LevelError, "panic", slog.String("request_id", req.id),
			slog.String("route", req.route.Path), slog.Any("panic", cause), slog.String("stack", string(debug.Stack())))
		if w.status == 0 {
			Fail(w, r, lathe.Errorf(lathe.CodeInternal, "guard: panic"))
			cause = nil
		}
	}
	took := time.Since(req.start)
	req.route.metrics.observe(w.status, took)
	g.logAccess(r, w, req, took)
	w.drop(r)
	if cause != nil {
		panic(http.ErrAbortHandler) // the answer has begun: cut it, so that nobody takes a part for the whole
	}
}

// logAccess writes one line without bodies, keys or names of people. What succeeds is debug: it would cost more than the
// checks.
func (g *Gate) logAccess(r *http.Request, w *writer, req *request, took time.Duration) {
	level := slog.LevelDebug
	if w.status >= 500 {
		level = slog.LevelWarn
	}
	if !g.config.Log.Enabled(r.Context(), level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("request_id", req.id), slog.String("method", r.Method), slog.String("route", req.route.Path),
		slog.Int("status", w.status), slog.String("code", string(req.refusal)), slog.Duration("took", took), slog.Int64("bytes", w.bytes),
	}
	if p := req.principal; p != nil {
		attrs = append(attrs, slog.String("key", p.Key), slog.String("project", string(p.Project)))
	}
	g.config.Log.LogAttrs(r.Context(), level, "request", attrs...)
}

// ServeHTTP is the part of the gate that depends on the route: key, scope, audit, limits, body, and then the handler.
func (rt *route) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	req := requestOf(r.Context())
	req.route = rt
	out := w.(*writer)
	out.stream = rt.Need.Stream
	reservation, stream, err := rt.admit(out, r, req)
	if err != nil {
		Fail(w, r, err)
		return
	}
	if stream != nil {
		defer stream.stop()
		r = r.WithContext(stream.ctx)
	}
	if reservation != nil {
		defer reservation.Settle()
	}
	rt.handler.ServeHTTP(w, r)
}

// admit runs the checks in the order in which they cost; a stream comes back with its cut.
func (rt *route) admit(w *writer, r *http.Request, req *request) (lathe.Reservation, *cut, error) {
	if err := rt.limitBody(w, r); err != nil {
		return nil, nil, err
	}
	secret, err := secretOf(r)
	if err != nil || rt.Need.Open {
		return nil, nil, err
	}
	id, gen, err := rt.gate.config.Keys.authenticate(r.Context(), secret)
	if err != nil {
		return nil, nil, err
	}
	if req.principal, err = id.act(r); err != nil {
		return nil, nil, err
	}
	if err = rt.authorise(r, req); err != nil {
		return nil, nil, err
	}
	reservation, err := rt.reserve(r, req)
	if err != nil || !rt.Need.Stream {
		return reservation, nil, err
	}
	stream, err := rt.openStream(w, r, id, gen, secret)
	return reservation, stream, err
}

// authorise checks the scope and has the audit record written before anything happens.
func (rt *route) authorise(r *http.Request, req *request) error {
	name := ""
	if rt.Need.Name != "" {
		name = r.PathValue(rt.Need.Name)
	}
	var refused error
	p := req.principal
	if !p.May(rt.Need.Verb, name) && (rt.Need.Also == "" || !p.May(rt.Need.Also, name)) {
		refused = forbidden(rt.Need.Verb, name)
	} else if name != "" {
		refused = lathe.CheckName(rt.Need.Name, name)
	}
	if err := rt.audit(r, req, refused); err != nil {
		return err
	}
	return refused
}

// audit records what needs more than asking and looking, refusals too.
func (rt *route) audit(r *http.Request, req *request, refused error) error {
	auditor := rt.gate.config.Auditor
	if auditor == nil || rt.Need.Verb == lathe.VerbPredict || rt.Need.Verb == lathe.VerbRead {
		return nil
	}
	outcome := "allowed"
	if refused != nil {
		outcome = string(lathe.CodeOf(refused))
	}
	path := r.URL.Path
	if len(path) > 300 {
		path = path[:300]
	}
	err := auditor.Record(r.Context(), lathe.AuditEvent{
		Time: rt.gate.now(), Project: req.principal.Project, Key: req.principal.Key, Verb: rt.Need.Verb,
		Object: r.Method + " " + strings.ToValidUTF8(path, "?"), Outcome: outcome, RequestID: req.id,
	})
	if err == nil {
		return nil
	}
	return &lathe.Error{Code: lathe.CodeUnavailable, Message: "guard: the audit record could not be written, so nothing was done", Cause: err}
}

// reserve counts the request against the key's limits; a key without limits costs nothing.
func (rt *route) reserve(r *http.Request, req *request) (lathe.Reservation, error) {
	if len(req.principal.Limits) == 0 {
		return nil, nil
	}
	return rt.gate.config.Limiter.Reserve(r.Context(), req.principal, lathe.Amount{Unit: lathe.UnitRequests, N: 1})
}

// serveUnknown tells a wrong method from an unknown path.
func (g *Gate) serveUnknown(w http.ResponseWriter, r *http.Request) {
	if _, err := secretOf(r); err != nil {
		Fail(w, r, err)
		return
	}
	var allowed []string
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete} {
		probe := &http.Request{Method: method, URL: r.URL, Host: r.Host}
		if _, pattern := g.mux.Handler(probe); pattern != "/" && pattern != "" {
			allowed = append(allowed, method)
		}
	}
	if len(allowed) == 0 {
		Fail(w, r, lathe.Errorf(lathe.CodeNotFound, "guard: there is no %s", quoteShort(r.URL.Path)).WithHint("GET /openapi.json lists the routes"))
		return
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	FailStatus(w, r, http.StatusMethodNotAllowed, lathe.Errorf(lathe.CodeInvalid, "guard: %s is not a method of this route", quoteShort(r.Method)).
		WithHint("use %s", strings.Join(allowed, ", ")))
}
