package rest

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"lathe"
	"lathe/internal/guard"
)

func TestIdempotency(t *testing.T) {
	w := newWorld(t)
	train := func(dataset, key, secret string) (int, string, string) {
		rec := w.do("POST", "/api/v1/runs", secret, `{"kind":"train","train":{"dataset":"`+dataset+`"}}`, "Idempotency-Key", key)
		return rec.Code, rec.Body.String(), rec.Header().Get(replyHeader)
	}
	status, body, replayed := train("a", "k1", w.owner)
	if status != 202 || replayed != "" {
		t.Fatalf("%d %s", status, body)
	}
	status2, body2, replayed := train("a", "k1", w.owner)
	if status2 != 202 || body2 != body || replayed != "true" || len(w.runs.trained) != 1 {
		t.Errorf("again: %d %s, %d trained", status2, body2, len(w.runs.trained))
	}
	if status, body, _ := train("b", "k1", w.owner); status != 409 {
		t.Errorf("another request under the same key: %d %s", status, body)
	}
	other := w.key(t, "default", nil, lathe.Scope{Verb: lathe.VerbTrain})
	if status, _, replayed := train("a", "k1", other); status != 202 || replayed != "" || len(w.runs.trained) != 2 {
		t.Errorf("another caller: %d %q", status, replayed)
	}
	w.runs.fail = lathe.Errorf(lathe.CodeUnavailable, "busy")
	if status, _, _ := train("a", "k2", w.owner); status != 503 {
		t.Errorf("failure: %d", status)
	}
	w.runs.fail = nil
	if status, _, replayed := train("a", "k2", w.owner); status != 202 || replayed != "" {
		t.Errorf("after a failure: %d %q", status, replayed)
	}
	if status, _, _ := train("a", strings.Repeat("x", 201), w.owner); status != 400 {
		t.Errorf("long key: %d", status)
	}
}

// TestIdempotencyOfSecrets: an answer that is shown once is not stored.
func TestIdempotencyOfSecrets(t *testing.T) {
	w := newWorld(t)
	body := `{"name":"n","scopes":[{"verb":"read"}]}`
	made := as[keyAnswer](t, w.do("POST", "/api/v1/keys", w.owner, body, "Idempotency-Key", "k"))
	if rec := w.do("POST", "/api/v1/keys", w.owner, body, "Idempotency-Key", "k"); rec.Code != 409 || len(w.store.keys) != 2 {
		t.Errorf("%d %s, %d keys", rec.Code, rec.Body, len(w.store.keys))
	}
	for _, reply := range w.store.replies {
		if strings.Contains(string(reply.Body), made.Secret) {
			t.Error("the key is stored in an answer")
		}
	}
}

func TestPackages(t *testing.T) {
	w := newWorld(t)
	rec := w.do("GET", "/api/v1/models/churn/versions/champion/package", w.owner, "")
	if rec.Code != 200 || rec.Body.String() != "package" || rec.Header().Get("Content-Type") != packageType || rec.Header().Get("Content-Length") != "7" || rec.Header().Get("X-Lathe-Digest") != "abc" {
		t.Errorf("%d %s %v", rec.Code, rec.Body, rec.Header())
	}
	if rec := w.do("POST", "/api/v1/models/churn/package", w.owner, "zip", "Content-Type", packageType); rec.Code != 201 || w.models.imported != "zip" {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
	if rec := w.do("GET", "/api/v1/models/churn/versions/1/card", w.owner, ""); rec.Body.String() != "# card" || rec.Header().Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
	reader := w.key(t, "default", nil, lathe.Scope{Verb: lathe.VerbRead}, lathe.Scope{Verb: lathe.VerbPredict}, lathe.Scope{Verb: lathe.VerbDeploy})
	if rec := w.do("GET", "/api/v1/models/churn/versions/1/package", reader, ""); rec.Code != 403 {
		t.Errorf("weights without export: %d", rec.Code)
	}
}

// TestCutShort: an answer that fails after its first bytes is cut, never ended as if it were whole.
func TestCutShort(t *testing.T) {
	w := newWorld(t)
	w.models.cutShort = true
	for _, c := range []struct{ method, path, body string }{
		{"GET", "/api/v1/models/churn/versions/1/package", ""}, {"POST", "/api/v1/models/churn/versions/1/predictions", "a\n1\n"},
	} {
		func() {
			defer func() {
				if recover() != http.ErrAbortHandler {
					t.Errorf("%s %s: the answer ended as if it were whole", c.method, c.path)
				}
			}()
			r := newRequest(c.method, c.path, w.owner, c.body)
			if c.body != "" {
				r.Header.Set("Content-Type", "text/csv")
			}
			w.gate.ServeHTTP(httptest.NewRecorder(), r)
		}()
	}
	w.ops.fail = errors.New("disk gone")
	if rec := w.do("POST", "/api/v1/backups", w.owner, ""); rec.Code != 500 || strings.Contains(rec.Body.String(), "disk") || as[guard.Problem](t, rec).Code != lathe.CodeInternal {
		t.Errorf("before the first byte: %d %s", rec.Code, rec.Body)
	}
}

func TestTables(t *testing.T) {
	w := newWorld(t)
	const path = "/api/v1/models/churn/versions/1/predictions"
	key := w.key(t, "default", []lathe.Limit{{Unit: lathe.UnitRows, Max: 10, Window: lathe.WindowTotal}}, lathe.Scope{Verb: lathe.VerbPredict}, lathe.Scope{Verb: lathe.VerbRead})
	ask := func(rows int, end string) *httptest.ResponseRecorder {
		return w.do("POST", path, key, "a,b"+strings.Repeat("\n1,2", rows)+end, "Content-Type", "text/csv")
	}
	rec := ask(4, "\n")
	if rec.Code != 200 || rec.Body.String() != "prediction\nyes\nyes\nyes\nyes\n" || rec.Header().Get(ExtraHeader) != "id,na me" || !strings.HasPrefix(rec.Header().Get("Content-Type"), "text/csv") {
		t.Errorf("%d %s %v", rec.Code, rec.Body, rec.Header())
	}
	if rec := ask(7, "\n"); rec.Code != 429 || as[guard.Problem](t, rec).Code != lathe.CodeExhausted || rec.Header().Get("X-Should-Retry") != "false" {
		t.Errorf("over the limit: %d %s", rec.Code, rec.Body)
	}
	if rec := ask(6, ""); rec.Code != 200 { // without a last line break: six rows still
		t.Errorf("the rest: %d %s", rec.Code, rec.Body)
	}
	if rec := ask(1, ""); rec.Code != 429 {
		t.Errorf("one more: %d", rec.Code)
	}
	if rec := w.do("POST", "/api/v1/models/churn/versions/1/evaluations", key, "a\n1\n", "Content-Type", "text/csv"); rec.Code != 429 {
		t.Errorf("evaluation counts no rows: %d", rec.Code)
	}
	if rec := w.do("POST", "/api/v1/models/churn/versions/1/evaluations", key, `{"dataset":"churn"}`, "Content-Type", "application/json"); rec.Code != 413 {
		t.Errorf("1,500 stored rows against a limit of 10: %d", rec.Code)
	}
	result := as[lathe.EvalResult](t, w.do("POST", "/api/v1/models/churn/versions/1/evaluations", w.owner, `{"dataset":"churn","version":2}`, "Content-Type", "application/json"))
	if result.Rows != 1500 {
		t.Errorf("%+v", result)
	}
	blind := w.key(t, "default", nil, lathe.Scope{Verb: lathe.VerbPredict})
	if rec := w.do("POST", "/api/v1/models/churn/versions/1/evaluations", blind, `{"dataset":"churn"}`, "Content-Type", "application/json"); rec.Code != 403 {
		t.Errorf("stored data without read: %d", rec.Code)
	}
}

// TestBigTable: an answer beyond what is held back streams over a real connection, and names extra columns in the trailer.
func TestBigTable(t *testing.T) {
	w := newWorld(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := w.gate.Server()
	go func() { _ = server.Serve(l) }()
	defer server.Close()
	rows := holdBack/len("yes\n") + 1000
	body := "a\n" + strings.Repeat("1\n", rows)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+l.Addr().String()+"/api/v1/models/churn/versions/1/predictions", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+w.owner)
	req.Header.Set("Content-Type", "text/csv")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	n, err := io.Copy(io.Discard, res.Body)
	if err != nil || n != int64(len("prediction\n")+4*rows) || res.Trailer.Get(ExtraHeader) != "id,na me" {
		t.Errorf("%d bytes, %v, trailer %v", n, err, res.Trailer)
	}
}

func TestOperation(t *testing.T) {
	w := newWorld(t)
	if rec := w.do("POST", "/api/v1/backups", w.owner, ""); rec.Body.String() != "archive" || rec.Header().Get("Content-Type") != backupType {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
	if rec := w.do("POST", "/api/v1/restores", w.owner, "archive", "Content-Type", backupType); rec.Code != 202 || w.ops.restored != "archive" {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
	if got := as[doctorAnswer](t, w.do("GET", "/api/v1/doctor", w.owner, "")); len(got.Checks) != 1 || !got.Checks[0].OK {
		t.Errorf("%+v", got)
	}
	if rec := w.do("GET", "/metrics", w.owner, ""); !strings.Contains(rec.Body.String(), `lathe_requests_total{method="GET",route="/api/v1/doctor",code="200"} 1`) {
		t.Errorf("%s", rec.Body)
	}
	w.ready = errors.New("secret reason")
	if rec := w.do("GET", "/readyz", "", ""); rec.Code != 503 || strings.Contains(rec.Body.String(), "secret") || rec.Header().Get("Retry-After") == "" {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
	if rec := w.do("GET", "/healthz", "", ""); rec.Code != 200 {
		t.Errorf("%d", rec.Code)
	}
}
