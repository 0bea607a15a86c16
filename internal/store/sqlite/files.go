package sqlite

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/ncruces/go-sqlite3/util/vfsutil"
	"github.com/ncruces/go-sqlite3/vfs"
)

// files is the VFS of one open database: SQLite opens every file of it here.
type files struct {
	vfs.VFS // the encryption over the system's files
	keys    keys
	guard   *guard // nil for a database that only this process will ever see
}

// opened counts VFS names: SQLite finds a VFS by its name, and each open database has its own keys.
var opened atomic.Int64

func newFiles(o Options) (*files, error) {
	k := deriveKeys(o.Key)
	g, err := newGuard(o, k)
	if err != nil {
		return nil, err
	}
	return &files{VFS: encrypted(o, k), keys: k, guard: g}, nil
}

func encrypted(o Options, k keys) vfs.VFS { return &cipherVFS{newBase(o), k.cipher} }

func register(f *files) string {
	name := "lathe-" + strconv.FormatInt(opened.Add(1), 10)
	vfs.Register(name, f)
	return name
}

func (f *files) close() error { return f.guard.close() }

// Open implements vfs.VFS; SQLite calls OpenFilename.
func (f *files) Open(name string, flags vfs.OpenFlag) (vfs.File, vfs.OpenFlag, error) {
	return vfsutil.WrapOpen(f.VFS, name, flags)
}

// OpenFilename implements vfs.VFSFilename.
func (f *files) OpenFilename(name *vfs.Filename, flags vfs.OpenFlag) (vfs.File, vfs.OpenFlag, error) {
	file, out, err := vfsutil.WrapOpenFilename(f.VFS, name, flags)
	if err != nil {
		return nil, out, err
	}
	own := f.guard != nil && f.guard.owns(name.Database())
	switch {
	case flags&vfs.OPEN_MAIN_DB != 0 && own:
		return f.newMain(file, name, f.guard), out, nil
	case flags&vfs.OPEN_MAIN_DB != 0:
		return &tempFile{*f.newMain(file, name, &guard{})}, out, nil
	case flags&vfs.OPEN_WAL != 0 && own:
		return &walFile{File: file, guard: f.guard}, out, nil
	}
	return file, out, nil
}

func (f *files) newMain(file vfs.File, name *vfs.Filename, g *guard) *mainFile {
	return &mainFile{File: file, shm: vfsutil.WrapSharedMemory(file), tag: f.keys.newTagger(), guard: g, name: filepath.Base(name.String())}
}

// tempFile is a copy that a crash may take: it is never synced by SQLite.
type tempFile struct{ mainFile }

// Sync implements vfs.File.
func (*tempFile) Sync(vfs.SyncFlag) error { return nil }

// Delete implements vfs.VFS. SQLite deletes a WAL only after all of it was moved into the main file.
func (f *files) Delete(name string, syncDir bool) error {
	if f.guard != nil && f.guard.owns(strings.TrimSuffix(name, "-wal")) && strings.HasSuffix(name, "-wal") {
		if err := f.guard.release(); err != nil {
			return fmt.Errorf("sqlite: delete %s: %w", filepath.Base(name), err)
		}
	}
	return f.VFS.Delete(name, syncDir)
}
