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
)

const projectFolder = "projects"

// objectPath is where an object lies: in one of 256 folders of its project, so that none gets huge.
func objectPath(project lathe.Project, name lathe.BlobName) string {
	n := name.String()
	return path.Join(projectFolder, folderOf(project), n[:2], n)
}

// folderOf writes capitals as "+" and the small letter, so that two projects never share a folder where the file system
// does not tell capitals.
func folderOf(project lathe.Project) string {
	var b strings.Builder
	for _, c := range []byte(project) {
		if c >= 'A' && c <= 'Z' {
			b.WriteByte('+')
			c += 'a' - 'A'
		}
		b.WriteByte(c)
	}
	return b.String()
}

// projectOf undoes folderOf; ok is false for a folder that it did not make.
func projectOf(folder string) (lathe.Project, bool) {
	var b strings.Builder
	for i := 0; i < len(folder); i++ {
		c := folder[i]
		if c == '+' && i+1 < len(folder) {
			i++
			c = folder[i] - ('a' - 'A')
		}
		b.WriteByte(c)
	}
	project := lathe.Project(b.String())
	return project, lathe.CheckName("project", string(project)) == nil && folderOf(project) == folder
}

// List implements lathe.BlobStore. Files that are no objects are passed over. The sizes are what the files say before
// anything is decrypted: good for accounts, not for trust.
func (s *Store) List(ctx context.Context, each func(lathe.Project, lathe.Blob) error) error {
	return s.walk(projectFolder, func(folder string) error {
		project, ok := projectOf(folder)
		if !ok {
			return nil
		}
		return s.listProject(ctx, project, each)
	})
}

func (s *Store) listProject(ctx context.Context, project lathe.Project, each func(lathe.Project, lathe.Blob) error) error {
	root := path.Join(projectFolder, folderOf(project))
	return s.walk(root, func(fan string) error {
		return s.walk(path.Join(root, fan), func(file string) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			name, err := lathe.ParseBlobName(file)
			if err != nil || file[:2] != fan {
				return nil //nolint:nilerr // not ours
			}
			return s.listObject(project, name, each)
		})
	})
}

// listObject passes an object on; one that was deleted meanwhile is none.
func (s *Store) listObject(project lathe.Project, name lathe.BlobName, each func(lathe.Project, lathe.Blob) error) error {
	info, err := s.fs.Stat(objectPath(project, name))
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
		return nil
	}
	if err != nil {
		return fmt.Errorf("blob: list: %w", err)
	}
	h, err := s.readHeader(objectPath(project, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("blob: list: %w", err)
	}
	return each(project, lathe.Blob{Name: name, Bytes: h.size, At: info.ModTime()})
}

// readHeader gives a zero header for a file that has none.
func (s *Store) readHeader(name string) (header, error) {
	file, err := s.fs.Open(name)
	if err != nil {
		return header{}, err
	}
	defer file.Close()
	b := make([]byte, headerSize)
	if _, err := io.ReadFull(file, b); err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return header{}, err
	}
	h, ok := parseHeader(b)
	if !ok {
		return header{}, nil
	}
	return h, nil
}

// walk calls each for the names in a folder; one that is not there has none, and what is no folder is passed over.
func (s *Store) walk(folder string, each func(name string) error) error {
	info, err := s.fs.Stat(folder)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
		return nil
	}
	if err != nil {
		return fmt.Errorf("blob: list: %w", err)
	}
	entries, err := s.fs.List(folder)
	if err != nil {
		return fmt.Errorf("blob: list: %w", err)
	}
	for _, e := range entries {
		if err := each(e.Name()); err != nil {
			return err
		}
	}
	return nil
}
