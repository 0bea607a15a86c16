package app

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"lathe"
	"lathe/internal/blob"
	"lathe/internal/disk"
	"lathe/internal/seal"
	"lathe/internal/store/sqlite"
)

// A backup is a tar archive inside a sealed stream, under a key of the home: who lacks the home's keys folder can neither
// read nor change it. It holds the manifest, the objects as they lie on the disk (sealed under their own keys, so that a
// destroyed project's stay shredded in backups too), and last a snapshot of the database, which names only objects that
// were stored before it and are therefore inside.
const (
	backupManifest = "manifest.json"
	backupDatabase = "database"
	backupBlobs    = "blobs"
	backupEnd      = "end.json"
	backupFormat   = 1
)

var backupPurpose = seal.Associate("lathe backup", "1")

type manifest struct {
	Format int       `json:"format"`
	Code   string    `json:"code_version"`
	At     time.Time `json:"at"`
}

// end closes an archive: without it the archive is not whole.
type end struct {
	Objects int64 `json:"objects"`
}

// Backup implements rest.Operations.
func (a *App) Backup(ctx context.Context, w io.Writer) error {
	a.work.storing.RLock() // nothing that the snapshot names is collected meanwhile
	defer a.work.storing.RUnlock()
	sealed, err := seal.NewWriter(w, a.home.keys.Derive("backup"), backupPurpose)
	if err != nil {
		return err
	}
	t := tar.NewWriter(sealed)
	if err := a.writeBackup(ctx, t); err != nil {
		return fmt.Errorf("app: backup: %w", err)
	}
	return errors.Join(t.Close(), sealed.Close())
}

func (a *App) writeBackup(ctx context.Context, t *tar.Writer) error {
	if err := putJSON(t, backupManifest, manifest{backupFormat, lathe.Version, a.options.Clock().UTC()}); err != nil {
		return err
	}
	snapshot, err := a.snapshot(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = errors.Join(snapshot.Close(), os.Remove(snapshot.Name())) }() // sealed; the next start sweeps what a crash leaves
	objects, err := a.writeObjects(ctx, t)
	if err != nil {
		return err
	}
	if err := a.writeSnapshot(t, snapshot); err != nil {
		return err
	}
	return putJSON(t, backupEnd, end{objects})
}

// snapshot writes the database to a temporary file of ours, sealed: its size must be known before it goes into the tar,
// and objects that it names must not be collected meanwhile, for which the collector's grace period is long enough.
func (a *App) snapshot(ctx context.Context) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(a.home.dir, runDir, disk.TempName()), os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return nil, disk.Wrap("create", "snapshot", err)
	}
	sealed, err := seal.NewWriter(f, a.home.keys.Derive("snapshot"), backupPurpose)
	if err == nil {
		err = a.db.Backup(ctx, sealed)
	}
	if err == nil {
		err = sealed.Close()
	}
	if err != nil {
		return nil, errors.Join(disk.Wrap("write", "snapshot", err), f.Close(), os.Remove(f.Name()))
	}
	return f, nil
}

func (a *App) writeSnapshot(t *tar.Writer, f *os.File) error {
	size, err := f.Seek(0, io.SeekEnd)
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err == nil {
		err = t.WriteHeader(&tar.Header{Name: backupDatabase, Mode: 0o600, Size: size})
	}
	if err == nil {
		_, err = io.Copy(t, f)
	}
	return err
}

// writeObjects copies every object as it lies on the disk.
func (a *App) writeObjects(ctx context.Context, t *tar.Writer) (n int64, err error) {
	err = a.blobs.EachFile(ctx, func(name string, size int64, r io.Reader) error {
		n++
		if err := t.WriteHeader(&tar.Header{Name: path.Join(backupBlobs, name), Mode: 0o600, Size: size}); err != nil {
			return err
		}
		_, err := io.Copy(t, r)
		return err
	})
	return n, err
}

func putJSON(t *tar.Writer, name string, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if err := t.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(data))}); err != nil {
		return err
	}
	_, err = t.Write(data)
	return err
}

// StageRestore implements rest.Operations: it checks the archive whole and keeps it for the next start.
func (a *App) StageRestore(ctx context.Context, r io.Reader) error {
	return a.home.stage(ctx, r)
}

// Restore puts a backup into a home that nobody serves.
func Restore(ctx context.Context, o Options, r io.Reader) error {
	o.fill()
	o.restoring = true
	h, err := openHome(o)
	if err != nil {
		return err
	}
	if err = h.stage(ctx, r); err == nil {
		err = h.settleRestore()
	}
	return errors.Join(err, h.Close())
}

// stage unpacks an archive beside the data. Only a whole one gets the name that a start looks for.
func (h *home) stage(ctx context.Context, r io.Reader) error {
	if !h.staging.TryLock() {
		return lathe.Errorf(lathe.CodeConflict, "app: restore: another backup is being checked").WithHint("wait until it is done")
	}
	defer h.staging.Unlock()
	const partial = incoming + ".part"
	if err := h.removeAll(partial); err != nil {
		return err
	}
	if err := h.fs.Mkdir(partial); err != nil {
		return err
	}
	if err := h.unpack(ctx, r, partial); err != nil {
		return errors.Join(err, h.removeAll(partial))
	}
	if err := h.removeAll(incoming); err != nil {
		return err
	}
	if err := h.fs.Rename(partial, incoming); err != nil {
		return err
	}
	return h.fs.SyncDir(".")
}

// unpack reads the archive into a folder.
func (h *home) unpack(ctx context.Context, r io.Reader, dir string) error {
	sealed, err := seal.NewReader(r, h.keys.Derive("backup"), backupPurpose)
	if err != nil {
		return notBackup(err)
	}
	folder, err := disk.OpenDir(filepath.Join(h.dir, dir, blobsDir))
	if err != nil {
		return err
	}
	objects, err := blob.Open(faulty(folder, h.faults), h.keys)
	if err == nil {
		err = h.unpackEntries(ctx, tar.NewReader(sealed), dir, objects)
	}
	return errors.Join(err, folder.Close())
}

// unpackEntries reads the archive to its end.
func (h *home) unpackEntries(ctx context.Context, t *tar.Reader, dir string, objects *blob.Store) error {
	count, ended := int64(0), false
	for {
		header, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return notBackup(err)
		}
		switch name := header.Name; {
		case strings.HasPrefix(name, backupBlobs+"/"):
			count++
			err = objects.Import(strings.TrimPrefix(name, backupBlobs+"/"), t)
		case name == backupManifest:
			err = checkManifest(t)
		case name == backupDatabase:
			err = h.restoreDatabase(ctx, filepath.Join(h.dir, dir, database), t)
		case name == backupEnd:
			var e end
			err = json.NewDecoder(t).Decode(&e)
			ended = e.Objects == count
		default:
			err = fmt.Errorf("app: restore: entry %q does not belong there", name)
		}
		if err != nil {
			return notBackup(err)
		}
	}
	if !ended {
		return notBackup(errors.New("app: restore: the archive is cut off"))
	}
	return nil
}

func checkManifest(r io.Reader) error {
	var m manifest
	if err := json.NewDecoder(r).Decode(&m); err != nil {
		return err
	}
	if m.Format != backupFormat {
		return lathe.Errorf(lathe.CodeUnsupported, "app: restore: the backup has format %d, this build reads %d", m.Format, backupFormat).
			WithHint("restore it with the lathe that made it: %s", m.Code)
	}
	return nil
}

func (h *home) restoreDatabase(ctx context.Context, path string, r io.Reader) error {
	snapshot, err := seal.NewReader(r, h.keys.Derive("snapshot"), backupPurpose)
	if err != nil {
		return err
	}
	return sqlite.Restore(ctx, sqlite.Options{Path: path, Key: h.keys.Derive("database"), Faults: h.faults}, snapshot)
}

// notBackup explains an archive that cannot be read; what has a code already keeps it.
func notBackup(err error) error {
	if code := lathe.CodeOf(err); code != lathe.CodeInternal && code != lathe.CodeCorrupt {
		return err
	}
	return lathe.Errorf(lathe.CodeInvalid, "app: restore: this is no whole backup of this home's keys: %w", err).
		WithField("backup").WithHint("the file is damaged or cut off, or it was made with another keys folder than this home's; nothing was changed")
}

// settleRestore puts a staged restore in place, or finishes what a killed start began: first the data moves aside, then
// the new data takes its name, then the old data goes. Each step can be the last one before a crash.
func (h *home) settleRestore() error {
	staged, err := h.has(incoming)
	if err != nil {
		return err
	}
	if staged {
		current, err := h.has(dataDir)
		if err != nil {
			return err
		}
		if current {
			if err := h.removeAll(outgoing); err != nil {
				return err
			}
			if err := h.fs.Rename(dataDir, outgoing); err != nil {
				return err
			}
		}
		if err := h.fs.Rename(incoming, dataDir); err != nil {
			return err
		}
		if err := h.fs.SyncDir("."); err != nil {
			return err
		}
	}
	if err := h.removeAll(outgoing); err != nil {
		return err
	}
	return h.fs.Mkdir(dataDir)
}

func (h *home) has(name string) (bool, error) {
	_, err := h.fs.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// removeAll deletes a folder of the home's own and what is in it.
func (h *home) removeAll(name string) error {
	if err := os.RemoveAll(filepath.Join(h.dir, name)); err != nil {
		return fmt.Errorf("app: remove %s: %w", name, err)
	}
	return h.fs.SyncDir(".")
}

// AcceptLoss opens a home whose last commits are lost, keeps what is there, and closes it.
func AcceptLoss(ctx context.Context, o Options) error {
	o.AcceptLoss = true
	a, err := Start(ctx, o)
	if err != nil {
		return err
	}
	return a.Close()
}
