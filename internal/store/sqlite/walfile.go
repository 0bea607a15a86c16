package sqlite

import (
	"io"

	sqlite3 "github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/vfs"

	"lathe"
)

// walFile is the WAL as one connection has it open. It tells the guard what becomes durable, and checks the frames that
// are read: SQLite itself does so only when it recovers a WAL.
type walFile struct {
	vfs.File
	guard *guard
	end   position // after the last frame written that ends a transaction; no frames: none since the last sync
	size  uint32   // of the database in pages then
}

// WriteAt implements vfs.File.
func (f *walFile) WriteAt(p []byte, off int64) (int, error) {
	if err := f.before(p, off); err != nil {
		return 0, err
	}
	n, err := f.File.WriteAt(p, off)
	if err != nil {
		f.end = position{}
		return n, f.guard.failed(err)
	}
	if frame := frameOf(off, 0); frame > 0 && len(p) == frameHeader {
		if h := parseFrame(p); h.size > 0 {
			f.end, f.size = position{h.salt, frame, h.sum}, h.size
		}
	}
	return n, nil
}

// before brings the seal down to what the WAL will still hold. A new header ends the old frames: SQLite writes one only
// when all of them are in the main file. A sealed frame is written over only when SQLite gave its commit up after the
// sync, as it does when the shared memory could not grow.
func (f *walFile) before(p []byte, off int64) error {
	if off == 0 {
		f.end = position{}
		return f.guard.release()
	}
	frame := frameOf(off, 0)
	if frame == 0 {
		frame = frameOf(off, frameHeader)
	}
	if frame == 0 {
		return nil // the rest of a frame
	}
	return f.guard.lower(f.File, frame-1)
}

// Sync implements vfs.File.
func (f *walFile) Sync(flags vfs.SyncFlag) error {
	end := f.end
	f.end = position{}
	if err := f.File.Sync(flags); err != nil {
		return f.guard.failed(err)
	}
	if end.frames == 0 {
		return nil
	}
	return f.guard.commit(f.File, end, f.size)
}

// Truncate implements vfs.File. SQLite cuts off frames of no transaction, or all of them once they are in the main
// file.
func (f *walFile) Truncate(size int64) error {
	if size <= walHeader {
		if err := f.guard.release(); err != nil {
			return err
		}
	}
	return f.guard.failed(f.File.Truncate(size))
}

// ReadAt implements vfs.File.
func (f *walFile) ReadAt(p []byte, off int64) (int, error) {
	frame := frameOf(off, frameHeader)
	if len(p) != pageSize || frame == 0 || !f.guard.sealed(frame) {
		return f.File.ReadAt(p, off)
	}
	ok, err := readFrame(f.File, frame, p)
	if err != nil {
		return 0, err
	}
	if !ok {
		return 0, vfs.SystemError(f.guard.damaged(frameError(f.guard.name("-wal"), frame)), sqlite3.IOERR_DATA)
	}
	return pageSize, nil
}

// readFrame reads the page of a frame into p and tells whether the frame's checksum fits.
func readFrame(r io.ReaderAt, frame uint32, p []byte) (bool, error) {
	before, err := readSum(r, frame-1)
	if err != nil {
		return false, err
	}
	var b [frameSize]byte
	if _, err := r.ReadAt(b[:], frameOffset(frame)); err != nil {
		return false, err
	}
	copy(p, b[frameHeader:])
	return parseFrame(b[:]).sum == frameSum(before, b[:]), nil
}

func frameError(file string, frame uint32) *lathe.Error {
	return lathe.Errorf(lathe.CodeCorrupt, "sqlite: %s: frame %d is not what was written", file, frame).WithHint(restoreHint)
}
