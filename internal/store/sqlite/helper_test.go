package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/ncruces/go-sqlite3/util/vfsutil"
	"github.com/ncruces/go-sqlite3/vfs"

	"lathe"
	"lathe/internal/disk"
	"lathe/internal/seal"
)

var testKey = seal.Key{1, 2, 3}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// options are those of a database in a folder of its own. It does not sync: what a process leaves behind when it dies
// does not depend on that, and the test of power cuts keeps its own account.
func options(t testing.TB) Options { return at(filepath.Join(folder(t), "lathe.db")) }

// folder is a temporary folder, in memory where the system has such: thousands of small files are made in these tests.
func folder(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "lathe-sqlite-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { must(t, os.RemoveAll(dir)) })
	return dir
}

func at(path string) Options {
	return Options{Path: path, Key: testKey, system: quickVFS{vfs.Find("os")}, folder: func(f disk.FS) disk.FS { return quickFS{f} }}
}

func openDB(t testing.TB, o Options) *DB {
	t.Helper()
	db, err := Open(context.Background(), o)
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	return db
}

func exec(t testing.TB, db *DB, query string, args ...any) {
	t.Helper()
	_, err := db.Write.Exec(query, args...)
	must(t, err)
}

func count(t testing.TB, db *DB) (n int) {
	t.Helper()
	must(t, db.Read.QueryRow(`SELECT count(*) FROM t`).Scan(&n))
	return n
}

// filled makes a database of rows rows of about 500 bytes, one commit each.
func filled(t testing.TB, o Options, rows int) *DB {
	t.Helper()
	db := openDB(t, o)
	exec(t, db, `CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)`)
	insert(t, db, rows)
	return db
}

func insert(t testing.TB, db *DB, rows int) {
	t.Helper()
	for i := range rows {
		exec(t, db, `INSERT INTO t (v) VALUES (?)`, fmt.Sprintf("%0500d", i))
	}
}

// image copies a database's files as they are, as a process leaves them that is killed now.
func image(t testing.TB, o Options) Options {
	t.Helper()
	to := options(t)
	copyImage(t, o, to)
	return to
}

func copyImage(t testing.TB, from, to Options) {
	t.Helper()
	for _, suffix := range []string{"", "-wal", "-seal", "-journal", "-restored"} {
		data, err := os.ReadFile(from.Path + suffix)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		must(t, err)
		must(t, os.WriteFile(to.Path+suffix, data, 0o600))
	}
}

// refused opens a database and wants CodeCorrupt with a hint.
func refused(t testing.TB, o Options) *lathe.Error {
	t.Helper()
	db, err := Open(context.Background(), o)
	if err == nil {
		must(t, db.Close())
		t.Fatal("it was opened")
	}
	var e *lathe.Error
	if !errors.As(err, &e) || e.Code != lathe.CodeCorrupt || e.Hint == "" {
		t.Fatalf("want CodeCorrupt with a hint, got %v", err)
	}
	return e
}

func edit(t testing.TB, path string, change func([]byte) []byte) {
	t.Helper()
	data, err := os.ReadFile(path)
	must(t, err)
	must(t, os.WriteFile(path, change(data), 0o600))
}

func flip(off int64) func([]byte) []byte {
	return func(b []byte) []byte {
		b[off] ^= 0x10
		return b
	}
}

// quickVFS is the system's VFS without its syncs.
type quickVFS struct{ vfs.VFS }

func (q quickVFS) OpenFilename(name *vfs.Filename, flags vfs.OpenFlag) (vfs.File, vfs.OpenFlag, error) {
	f, out, err := vfsutil.WrapOpenFilename(q.VFS, name, flags)
	if err != nil {
		return nil, out, err
	}
	return &quickVFSFile{f, vfsutil.WrapSharedMemory(f)}, out, nil
}

func (q quickVFS) Delete(name string, _ bool) error { return q.VFS.Delete(name, false) }

type quickVFSFile struct {
	vfs.File
	shm vfs.SharedMemory
}

func (*quickVFSFile) Sync(vfs.SyncFlag) error          { return nil }
func (f *quickVFSFile) SharedMemory() vfs.SharedMemory { return f.shm }
func (f *quickVFSFile) LockState() vfs.LockLevel       { return vfsutil.WrapLockState(f.File) }
func (f *quickVFSFile) PersistWAL() bool               { return vfsutil.WrapPersistWAL(f.File) }
func (f *quickVFSFile) SetPersistWAL(keep bool)        { vfsutil.WrapSetPersistWAL(f.File, keep) }
func (f *quickVFSFile) SizeHint(size int64) error      { return vfsutil.WrapSizeHint(f.File, size) }
func (f *quickVFSFile) HasMoved() (bool, error)        { return vfsutil.WrapHasMoved(f.File) }

// quickFS is a folder without its syncs.
type quickFS struct{ disk.FS }

func (quickFS) SyncDir(string) error { return nil }

func (q quickFS) Create(name string) (disk.File, error) { return quick(q.FS.Create(name)) }
func (q quickFS) Edit(name string) (disk.File, error)   { return quick(q.FS.Edit(name)) }

func quick(f disk.File, err error) (disk.File, error) {
	if err != nil {
		return nil, err
	}
	return quickFile{f}, nil
}

type quickFile struct{ disk.File }

func (quickFile) Sync() error { return nil }
