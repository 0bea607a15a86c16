package rest

import (
	"context"
	"encoding/json"
	"errors"
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

// fakeData is a lathe.DataService with one dataset, churn of project default.
type fakeData struct {
	lathe.DatasetStore
	uploaded string
	add      lathe.AddDataset
}

func unknown(what string) error { return lathe.Errorf(lathe.CodeNotFound, "there is no %s", what) }

func (f *fakeData) has(project lathe.Project, name string) error {
	if project != lathe.DefaultProject || name != "churn" {
		return unknown("dataset " + name)
	}
	return nil
}

var churnVersion = lathe.DatasetVersion{
	Project: "default", Dataset: "churn", Number: 2, Rows: 1500, Digest: "d1", Profile: json.RawMessage(`{"rows":1500}`),
	Columns: []lathe.ColumnInfo{{Name: "a", Kind: lathe.Float64, Type: "float"}, {Name: "b,c", Kind: lathe.String, Type: "text"}},
}

func (f *fakeData) FindDataset(_ context.Context, project lathe.Project, name string) (lathe.Dataset, error) {
	return lathe.Dataset{Project: project, Name: name, Version: 2}, f.has(project, name)
}

func (f *fakeData) FindDatasets(_ context.Context, project lathe.Project, page lathe.Page) ([]lathe.Dataset, string, error) {
	if project != lathe.DefaultProject || page.After != "" {
		return nil, "", nil
	}
	return []lathe.Dataset{{Project: project, Name: "churn"}, {Project: project, Name: "fraud"}}, "c1", nil
}

func (f *fakeData) FindDatasetVersion(_ context.Context, project lathe.Project, name string, _ int) (lathe.DatasetVersion, error) {
	return churnVersion, f.has(project, name)
}

func (f *fakeData) FindDatasetVersions(_ context.Context, project lathe.Project, name string) ([]lathe.DatasetVersion, error) {
	return []lathe.DatasetVersion{churnVersion}, f.has(project, name)
}

func (f *fakeData) DeleteDataset(_ context.Context, project lathe.Project, name string) error {
	return f.has(project, name)
}

func (f *fakeData) AddDataset(_ context.Context, _ lathe.Project, add lathe.AddDataset, r io.Reader) (lathe.DatasetVersion, error) {
	data, err := io.ReadAll(r)
	f.uploaded, f.add = string(data), add
	return churnVersion, err
}

func (f *fakeData) ReadRows(_ context.Context, project lathe.Project, name string, _ int, from int64, n int) (*lathe.Batch, error) {
	if err := f.has(project, name); err != nil {
		return nil, err
	}
	n = int(min(int64(n), 1500-from))
	b := &lathe.Batch{Rows: n, Columns: []lathe.Column{lathe.NewColumn("a", lathe.Float64, n), lathe.NewColumn("b,c", lathe.String, n)}}
	for i := range n {
		b.Columns[0].Floats[i] = float64(from) + float64(i) + 0.5
		b.Columns[1].Strings[i] = `x"y`
	}
	if n > 1 {
		b.Columns[0].SetMissing(1)
	}
	return b, nil
}

func (f *fakeData) CleanDataset(_ context.Context, project lathe.Project, name string, _ int, _ lathe.CleanSpec) (lathe.DatasetVersion, error) {
	return churnVersion, f.has(project, name)
}

func (f *fakeData) SplitDataset(_ context.Context, project lathe.Project, name string, _ int, _ lathe.SplitSpec) (lathe.DatasetVersion, error) {
	return churnVersion, f.has(project, name)
}

func (f *fakeData) EraseRows(_ context.Context, project lathe.Project, name string, _ lathe.EraseSpec) (lathe.DatasetVersion, error) {
	return churnVersion, f.has(project, name)
}

// fakeRuns is a lathe.RunService with one run, r1 of project default.
type fakeRuns struct {
	mu      sync.Mutex
	trained []lathe.TrainSpec
	state   lathe.RunState
	events  []lathe.Event
	live    chan lathe.Event // further events; closed when the run rests
	fail    error            // of Train
}

func (f *fakeRuns) FindRun(_ context.Context, project lathe.Project, id string) (lathe.Run, error) {
	if project != lathe.DefaultProject || id != "r1" {
		return lathe.Run{}, unknown("run")
	}
	return lathe.Run{Project: project, ID: id, State: f.state, Spec: json.RawMessage(`{"dataset":"churn"}`), Seq: int64(len(f.events))}, nil
}

func (f *fakeRuns) FindRuns(ctx context.Context, project lathe.Project, _ lathe.Page) ([]lathe.Run, string, error) {
	run, err := f.FindRun(ctx, project, "r1")
	if err != nil {
		return nil, "", nil
	}
	return []lathe.Run{run}, "", nil
}

func (f *fakeRuns) FindEvents(_ context.Context, _ lathe.Project, _ string, after int64, limit int) ([]lathe.Event, error) {
	out := f.events[min(after, int64(len(f.events))):]
	return out[:min(limit, len(out))], nil
}

func (f *fakeRuns) Verify(_ context.Context, project lathe.Project, model, _ string) (lathe.Run, error) {
	spec, err := json.Marshal(lathe.VerifySpec{Model: model})
	return lathe.Run{Project: project, ID: "v1", Kind: lathe.RunVerify, State: lathe.RunQueued, Spec: spec}, err
}

func (f *fakeRuns) Train(_ context.Context, project lathe.Project, spec lathe.TrainSpec) (lathe.Run, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fail != nil {
		return lathe.Run{}, f.fail
	}
	f.trained = append(f.trained, spec)
	return lathe.Run{Project: project, ID: "r1", Kind: "train", State: lathe.RunQueued, Spec: json.RawMessage(`{}`)}, nil
}

func (f *fakeRuns) WatchRun(ctx context.Context, _ lathe.Project, _ string, after int64, each func(lathe.Event) error) error {
	for _, e := range f.events[min(after, int64(len(f.events))):] {
		if err := each(e); err != nil {
			return err
		}
	}
	for {
		select {
		case e, open := <-f.live:
			if !open {
				return nil
			}
			if err := each(e); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (f *fakeRuns) StopRun(ctx context.Context, project lathe.Project, id string) (lathe.Run, error) {
	return f.FindRun(ctx, project, id)
}

func (f *fakeRuns) ResumeRun(ctx context.Context, project lathe.Project, id string) (lathe.Run, error) {
	return f.FindRun(ctx, project, id)
}

// fakeModels is a lathe.ModelService with one model, churn of project default.
type fakeModels struct {
	lathe.ModelStore
	imported string
	cutShort bool // ExportPackage and PredictTable fail after their first bytes
	evalRows int
}

func (f *fakeModels) has(project lathe.Project, name string) error {
	if project != lathe.DefaultProject || name != "churn" {
		return unknown("model " + name)
	}
	return nil
}

func (f *fakeModels) FindModel(_ context.Context, project lathe.Project, name string) (lathe.Model, error) {
	return lathe.Model{Project: project, Name: name}, f.has(project, name)
}

func (f *fakeModels) FindModels(_ context.Context, project lathe.Project, _ lathe.Page) ([]lathe.Model, string, error) {
	if project != lathe.DefaultProject {
		return nil, "", nil
	}
	return []lathe.Model{{Project: project, Name: "churn"}, {Project: project, Name: "fraud"}}, "", nil
}

func (f *fakeModels) FindModelVersion(_ context.Context, project lathe.Project, name, _ string) (lathe.ModelVersion, error) {
	return lathe.ModelVersion{Project: project, Model: name, Number: 1, Manifest: json.RawMessage(`{}`)}, f.has(project, name)
}

func (f *fakeModels) FindModelVersions(_ context.Context, project lathe.Project, name string) ([]lathe.ModelVersion, error) {
	return nil, f.has(project, name)
}

func (f *fakeModels) RollbackModel(ctx context.Context, project lathe.Project, name string) (lathe.Model, error) {
	return f.FindModel(ctx, project, name)
}

func (f *fakeModels) DeleteModelVersion(_ context.Context, project lathe.Project, name string, _ int) error {
	return f.has(project, name)
}

func (f *fakeModels) PromoteModel(_ context.Context, project lathe.Project, name, alias string, number int, force bool) (lathe.Model, error) {
	if !force && number == 9 {
		return lathe.Model{}, lathe.Errorf(lathe.CodeConflict, "does not beat its baseline")
	}
	return lathe.Model{Project: project, Name: name, Aliases: map[string]int{alias: number}}, f.has(project, name)
}

func (f *fakeModels) ImportPackage(_ context.Context, project lathe.Project, name string, r io.Reader) (lathe.ModelVersion, error) {
	data, err := io.ReadAll(r)
	f.imported = string(data)
	return lathe.ModelVersion{Project: project, Model: name, Number: 2, Manifest: json.RawMessage(`{}`)}, err
}

func (f *fakeModels) ExportPackage(_ context.Context, project lathe.Project, name, _ string) (lathe.ModelVersion, io.ReadCloser, error) {
	body := io.Reader(strings.NewReader("package"))
	if f.cutShort {
		body = io.MultiReader(body, failing{})
	}
	return lathe.ModelVersion{Model: name, Number: 3, Digest: "abc", Package: lathe.Blob{Bytes: 7}}, io.NopCloser(body), f.has(project, name)
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("disk gone") }

func (f *fakeModels) ModelCard(_ context.Context, project lathe.Project, name, _ string) (string, error) {
	return "# card", f.has(project, name)
}

func (f *fakeModels) PredictTable(_ context.Context, project lathe.Project, name, _ string, r io.Reader, w io.Writer) ([]string, error) {
	if err := f.has(project, name); err != nil {
		return nil, err
	}
	if f.cutShort {
		if _, err := io.WriteString(w, strings.Repeat("x", holdBack+1)); err != nil {
			return nil, err
		}
		return nil, errors.New("disk gone")
	}
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	lines := strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
	if _, err := io.WriteString(w, "prediction\n"+strings.Repeat("yes\n", len(lines)-1)); err != nil {
		return nil, err
	}
	return []string{"id", "na,me"}, nil
}

func (f *fakeModels) Evaluate(_ context.Context, project lathe.Project, name, _ string, r io.Reader) (lathe.EvalResult, error) {
	if err := f.has(project, name); err != nil {
		return lathe.EvalResult{}, err
	}
	data, err := io.ReadAll(r)
	f.evalRows = strings.Count(string(data), "\n") - 1
	return lathe.EvalResult{Model: name, Version: 1, Rows: f.evalRows, Metrics: map[string]float64{"accuracy": 0.5}}, err
}

func (f *fakeModels) EvaluateDataset(_ context.Context, project lathe.Project, name, _, _ string, _ int) (lathe.EvalResult, error) {
	return lathe.EvalResult{Model: name, Version: 1, Rows: 1500, Metrics: map[string]float64{"accuracy": 0.5}}, f.has(project, name)
}

// fakeServe is a lathe.ServeService with one endpoint, churn of project default.
type fakeServe struct{ lathe.ServeService }

func (f *fakeServe) FindEndpoint(_ context.Context, project lathe.Project, name string) (lathe.Endpoint, error) {
	if project != lathe.DefaultProject || name != "churn" {
		return lathe.Endpoint{}, unknown("endpoint " + name)
	}
	return lathe.Endpoint{Project: project, Name: name, Routes: []lathe.Route{}}, nil
}

func (f *fakeServe) FindEndpoints(_ context.Context, project lathe.Project, _ lathe.Page) ([]lathe.Endpoint, string, error) {
	if project != lathe.DefaultProject {
		return nil, "", nil
	}
	return []lathe.Endpoint{{Name: "churn"}, {Name: "fraud"}}, "", nil
}

func (f *fakeServe) SetDefaultEndpoint(ctx context.Context, project lathe.Project, name string) (lathe.Endpoint, error) {
	return f.FindEndpoint(ctx, project, name)
}

func (f *fakeServe) DeleteEndpoint(ctx context.Context, project lathe.Project, name string) error {
	_, err := f.FindEndpoint(ctx, project, name)
	return err
}

func (f *fakeServe) Deploy(_ context.Context, project lathe.Project, spec lathe.DeploySpec) (lathe.Endpoint, error) {
	if project != lathe.DefaultProject || spec.Model != "churn" {
		return lathe.Endpoint{}, unknown("model")
	}
	return lathe.Endpoint{Name: spec.Endpoint, Routes: []lathe.Route{{Model: spec.Model, Share: spec.Share}}}, nil
}

// fakeStore keeps keys, secrets, replies and usage.
type fakeStore struct {
	mu      sync.Mutex
	keys    []lathe.Key
	secrets map[string]string
	replies map[string]*lathe.Reply
	prints  map[string]string
}

func (f *fakeStore) CreateKey(_ context.Context, project lathe.Project, key lathe.Key) (lathe.Key, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	key.Project, key.ID = project, "k"+string(rune('a'+len(f.keys)))
	f.keys = append(f.keys, key)
	return key, nil
}

func (f *fakeStore) find(match func(*lathe.Key) bool) (*lathe.Key, error) {
	for i := range f.keys {
		if match(&f.keys[i]) {
			return &f.keys[i], nil
		}
	}
	return &lathe.Key{}, unknown("key")
}

func (f *fakeStore) FindKeyByHash(_ context.Context, hash []byte) (lathe.Key, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	k, err := f.find(func(k *lathe.Key) bool { return string(k.Hash) == string(hash) })
	return *k, err
}

func (f *fakeStore) FindKey(_ context.Context, project lathe.Project, id string) (lathe.Key, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	k, err := f.find(func(k *lathe.Key) bool { return k.Project == project && k.ID == id })
	return *k, err
}

func (f *fakeStore) FindKeys(_ context.Context, project lathe.Project, _ lathe.Page) ([]lathe.Key, string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []lathe.Key
	for _, k := range f.keys {
		if k.Project == project {
			out = append(out, k)
		}
	}
	return out, "", nil
}

func (f *fakeStore) RevokeKey(_ context.Context, project lathe.Project, id string) (lathe.Key, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	k, err := f.find(func(k *lathe.Key) bool { return k.Project == project && k.ID == id })
	now := time.Unix(1, 0).UTC()
	k.RevokedAt = &now
	return *k, err
}

func (f *fakeStore) PutSecret(_ context.Context, project lathe.Project, name string, value []byte) error {
	f.secrets[string(project)+"/"+name] = string(value)
	return nil
}

func (f *fakeStore) Secret(context.Context, lathe.Project, string) ([]byte, error) {
	return nil, errors.New("the API must never ask for a secret")
}

func (f *fakeStore) FindSecrets(context.Context, lathe.Project) ([]string, error) { return nil, nil }

func (f *fakeStore) DeleteSecret(_ context.Context, project lathe.Project, name string) error {
	if _, ok := f.secrets[string(project)+"/"+name]; !ok {
		return unknown("secret")
	}
	delete(f.secrets, string(project)+"/"+name)
	return nil
}

func (f *fakeStore) BeginReply(_ context.Context, project lathe.Project, caller, key string, print []byte, _ time.Duration) (*lathe.Reply, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	name := string(project) + "/" + caller + "/" + key
	reply, taken := f.replies[name]
	if taken && (reply == nil || f.prints[name] != string(print)) {
		return nil, lathe.Errorf(lathe.CodeConflict, "the key was used for another request")
	}
	if !taken {
		f.replies[name], f.prints[name] = nil, string(print)
	}
	return reply, nil
}

func (f *fakeStore) FinishReply(_ context.Context, project lathe.Project, caller, key string, reply *lathe.Reply) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	name := string(project) + "/" + caller + "/" + key
	if f.replies[name] = reply; reply == nil {
		delete(f.replies, name)
	}
	return nil
}

func (f *fakeStore) FindUsage(context.Context, lathe.Project, string) ([]lathe.UsageRecord, error) {
	return nil, nil
}
func (f *fakeStore) SaveUsage(context.Context, []lathe.UsageRecord) error { return nil }

type fakeOperations struct {
	restored string
	fail     error
}

func (f *fakeOperations) Doctor(context.Context) []Check { return []Check{{Name: "disk", OK: true}} }

func (f *fakeOperations) Backup(_ context.Context, w io.Writer) error {
	if f.fail != nil {
		return f.fail
	}
	_, err := io.WriteString(w, "archive")
	return err
}

func (f *fakeOperations) StageRestore(_ context.Context, r io.Reader) error {
	data, err := io.ReadAll(r)
	f.restored = string(data)
	return err
}

// world is the API over fakes.
type world struct {
	gate   *guard.Gate
	keys   *guard.Keys
	store  *fakeStore
	data   *fakeData
	runs   *fakeRuns
	models *fakeModels
	ops    *fakeOperations
	ticks  chan time.Time
	owner  string
	now    time.Time
	ready  error
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{
		store: &fakeStore{secrets: map[string]string{}, replies: map[string]*lathe.Reply{}, prints: map[string]string{}},
		data:  &fakeData{}, runs: &fakeRuns{state: lathe.RunRunning, live: make(chan lathe.Event)}, models: &fakeModels{},
		ops: &fakeOperations{}, ticks: make(chan time.Time), now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC),
	}
	clock := func() time.Time { return w.now }
	w.keys = guard.NewKeys(w.store, make([]byte, 32), clock)
	limiter := guard.NewLimiter(w.store, clock)
	w.gate = guard.New(guard.Config{Keys: w.keys, Limiter: limiter, Clock: clock})
	Register(w.gate, Services{
		Data: w.data, Runs: w.runs, Models: w.models, Serve: &fakeServe{}, Keys: w.keys, KeyStore: w.store, Secrets: w.store,
		Limiter: limiter, Replies: w.store, Operations: w.ops, Ready: func(context.Context) error { return w.ready },
		Heartbeats: func() (<-chan time.Time, func()) { return w.ticks, func() {} },
	})
	_, secret, err := w.keys.CreateOwner(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.owner = secret
	return w
}

// key makes a key of a project.
func (w *world) key(t testing.TB, project lathe.Project, limits []lathe.Limit, scopes ...lathe.Scope) string {
	t.Helper()
	by := &lathe.Principal{Project: project, Scopes: []lathe.Scope{{Verb: "*"}}}
	_, secret, err := w.keys.CreateKey(t.Context(), by, lathe.NewKey{Name: "test", Scopes: scopes, Limits: limits})
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

func newRequest(method, path, secret, body string, headers ...string) *http.Request {
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	r := httptest.NewRequest(method, path, reader)
	r.Host = "127.0.0.1:7411"
	if secret != "" {
		r.Header.Set("Authorization", "Bearer "+secret)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return r
}

func (w *world) do(method, path, secret, body string, headers ...string) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	w.gate.ServeHTTP(rec, newRequest(method, path, secret, body, headers...))
	return rec
}

// as decodes an answer.
func as[T any](t *testing.T, rec *httptest.ResponseRecorder) T {
	t.Helper()
	var out T
	if err := json.Unmarshal(rec.Body.Bytes(), &out); err != nil {
		t.Fatalf("status %d, %q: %v", rec.Code, rec.Body, err)
	}
	return out
}
