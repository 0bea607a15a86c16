// Package rowtest is a served world in memory, for the tests of the prediction protocols: a gate with keys, and endpoints
// whose model is a function.
package rowtest

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"lathe"
	"lathe/internal/guard"
)

// Inputs is a signature with every kind of input. The number and the flag may be missing, the plan may not.
func Inputs() []lathe.Input {
	return []lathe.Input{
		{Name: "age", Kind: lathe.Int64, Type: "integer", Missing: "impute"},
		{Name: "charge", Kind: lathe.Float64, Type: "float", Missing: "impute"},
		{Name: "plan", Kind: lathe.String, Type: "category", Missing: "refuse", Levels: []string{"a", "b"}},
		{Name: "active", Kind: lathe.Bool, Type: "boolean", Missing: "impute"},
	}
}

// Numbers is a signature of n numbers, x0 and on.
func Numbers(n int) []lathe.Input {
	out := make([]lathe.Input, n)
	for i := range out {
		out[i] = lathe.Input{Name: "x" + string(rune('0'+i)), Kind: lathe.Float64, Type: "float", Missing: "impute"}
	}
	return out
}

// Model is a runtime of two classes, no and yes. The probability of yes is the first row's number of missing values plus
// the row, in thousandths, so that answers tell rows apart.
type Model struct {
	Info lathe.Description
	mu   sync.Mutex
	Last *lathe.Batch // what was asked last
	Fail error
}

// NewModel makes a model with a signature.
func NewModel(inputs []lathe.Input) *Model {
	return &Model{Info: lathe.Description{
		Runtime: "native", Task: "binary", Inputs: inputs, Classes: []string{"no", "yes"},
		Outputs: []lathe.Output{{Name: "prediction", Kind: lathe.String}, {Name: "probability_no"}, {Name: "probability_yes"}},
	}}
}

// Describe implements lathe.Runtime.
func (m *Model) Describe() *lathe.Description { return &m.Info }

// Close implements lathe.Runtime.
func (m *Model) Close() error { return nil }

// Predict implements lathe.Predictor.
func (m *Model) Predict(_ context.Context, in *lathe.Batch) (*lathe.Batch, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.Last = in
	if err := in.Check(); err != nil || m.Fail != nil {
		return nil, firstError(err, m.Fail)
	}
	out := &lathe.Batch{Rows: in.Rows}
	for _, o := range m.Info.Outputs {
		out.Columns = append(out.Columns, lathe.NewColumn(o.Name, o.Kind, in.Rows))
	}
	for i := range in.Rows {
		p := float64(i+1) / 1000
		if m.Info.Task == "regression" {
			out.Columns[0].Floats[i] = p
			continue
		}
		out.Columns[0].Strings[i] = "no"
		out.Columns[1].Floats[i], out.Columns[2].Floats[i] = 1-p, p
	}
	return out, nil
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// World is a gate over endpoints in memory. It implements lathe.ServeService, lathe.KeyStore and lathe.UsageStore as far as
// the protocols ask.
type World struct {
	lathe.ServeService
	Gate     *guard.Gate
	Keys     *guard.Keys
	Limiter  *guard.Limiter
	Owner    string
	Models   map[string]*Model // by endpoint, of project default
	Default  string
	Released int // how often a target was given back
	Resolved int
	mu       sync.Mutex
	keys     []lathe.Key
}

// New makes a world with the endpoints mixed (Inputs) and numbers (three numbers).
func New(t testing.TB) *World {
	t.Helper()
	w := &World{Models: map[string]*Model{"mixed": NewModel(Inputs()), "numbers": NewModel(Numbers(3))}}
	clock := func() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) }
	w.Keys = guard.NewKeys((*keyStore)(w), make([]byte, 32), clock)
	w.Limiter = guard.NewLimiter(usageStore{}, clock)
	w.Gate = guard.New(guard.Config{Keys: w.Keys, Limiter: w.Limiter, Clock: clock})
	_, secret, err := w.Keys.CreateOwner(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.Owner = secret
	return w
}

// Key makes a key of a project.
func (w *World) Key(t testing.TB, project lathe.Project, limits []lathe.Limit, scopes ...lathe.Scope) string {
	t.Helper()
	by := &lathe.Principal{Project: project, Scopes: []lathe.Scope{{Verb: "*"}}}
	_, secret, err := w.Keys.CreateKey(t.Context(), by, lathe.NewKey{Name: "test", Scopes: scopes, Limits: limits})
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

// Resolve implements lathe.ServeService. Each model has the one version 3.
func (w *World) Resolve(_ context.Context, project lathe.Project, endpoint, version, _ string) (lathe.Target, error) {
	if endpoint == "" {
		endpoint = w.Default
	}
	if endpoint == "" {
		return lathe.Target{}, lathe.Errorf(lathe.CodeConflict, "no default endpoint").WithHint("the endpoints are mixed, numbers")
	}
	m := w.Models[endpoint]
	if m == nil || project != lathe.DefaultProject || version != "" && version != "3" {
		return lathe.Target{}, lathe.Errorf(lathe.CodeNotFound, "there is no endpoint %q", endpoint)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.Resolved++
	return lathe.Target{Endpoint: endpoint, Model: "m", Version: 3, Info: &m.Info, Runtime: m, Release: w.release}, nil
}

func (w *World) release() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.Released++
}

// FindEndpoints implements lathe.EndpointStore.
func (w *World) FindEndpoints(_ context.Context, project lathe.Project, page lathe.Page) ([]lathe.Endpoint, string, error) {
	if project != lathe.DefaultProject {
		return nil, "", nil
	}
	if page.After == "" {
		return []lathe.Endpoint{{Name: "mixed", Routes: []lathe.Route{{Model: "m", Version: 3, Share: 100}}}}, "more", nil
	}
	return []lathe.Endpoint{{Name: "numbers"}}, "", nil
}

// keyStore is the World as a lathe.KeyStore.
type keyStore World

// CreateKey implements lathe.KeyStore.
func (k *keyStore) CreateKey(_ context.Context, project lathe.Project, key lathe.Key) (lathe.Key, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	key.Project, key.ID = project, "k"+string(rune('a'+len(k.keys)))
	k.keys = append(k.keys, key)
	return key, nil
}

// FindKeyByHash implements lathe.KeyStore.
func (k *keyStore) FindKeyByHash(_ context.Context, hash []byte) (lathe.Key, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, key := range k.keys {
		if string(key.Hash) == string(hash) {
			return key, nil
		}
	}
	return lathe.Key{}, lathe.Errorf(lathe.CodeNotFound, "no such key")
}

// FindKey implements lathe.KeyStore.
func (k *keyStore) FindKey(context.Context, lathe.Project, string) (lathe.Key, error) {
	return lathe.Key{}, lathe.Errorf(lathe.CodeNotFound, "no such key")
}

// FindKeys implements lathe.KeyStore.
func (k *keyStore) FindKeys(context.Context, lathe.Project, lathe.Page) ([]lathe.Key, string, error) {
	return nil, "", nil
}

// RevokeKey implements lathe.KeyStore.
func (k *keyStore) RevokeKey(context.Context, lathe.Project, string) (lathe.Key, error) {
	return lathe.Key{}, lathe.Errorf(lathe.CodeNotFound, "no such key")
}

// usageStore forgets everything.
type usageStore struct{}

// FindUsage implements lathe.UsageStore.
func (usageStore) FindUsage(context.Context, lathe.Project, string) ([]lathe.UsageRecord, error) {
	return nil, nil
}

// SaveUsage implements lathe.UsageStore.
func (usageStore) SaveUsage(context.Context, []lathe.UsageRecord) error { return nil }

// Do asks the gate; headers come in pairs.
func (w *World) Do(method, path, key, body string, headers ...string) *httptest.ResponseRecorder {
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	r := httptest.NewRequest(method, path, reader)
	r.Host = "127.0.0.1:7411"
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	rec := httptest.NewRecorder()
	w.Gate.ServeHTTP(rec, r)
	return rec
}

// Refused checks what every route of a protocol must refuse: no key, a wrong one, one in the query, another project's, one
// without the scope, a foreign host and origin. call makes a request that is fine.
func (w *World) Refused(t *testing.T, route guard.Route, path, body string, headers ...string) {
	t.Helper()
	ask := func(key string, more ...string) int {
		return w.Do(route.Method, path, key, body, append(append([]string{}, headers...), more...)...).Code
	}
	foreign := httptest.NewRequest(route.Method, path, nil)
	foreign.Host = "evil.example"
	rec := httptest.NewRecorder()
	w.Gate.ServeHTTP(rec, foreign)
	got := map[string]int{
		"foreign host": rec.Code, "foreign origin": ask(w.Owner, "Origin", "http://evil.example"),
		"query": w.Do(route.Method, path+"?k="+w.Owner, "", body, headers...).Code,
	}
	want := map[string]int{"foreign host": http.StatusForbidden, "foreign origin": http.StatusForbidden, "query": http.StatusUnauthorized}
	if route.Need.Open {
		got["open"], want["open"] = ask(""), http.StatusOK
	} else {
		all := lathe.Scope{Verb: "*"}
		got["no key"], want["no key"] = ask(""), http.StatusUnauthorized
		got["wrong key"], want["wrong key"] = ask(guard.MintKey(lathe.KindCaller)), http.StatusUnauthorized
		got["two keys"], want["two keys"] = ask(w.Owner, "X-Api-Key", "other"), http.StatusUnauthorized
		got["x-api-key"], want["x-api-key"] = ask("", "X-Api-Key", w.Owner), http.StatusOK
		got["weak key"], want["weak key"] = ask(w.Key(t, "default", nil, lathe.Scope{Verb: lathe.VerbTrain})), http.StatusForbidden
		got["foreign project"], want["foreign project"] = ask(w.Key(t, "other", nil, all), "X-Lathe-Project", "default"), http.StatusNotFound
	}
	for name, status := range want {
		if got[name] != status {
			t.Errorf("%s %s: %s: status %d, want %d", route.Method, route.Path, name, got[name], status)
		}
	}
}
