package sqlite

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/ncruces/go-sqlite3/util/vfsutil"
	"github.com/ncruces/go-sqlite3/vfs"

	"lathe/internal/disk"
)

// base is the lowest layer: the system's files, with the injected faults of a test, and with names and codes on
// errors.
type base struct {
	vfs.VFS
	faults *disk.Injector
}

func newBase(o Options) *base {
	b := &base{o.system, o.Faults}
	if b.VFS == nil {
		b.VFS = vfs.Find("os")
	}
	if b.faults == nil {
		b.faults = &disk.Injector{}
	}
	return b
}

// Open implements vfs.VFS; SQLite calls OpenFilename.
func (b *base) Open(name string, flags vfs.OpenFlag) (vfs.File, vfs.OpenFlag, error) {
	return vfsutil.WrapOpen(b.VFS, name, flags)
}

// OpenFilename implements vfs.VFSFilename.
func (b *base) OpenFilename(name *vfs.Filename, flags vfs.OpenFlag) (vfs.File, vfs.OpenFlag, error) {
	short := filepath.Base(name.String())
	if err := b.faults.Read(short); err != nil {
		return nil, flags, disk.Wrap("open", short, err)
	}
	file, out, err := vfsutil.WrapOpenFilename(b.VFS, name, flags)
	if err != nil {
		return nil, out, err
	}
	if flags&vfs.OPEN_CREATE != 0 && name != nil {
		if err := os.Chmod(name.String(), 0o600); err != nil {
			return nil, out, errors.Join(disk.Wrap("open", short, err), file.Close())
		}
	}
	return &baseFile{file, vfsutil.WrapSharedMemory(file), b.faults, short}, out, nil
}

// Delete implements vfs.VFS.
func (b *base) Delete(name string, syncDir bool) error {
	err := b.faults.Do(disk.OpName, name, func() error { return b.VFS.Delete(name, syncDir) })
	return named("delete", filepath.Base(name), err)
}

type baseFile struct {
	vfs.File
	shm    vfs.SharedMemory
	faults *disk.Injector
	name   string
}

// ReadAt implements vfs.File.
func (f *baseFile) ReadAt(p []byte, off int64) (int, error) {
	if err := f.faults.Read(f.name); err != nil {
		return 0, disk.Wrap("read", f.name, err)
	}
	return f.File.ReadAt(p, off)
}

// WriteAt implements vfs.File.
func (f *baseFile) WriteAt(p []byte, off int64) (int, error) {
	n, err := f.faults.Write(f.name, p, func(p []byte) (int, error) { return f.File.WriteAt(p, off) })
	return n, named("write", f.name, err)
}

// Sync implements vfs.File.
func (f *baseFile) Sync(flags vfs.SyncFlag) error {
	return named("sync", f.name, f.faults.Do(disk.OpSync, f.name, func() error { return f.File.Sync(flags) }))
}

// Truncate implements vfs.File.
func (f *baseFile) Truncate(size int64) error {
	return named("truncate", f.name, f.faults.Do(disk.OpWrite, f.name, func() error { return f.File.Truncate(size) }))
}

// SizeHint implements vfs.FileSizeHint.
func (f *baseFile) SizeHint(size int64) error {
	err := f.faults.Do(disk.OpWrite, f.name, func() error { return vfsutil.WrapSizeHint(f.File, size) })
	return named("grow", f.name, err)
}

// named gives a full disk its code, and leaves errors that carry one of SQLite's as they are.
func named(op, name string, err error) error {
	if disk.IsFull(err) || errors.Is(err, disk.ErrInjected) {
		return disk.Wrap(op, name, err)
	}
	return err
}

// SharedMemory implements vfs.FileSharedMemory.
func (f *baseFile) SharedMemory() vfs.SharedMemory { return f.shm }

// LockState implements vfs.FileLockState.
func (f *baseFile) LockState() vfs.LockLevel { return vfsutil.WrapLockState(f.File) }

// PersistWAL implements vfs.FilePersistWAL.
func (f *baseFile) PersistWAL() bool { return vfsutil.WrapPersistWAL(f.File) }

// SetPersistWAL implements vfs.FilePersistWAL.
func (f *baseFile) SetPersistWAL(keep bool) { vfsutil.WrapSetPersistWAL(f.File, keep) }

// HasMoved implements vfs.FileHasMoved.
func (f *baseFile) HasMoved() (bool, error) { return vfsutil.WrapHasMoved(f.File) }
