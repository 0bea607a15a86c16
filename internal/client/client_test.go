package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"lathe"
)

func serve(t *testing.T, h http.HandlerFunc) *Client {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	c, err := URL(s.URL, "lathe_service_k", "shop")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestRequestCarriesKeyAndProject(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer lathe_service_k" || r.Header.Get("X-Lathe-Project") != "shop" || r.URL.RawQuery != "" {
			t.Errorf("headers %v, query %q", r.Header, r.URL.RawQuery)
		}
		body, err := io.ReadAll(r.Body)
		fmt.Fprintf(w, `{"got":%s,"type":%q,"err":"%v"}`, body, r.Header.Get("Content-Type"), err)
	})
	var out struct {
		Got  map[string]int
		Type string
	}
	if err := c.Do(context.Background(), http.MethodPost, Path("a b", "c/d"), map[string]int{"n": 3}, &out); err != nil {
		t.Fatal(err)
	}
	if out.Got["n"] != 3 || out.Type != "application/json" {
		t.Errorf("%+v", out)
	}
}

func TestFailuresComeBackAsTheyWere(t *testing.T) {
	for _, c := range []struct {
		name, contentType, body, retry string
		status                         int
		want                           lathe.Error
	}{
		{
			"a problem", "application/problem+json", `{"code":"invalid","detail":"it is odd","field":"x","hint":"make it even"}`, "", 400,
			lathe.Error{Code: lathe.CodeInvalid, Message: "it is odd", Field: "x", Hint: "make it even"},
		},
		{
			"a problem to retry", "application/problem+json", `{"code":"unavailable","detail":"busy"}`, "3", 503,
			lathe.Error{Code: lathe.CodeUnavailable, Message: "busy", Hint: "try again in 3 seconds"},
		},
		{
			"no service of ours", "text/html", "<h1>Bad Gateway</h1>", "", 502,
			lathe.Error{Code: lathe.CodeUnavailable, Message: "client: the service answered 502 Bad Gateway", Hint: "is that a lathe service?"},
		},
		{
			"a redirect", "text/html", "", "", 302,
			lathe.Error{Code: lathe.CodeUnavailable, Message: "client: the service answered 302 Found", Hint: "is that a lathe service?"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			client := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", c.contentType)
				w.Header().Set("Location", "http://127.0.0.1:1/")
				if c.retry != "" {
					w.Header().Set("Retry-After", c.retry)
				}
				w.WriteHeader(c.status)
				fmt.Fprint(w, c.body)
			})
			err := client.Do(context.Background(), http.MethodGet, "/", nil, nil)
			var e *lathe.Error
			if !errors.As(err, &e) || e.Code != c.want.Code || e.Message != c.want.Message || e.Field != c.want.Field || e.Hint != c.want.Hint {
				t.Errorf("got %+v, want %+v", err, c.want)
			}
		})
	}
}

// TestAllReadsEveryPage with cursors that need escaping.
func TestAllReadsEveryPage(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Query().Get("after") {
		case "":
			fmt.Fprint(w, `{"items":[1,2],"next":"a&b"}`)
		case "a&b":
			fmt.Fprint(w, `{"items":[3]}`)
		default:
			t.Errorf("query %q", r.URL.RawQuery)
		}
	})
	all, err := All[int](context.Background(), c, "/api/v1/numbers")
	if err != nil || fmt.Sprint(all) != "[1 2 3]" {
		t.Errorf("%v, %v", all, err)
	}
}

// TestWatchGoesOn where a stream broke, without losing or repeating an event.
func TestWatchGoesOn(t *testing.T) {
	connections := 0
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		connections++
		if r.Header.Get("Accept") != "text/event-stream" {
			t.Errorf("accept %q", r.Header.Get("Accept"))
		}
		w.Header().Set("Content-Type", "text/event-stream")
		var after int
		if _, err := fmt.Sscan(r.URL.Query().Get("after"), &after); err != nil {
			t.Error(err)
		}
		fmt.Fprint(w, ": ping\n\n")
		for seq := after + 1; seq <= 4; seq++ {
			data, err := json.Marshal(lathe.Event{Run: "r", Seq: int64(seq), Kind: "log", Data: json.RawMessage(`{}`)})
			if err != nil {
				t.Error(err)
			}
			fmt.Fprintf(w, "id: %d\nevent: log\ndata: %s\n\n", seq, data)
			if seq == 2 && connections == 1 {
				panic(http.ErrAbortHandler)
			}
		}
	})
	var seen []int64
	err := c.Watch(context.Background(), "r", 0, func(e lathe.Event) error { seen = append(seen, e.Seq); return nil })
	if err != nil || fmt.Sprint(seen) != "[1 2 3 4]" {
		t.Errorf("saw %v, error %v", seen, err)
	}
	stop := errors.New("enough")
	if err := c.Watch(context.Background(), "r", 0, func(lathe.Event) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("stopped by its caller: %v", err)
	}
}

func TestUnreachable(t *testing.T) {
	for _, address := range []string{"ftp://x", "127.0.0.1:7411", "http://", "http://user:secret@127.0.0.1", "http://%zz"} {
		if _, err := URL(address, "", ""); lathe.CodeOf(err) != lathe.CodeInvalid {
			t.Errorf("%s: %v", address, err)
		}
	}
	c := Unix(t.TempDir()+"/none.sock", "", "")
	if err := c.Do(context.Background(), http.MethodGet, "/", nil, nil); lathe.CodeOf(err) != lathe.CodeUnavailable {
		t.Errorf("no socket: %v", err)
	}
}

func FuzzEvents(f *testing.F) {
	f.Add("data: {}\n\n")
	f.Add(": ping\n\nid: 1\ndata:a\ndata: b\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		total := 0
		err := Events(strings.NewReader(text), func(data []byte) error { total += len(data); return nil })
		if err == nil && total > len(text) {
			t.Errorf("%d bytes of data in %d", total, len(text))
		}
	})
}
