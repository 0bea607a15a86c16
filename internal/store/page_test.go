package store_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"lathe"
)

// lists are the paged lists: how to add a record and how to read a page of names.
func lists(t *testing.T, e *env) map[string]struct {
	add  func(name string) string
	read func(lathe.Page) ([]string, string, error)
} {
	type pager = struct {
		add  func(name string) string
		read func(lathe.Page) ([]string, string, error)
	}
	e.createVersion(t, "m-0")
	return map[string]pager{
		"datasets": {
			func(name string) string { must1(t)(e.CommitDataset(ctx, a, draft(name, 0, name))); return name },
			func(p lathe.Page) ([]string, string, error) {
				return named(func(d lathe.Dataset) string { return d.Name })(e.FindDatasets(ctx, a, p))
			},
		},
		"models": {
			func(name string) string { return e.createVersion(t, name).Model },
			func(p lathe.Page) ([]string, string, error) {
				return named(func(m lathe.Model) string { return m.Name })(e.FindModels(ctx, a, p))
			},
		},
		"endpoints": {
			func(name string) string {
				return e.deploy(t, name, lathe.Route{Model: "m-0", Version: 1, Share: 100}).Name
			},
			func(p lathe.Page) ([]string, string, error) {
				return named(func(x lathe.Endpoint) string { return x.Name })(e.FindEndpoints(ctx, a, p))
			},
		},
		"keys": {
			func(name string) string {
				return value[lathe.Key](t)(e.CreateKey(ctx, a, lathe.Key{Kind: lathe.KindCaller, Hash: hashOf(name)})).ID
			},
			func(p lathe.Page) ([]string, string, error) {
				return named(func(k lathe.Key) string { return k.ID })(e.FindKeys(ctx, a, p))
			},
		},
		"runs": {
			func(string) string { return e.create(t).ID },
			func(p lathe.Page) ([]string, string, error) {
				return named(func(r lathe.Run) string { return r.ID })(e.FindRuns(ctx, a, p))
			},
		},
	}
}

func named[T any](name func(T) string) func([]T, string, error) ([]string, string, error) {
	return func(records []T, next string, err error) ([]string, string, error) {
		var out []string
		for _, r := range records {
			out = append(out, name(r))
		}
		return out, next, err
	}
}

// TestPages walks each list in pages of 3 while records are added before and behind the cursor: what was there at the
// start comes exactly once.
func TestPages(t *testing.T) {
	each(t, func(t *testing.T, e *env) {
		for kind, l := range lists(t, e) {
			var there, seen []string
			for i := range 10 {
				e.clock.add(time.Millisecond)
				there = append(there, l.add(fmt.Sprintf("m-%d", i)))
			}
			page := lathe.Page{Limit: 3}
			for n := 0; ; n++ {
				names, next, err := l.read(page)
				must(t, err)
				seen = append(seen, names...)
				if page.After = next; next == "" {
					break
				}
				if len(names) != 3 || n > 20 {
					t.Fatalf("%s: page %d has %d records", kind, n, len(names))
				}
				e.clock.add(time.Millisecond)
				l.add(fmt.Sprintf("a-%d", n))
				l.add(fmt.Sprintf("z-%d", n))
			}
			old := slices.DeleteFunc(slices.Clone(seen), func(s string) bool { return !slices.Contains(there, s) })
			slices.Sort(old)
			slices.Sort(there)
			if !slices.Equal(old, there) || len(slices.Compact(slices.Sorted(slices.Values(seen)))) != len(seen) {
				t.Errorf("%s: of %v saw %v", kind, there, seen)
			}
		}
	})
}

func TestRunsNewestFirst(t *testing.T) {
	each(t, func(t *testing.T, e *env) {
		var want []string
		for range 5 {
			e.clock.add(time.Millisecond)
			want = append([]string{e.create(t).ID}, want...)
		}
		got, _, err := named(func(r lathe.Run) string { return r.ID })(e.FindRuns(ctx, a, lathe.Page{}))
		must(t, err)
		if !slices.Equal(got, want) {
			t.Errorf("runs %v, want %v", got, want)
		}
	})
}

func TestPageRefusals(t *testing.T) {
	each(t, func(t *testing.T, e *env) {
		for _, page := range []lathe.Page{{Limit: -1}, {Limit: 1001}, {After: "!"}, {After: "AAAA"}, {After: "_w"}} {
			for kind, l := range lists(t, e) {
				if _, _, err := l.read(page); lathe.CodeOf(err) != lathe.CodeInvalid {
					t.Errorf("%s %+v: %v", kind, page, err)
				}
			}
		}
	})
}
