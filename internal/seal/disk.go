package seal

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"lathe"
)

// Disk is what key files need of a file system. Tests put one in place that fails at a chosen step.
type Disk interface {
	// ReadFile gives a whole file, or an error that is fs.ErrNotExist where there is none.
	ReadFile(path string) ([]byte, error)
	// WriteFile replaces path by data with mode 0600, making its folder (0700) when needed. When it returns nil the
	// file survives a crash; when it fails or the process dies, path holds the old bytes or the new, whole.
	WriteFile(path string, data []byte) error
	// Remove deletes a file durably; one that is not there is no error.
	Remove(path string) error
	// RemoveAll deletes a folder and what is in it, durably.
	RemoveAll(path string) error
	// List gives the names in a folder in order; a folder that is not there has none.
	List(path string) ([]string, error)
	// Sweep removes what interrupted writes left in a folder. A forgotten copy of a slot would undo its destruction.
	Sweep(path string) error
}

const tempPrefix = ".tmp-"

// maxKeyFile bounds every file of the key folder: 64 MiB is a shard of half a million subjects.
const maxKeyFile = 64 << 20

// OS is the Disk of the operating system. Fault, where set, is asked before every step ("create", "write", "sync",
// "rename", "syncdir", "remove", "mkdir"); its error takes the step's place, and a failed write leaves half the bytes.
type OS struct {
	Fault func(step, path string) error

	lazy bool // tests that count steps skip the fsyncs themselves
}

// ReadFile implements Disk. Only regular files up to 64 MiB are read.
func (d OS) ReadFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("seal: read: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("seal: read: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxKeyFile {
		return nil, corrupt("key file", "%s is no regular file of at most %d bytes", path, maxKeyFile)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxKeyFile))
	if err != nil {
		return nil, fmt.Errorf("seal: read: %w", err)
	}
	return data, nil
}

// WriteFile implements Disk: temporary file, fsync, rename, fsync of the folder.
func (d OS) WriteFile(path string, data []byte) error {
	dir := filepath.Dir(path)
	if err := d.makeDir(dir); err != nil {
		return diskError(err)
	}
	temp, err := d.writeTemp(dir, data)
	if err != nil {
		return diskError(err)
	}
	if err := d.do("rename", path, func() error { return os.Rename(temp, path) }); err != nil {
		return diskError(errors.Join(err, os.Remove(temp)))
	}
	return diskError(d.syncDir(dir))
}

func (d OS) writeTemp(dir string, data []byte) (string, error) {
	if err := d.fault("create", dir); err != nil {
		return "", err
	}
	f, err := os.CreateTemp(dir, tempPrefix) // mode 0600
	if err != nil {
		return "", err
	}
	err = d.fill(f, data)
	if err = errors.Join(err, f.Close()); err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), nil
}

func (d OS) fill(f *os.File, data []byte) error {
	if err := d.fault("write", f.Name()); err != nil {
		_, torn := f.Write(data[:len(data)/2])
		return errors.Join(err, torn)
	}
	if _, err := f.Write(data); err != nil {
		return err
	}
	return d.do("sync", f.Name(), f.Sync)
}

// makeDir makes dir and syncs its parent, so that the folder itself survives a crash.
func (d OS) makeDir(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := d.do("mkdir", dir, func() error { return os.MkdirAll(dir, 0o700) }); err != nil {
		return err
	}
	return d.syncDir(filepath.Dir(dir))
}

// Remove implements Disk.
func (d OS) Remove(path string) error {
	err := d.do("remove", path, func() error { return os.Remove(path) })
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return diskError(err)
	}
	return diskError(d.syncDir(filepath.Dir(path)))
}

// RemoveAll implements Disk.
func (d OS) RemoveAll(path string) error {
	if err := d.do("remove", path, func() error { return os.RemoveAll(path) }); err != nil {
		return diskError(err)
	}
	err := d.syncDir(filepath.Dir(path))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return diskError(err)
}

// List implements Disk. Temporary files of an interrupted write are left out.
func (d OS) List(path string) ([]string, error) {
	entries, err := os.ReadDir(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("seal: list: %w", err)
	}
	var names []string
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), tempPrefix) {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// Sweep implements Disk.
func (d OS) Sweep(path string) error {
	entries, err := os.ReadDir(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("seal: sweep: %w", err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), tempPrefix) {
			continue
		}
		if err := d.Remove(filepath.Join(path, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

func (d OS) syncDir(dir string) error {
	return d.do("syncdir", dir, func() error {
		f, err := os.Open(dir)
		if err != nil {
			return err
		}
		return errors.Join(f.Sync(), f.Close())
	})
}

func (d OS) do(step, path string, action func() error) error {
	if err := d.fault(step, path); err != nil {
		return err
	}
	if d.lazy && strings.HasPrefix(step, "sync") {
		return nil
	}
	return action()
}

func (d OS) fault(step, path string) error {
	if d.Fault == nil {
		return nil
	}
	return d.Fault(step, path)
}

// diskError gives a full disk its own code; what was there before is still there.
func diskError(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return lathe.Errorf(lathe.CodeStorageFull, "seal: write: %w", err).WithHint("free space on the disk that holds the key folder; no key was changed")
	}
	return fmt.Errorf("seal: write: %w", err)
}
