package guard

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lathe"
)

// manualClock is a clock that only tests move.
type manualClock struct{ ns atomic.Int64 }

func newClock() *manualClock {
	c := &manualClock{}
	c.ns.Store(time.Date(2026, 11, 23, 12, 0, 30, 0, time.UTC).UnixNano())
	return c
}

func (c *manualClock) now() time.Time          { return time.Unix(0, c.ns.Load()).UTC() }
func (c *manualClock) advance(d time.Duration) { c.ns.Add(int64(d)) }

// memKeys is a lathe.KeyStore in memory.
type memKeys struct {
	mu    sync.Mutex
	keys  []lathe.Key
	reads atomic.Int64
	fail  error
	found func() // called after a look-up, before it returns
}

func (m *memKeys) CreateKey(_ context.Context, project lathe.Project, key lathe.Key) (lathe.Key, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	key.Project = project
	key.ID = "k" + string(rune('a'+len(m.keys)))
	m.keys = append(m.keys, key)
	return key, nil
}

func (m *memKeys) FindKeyByHash(_ context.Context, hash []byte) (lathe.Key, error) {
	m.reads.Add(1)
	key, err := m.find(func(k lathe.Key) bool { return string(k.Hash) == string(hash) })
	if m.found != nil {
		m.found()
	}
	return key, err
}

func (m *memKeys) FindKey(_ context.Context, project lathe.Project, id string) (lathe.Key, error) {
	return m.find(func(k lathe.Key) bool { return k.Project == project && k.ID == id })
}

func (m *memKeys) find(match func(lathe.Key) bool) (lathe.Key, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return lathe.Key{}, m.fail
	}
	for _, k := range m.keys {
		if match(k) {
			return k, nil
		}
	}
	return lathe.Key{}, lathe.Errorf(lathe.CodeNotFound, "no such key")
}

func (m *memKeys) FindKeys(context.Context, lathe.Project, lathe.Page) ([]lathe.Key, string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]lathe.Key(nil), m.keys...), "", nil
}

func (m *memKeys) RevokeKey(_ context.Context, project lathe.Project, id string) (lathe.Key, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.keys {
		if m.keys[i].Project == project && m.keys[i].ID == id {
			at := time.Unix(1, 0)
			m.keys[i].RevokedAt = &at
			return m.keys[i], nil
		}
	}
	return lathe.Key{}, lathe.Errorf(lathe.CodeNotFound, "no such key")
}

// memUsage is a lathe.UsageStore in memory.
type memUsage struct {
	mu      sync.Mutex
	records map[string]lathe.UsageRecord
	saves   int
	fail    error
}

func (m *memUsage) FindUsage(_ context.Context, project lathe.Project, key string) ([]lathe.UsageRecord, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []lathe.UsageRecord
	for _, r := range m.records {
		if r.Project == project && r.Key == key {
			out = append(out, r)
		}
	}
	return out, m.fail
}

func (m *memUsage) SaveUsage(_ context.Context, records []lathe.UsageRecord) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return m.fail
	}
	m.saves++
	if m.records == nil {
		m.records = make(map[string]lathe.UsageRecord)
	}
	for _, r := range records {
		m.records[string(r.Project)+"/"+r.Key+"/"+string(r.Unit)+"/"+string(r.Window)] = r
	}
	return nil
}

// memAudit is a lathe.Auditor in memory.
type memAudit struct {
	mu     sync.Mutex
	events []lathe.AuditEvent
	fail   error
}

func (m *memAudit) Record(_ context.Context, event lathe.AuditEvent) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail == nil {
		m.events = append(m.events, event)
	}
	return m.fail
}

// world is a gate with everything in memory.
type world struct {
	clock *manualClock
	store *memKeys
	usage *memUsage
	audit *memAudit
	keys  *Keys
	gate  *Gate
	owner string
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{clock: newClock(), store: &memKeys{}, usage: &memUsage{}, audit: &memAudit{}}
	w.keys = NewKeys(w.store, make([]byte, 32), w.clock.now)
	w.gate = New(Config{
		Keys: w.keys, Limiter: NewLimiter(w.usage, w.clock.now), Auditor: w.audit, Clock: w.clock.now,
		Hosts: []string{"Models.Example"}, Origins: []string{"https://console.example"},
	})
	_, secret, err := w.keys.CreateOwner(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.owner = secret
	return w
}

// key makes a key in a project with scopes.
func (w *world) key(t testing.TB, project lathe.Project, limits []lathe.Limit, scopes ...lathe.Scope) (lathe.Key, string) {
	t.Helper()
	by := &lathe.Principal{Project: project, Kind: lathe.KindOwner, Scopes: []lathe.Scope{{Verb: "*"}}}
	key, secret, err := w.keys.CreateKey(t.Context(), by, lathe.NewKey{Name: "test", Scopes: scopes, Limits: limits})
	if err != nil {
		t.Fatal(err)
	}
	return key, secret
}

// request makes a request to loopback; edit may change it.
func request1(method, path, secret string, edit ...func(*http.Request)) *http.Request {
	r := httptest.NewRequest(method, path, nil)
	r.Host = "127.0.0.1:7411"
	if secret != "" {
		r.Header.Set("Authorization", "Bearer "+secret)
	}
	for _, e := range edit {
		if e != nil {
			e(r)
		}
	}
	return r
}

func (w *world) do(r *http.Request) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	w.gate.ServeHTTP(rec, r)
	return rec
}

func ok(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok")) }
