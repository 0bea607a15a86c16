// Package guard is the one gate that every request of every protocol passes, and what it needs: identities and keys,
// limits, the mapping of errors to answers, the strict JSON reader and the limits on connections.
//
// The gate denies by default. A route can only be registered with a Need that says what a caller must be allowed to do;
// a protocol package never sees a request that did not satisfy it. docs/adr/0011-the-gate.md gives the reasons.
package guard

import (
	"crypto/rand"
	"encoding/hex"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"lathe"
)

// Body caps of routes that do not set their own, and of rows sent for prediction.
const (
	DefaultBody = 1 << 20
	RowsBody    = 32 << 20
)

// Need is what a route asks of a request.
type Need struct {
	Verb   lathe.Verb // what the key must allow; "" only with Open
	Also   lathe.Verb // another verb that is enough, where two kinds of callers ask; "" for none
	Open   bool       // no key at all: health routes
	Name   string     // path wildcard that names the model or endpoint; the scope must cover it
	Body   int64      // cap on the body in bytes; 0 means DefaultBody
	Stream bool       // may last: its key's revocation and the service's end cut it
	Fail   Renderer   // how the protocol writes a problem; nil means application/problem+json
}

// Route is a registered route, for tests and documents that must know them all.
type Route struct {
	Method, Path string
	Need         Need
}

// Config is what a gate is made of. Keys, Limiter and Clock must be set.
type Config struct {
	Keys    *Keys
	Limiter lathe.Limiter
	Auditor lathe.Auditor // nil: nothing is recorded
	Hosts   []string      // names beside loopback's that the service answers to, without port
	Origins []string      // origins beside its own that browsers may call from: "https://console.example"
	Clock   lathe.Clock
	Log     *slog.Logger // nil: silent
}

// Gate is an http.Handler over all routes. Handle must not be called once it serves.
type Gate struct {
	config  Config
	mux     *http.ServeMux
	routes  []*route
	hosts   map[string]bool
	origins map[string]bool
	prefix  string // of the request ids that this gate makes
	counter atomic.Uint64
	streams streams
	unknown *route // for metrics of requests that match nothing
}

type route struct {
	Route
	gate    *Gate
	handler http.Handler
	metrics routeMetrics
}

// New makes a gate without routes.
func New(config Config) *Gate {
	if config.Keys == nil || config.Limiter == nil || config.Clock == nil {
		panic("guard: new: keys, limiter and clock must be set")
	}
	if config.Log == nil {
		config.Log = slog.New(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelError + 100}))
	}
	g := &Gate{config: config, mux: http.NewServeMux(), hosts: lowerSet(config.Hosts), origins: lowerSet(config.Origins), prefix: randomPrefix()}
	g.unknown = &route{Route: Route{Path: "unknown"}, gate: g, handler: http.HandlerFunc(g.serveUnknown)}
	config.Keys.onRevoke(g.streams.cutKey)
	g.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { g.unknown.handler.ServeHTTP(w, r) })
	return g
}

// Handle registers a handler for a pattern like "GET /api/v1/models/{model}". It panics on a pattern without a method
// and on a need that names neither a verb nor Open: such a route must not exist.
func (g *Gate) Handle(pattern string, need Need, handler http.Handler) {
	method, path, ok := strings.Cut(pattern, " ")
	if !ok || !strings.HasPrefix(path, "/") {
		panic("guard: handle: pattern without a method: " + pattern)
	}
	if need.Open == (need.Verb != "") {
		panic("guard: handle: a need has a verb or is open, and not both: " + pattern)
	}
	if need.Body == 0 {
		need.Body = DefaultBody
	}
	rt := &route{Route: Route{Method: method, Path: path, Need: need}, gate: g, handler: handler}
	g.routes = append(g.routes, rt)
	g.mux.Handle(pattern, rt)
}

// Routes lists what is registered, in the order of registration.
func (g *Gate) Routes() []Route {
	out := make([]Route, len(g.routes))
	for i, rt := range g.routes {
		out[i] = rt.Route
	}
	return out
}

// CutStreams ends all open streams; a server registers it for its shutdown, which otherwise waits for them.
func (g *Gate) CutStreams() { g.streams.cutAll() }

// now is the injected time.
func (g *Gate) now() time.Time { return g.config.Clock() }

func lowerSet(names []string) map[string]bool {
	set := make(map[string]bool, len(names))
	for _, name := range names {
		set[strings.ToLower(name)] = true
	}
	return set
}

func randomPrefix() string {
	var b [6]byte
	rand.Read(b[:]) // never fails since Go 1.24
	return hex.EncodeToString(b[:]) + "-"
}
