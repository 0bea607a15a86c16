package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"syscall"

	"lathe"
)

// Dir is the FS of a real folder.
type Dir struct{ root *os.Root }

// OpenDir opens the folder at path, making it (mode 0700, durably) where it is not there; the folder above must be.
func OpenDir(path string) (*Dir, error) {
	switch err := os.Mkdir(path, 0o700); {
	case err == nil:
		if err := syncPath(filepath.Dir(path)); err != nil {
			return nil, Wrap("open folder", path, err)
		}
	case !errors.Is(err, fs.ErrExist):
		return nil, Wrap("open folder", path, err)
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, Wrap("open folder", path, err)
	}
	return &Dir{root}, nil
}

// Close lets go of the folder.
func (d *Dir) Close() error { return d.root.Close() }

// Path is the folder's path, for messages.
func (d *Dir) Path() string { return d.root.Name() }

// Open implements FS.
func (d *Dir) Open(name string) (File, error) { return d.regular("open", name, os.O_RDONLY) }

// Edit implements FS.
func (d *Dir) Edit(name string) (File, error) { return d.regular("edit", name, os.O_RDWR) }

// Create implements FS.
func (d *Dir) Create(name string) (File, error) {
	f, err := d.root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, Wrap("create", name, err)
	}
	return file{f}, nil
}

// Rename implements FS.
func (d *Dir) Rename(from, to string) error { return Wrap("rename", to, d.root.Rename(from, to)) }

// Remove implements FS.
func (d *Dir) Remove(name string) error { return Wrap("remove", name, d.root.Remove(name)) }

// Mkdir implements FS.
func (d *Dir) Mkdir(name string) error {
	err := d.root.Mkdir(name, 0o700)
	if errors.Is(err, fs.ErrNotExist) {
		if err := d.Mkdir(path.Dir(name)); err != nil {
			return err
		}
		err = d.root.Mkdir(name, 0o700)
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return Wrap("mkdir", name, err)
	}
	return d.SyncDir(path.Dir(name))
}

// SyncDir implements FS.
func (d *Dir) SyncDir(name string) error {
	f, err := d.root.Open(name)
	if err != nil {
		return Wrap("sync folder", name, err)
	}
	return Wrap("sync folder", name, errors.Join(f.Sync(), f.Close()))
}

// Stat implements FS.
func (d *Dir) Stat(name string) (fs.FileInfo, error) {
	info, err := d.root.Lstat(name)
	return info, Wrap("stat", name, err)
}

// List implements FS.
func (d *Dir) List(name string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(d.root.FS(), name)
	return entries, Wrap("list", name, err)
}

// regular opens an existing file that is neither a link, a pipe nor a folder. It looks before it opens, because opening
// a pipe waits, and compares after, because what it looked at may have been replaced: then it looks again, since renaming
// one file over another is how files are written here.
func (d *Dir) regular(op, name string, flag int) (File, error) {
	const tries = 100
	for range tries {
		before, err := d.root.Lstat(name)
		if err != nil {
			return nil, Wrap(op, name, err)
		}
		if !before.Mode().IsRegular() {
			return nil, Wrap(op, name, errNotRegular)
		}
		f, err := d.root.OpenFile(name, flag|syscall.O_NONBLOCK, 0)
		if err != nil {
			return nil, Wrap(op, name, err)
		}
		after, err := f.Stat()
		if err == nil && os.SameFile(before, after) {
			return file{f}, nil
		}
		if err = errors.Join(err, f.Close()); err != nil {
			return nil, Wrap(op, name, err)
		}
	}
	return nil, Wrap(op, name, errReplaced)
}

var (
	errNotRegular = errors.New("not a regular file")
	errReplaced   = errors.New("replaced again and again")
)

// file gives the errors of an os.File their code.
type file struct{ *os.File }

// Write implements File.
func (f file) Write(p []byte) (int, error) {
	n, err := f.File.Write(p)
	return n, Wrap("write", f.Name(), err)
}

// WriteAt implements File.
func (f file) WriteAt(p []byte, off int64) (int, error) {
	n, err := f.File.WriteAt(p, off)
	return n, Wrap("write", f.Name(), err)
}

// Sync implements File.
func (f file) Sync() error { return Wrap("sync", f.Name(), f.File.Sync()) }

// Truncate implements File.
func (f file) Truncate(size int64) error { return Wrap("truncate", f.Name(), f.File.Truncate(size)) }

// Wrap gives a failed operation its name and, where the disk is full, CodeStorageFull; nil stays nil. Adapters that
// write past this package use it too.
func Wrap(op, name string, err error) error {
	var known *lathe.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &known):
		return err
	case IsFull(err):
		return lathe.Errorf(lathe.CodeStorageFull, "disk: %s %s: %w", op, name, err).WithHint("free space on the disk that holds the data; nothing was changed")
	}
	return fmt.Errorf("disk: %s %s: %w", op, name, err)
}

// IsFull tells a disk or quota that is full.
func IsFull(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }

func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
