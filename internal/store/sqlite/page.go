package sqlite

import (
	sqlite3 "github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/util/vfsutil"
	"github.com/ncruces/go-sqlite3/vfs"

	"lathe"
)

// restoreHint is the way out of damage.
const restoreHint = "bring back the last good state with `lathe restore`"

// mainFile is the database file: it writes each page's tag and refuses a page whose tag does not fit.
type mainFile struct {
	vfs.File
	shm   vfs.SharedMemory
	tag   *tagger
	guard *guard
	name  string
}

func pageNumber(off int64) uint32 { return uint32(off/pageSize) + 1 } //nolint:gosec // SQLite has 2^32 pages at most

// ReadAt implements vfs.File. Shorter reads are the file's header before page 1 is read as a whole.
func (f *mainFile) ReadAt(p []byte, off int64) (int, error) {
	n, err := f.File.ReadAt(p, off)
	if n != pageSize || off%pageSize != 0 {
		return n, err
	}
	if page := pageNumber(off); !f.tag.ok(page, p) {
		return 0, vfs.SystemError(f.guard.damaged(pageError(f.name, page)), sqlite3.IOERR_DATA)
	}
	return n, err
}

// WriteAt implements vfs.File. The tag goes into the reserved bytes of SQLite's own buffer, which SQLite never reads.
func (f *mainFile) WriteAt(p []byte, off int64) (int, error) {
	if len(p) == pageSize && off%pageSize == 0 {
		tag := f.tag.sum(pageNumber(off), p)
		copy(p[pageSize-tagSize:], tag[:])
		f.guard.wrote(pageNumber(off), tag)
	}
	n, err := f.File.WriteAt(p, off)
	return n, f.guard.failed(err)
}

// Sync implements vfs.File.
func (f *mainFile) Sync(flags vfs.SyncFlag) error { return f.guard.failed(f.File.Sync(flags)) }

// Truncate implements vfs.File.
func (f *mainFile) Truncate(size int64) error {
	f.guard.truncated(uint32(size / pageSize)) //nolint:gosec // as pageNumber
	return f.File.Truncate(size)
}

// DeviceCharacteristics implements vfs.File. Only whole pages may be read, because only they can be checked. Writes
// beside a byte leave it alone (power-safe overwrite): a sector is rewritten whole, XTS gives the same ciphertext for
// the blocks of 16 bytes that did not change, and disks write sectors whole. Without it each commit would write its
// last frame twice.
func (f *mainFile) DeviceCharacteristics() vfs.DeviceCharacteristic {
	return f.File.DeviceCharacteristics()&^vfs.IOCAP_SUBPAGE_READ | vfs.IOCAP_POWERSAFE_OVERWRITE
}

func pageError(file string, page uint32) *lathe.Error {
	return lathe.Errorf(lathe.CodeCorrupt, "sqlite: %s: page %d is not what was written", file, page).WithHint(restoreHint)
}

// The optional interfaces that SQLite asks for are those of the layer below.

// Unwrap lets the encryption of the WAL find the main file's cipher.
func (f *mainFile) Unwrap() vfs.File { return f.File }

// SharedMemory implements vfs.FileSharedMemory.
func (f *mainFile) SharedMemory() vfs.SharedMemory { return f.shm }

// LockState implements vfs.FileLockState.
func (f *mainFile) LockState() vfs.LockLevel { return vfsutil.WrapLockState(f.File) }

// PersistWAL implements vfs.FilePersistWAL.
func (f *mainFile) PersistWAL() bool { return vfsutil.WrapPersistWAL(f.File) }

// SetPersistWAL implements vfs.FilePersistWAL.
func (f *mainFile) SetPersistWAL(keep bool) { vfsutil.WrapSetPersistWAL(f.File, keep) }

// SizeHint implements vfs.FileSizeHint.
func (f *mainFile) SizeHint(size int64) error { return vfsutil.WrapSizeHint(f.File, size) }

// HasMoved implements vfs.FileHasMoved.
func (f *mainFile) HasMoved() (bool, error) { return vfsutil.WrapHasMoved(f.File) }
