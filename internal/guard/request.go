package guard

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"lathe"
)

type contextKey struct{}

// request is what the gate knows of one request; it travels in the context.
type request struct {
	id        string
	start     time.Time
	gate      *Gate
	route     *route
	principal *lathe.Principal
	refusal   lathe.Code // of the answer, when it was a problem
}

func requestOf(ctx context.Context) *request {
	req, _ := ctx.Value(contextKey{}).(*request)
	return req
}

// From gives who calls, nil on open routes and outside of a request.
func From(ctx context.Context) *lathe.Principal {
	if req := requestOf(ctx); req != nil {
		return req.principal
	}
	return nil
}

// RequestID gives the request's id, "" outside of one.
func RequestID(ctx context.Context) string {
	if req := requestOf(ctx); req != nil {
		return req.id
	}
	return ""
}

// Require is the one scope check of handlers that learn a model's or endpoint's name from the body or from a lookup.
// The error is CodeForbidden.
func Require(ctx context.Context, verb lathe.Verb, name string) error {
	p := From(ctx)
	if p != nil && p.May(verb, name) {
		return nil
	}
	return forbidden(verb, name)
}

func forbidden(verb lathe.Verb, name string) *lathe.Error {
	err := lathe.Errorf(lathe.CodeForbidden, "guard: the key's scopes do not cover %s", verb)
	if name != "" {
		err = lathe.Errorf(lathe.CodeForbidden, "guard: the key's scopes do not cover %s on %s", verb, quoteShort(name))
	}
	return err.WithHint("use a key that has the scope, or ask for one: lathe keys create --scope %s", verb)
}

// newRequestID takes the caller's id where it is safe to log and echo, and makes one otherwise.
func (g *Gate) newRequestID(r *http.Request) string {
	if id := r.Header.Get("X-Request-Id"); id != "" && len(id) <= 64 && isToken(id) {
		return id
	}
	var buf [32]byte
	return string(strconv.AppendUint(append(buf[:0], g.prefix...), g.counter.Add(1), 36))
}

func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		ok := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.'
		if !ok {
			return false
		}
	}
	return true
}

// quoteShort quotes what a caller sent, cut so that hostile input cannot flood a log.
func quoteShort(s string) string {
	if len(s) > 80 {
		s = s[:80] + "..."
	}
	return strconv.Quote(s)
}
