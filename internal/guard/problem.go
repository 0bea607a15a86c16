package guard

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"lathe"
)

// Problem is an error as a caller sees it: RFC 9457 with the product's own members.
type Problem struct {
	Type      string     `json:"type"`
	Title     string     `json:"title"`
	Status    int        `json:"status"`
	Detail    string     `json:"detail"`
	Code      lathe.Code `json:"code"`
	Field     string     `json:"field,omitempty"`
	Hint      string     `json:"hint,omitempty"`
	RequestID string     `json:"request_id,omitempty"`
}

// Renderer writes a problem the way a protocol does. The headers that all protocols share are set already.
type Renderer func(w http.ResponseWriter, p *Problem)

var statuses = map[lathe.Code]int{
	lathe.CodeInvalid:         http.StatusBadRequest,
	lathe.CodeUnauthenticated: http.StatusUnauthorized,
	lathe.CodeForbidden:       http.StatusForbidden,
	lathe.CodeNotFound:        http.StatusNotFound,
	lathe.CodeConflict:        http.StatusConflict,
	lathe.CodeTooLarge:        http.StatusRequestEntityTooLarge,
	lathe.CodeUnsupported:     http.StatusUnsupportedMediaType,
	lathe.CodeRateLimited:     http.StatusTooManyRequests,
	lathe.CodeExhausted:       http.StatusTooManyRequests,
	lathe.CodeCancelled:       499, // nginx's "client closed request"; HTTP has none
	lathe.CodeInternal:        http.StatusInternalServerError,
	lathe.CodeCorrupt:         http.StatusInternalServerError,
	lathe.CodeUnavailable:     http.StatusServiceUnavailable,
	lathe.CodeStorageFull:     http.StatusInsufficientStorage,
}

// Status gives the HTTP status of a code; what is not known is 500.
func Status(code lathe.Code) int {
	if status, ok := statuses[code]; ok {
		return status
	}
	return http.StatusInternalServerError
}

// Explain is the one mapping from errors to what a caller may see. What no user caused is hidden behind the request id.
func Explain(ctx context.Context, err error) *Problem {
	p := &Problem{Type: "about:blank", RequestID: RequestID(ctx)}
	known := find(err)
	p.Code = known.Code
	p.Status = Status(known.Code)
	if p.Status == http.StatusInternalServerError && known.Code != lathe.CodeCorrupt {
		p.Code = lathe.CodeInternal
		p.Detail = "something went wrong inside the service"
		p.Hint = "its log has the reason under this request id"
	} else {
		p.Detail, p.Field, p.Hint = known.Message, known.Field, known.Hint
	}
	p.Title = title(p.Status)
	return p
}

func title(status int) string {
	if text := http.StatusText(status); text != "" {
		return text
	}
	return "Client Closed Request"
}

// find gives the *lathe.Error in err, or makes the one that an error of the context stands for.
func find(err error) *lathe.Error {
	var known *lathe.Error
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(err, context.Canceled):
		return lathe.Errorf(lathe.CodeCancelled, "guard: the request was cancelled")
	case errors.Is(err, context.DeadlineExceeded):
		return lathe.Errorf(lathe.CodeUnavailable, "guard: the request took too long").WithHint("try again later")
	}
	return lathe.Errorf(lathe.CodeInternal, "guard: internal")
}

// Fail answers with an error, the way the route's protocol does.
func Fail(w http.ResponseWriter, r *http.Request, err error) {
	FailStatus(w, r, 0, err)
}

// FailStatus is Fail with another status than the code's, where HTTP has one that says more.
func FailStatus(w http.ResponseWriter, r *http.Request, status int, err error) {
	p := Explain(r.Context(), err)
	if status != 0 {
		p.Status, p.Title = status, title(status)
	}
	Headers(w.Header(), err, p)
	if out, ok := w.(*writer); ok {
		out.refuseBody(r)
	}
	render := Renderer(WriteProblem)
	if req := requestOf(r.Context()); req != nil {
		req.refusal = p.Code
		req.gate.logCause(r.Context(), req, p, err)
		if req.route.Need.Fail != nil {
			render = req.route.Need.Fail
		}
	}
	render(w, p)
}

// WriteProblem is the default Renderer.
func WriteProblem(w http.ResponseWriter, p *Problem) {
	WriteJSON(w, "application/problem+json", p.Status, p)
}

// WriteJSON answers with a small JSON body in one protocol's words.
func WriteJSON(w http.ResponseWriter, contentType string, status int, v any) {
	data, err := json.Marshal(v)
	if err != nil {
		panic("guard: write json: " + err.Error())
	}
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_, _ = w.Write(data) // the client went away: nobody is left to tell
}

// Headers sets what goes beside a problem in every protocol: when to try again, and whether.
func Headers(h http.Header, err error, p *Problem) {
	var limited interface{ RetryAfter() time.Duration }
	switch p.Code {
	case lathe.CodeExhausted:
		h.Set("X-Should-Retry", "false")
	case lathe.CodeRateLimited, lathe.CodeUnavailable:
		wait := time.Second
		if errors.As(err, &limited) && limited.RetryAfter() > 0 {
			wait = limited.RetryAfter()
		}
		h.Set("Retry-After", strconv.FormatInt(int64((wait+time.Second-1)/time.Second), 10))
		h.Set("X-Should-Retry", "true")
	case lathe.CodeUnauthenticated:
		h.Set("WWW-Authenticate", `Bearer realm="lathe"`)
	}
}

// Report is Explain for a failure after the answer began: it logs what nobody can be told any more.
func Report(ctx context.Context, err error) *Problem {
	p := Explain(ctx, err)
	if req := requestOf(ctx); req != nil {
		req.refusal = p.Code
		req.gate.logCause(ctx, req, p, err)
	}
	return p
}

// logCause logs once, at the edge, what the caller is not shown.
func (g *Gate) logCause(ctx context.Context, req *request, p *Problem, err error) {
	if p.Status < 500 {
		return
	}
	g.config.Log.LogAttrs(ctx, slog.LevelError, "request failed", slog.String("request_id", req.id),
		slog.String("route", req.route.Path), slog.String("code", string(p.Code)), slog.String("error", logText(err)))
}

// logText spells out an error with its causes.
func logText(err error) string {
	var known *lathe.Error
	if errors.As(err, &known) && known.Cause != nil {
		return err.Error() + ": " + known.Cause.Error()
	}
	return err.Error()
}
