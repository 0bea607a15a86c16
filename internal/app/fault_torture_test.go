//go:build torture

package app

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"lathe"
	"lathe/internal/client"
	"lathe/internal/disk"
)

// moreDeeds are the other kinds of writes.
var moreDeeds = []deed{
	{"import", func(s *service) error {
		answer, err := s.Open(s.t.Context(), http.MethodGet, client.Path("models", "other", "versions", "1", "package"), "", nil)
		if err != nil {
			return err
		}
		file, err := io.ReadAll(answer.Body)
		must(s.t, err)
		must(s.t, answer.Body.Close())
		return s.Send(s.t.Context(), http.MethodPost, client.Path("models", "penguins", "package"), "application/vnd.lathe.package", bytes.NewReader(file), nil)
	}},
	{"promote", func(s *service) error {
		return s.Do(s.t.Context(), http.MethodPut, client.Path("models", "penguins", "aliases", "champion"), map[string]any{"version": 2, "force": true}, nil)
	}},
	{"erase", func(s *service) error {
		return s.Do(s.t.Context(), http.MethodPost, client.Path("datasets", "people", "erasures"), lathe.EraseSpec{Column: "name", Equals: "Cleo"}, nil)
	}},
	{"revoke", func(s *service) error {
		keys, err := client.All[lathe.Key](s.t.Context(), s.Client, client.Path("keys"))
		if err != nil {
			return err
		}
		return s.Do(s.t.Context(), http.MethodDelete, client.Path("keys", keys[0].ID), nil, nil)
	}},
	{"secret", func(s *service) error {
		return s.Send(s.t.Context(), http.MethodPut, client.Path("secrets", "more"), "application/octet-stream", strings.NewReader("x"), nil)
	}},
	{"ingest in a new project", func(s *service) error {
		c := s.fresh()
		defer c.Close()
		return c.Send(s.t.Context(), http.MethodPost, client.Query(client.Path("datasets", "d"), "header", "yes"), "text/csv", strings.NewReader("a\n1\n2\n"), nil)
	}},
	{"delete", func(s *service) error {
		return s.Do(s.t.Context(), http.MethodDelete, client.Path("datasets", "people"), nil, nil)
	}},
}

// TestTortureFaults fails every operation of every deed in every way.
func TestTortureFaults(t *testing.T) {
	for _, d := range append(deeds, moreDeeds...) {
		t.Run(d.name, func(t *testing.T) {
			before, after := d.states(t)
			for _, kind := range disk.Kinds {
				n := 1
				for ; d.fail(t, kind, n, before, after); n++ {
				}
				t.Logf("%v: %d operations", kind, n-1)
			}
		})
	}
}

// TestTortureFirstStart fails every third operation of a home's first start.
func TestTortureFirstStart(t *testing.T) { failFirstStart(t, 3) }

// TestTortureRestore fails every operation of a restore: the next start has the old data or the backup's, never
// neither, and a second try works.
func TestTortureRestore(t *testing.T) {
	home, backup := sampleHome(t)
	s := startIn(t, home, nil)
	backupView := s.view()
	must(t, deeds[0].do(s))
	changed := s.view()
	s.stop()
	data, err := os.ReadFile(backup)
	must(t, err)
	n := 1
	for fired := true; fired; n++ {
		home, kind := copyHome(t, home), disk.Kinds[n%len(disk.Kinds)]
		in := &disk.Injector{Kind: kind, At: n}
		err := Restore(t.Context(), Options{Home: home, faults: in}, bytes.NewReader(data))
		fired = in.Fired() || kind == disk.Full && err == nil && n < 150 // not every operation takes space
		next := startIn(t, home, nil)
		checkState(t, fmt.Sprintf("restore: %v at operation %d", kind, n), next.view(), changed, backupView, err)
		checkHealth(t, next)
		next.stop()
		restore(t, home, backup)
		again := startIn(t, home, nil)
		checkState(t, "restored again", again.view(), changed, backupView, nil)
		again.stop()
	}
	t.Logf("%d operations", n-2)
}
