package guard

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"lathe"
)

func problemOf(t *testing.T, rec *httptest.ResponseRecorder) Problem {
	t.Helper()
	var p Problem
	if err := json.Unmarshal(rec.Body.Bytes(), &p); err != nil {
		t.Fatalf("answer %q: %v", rec.Body, err)
	}
	if rec.Header().Get("Content-Type") != "application/problem+json" || p.Status != rec.Code || p.RequestID == "" {
		t.Errorf("problem %+v of status %d, type %s", p, rec.Code, rec.Header().Get("Content-Type"))
	}
	return p
}

func TestHandlePanics(t *testing.T) {
	for name, call := range map[string]func(*Gate){
		"no need":   func(g *Gate) { g.Handle("GET /x", Need{}, http.HandlerFunc(ok)) },
		"both":      func(g *Gate) { g.Handle("GET /x", Need{Verb: lathe.VerbRead, Open: true}, http.HandlerFunc(ok)) },
		"no method": func(g *Gate) { g.Handle("/x", Need{Open: true}, http.HandlerFunc(ok)) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("registered")
				}
			}()
			call(newWorld(t).gate)
		})
	}
}

func TestGateRefuses(t *testing.T) {
	w := newWorld(t)
	w.gate.Handle("GET /v/{model}", Need{Verb: lathe.VerbRead, Name: "model"}, http.HandlerFunc(ok))
	w.gate.Handle("POST /v/{model}", Need{Verb: lathe.VerbDeploy, Name: "model"}, http.HandlerFunc(ok))
	w.gate.Handle("GET /open", Need{Open: true}, http.HandlerFunc(ok))
	_, reader := w.key(t, "a", nil, lathe.Scope{Verb: lathe.VerbRead, Model: "churn*"})
	set := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Add(name, value) }
	}
	host := func(h string) func(*http.Request) { return func(r *http.Request) { r.Host = h } }
	for _, c := range []struct {
		name, method, path, key string
		edit                    func(*http.Request)
		status                  int
		code                    lathe.Code
	}{
		{"fine", "GET", "/v/churn2", reader, nil, 200, ""},
		{"x-api-key", "GET", "/v/churn", "", set("X-Api-Key", reader), 200, ""},
		{"same key twice", "GET", "/v/churn", reader, set("X-Api-Key", reader), 200, ""},
		{"own project", "GET", "/v/churn", reader, set("X-Lathe-Project", "a"), 200, ""},
		{"no key", "GET", "/v/churn", "", nil, 401, lathe.CodeUnauthenticated},
		{"wrong key", "GET", "/v/churn", MintKey(lathe.KindService), nil, 401, lathe.CodeUnauthenticated},
		{"bad checksum", "GET", "/v/churn", reader[:len(reader)-1] + "~", nil, 401, lathe.CodeUnauthenticated},
		{"injection", "GET", "/v/churn", "' OR '1'='1", nil, 401, lathe.CodeUnauthenticated},
		{"basic", "GET", "/v/churn", "", set("Authorization", "Basic YTpi"), 401, lathe.CodeUnauthenticated},
		{"two keys", "GET", "/v/churn", reader, set("X-Api-Key", w.owner), 401, lathe.CodeUnauthenticated},
		{"two headers", "GET", "/v/churn", reader, set("Authorization", "Bearer "+w.owner), 401, lathe.CodeUnauthenticated},
		{"key in query", "GET", "/v/churn?k=" + reader, reader, nil, 401, lathe.CodeUnauthenticated},
		{"named in query", "GET", "/v/churn?api_key=x", reader, nil, 401, lathe.CodeUnauthenticated},
		{"key in a broken query", "GET", "/v/churn?a;k=" + reader, reader, nil, 401, lathe.CodeUnauthenticated},
		{"escaped key in query", "GET", "/v/churn?k=" + strings.ReplaceAll(reader, "_", "%5f"), reader, nil, 401, lathe.CodeUnauthenticated},
		{"query on open", "GET", "/open?x=" + reader, "", nil, 401, lathe.CodeUnauthenticated},
		{"other model", "GET", "/v/fraud", reader, nil, 403, lathe.CodeForbidden},
		{"other verb", "POST", "/v/churn", reader, nil, 403, lathe.CodeForbidden},
		{"other project", "GET", "/v/churn", reader, set("X-Lathe-Project", "b"), 404, lathe.CodeNotFound},
		{"bad project", "GET", "/v/churn", w.owner, set("X-Lathe-Project", "../b"), 400, lathe.CodeInvalid},
		{"bad name", "GET", "/v/..%2f..%2fetc", w.owner, nil, 400, lathe.CodeInvalid},
		{"unknown path", "GET", "/nothing", reader, nil, 404, lathe.CodeNotFound},
		{"wrong method", "DELETE", "/v/churn", reader, nil, 405, lathe.CodeInvalid},
		{"foreign host", "GET", "/v/churn", reader, host("evil.example"), 403, lathe.CodeForbidden},
		{"foreign host on open", "GET", "/open", "", host("evil.example:7411"), 403, lathe.CodeForbidden},
		{"no host", "GET", "/open", "", host(""), 403, lathe.CodeForbidden},
		{"foreign address", "GET", "/open", "", host("169.254.169.254"), 403, lathe.CodeForbidden},
		{"unspecified address", "GET", "/open", "", host("0.0.0.0:7411"), 403, lathe.CodeForbidden},
		{"host with at", "GET", "/open", "", host("localhost@evil.example"), 403, lathe.CodeForbidden},
		{"socket's name over TCP", "GET", "/open", "", host("lathe"), 403, lathe.CodeForbidden},
		{"configured host", "GET", "/open", "", host("models.example:80"), 200, ""},
		{"loopback v6", "GET", "/open", "", host("[::1]:7411"), 200, ""},
		{"loopback name", "GET", "/open", "", host("LocalHost"), 200, ""},
		{"own origin", "GET", "/v/churn", reader, set("Origin", "http://127.0.0.1:7411"), 200, ""},
		{"configured origin", "GET", "/v/churn", reader, set("Origin", "https://console.example"), 200, ""},
		{"foreign origin", "GET", "/v/churn", reader, set("Origin", "http://evil.example"), 403, lathe.CodeForbidden},
		{"other port's origin", "POST", "/v/churn", reader, set("Origin", "http://127.0.0.1:3000"), 403, lathe.CodeForbidden},
		{"other scheme's origin", "GET", "/open", "", set("Origin", "https://127.0.0.1:7411"), 403, lathe.CodeForbidden},
		{"null origin", "DELETE", "/v/churn", reader, set("Origin", "null"), 403, lathe.CodeForbidden},
		{"cross-site", "GET", "/open", "", set("Sec-Fetch-Site", "cross-site"), 403, lathe.CodeForbidden},
	} {
		t.Run(c.name, func(t *testing.T) {
			rec := w.do(request1(c.method, c.path, c.key, c.edit))
			if rec.Code != c.status {
				t.Fatalf("status %d, want %d: %s", rec.Code, c.status, rec.Body)
			}
			if c.status != 200 && problemOf(t, rec).Code != c.code {
				t.Errorf("code %s, want %s", problemOf(t, rec).Code, c.code)
			}
		})
	}
}

func TestUnixSocketHost(t *testing.T) {
	w := newWorld(t)
	w.gate.Handle("GET /open", Need{Open: true}, http.HandlerFunc(ok))
	path := t.TempDir() + "/s"
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	s := w.gate.Server()
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}}
	for host, want := range map[string]int{"lathe": 200, "localhost": 200, "evil.example": 403} {
		res, err := client.Get("http://" + host + "/open")
		if err != nil {
			t.Fatal(err)
		}
		if res.Body.Close(); res.StatusCode != want {
			t.Errorf("%s: %d, want %d", host, res.StatusCode, want)
		}
	}
	client.CloseIdleConnections()
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	<-done
}

func TestAudit(t *testing.T) {
	w := newWorld(t)
	ran := 0
	count := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { ran++ })
	w.gate.Handle("POST /runs/{name}", Need{Verb: lathe.VerbTrain, Name: "name"}, count)
	w.gate.Handle("GET /runs", Need{Verb: lathe.VerbRead}, count)
	_, reader := w.key(t, "a", nil, lathe.Scope{Verb: lathe.VerbRead})
	w.do(request1("POST", "/runs/x", w.owner))
	w.do(request1("POST", "/runs/x", reader))
	w.do(request1("GET", "/runs", reader))
	if len(w.audit.events) != 2 || ran != 2 {
		t.Fatalf("%d events, %d ran: %+v", len(w.audit.events), ran, w.audit.events)
	}
	first, second := w.audit.events[0], w.audit.events[1]
	if first.Outcome != "allowed" || first.Object != "POST /runs/x" || first.Verb != lathe.VerbTrain || first.Key == "" || first.RequestID == "" || first.Project != "default" {
		t.Errorf("first %+v", first)
	}
	if second.Outcome != "forbidden" || second.Project != "a" {
		t.Errorf("second %+v", second)
	}
	w.audit.fail = errors.New("disk gone")
	rec := w.do(request1("POST", "/runs/x", w.owner))
	if rec.Code != 503 || ran != 2 || strings.Contains(rec.Body.String(), "disk gone") {
		t.Errorf("status %d, ran %d: %s", rec.Code, ran, rec.Body)
	}
}

func TestPanicIsHidden(t *testing.T) {
	w := newWorld(t)
	var log strings.Builder
	w.gate.config.Log = slog.New(slog.NewTextHandler(&log, nil))
	w.gate.Handle("GET /before", Need{Open: true}, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("secret detail") }))
	w.gate.Handle("GET /after", Need{Open: true}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		ok(w, nil)
		panic("too late")
	}))
	rec := w.do(request1("GET", "/before", ""))
	p := problemOf(t, rec)
	if rec.Code != 500 || p.Code != lathe.CodeInternal || strings.Contains(rec.Body.String(), "secret") {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
	if !strings.Contains(log.String(), "secret detail") || !strings.Contains(log.String(), p.RequestID) {
		t.Errorf("log %s", log.String())
	}
	defer func() {
		if recover() != http.ErrAbortHandler {
			t.Error("an answer that had begun was not cut")
		}
	}()
	w.do(request1("GET", "/after", ""))
}

func TestRequestID(t *testing.T) {
	w := newWorld(t)
	w.gate.Handle("GET /open", Need{Open: true}, http.HandlerFunc(ok))
	for sent, echoed := range map[string]bool{"abc-1": true, "": false, "a b": false, "x\r\nY: z": false, strings.Repeat("a", 65): false} {
		rec := w.do(request1("GET", "/open", "", func(r *http.Request) { r.Header["X-Request-Id"] = []string{sent} }))
		if got := rec.Header().Get("X-Request-Id"); got == "" || (got == sent) != echoed {
			t.Errorf("%q: %q", sent, got)
		}
	}
}

func TestBodyCap(t *testing.T) {
	w := newWorld(t)
	w.gate.Handle("POST /b", Need{Open: true, Body: 10}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, err := ReadBody(r)
		if err != nil {
			Fail(w, r, err)
			return
		}
		_, _ = w.Write(data)
	}))
	for body, want := range map[string]int{"0123456789": 200, "0123456789x": 413} {
		for _, length := range []int64{int64(len(body)), -1} {
			rec := w.do(request1("POST", "/b", "", func(r *http.Request) {
				r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), length
			}))
			if rec.Code != want {
				t.Errorf("%d bytes, length %d: status %d", len(body), length, rec.Code)
			}
		}
	}
}

func TestMetrics(t *testing.T) {
	w := newWorld(t)
	w.gate.Handle("GET /open/{x}", Need{Open: true}, http.HandlerFunc(ok))
	w.do(request1("GET", "/open/1", ""))
	w.do(request1("GET", "/open/2", ""))
	w.do(request1("GET", "/other", ""))
	var out strings.Builder
	if err := w.gate.WriteMetrics(&out); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		`lathe_requests_total{method="GET",route="/open/{x}",code="200"} 2`,
		`lathe_requests_total{method="",route="unknown",code="404"} 1`,
		`lathe_request_seconds_count{method="GET",route="/open/{x}"} 2`,
		`lathe_request_seconds_bucket{method="GET",route="/open/{x}",le="+Inf"} 2`,
	} {
		if !strings.Contains(out.String(), line+"\n") {
			t.Errorf("no line %s in\n%s", line, out.String())
		}
	}
}

func TestHiddenAndShown(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
		code   lathe.Code
		shown  string
	}{
		{errors.New("sql: secret"), 500, lathe.CodeInternal, "inside the service"},
		{&lathe.Error{Code: lathe.CodeInternal, Message: "secret"}, 500, lathe.CodeInternal, "inside the service"},
		{lathe.Errorf("made-up", "secret"), 500, lathe.CodeInternal, "inside the service"},
		{&lathe.Error{Code: lathe.CodeCorrupt, Message: "blob 12 is damaged", Cause: errors.New("secret")}, 500, lathe.CodeCorrupt, "blob 12"},
		{&lathe.Error{Code: lathe.CodeStorageFull, Message: "full", Cause: errors.New("secret")}, 507, lathe.CodeStorageFull, "full"},
		{io.EOF, 500, lathe.CodeInternal, "inside the service"},
		{http.ErrAbortHandler, 500, lathe.CodeInternal, "inside the service"},
	} {
		p := Explain(t.Context(), c.err)
		if p.Status != c.status || p.Code != c.code || !strings.Contains(p.Detail, c.shown) || strings.Contains(p.Detail+p.Hint, "secret") {
			t.Errorf("%v: %+v", c.err, p)
		}
	}
	for code := range statuses {
		if Status(code) < 400 {
			t.Errorf("%s has status %d", code, Status(code))
		}
	}
}

// TestStreamIsCut runs the real clock of the network: a revoked key's stream ends well within the second that is
// promised, and the test waits for the event, not for a time.
func TestStreamIsCut(t *testing.T) {
	for _, how := range []string{"revoked", "shutdown"} {
		t.Run(how, func(t *testing.T) {
			w := newWorld(t)
			entered := make(chan struct{})
			left := make(chan error, 1)
			w.gate.Handle("GET /stream", Need{Verb: lathe.VerbRead, Stream: true}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				ok(w, r)
				close(entered)
				<-r.Context().Done()
				left <- r.Context().Err()
			}))
			key, secret := w.key(t, "a", nil, lathe.Scope{Verb: lathe.VerbRead})
			go func() { w.do(request1("GET", "/stream", secret)) }()
			<-entered
			if how == "shutdown" {
				w.gate.CutStreams()
			} else if _, err := w.keys.RevokeKey(t.Context(), "a", key.ID); err != nil {
				t.Fatal(err)
			}
			select {
			case err := <-left:
				if err == nil {
					t.Error("no error")
				}
			case <-time.After(10 * time.Second):
				t.Fatal("the stream was not cut")
			}
		})
	}
}
