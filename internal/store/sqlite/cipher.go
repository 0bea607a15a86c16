package sqlite

import (
	"errors"
	"io"

	"github.com/ncruces/go-sqlite3/util/vfsutil"
	"github.com/ncruces/go-sqlite3/vfs"
	"golang.org/x/crypto/xts"
)

// cipherVFS encrypts files with AES-256-XTS in sectors of 512 bytes, the smallest that SQLite writes; the sector's
// number is the tweak. The format is that of vfs/xts of ncruces/go-sqlite3. Unlike that one it reads and writes a
// page in one call instead of eight, takes its key from no connection string, and sees no half sector at the end of a
// file: a WAL whose first write was torn would not open.
type cipherVFS struct {
	vfs.VFS
	cipher *xts.Cipher
}

// OpenFilename implements vfs.VFSFilename. Nothing is opened without encryption; temporary files would be under the
// database's key, and there are none, because temp_store is MEMORY.
func (c *cipherVFS) OpenFilename(name *vfs.Filename, flags vfs.OpenFlag) (vfs.File, vfs.OpenFlag, error) {
	file, out, err := vfsutil.WrapOpenFilename(c.VFS, name, flags)
	if err != nil {
		return nil, out, err
	}
	shm := vfsutil.WrapSharedMemory(file)
	if main, ok := vfsutil.UnwrapFile[*cipherFile](name.DatabaseFile()); ok && flags&vfs.OPEN_MAIN_DB == 0 {
		shm = main.shm
	}
	return &cipherFile{File: file, cipher: c.cipher, shm: shm}, out, nil
}

type cipherFile struct {
	vfs.File
	cipher *xts.Cipher
	shm    vfs.SharedMemory // of the database; locks half sectors
	buf    []byte
	sector [sectorSize]byte
}

// span is how much of a range is read or written at once: the part of a sector, or all that are whole.
func span(off int64, n int) (size int, whole bool) {
	if within := int(off % sectorSize); within != 0 || n < sectorSize {
		return min(sectorSize-within, n), false
	}
	return n / sectorSize * sectorSize, true
}

// ReadAt implements vfs.File.
func (f *cipherFile) ReadAt(p []byte, off int64) (n int, err error) {
	for n < len(p) {
		size, whole := span(off, len(p)-n)
		m := 0
		if whole {
			m, err = f.readWhole(p[n:n+size], off)
		} else {
			m, err = f.readPart(p[n:n+size], off)
		}
		n, off = n+m, off+int64(m)
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

func (f *cipherFile) readWhole(p []byte, off int64) (int, error) {
	n, err := f.File.ReadAt(p, off)
	n = n / sectorSize * sectorSize
	decrypt(f.cipher, p[:n], off)
	if n == len(p) {
		return n, nil
	}
	return n, orEOF(err)
}

// readPart reads within a sector that another connection may be writing again at this moment.
func (f *cipherFile) readPart(p []byte, off int64) (n int, err error) {
	start := off / sectorSize * sectorSize
	err = f.locked(vfs.LOCK_SHARED, start, func() error {
		_, err := f.readWhole(f.sector[:], start)
		return err
	})
	if err != nil {
		return 0, err
	}
	return copy(p, f.sector[off-start:]), nil
}

// WriteAt implements vfs.File.
func (f *cipherFile) WriteAt(p []byte, off int64) (n int, err error) {
	for n < len(p) {
		size, whole := span(off, len(p)-n)
		if whole {
			err = f.writeWhole(p[n:n+size], off)
		} else {
			err = f.writePart(p[n:n+size], off)
		}
		if err != nil {
			return n, err
		}
		n, off = n+size, off+int64(size)
	}
	return n, nil
}

func (f *cipherFile) writeWhole(p []byte, off int64) error {
	if len(p) > len(f.buf) {
		f.buf = make([]byte, len(p))
	}
	buf := f.buf[:len(p)]
	for i := 0; i < len(p); i += sectorSize {
		f.cipher.Encrypt(buf[i:i+sectorSize], p[i:i+sectorSize], sectorNumber(off, i))
	}
	_, err := f.File.WriteAt(buf, off)
	return err
}

// writePart changes part of a sector; one beyond the end of the file is zero.
func (f *cipherFile) writePart(p []byte, off int64) error {
	start := off / sectorSize * sectorSize
	return f.locked(vfs.LOCK_EXCLUSIVE, start, func() error {
		_, err := f.readWhole(f.sector[:], start)
		if errors.Is(err, io.EOF) {
			clear(f.sector[:])
		} else if err != nil {
			return err
		}
		copy(f.sector[off-start:], p)
		return f.writeWhole(f.sector[:], start)
	})
}

// locked holds the lock of one sector, and of one only: they share slots, and two at once could wait for each other.
func (f *cipherFile) locked(level vfs.LockLevel, sector int64, do func() error) error {
	if f.shm == nil {
		return do()
	}
	if err := f.shm.IOLock(level, sector); err != nil {
		return err
	}
	err := do() // as it is: SQLite's glue compares errors, io.EOF among them
	if unlock := f.shm.IOLock(vfs.LOCK_NONE, sector); err == nil {
		err = unlock
	}
	return err
}

func decrypt(cipher *xts.Cipher, p []byte, off int64) {
	for i := 0; i < len(p); i += sectorSize {
		cipher.Decrypt(p[i:i+sectorSize], p[i:i+sectorSize], sectorNumber(off, i))
	}
}

func sectorNumber(off int64, i int) uint64 { return uint64(off+int64(i)) / sectorSize } //nolint:gosec // never negative

func orEOF(err error) error {
	if err == nil {
		return io.EOF
	}
	return err
}

// Size implements vfs.File.
func (f *cipherFile) Size() (int64, error) {
	size, err := f.File.Size()
	return size / sectorSize * sectorSize, err
}

// Truncate implements vfs.File.
func (f *cipherFile) Truncate(size int64) error { return f.File.Truncate(roundUp(size)) }

// SizeHint implements vfs.FileSizeHint.
func (f *cipherFile) SizeHint(size int64) error { return vfsutil.WrapSizeHint(f.File, roundUp(size)) }

func roundUp(size int64) int64 { return (size + sectorSize - 1) / sectorSize * sectorSize }

// DeviceCharacteristics implements vfs.File: those that hold for whole sectors.
func (f *cipherFile) DeviceCharacteristics() vfs.DeviceCharacteristic {
	return f.File.DeviceCharacteristics() & (vfs.IOCAP_ATOMIC512 | vfs.IOCAP_IMMUTABLE | vfs.IOCAP_SEQUENTIAL |
		vfs.IOCAP_UNDELETABLE_WHEN_OPEN)
}

// SharedMemory implements vfs.FileSharedMemory.
func (f *cipherFile) SharedMemory() vfs.SharedMemory { return vfsutil.WrapSharedMemory(f.File) }

// LockState implements vfs.FileLockState.
func (f *cipherFile) LockState() vfs.LockLevel { return vfsutil.WrapLockState(f.File) }

// PersistWAL implements vfs.FilePersistWAL.
func (f *cipherFile) PersistWAL() bool { return vfsutil.WrapPersistWAL(f.File) }

// SetPersistWAL implements vfs.FilePersistWAL.
func (f *cipherFile) SetPersistWAL(keep bool) { vfsutil.WrapSetPersistWAL(f.File, keep) }

// HasMoved implements vfs.FileHasMoved.
func (f *cipherFile) HasMoved() (bool, error) { return vfsutil.WrapHasMoved(f.File) }

// plainReader decrypts a file for who reads past SQLite.
type plainReader struct {
	r      io.ReaderAt
	cipher *xts.Cipher
}

// ReadAt reads any range; the end of the file is the end of its last whole sector.
func (p plainReader) ReadAt(out []byte, off int64) (int, error) {
	start := off / sectorSize * sectorSize
	buf := make([]byte, roundUp(off+int64(len(out)))-start)
	n, err := p.r.ReadAt(buf, start)
	buf = buf[:n/sectorSize*sectorSize]
	decrypt(p.cipher, buf, start)
	n = copy(out, buf[min(int(off-start), len(buf)):])
	if n == len(out) {
		return n, nil
	}
	return n, orEOF(err)
}
