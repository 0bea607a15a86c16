// Package disk is the small layer of durable files under everything that must survive a crash.
//
// A file becomes durable in four steps: write a temporary file in the same tree, fsync it, rename it, fsync the
// folder. WriteFile does all four; who streams does them itself on an FS. Names are relative to one folder and go
// through os.Root, so no name leads out of it, and only regular files are opened. After a failed fsync the bytes must
// not be taken as written, whatever a later fsync says (Rebello et al. 2020, "Can Applications Recover from fsync
// Failures?"): the temporary file is thrown away.
//
// An Injector makes the n-th operation of an FS fail, so that a test can fail each step of a piece of work in turn.
package disk

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"path"
	"strings"
)

// TempPrefix starts the name of every temporary file. What carries it after a crash belongs to nobody; see Sweep.
const TempPrefix = ".tmp-"

// File is an open regular file.
type File interface {
	io.Reader
	io.Writer
	io.ReaderAt
	io.WriterAt
	io.Closer
	// Sync makes what was written durable. When it fails, what was written since the last Sync counts as lost.
	Sync() error
	// Truncate changes the size in bytes.
	Truncate(size int64) error
	Stat() (fs.FileInfo, error)
}

// FS is a folder. Names are slash-separated and relative to it, "." is the folder itself. A full disk is a *lathe.Error
// with CodeStorageFull; other failures keep the system's error in their chain (errors.Is with fs.ErrNotExist works).
type FS interface {
	// Open opens a regular file for reading.
	Open(name string) (File, error)
	// Create makes a new file of mode 0600 for reading and writing; one that exists is fs.ErrExist.
	Create(name string) (File, error)
	// Edit opens an existing regular file for reading and writing in place.
	Edit(name string) (File, error)
	// Rename moves a file over another, atomically; SyncDir makes that durable.
	Rename(from, to string) error
	// Remove deletes a file or an empty folder.
	Remove(name string) error
	// Mkdir makes a folder of mode 0700 and those above it, each durable; one that exists is no error.
	Mkdir(name string) error
	// SyncDir makes the names in a folder durable.
	SyncDir(name string) error
	// Stat tells of a file without following a symbolic link.
	Stat(name string) (fs.FileInfo, error)
	// List gives a folder's entries by name; one that is not there is fs.ErrNotExist.
	List(name string) ([]fs.DirEntry, error)
}

// WriteFile replaces the file name by data, in a folder that exists. When it returns nil the file survives a crash;
// whenever it fails or the process dies, name holds the old bytes or the new, whole.
func WriteFile(f FS, name string, data []byte) error {
	temp := path.Join(path.Dir(name), TempName())
	if err := fill(f, temp, data); err != nil {
		return discard(f, temp, err)
	}
	return Commit(f, temp, name)
}

// Commit moves a temporary file that was synced to its name and makes that durable. When the move fails the temporary
// file is gone.
func Commit(f FS, temp, name string) error {
	if err := f.Rename(temp, name); err != nil {
		return discard(f, temp, err)
	}
	return f.SyncDir(path.Dir(name))
}

// ReadFile reads a file of at most limit bytes; a larger one is an error, so that no file can fill the memory.
func ReadFile(f FS, name string, limit int64) ([]byte, error) {
	file, err := f.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err != nil {
		return nil, Wrap("read", name, err)
	}
	if int64(len(data)) > limit {
		return nil, Wrap("read", name, errors.New("file is larger than allowed"))
	}
	return data, nil
}

// Remove deletes a file durably; one that is not there is no error.
func Remove(f FS, name string) error {
	if err := f.Remove(name); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	return f.SyncDir(path.Dir(name))
}

// Sweep removes the temporary files that a crash left in a folder. Call it before anything writes there.
func Sweep(f FS, dir string) error {
	entries, err := f.List(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), TempPrefix) {
			continue
		}
		if err := f.Remove(path.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// TempName gives a fresh name for a temporary file.
func TempName() string {
	var b [12]byte
	rand.Read(b[:]) //nolint:errcheck // never returns an error since Go 1.24
	return TempPrefix + hex.EncodeToString(b[:])
}

func fill(f FS, temp string, data []byte) error {
	file, err := f.Create(temp)
	if err != nil {
		return err
	}
	if _, err := file.Write(data); err != nil {
		return errors.Join(err, file.Close())
	}
	if err := file.Sync(); err != nil {
		return errors.Join(err, file.Close())
	}
	return file.Close()
}

// discard removes a temporary file after err. That it could not be removed is not told: Sweep does it later.
func discard(f FS, temp string, err error) error {
	if gone := f.Remove(temp); gone != nil && !errors.Is(gone, fs.ErrNotExist) {
		return errors.Join(err, gone)
	}
	return err
}
