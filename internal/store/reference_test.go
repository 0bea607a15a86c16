package store_test

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"lathe"
	"lathe/internal/store"
)

func TestBlobReferences(t *testing.T) {
	each(t, func(t *testing.T, e *env) {
		must1(t)(e.CommitDataset(ctx, a, draft("churn", 0, "one", "shared")))
		must1(t)(e.CommitDataset(ctx, b, draft("churn", 0, "shared")))
		replace := draft("churn", 1, "two")
		replace.Replace = true
		must1(t)(e.CommitDataset(ctx, a, replace))
		e.createVersion(t, "model")
		e.create(t) // no checkpoint
		lease := e.claim(t, e.create(t).ID)
		must(t, e.SaveCheckpoint(ctx, lease, 1, blobOf("old state")))
		must(t, e.SaveCheckpoint(ctx, lease, 2, blobOf("state")))
		e.wantReferences(t, "alpha/model", "alpha/one", "alpha/shared", "alpha/state", "alpha/two", "beta/shared")
		must(t, e.DeleteDataset(ctx, a, "churn"))
		must(t, e.DeleteModelVersion(ctx, a, "model", 1))
		e.wantReferences(t, "alpha/state", "beta/shared")
	})
}

func (e *env) wantReferences(t *testing.T, want ...string) {
	t.Helper()
	refs := value[map[store.BlobReference]struct{}](t)(e.FindBlobReferences(ctx))
	wanted := map[store.BlobReference]struct{}{}
	for _, w := range want {
		project, content, _ := strings.Cut(w, "/")
		wanted[store.BlobReference{Project: lathe.Project(project), Name: blobOf(content).Name}] = struct{}{}
	}
	if !reflect.DeepEqual(refs, wanted) {
		t.Errorf("%d references, want %v", len(refs), want)
	}
}

func TestEachProject(t *testing.T) {
	each(t, func(t *testing.T, e *env) {
		seen := func() (out []string) {
			must(t, e.EachProject(ctx, func(p lathe.Project) error { out = append(out, string(p)); return nil }))
			return out
		}
		if got := seen(); !slices.Equal(got, []string{"default"}) {
			t.Errorf("an empty store has projects %v", got)
		}
		must1(t)(e.CreateKey(ctx, lathe.AllProjects, lathe.Key{Kind: lathe.KindOwner, Hash: hashOf("x")}))
		must(t, e.PutSecret(ctx, b, "s", []byte("x")))
		e.create(t)
		if got := seen(); !slices.Equal(got, []string{"alpha", "beta", "default"}) {
			t.Errorf("projects %v", got)
		}
		stop := errors.New("stop")
		if err := e.EachProject(ctx, func(lathe.Project) error { return stop }); !errors.Is(err, stop) {
			t.Errorf("got %v", err)
		}
	})
}

// TestSchema holds the lists in the code to the tables: each has a project that leads its key, and every column that
// names a blob is looked at by the collector.
func TestSchema(t *testing.T) {
	each(t, func(t *testing.T, e *env) {
		var blobs []string
		tables := slices.DeleteFunc(e.tables(t), func(name string) bool { return name == "schema_version" })
		if !slices.Equal(tables, store.ProjectTables) {
			t.Errorf("tables %v, listed %v", tables, store.ProjectTables)
		}
		for _, table := range tables {
			var leads int
			must(t, e.db.Read.QueryRowContext(ctx, `SELECT COUNT(*) FROM pragma_table_info(?) WHERE name = 'project' AND pk = 1 AND "notnull"`, table).Scan(&leads))
			if leads != 1 {
				t.Errorf("table %s is not keyed by project", table)
			}
			for _, column := range []string{"blob_name", "checkpoint_name"} {
				var n int
				must(t, e.db.Read.QueryRowContext(ctx, `SELECT COUNT(*) FROM pragma_table_info(?) WHERE name = ?`, table, column).Scan(&n))
				if n > 0 {
					blobs = append(blobs, column+" FROM "+table)
				}
			}
			var others int
			must(t, e.db.Read.QueryRowContext(ctx, `SELECT COUNT(*) FROM pragma_table_info(?) WHERE name LIKE '%_name' AND name NOT IN ('blob_name', 'checkpoint_name')`, table).Scan(&others))
			if others > 0 {
				t.Errorf("table %s has another *_name column: does it name a blob?", table)
			}
		}
		for _, b := range blobs {
			if !strings.Contains(store.BlobReferences, b) {
				t.Errorf("the collector does not look at %s", b)
			}
		}
		if len(blobs) != 3 {
			t.Errorf("blob columns %v", blobs)
		}
	})
}
