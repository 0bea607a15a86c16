package rest

import (
	"bufio"
	"encoding/json"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"lathe"
)

func events(n int) []lathe.Event {
	out := make([]lathe.Event, n)
	for i := range out {
		out[i] = lathe.Event{Run: "r1", Seq: int64(i + 1), Kind: "log", Data: json.RawMessage(`{"line": "a\nb"}`)}
	}
	return out
}

// TestEventsOfAFinishedRun: all that there is, then the end; a stream that has seen all gets 204 and does not come back.
func TestEventsOfAFinishedRun(t *testing.T) {
	w := newWorld(t)
	w.runs.events, w.runs.state = events(3), lathe.RunSucceeded
	close(w.runs.live)
	for after, want := range map[string]string{"": "1 2 3", "1": "2 3", "2": "3"} {
		rec := w.do("GET", "/api/v1/runs/r1/events", w.owner, "", "Last-Event-ID", after)
		var ids []string
		for _, line := range strings.Split(rec.Body.String(), "\n") {
			if id, ok := strings.CutPrefix(line, "id: "); ok {
				ids = append(ids, id)
			}
			if data, ok := strings.CutPrefix(line, "data: "); ok && !json.Valid([]byte(data)) {
				t.Errorf("data %q", data)
			}
		}
		if rec.Code != 200 || rec.Header().Get("Content-Type") != "text/event-stream" || strings.Join(ids, " ") != want {
			t.Errorf("after %q: %d, %v", after, rec.Code, ids)
		}
	}
	if rec := w.do("GET", "/api/v1/runs/r1/events", w.owner, "", "Last-Event-ID", "3"); rec.Code != 204 {
		t.Errorf("after all: %d", rec.Code)
	}
	if rec := w.do("GET", "/api/v1/runs/r2/events", w.owner, ""); rec.Code != 404 {
		t.Errorf("unknown run: %d", rec.Code)
	}
	if rec := w.do("GET", "/api/v1/runs/r1/events", w.owner, "", "Last-Event-ID", "x"); rec.Code != 400 {
		t.Errorf("bad id: %d", rec.Code)
	}
	got := as[eventList](t, w.do("GET", "/api/v1/runs/r1/events?after=1", w.owner, "", "Accept", "application/json"))
	if len(got.Items) != 2 || got.Next != 3 {
		t.Errorf("as JSON: %+v", got)
	}
	got = as[eventList](t, w.do("GET", "/api/v1/runs/r1/events?after=3", w.owner, "", "Accept", "application/json"))
	if got.Items == nil || len(got.Items) != 0 || got.Next != 3 {
		t.Errorf("as JSON after all: %+v", got)
	}
}

// TestLiveEvents: over a real connection, events come as they happen, heartbeats between, and the end when the run rests.
func TestLiveEvents(t *testing.T) {
	for _, end := range []string{"rest", "revoked"} {
		t.Run(end, func(t *testing.T) {
			w := newWorld(t)
			w.runs.events = events(1)
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			server := w.gate.Server()
			go func() { _ = server.Serve(l) }()
			defer server.Close()
			key := w.key(t, "default", nil, lathe.Scope{Verb: lathe.VerbRead})
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+l.Addr().String()+"/api/v1/runs/r1/events", nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer "+key)
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			lines := bufio.NewScanner(res.Body)
			until := func(want string) bool {
				for lines.Scan() {
					if strings.HasPrefix(lines.Text(), want) {
						return true
					}
				}
				return false
			}
			if !until("id: 1") {
				t.Fatal("no first event")
			}
			w.ticks <- time.Time{}
			if !until(": ping") {
				t.Fatal("no heartbeat")
			}
			w.runs.live <- lathe.Event{Run: "r1", Seq: 2, Kind: "metric\nevent: fake", Data: json.RawMessage(`{}`)}
			if !until("id: 2") || !lines.Scan() || lines.Text() != "event: metricevent: fake" {
				t.Fatalf("no second event: %q", lines.Text())
			}
			if end == "rest" {
				close(w.runs.live)
			} else if _, err := w.keys.RevokeKey(t.Context(), "default", "kb"); err != nil {
				t.Fatal(err)
			}
			if until("id: ") {
				t.Error("the stream goes on")
			}
			if rec := w.do("GET", "/api/v1/runs/r1", key, ""); rec.Code != map[string]int{"rest": 200, "revoked": 401}[end] {
				t.Errorf("after the end: %d", rec.Code)
			}
		})
	}
}

// TestEventError: what fails after the start of a stream is an event, without what is internal.
func TestEventError(t *testing.T) {
	w := newWorld(t)
	w.runs.events = []lathe.Event{{Seq: 1, Data: json.RawMessage(`{broken`)}}
	rec := w.do("GET", "/api/v1/runs/r1/events", w.owner, "")
	if !strings.Contains(rec.Body.String(), "event: error\ndata: {") || strings.Contains(rec.Body.String(), "broken") {
		t.Errorf("%s", strconv.Quote(rec.Body.String()))
	}
}
