// Package blob keeps immutable encrypted objects: the local files behind lathe.BlobStore.
//
// An object is one file, projects/PROJECT/AB/ABCD... under the store's folder, named by an HMAC of its content under a
// key of the project. It is written under tmp/, synced, renamed into place and its folder synced, so that a name
// always stands for a whole object. docs/adr/0007-blobs.md says why.
package blob

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"sync"
	"time"

	"lathe"
	"lathe/internal/disk"
	"lathe/internal/seal"
)

// Keys gives each project its key; seal.Keyring does.
type Keys interface {
	ProjectKey(project lathe.Project) (seal.Key, error)
}

// Store is a lathe.BlobStore in a folder. It is safe for concurrent use.
type Store struct {
	fs   disk.FS
	keys Keys
	made sync.Map // folders that are durable: those this process made or synced
}

var _ lathe.BlobStore = (*Store)(nil)

const tempFolder = "tmp"

// Open opens the store in a folder that only this process writes to, and removes what a crash left half-written.
func Open(f disk.FS, keys Keys) (*Store, error) {
	if err := f.Mkdir(tempFolder); err != nil {
		return nil, fmt.Errorf("blob: open: %w", err)
	}
	if err := disk.Sweep(f, tempFolder); err != nil {
		return nil, fmt.Errorf("blob: open: %w", err)
	}
	return &Store{fs: f, keys: keys}, nil
}

// Put implements lathe.BlobStore. Memory is constant, whatever the size. Content that is there already is written
// again over itself: that mends a damaged object, and makes it young for the collector's grace period.
func (s *Store) Put(ctx context.Context, project lathe.Project, r io.Reader) (lathe.Blob, error) {
	k, err := s.projectKeys(project)
	if err != nil {
		return lathe.Blob{}, err
	}
	temp := path.Join(tempFolder, disk.TempName())
	b, err := s.writeTemp(temp, project, k, contextReader{ctx, r})
	if err != nil {
		return lathe.Blob{}, s.discard(temp, err)
	}
	return b, s.place(temp, objectPath(project, b.Name))
}

// place moves a finished file to its name.
func (s *Store) place(temp, to string) error {
	if err := s.mkdir(path.Dir(to)); err != nil {
		return s.discard(temp, fmt.Errorf("blob: put: %w", err))
	}
	if err := disk.Commit(s.fs, temp, to); err != nil {
		return fmt.Errorf("blob: put: %w", err)
	}
	return nil
}

// mkdir makes a folder durably, once: the sync of the folder above costs as much as that of the object.
func (s *Store) mkdir(folder string) error {
	if _, ok := s.made.Load(folder); ok {
		return nil
	}
	if err := s.fs.Mkdir(folder); err != nil {
		return err
	}
	s.made.Store(folder, true)
	return nil
}

// discard removes a temporary file after err; where that fails too, the next Open does it.
func (s *Store) discard(temp string, err error) error {
	if gone := s.fs.Remove(temp); gone != nil && !errors.Is(gone, fs.ErrNotExist) {
		return errors.Join(err, gone)
	}
	return err
}

// writeTemp encrypts r into a new file. The name is known only at the end, so the object's key is wrapped last, into
// the room that was left at the start.
func (s *Store) writeTemp(temp string, project lathe.Project, k projectKeys, r io.Reader) (b lathe.Blob, err error) {
	file, err := s.fs.Create(temp)
	if err != nil {
		return b, fmt.Errorf("blob: put: %w", err)
	}
	b.Name, b.Bytes, err = writeObject(file, project, k, r)
	if err == nil {
		b.At, err = syncObject(file)
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return lathe.Blob{}, fmt.Errorf("blob: put: %w", err)
	}
	return b, nil
}

func syncObject(file disk.File) (time.Time, error) {
	if err := file.Sync(); err != nil {
		return time.Time{}, err
	}
	info, err := file.Stat()
	if err != nil {
		return time.Time{}, err
	}
	return info.ModTime(), nil
}

func writeObject(file disk.File, project lathe.Project, k projectKeys, r io.Reader) (name lathe.BlobName, size int64, err error) {
	if _, err := file.Write(make([]byte, headerSize)); err != nil {
		return name, 0, err
	}
	key := seal.NewKey()
	w, err := seal.NewWriter(file, key, streamAssociated)
	if err != nil {
		return name, 0, err
	}
	mac := hmac.New(sha256.New, k.name[:])
	if size, err = io.Copy(io.MultiWriter(mac, w), r); err != nil {
		return name, 0, err
	}
	if err := w.Close(); err != nil {
		return name, 0, err
	}
	if name, err = lathe.ParseBlobName(hex.EncodeToString(mac.Sum(nil))); err != nil {
		return name, 0, err
	}
	_, err = file.WriteAt(header{size}.seal(k.wrap, key, project, name), 0)
	return name, size, err
}

// Open implements lathe.BlobStore.
func (s *Store) Open(ctx context.Context, project lathe.Project, name lathe.BlobName) (io.ReadCloser, error) {
	k, err := s.projectKeys(project)
	if err != nil {
		return nil, err
	}
	if name.IsZero() {
		return nil, missing(project, name)
	}
	file, err := s.fs.Open(objectPath(project, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, missing(project, name)
	}
	if err != nil {
		return nil, fmt.Errorf("blob: open: %w", err)
	}
	r, err := newReader(ctx, file, k, project, name)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return r, nil
}

// Delete implements lathe.BlobStore.
func (s *Store) Delete(ctx context.Context, project lathe.Project, name lathe.BlobName) error {
	if err := lathe.CheckName("project", string(project)); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil || name.IsZero() {
		return err
	}
	if err := disk.Remove(s.fs, objectPath(project, name)); err != nil {
		return fmt.Errorf("blob: delete: %w", err)
	}
	return nil
}

// projectKeys are derived from the project's key: destroying that one shreds all objects of the project.
type projectKeys struct{ name, wrap seal.Key }

func (s *Store) projectKeys(project lathe.Project) (projectKeys, error) {
	if err := lathe.CheckName("project", string(project)); err != nil {
		return projectKeys{}, err
	}
	key, err := s.keys.ProjectKey(project)
	if err != nil {
		return projectKeys{}, fmt.Errorf("blob: key of project %s: %w", project, err)
	}
	return projectKeys{seal.Derive(key, "blob/name"), seal.Derive(key, "blob/wrap")}, nil
}

func missing(project lathe.Project, name lathe.BlobName) error {
	return lathe.Errorf(lathe.CodeNotFound, "blob: project %s has no blob %q", project, name.String())
}

// contextReader ends when its context does.
type contextReader struct {
	ctx context.Context //nolint:containedctx // io.Reader has no place for it
	r   io.Reader
}

// Read implements io.Reader.
func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
