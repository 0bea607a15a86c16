package sqlite

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lathe"
	"lathe/internal/disk"
)

func backup(t *testing.T, db *DB) []byte {
	t.Helper()
	var b bytes.Buffer
	must(t, db.Backup(context.Background(), &b))
	return b.Bytes()
}

func files1(t *testing.T, o Options) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(o.Path))
	must(t, err)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// TestBackupAndRestore moves a snapshot, taken while rows are in the WAL, to a home with another key.
func TestBackupAndRestore(t *testing.T) {
	db := filled(t, options(t), 50)
	stream := backup(t, db)
	if !bytes.HasPrefix(stream, []byte("SQLite format 3\x00")) || len(stream)%pageSize != 0 {
		t.Fatalf("%d bytes that start with %q", len(stream), stream[:16])
	}
	insert(t, db, 5)
	if names := files1(t, db.options); len(names) != 5 { // db, wal, shm, seal, lock
		t.Errorf("leftovers: %v", names)
	}
	to := options(t)
	to.Key[5]++
	must(t, Restore(context.Background(), to, bytes.NewReader(stream)))
	again := openDB(t, to)
	if n := count(t, again); n != 50 {
		t.Errorf("%d rows", n)
	}
	must(t, again.Verify(context.Background()))
	insert(t, again, 3)
	dead := image(t, to)
	dead.Key = to.Key
	if n := count(t, openDB(t, dead)); n != 53 {
		t.Errorf("%d rows after a kill", n)
	}
}

// TestRestoreOverDamage is the way out that every hint names.
func TestRestoreOverDamage(t *testing.T) {
	o := options(t)
	db := filled(t, o, 50)
	stream := backup(t, db)
	exec(t, db, `PRAGMA wal_checkpoint(TRUNCATE)`)
	insert(t, db, 20)
	for suffix, damage := range map[string]func([]byte) []byte{
		"": flip(3 * pageSize), "-wal": flip(40), "-seal": func([]byte) []byte { return nil },
	} {
		broken := image(t, o)
		edit(t, broken.Path+suffix, damage)
		refused(t, broken)
		must(t, Restore(context.Background(), broken, bytes.NewReader(stream)))
		if n := count(t, openDB(t, broken)); n != 50 {
			t.Errorf("%s: %d rows", suffix, n)
		}
	}
	if err := Restore(context.Background(), o, bytes.NewReader(stream)); lathe.CodeOf(err) != lathe.CodeConflict {
		t.Errorf("restore over an open database: %v", err)
	}
}

func TestRestoreRefusesBadStreams(t *testing.T) {
	o := options(t)
	db := filled(t, o, 50)
	stream := backup(t, db)
	must(t, db.Close())
	rotten := bytes.Clone(stream)
	for i := pageSize; i < 2*pageSize; i++ {
		rotten[i] = byte(i)
	}
	for name, bad := range map[string][]byte{
		"empty": nil, "cut within a page": stream[:len(stream)-1], "cut after a page": stream[:len(stream)-pageSize],
		"too long": append(bytes.Clone(stream), stream[:pageSize]...), "not a database": bytes.Repeat([]byte("x"), 3*pageSize), "rotten": rotten,
	} {
		err := Restore(context.Background(), o, bytes.NewReader(bad))
		var e *lathe.Error
		if !errors.As(err, &e) || e.Code != lathe.CodeCorrupt || e.Hint == "" {
			t.Errorf("%s: %v", name, err)
		}
		if names := strings.Join(files1(t, o), " "); names != "lathe.db lathe.db-lock lathe.db-seal" {
			t.Errorf("%s: leftovers: %v", name, names)
		}
	}
	if n := count(t, openDB(t, o)); n != 50 {
		t.Errorf("%d rows", n)
	}
}

// TestRestoreFaults fails each operation of a restore over a killed database: afterwards it is the old or the new.
func TestRestoreFaults(t *testing.T) {
	t.Parallel()
	o := options(t)
	db := filled(t, o, 10)
	stream := backup(t, db)
	insert(t, db, 5)
	in := &disk.Injector{}
	restoreWith(t, image(t, o), in, stream)
	for _, kind := range disk.Kinds {
		for n := 1; n <= in.Ops(); n++ {
			o := image(t, o)
			err := restoreWith(t, o, &disk.Injector{Kind: kind, At: n}, stream)
			again := openDB(t, o)
			if rows := count(t, again); rows != 10 && (rows != 15 || err == nil) {
				t.Fatalf("%v at %d: %d rows, %v", kind, n, rows, err)
			}
			must(t, again.Verify(context.Background()))
			must(t, again.Close())
		}
	}
}

func restoreWith(t *testing.T, o Options, in *disk.Injector, stream []byte) error {
	t.Helper()
	o.Faults = in
	err := Restore(context.Background(), o, bytes.NewReader(stream))
	if err != nil && !in.Fired() {
		t.Fatal(err)
	}
	return err
}

func TestBackupFails(t *testing.T) {
	o := options(t)
	db := filled(t, o, 10)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := db.Backup(ctx, io.Discard); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if err := db.Backup(context.Background(), failingWriter{}); !errors.Is(err, errWriter) {
		t.Errorf("failing writer: %v", err)
	}
	if names := files1(t, o); len(names) != 5 {
		t.Errorf("leftovers: %v", names)
	}
}

type failingWriter struct{}

var errWriter = errors.New("no")

func (failingWriter) Write([]byte) (int, error) { return 0, errWriter }
