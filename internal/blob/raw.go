package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"lathe"
	"lathe/internal/disk"
)

// EachFile calls each with every object as it lies on the disk, sealed, for a backup. Its name is its path in the store.
// An object that is deleted meanwhile is passed over.
func (s *Store) EachFile(ctx context.Context, each func(name string, bytes int64, r io.Reader) error) error {
	return s.List(ctx, func(project lathe.Project, b lathe.Blob) error {
		name := objectPath(project, b.Name)
		file, err := s.fs.Open(name)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("blob: read: %w", err)
		}
		info, err := file.Stat()
		if err == nil {
			err = each(name, info.Size(), io.LimitReader(file, info.Size()))
		}
		return errors.Join(err, file.Close())
	})
}

// Import stores an object that EachFile gave, under the same name and as durably as Put. What is in it is not looked at:
// it opens only with the keys that sealed it. A name that EachFile does not give is CodeInvalid.
func (s *Store) Import(name string, r io.Reader) error {
	if !isPath(name) {
		return lathe.Errorf(lathe.CodeInvalid, "blob: import: %q is no object's path", name)
	}
	temp := path.Join(tempFolder, disk.TempName())
	file, err := s.fs.Create(temp)
	if err != nil {
		return fmt.Errorf("blob: import: %w", err)
	}
	_, err = io.Copy(file, r)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return s.discard(temp, fmt.Errorf("blob: import: %w", err))
	}
	return s.place(temp, name)
}

// isPath tells whether objectPath could have given the name.
func isPath(name string) bool {
	parts := strings.Split(name, "/")
	if len(parts) != 4 {
		return false
	}
	project, ok := projectOf(parts[1])
	blob, err := lathe.ParseBlobName(parts[3])
	return ok && err == nil && objectPath(project, blob) == name
}
