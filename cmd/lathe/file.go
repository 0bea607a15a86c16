package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"

	"lathe"
)

// writeWhole writes a file beside its final name and renames it once it is whole and synced, so that no half file is
// ever there.
func writeWhole(path string, mode os.FileMode, write func(w io.Writer) (int64, error)) (n int64, err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".lathe-*")
	if err != nil {
		return 0, lathe.Errorf(lathe.CodeInvalid, "file %q cannot be written: %w", path, err).WithHint("name a folder that exists and may be written to")
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	n, err = write(f)
	if err == nil {
		err = errors.Join(f.Chmod(mode), f.Sync())
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	return n, err
}
