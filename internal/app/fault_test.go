package app

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"lathe"
	"lathe/internal/client"
	"lathe/internal/disk"
)

// deed is a piece of work whose every operation on a file is made to fail, one after the other.
type deed struct {
	name string
	do   func(s *service) error
}

// deeds change the sample home, each from the same state.
var deeds = []deed{
	{"ingest", func(s *service) error {
		_, err := s.upload("people", "name,age\nDan,17\nEve,29\n", "header", "yes", "append", "true")
		return err
	}},
	{"deploy", func(s *service) error {
		return s.Do(s.t.Context(), http.MethodPut, client.Path("endpoints", "penguins"), map[string]any{"model": "penguins", "ref": "2"}, nil)
	}},
}

// view is all that callers can see of a home, as text to compare.
func (s *service) view() string {
	s.t.Helper()
	var b strings.Builder
	datasets, err := client.All[lathe.Dataset](s.t.Context(), s.Client, client.Path("datasets"))
	must(s.t, err)
	for _, d := range datasets {
		var rows json.RawMessage
		s.do(http.MethodGet, client.Query(client.Path("datasets", d.Name, "rows"), "n", "7"), nil, &rows)
		fmt.Fprintf(&b, "dataset %s@%d: %d rows: %s\n", d.Name, d.Version, d.Rows, rows)
	}
	models, err := client.All[lathe.Model](s.t.Context(), s.Client, client.Path("models"))
	must(s.t, err)
	for _, m := range models {
		fmt.Fprintf(&b, "model %s@%d: %v\n", m.Name, m.Version, m.Aliases)
	}
	endpoints, err := client.All[lathe.Endpoint](s.t.Context(), s.Client, client.Path("endpoints"))
	must(s.t, err)
	for _, e := range endpoints {
		fmt.Fprintf(&b, "endpoint %s revision %d: %v, %s\n", e.Name, e.Revision, e.Routes, s.predict(e.Name))
	}
	keys, err := client.All[lathe.Key](s.t.Context(), s.Client, client.Path("keys"))
	must(s.t, err)
	for _, k := range keys {
		fmt.Fprintf(&b, "key %s: revoked %v\n", k.Name, k.RevokedAt != nil)
	}
	var secrets struct{ Items []string }
	s.do(http.MethodGet, client.Path("secrets"), nil, &secrets)
	fmt.Fprintf(&b, "secrets %v\n", secrets.Items)
	fresh, err := client.All[lathe.Dataset](s.t.Context(), s.fresh(), client.Path("datasets"))
	must(s.t, err)
	for _, d := range fresh {
		fmt.Fprintf(&b, "dataset %s@%d of a project of its own: %d rows\n", d.Name, d.Version, d.Rows)
	}
	return b.String()
}

// fresh is a client in a project that is made by its first write, its key included.
func (s *service) fresh() *client.Client { return client.Unix(Socket(s.home), s.owner(), "fresh") }

// predict asks an endpoint, and gives the version that answered with its answer.
func (s *service) predict(endpoint string) string {
	s.t.Helper()
	answer, err := s.Open(s.t.Context(), http.MethodPost, "/predict/"+endpoint+"?detail=1", "application/json", strings.NewReader(penguin))
	must(s.t, err)
	var data bytes.Buffer
	_, err = data.ReadFrom(answer.Body)
	must(s.t, err)
	must(s.t, answer.Body.Close())
	return data.String()
}

// states gives what a home looks like before a deed and after it.
func (d deed) states(t *testing.T) (before, after string) {
	t.Helper()
	home, _ := sampleHome(t)
	s := startIn(t, home, nil)
	before = s.view()
	must(t, d.do(s))
	after = s.view()
	s.stop()
	if before == after {
		t.Fatal("the deed changes nothing")
	}
	return before, after
}

// TestFaultsInDeeds fails each operation of one ingest and one deploy, in turn in each way; with the build tag torture
// every operation fails in every way.
func TestFaultsInDeeds(t *testing.T) {
	for _, d := range deeds {
		t.Run(d.name, func(t *testing.T) {
			before, after := d.states(t)
			n := 1
			for ; d.fail(t, disk.Kinds[n%len(disk.Kinds)], n, before, after); n += thin {
			}
			if n < 10 {
				t.Errorf("only %d operations", n)
			}
			t.Logf("%d operations failed", (n-1)/thin)
		})
	}
}

// fail does the deed with the n-th operation failing. In the service that goes on, and in the one that is started
// after, there is the state before or the one after, whole; the one after where the deed was acknowledged. It gives
// false when the deed needed fewer operations.
func (d deed) fail(t *testing.T, kind disk.Kind, n int, before, after string) bool {
	t.Helper()
	what := fmt.Sprintf("%s: %v at operation %d", d.name, kind, n)
	home, _ := sampleHome(t)
	in := &disk.Injector{}
	s := startIn(t, home, func(o *Options) { o.faults = in })
	in.Arm(kind, n)
	err := d.do(s)
	fired := in.Fired()
	if err != nil && !fired {
		t.Fatalf("%s: %v", what, err)
	}
	if kind != disk.Crash || !fired {
		checkState(t, what+", still running", s.view(), before, after, err)
	}
	if !fired {
		in.Arm(disk.Fail, 0) // closing is not part of the deed
	}
	in.Free()
	s.Client.Close()
	if err := s.App.Close(); err != nil && !fired {
		t.Fatalf("%s: close: %v", what, err)
	}
	next := startIn(t, home, nil)
	view := next.view()
	checkState(t, what+", restarted", view, before, after, err)
	checkHealth(t, next)
	if view == before {
		must(t, d.do(next))
		checkState(t, what+", done again", next.view(), before, after, nil)
	}
	next.stop()
	return fired
}

func checkState(t *testing.T, what, got, before, after string, err error) {
	t.Helper()
	switch {
	case got != before && got != after:
		t.Fatalf("%s: neither the old state nor the new (error: %v):\n%s\nold:\n%s\nnew:\n%s", what, err, got, before, after)
	case err == nil && got != after:
		t.Fatalf("%s: it was acknowledged, and the old state is there", what)
	}
}

// checkHealth asks the doctor, who must find nothing.
func checkHealth(t *testing.T, s *service) {
	t.Helper()
	for _, c := range s.Doctor(t.Context()) {
		if !c.OK {
			t.Fatalf("doctor: %s: %s", c.Name, c.Detail)
		}
	}
}

// TestFaultsInFirstStart fails operations of the first start of a home: whatever is left, the next start makes a good
// home of it.
func TestFaultsInFirstStart(t *testing.T) { failFirstStart(t, 29*thin) }

func failFirstStart(t *testing.T, step int) {
	n := 1
	for fired := true; fired; n += step {
		home, kind := newHome(t), disk.Kinds[n%len(disk.Kinds)]
		in := &disk.Injector{Kind: kind, At: n}
		s, err := tryIn(t, home, func(o *Options) { o.faults = in })
		fired = in.Fired()
		if err == nil {
			in.Arm(disk.Fail, 0)
			s.stop()
		}
		again, err := tryIn(t, home, nil)
		if err != nil {
			t.Fatalf("first start with %v at operation %d, then: %v", kind, n, err)
		}
		again.view()
		_, err = again.upload("d", "a\n1\n2\n", "header", "yes")
		must(t, err)
		checkHealth(t, again)
		again.stop()
	}
	t.Logf("%d operations", n-step)
}
