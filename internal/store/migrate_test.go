package store_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"lathe"
	"lathe/internal/disk"
	"lathe/internal/seal"
	"lathe/internal/store"
	"lathe/internal/store/sqlite"
)

// released are the migrations that homes out there have gone through: a line is never changed, only added.
var released = map[string]string{
	"0001_initial.sql": "4511039439fd743f",
}

func TestReleasedMigrationsStay(t *testing.T) {
	files, err := filepath.Glob("migration/*.sql")
	must(t, err)
	if len(files) != len(released) {
		t.Errorf("%d files, %d released: add the line of a new one", len(files), len(released))
	}
	for _, path := range files {
		text, err := os.ReadFile(path)
		must(t, err)
		sum := sha256.Sum256(text)
		if got := hex.EncodeToString(sum[:8]); got != released[filepath.Base(path)] {
			t.Errorf("%s has digest %s, released with %s: write a new migration instead", path, got, released[filepath.Base(path)])
		}
	}
}

func TestMigrateTwice(t *testing.T) {
	each(t, func(t *testing.T, e *env) {
		before := e.dump(t)
		if len(before["schema_version"]) != len(released) {
			t.Errorf("versions %v", before["schema_version"])
		}
		e.clock.add(1e9)
		must(t, store.Migrate(ctx, e.db, e.clock.Now))
		if after := e.dump(t); !reflect.DeepEqual(after, before) {
			t.Errorf("a second Migrate changed\n%v to\n%v", before, after)
		}
	})
}

func TestMigrateRefusesNewer(t *testing.T) {
	each(t, func(t *testing.T, e *env) {
		_, err := e.db.Write.ExecContext(ctx, `INSERT INTO schema_version (version, name, applied_at) VALUES (99, '0099_future', 0)`)
		must(t, err)
		err = store.Migrate(ctx, e.db, e.clock.Now)
		var known *lathe.Error
		if !errors.As(err, &known) || known.Code != lathe.CodeUnsupported || known.Hint == "" {
			t.Errorf("a newer database gave %v", err)
		}
	})
}

// TestMigrateAtOnce: several starts over one database do not meet.
func TestMigrateAtOnce(t *testing.T) {
	for name, open := range databases {
		t.Run(name, func(t *testing.T) {
			db := open(t)
			together(4, func(int) {
				if err := store.Migrate(ctx, db, nil); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestMigrateStopped stops before each statement; the next start goes on from there.
func TestMigrateStopped(t *testing.T) {
	want := newEnv(t, openSQLite(t)).schema(t)
	died := errors.New("died")
	db := openSQLite(t)
	stops := 0
	for {
		n := 0
		err := store.MigrateUntil(ctx, db, func(string) error {
			if n++; n > stops {
				return died
			}
			return nil
		})
		if err == nil {
			break
		}
		if !errors.Is(err, died) {
			t.Fatal(err)
		}
		e := &env{db: db}
		if tables := e.tables(t); len(tables) != 0 {
			t.Fatalf("stopped before statement %d it left %v", stops+1, tables)
		}
		stops++
	}
	if got := (&env{db: db}).schema(t); stops < 10 || !slices.Equal(got, want) {
		t.Errorf("after %d stops the schema is\n%v, want\n%v", stops, got, want)
	}
}

// schema is the text of the schema.
func (e *env) schema(t *testing.T) (out []string) {
	t.Helper()
	rows, err := e.db.Read.QueryContext(ctx, `SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name`)
	must(t, err)
	defer rows.Close()
	for rows.Next() {
		var text string
		must(t, rows.Scan(&text))
		out = append(out, text)
	}
	must(t, rows.Err())
	return out
}

// openFaulty opens a database in a folder with faults beneath; where a fault hits, it may not open.
func openFaulty(path string, faults *disk.Injector) (*sqlite.DB, store.Database, error) {
	db, err := sqlite.Open(context.Background(), sqlite.Options{Path: path, Key: seal.Key{1}, Faults: faults})
	if err != nil {
		return nil, store.Database{}, err
	}
	return db, store.Database{Write: db.Write, Read: db.Read, Convert: db.Convert}, nil
}

// TestMigrateCrashes has the disk die at many points of a first start; the next start is as if nothing had been.
func TestMigrateCrashes(t *testing.T) {
	want := newEnv(t, openSQLite(t)).schema(t)
	count := &disk.Injector{}
	must(t, migrateOn(filepath.Join(t.TempDir(), "lathe.db"), count))
	for at := 1; at <= count.Ops(); at += max(1, count.Ops()/12) {
		t.Run(fmt.Sprint(at), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "lathe.db")
			faults := &disk.Injector{Kind: disk.Crash, At: at}
			if err := migrateOn(path, faults); err == nil && faults.Fired() {
				t.Log("the start did not notice") // the fault was in closing
			}
			db, pools, err := openFaulty(path, nil)
			must(t, err)
			defer func() { must(t, db.Close()) }()
			must(t, store.Migrate(ctx, pools, nil))
			if got := (&env{db: pools}).schema(t); !slices.Equal(got, want) {
				t.Errorf("the schema is\n%v, want\n%v", got, want)
			}
		})
	}
}

func migrateOn(path string, faults *disk.Injector) error {
	db, pools, err := openFaulty(path, faults)
	if err != nil {
		return err
	}
	return errors.Join(store.Migrate(ctx, pools, nil), db.Close())
}
