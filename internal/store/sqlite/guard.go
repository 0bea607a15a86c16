package sqlite

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"

	sqlite3 "github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/vfs"

	"lathe"
	"lathe/internal/disk"
)

const acceptHint = restoreHint + ", or go on with what is left with `lathe doctor --accept-loss`"

// guard is what the open files of one database share: the seal, and what failed last.
type guard struct {
	path   string // of the main file
	folder *disk.Dir
	fs     disk.FS // folder, with the injected faults
	keys   keys
	lost   string // what Options.AcceptLoss accepted

	mu     sync.Mutex // guards all below
	file   *sealFile
	rec    record
	unsure bool   // the last write of the seal failed: the file may hold more than rec
	ring   []mark // the pages written to the main file last, newest last
	damage error  // the damage met last
	write  error  // the failed write met last
}

func newGuard(o Options, k keys) (*guard, error) {
	g, err := openGuard(o, k)
	if err != nil {
		return nil, err
	}
	if err := g.check(o.AcceptLoss); err != nil {
		return nil, errors.Join(err, g.close())
	}
	return g, nil
}

// openGuard opens the folder and looks at nothing in it.
func openGuard(o Options, k keys) (*guard, error) {
	folder, err := disk.OpenDir(filepath.Dir(o.Path))
	if err != nil {
		return nil, err
	}
	g := &guard{path: o.Path, folder: folder, fs: folder, keys: k}
	if o.folder != nil {
		g.fs = o.folder(g.fs)
	}
	if o.Faults != nil {
		g.fs = o.Faults.Wrap(g.fs)
	}
	return g, nil
}

// close syncs the seal and lets the files go.
func (g *guard) close() error {
	var errs []error
	if g.file != nil {
		errs = append(errs, g.file.file.Sync(), g.file.file.Close())
	}
	return errors.Join(append(errs, g.folder.Close())...)
}

// name is the file's name with a suffix: "-wal", "-seal".
func (g *guard) name(suffix string) string { return filepath.Base(g.path) + suffix }

// owns tells whether path is the main file.
func (g *guard) owns(path string) bool { return path == g.path }

// commit seals a WAL up to end, which was synced. The last frame is read back: what is sealed wrongly would be refused
// for ever.
func (g *guard) commit(wal io.ReaderAt, end position, size uint32) error {
	ok, err := checkFrame(wal, end.frames)
	if err != nil {
		return err
	}
	if !ok {
		return vfs.SystemError(g.damaged(frameError(g.name("-wal"), end.frames)), sqlite3.IOERR_DATA)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	next := g.rec
	next.seq++
	next.commits++
	next.state, next.position, next.size = pending, end, size
	if err := g.file.write(next); err != nil {
		g.unsure = true
		return g.remember(fmt.Errorf("sqlite: seal commit: %w", err))
	}
	g.rec = next
	return nil
}

// lower makes sure that the seal asks for no more than the first frames of the WAL, before the next is written over.
func (g *guard) lower(wal io.ReaderAt, frames uint32) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	needed := g.rec.state == pending && frames < g.rec.frames
	if !needed && !g.unsure {
		return nil
	}
	next := g.rec
	if needed {
		sum, err := readSum(wal, frames)
		if err != nil {
			return err
		}
		next.frames, next.sum, next.size = frames, sum, 0
	}
	return g.settle(next)
}

// release makes the seal ask nothing of the WAL: the main file holds everything and was synced.
func (g *guard) release() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.rec.state == settled && len(g.ring) == 0 && !g.unsure {
		return nil
	}
	next := g.rec
	next.state, next.position = settled, position{}
	if len(g.ring) > 0 {
		next.marks = append([]mark(nil), g.ring...)
	}
	if err := g.settle(next); err != nil {
		return err
	}
	g.ring = g.ring[:0]
	return nil
}

// settle writes a record that asks for less than the one before. It must be durable first: after a power cut the older
// one would refuse a good database.
func (g *guard) settle(next record) error {
	next.seq++
	if err := g.file.writeDurably(next); err != nil {
		g.unsure = true
		return g.remember(fmt.Errorf("sqlite: seal: %w", err))
	}
	g.rec, g.unsure = next, false
	return nil
}

// sealed tells whether a frame of the present WAL is under the seal, and so final.
func (g *guard) sealed(frame uint32) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.rec.state == pending && frame <= g.rec.frames
}

// wrote notes a page written to the main file.
func (g *guard) wrote(page uint32, tag [tagSize]byte) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, m := range g.ring {
		if m.page == page {
			g.ring = append(g.ring[:i], g.ring[i+1:]...)
			break
		}
	}
	if len(g.ring) == maxMarks {
		g.ring = append(g.ring[:0], g.ring[1:]...)
	}
	g.ring = append(g.ring, mark{page, tag})
}

// truncated forgets pages that are cut off the main file.
func (g *guard) truncated(pages uint32) {
	g.mu.Lock()
	defer g.mu.Unlock()
	kept := g.ring[:0]
	for _, m := range g.ring {
		if m.page <= pages {
			kept = append(kept, m)
		}
	}
	g.ring = kept
}

// damaged remembers damage that was met, because SQLite passes on no more than a code.
func (g *guard) damaged(err *lathe.Error) *lathe.Error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.damage = err
	return err
}

// failed remembers a failed write, for the same reason; nil stays nil.
func (g *guard) failed(err error) error {
	if err == nil {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.remember(err)
}

func (g *guard) remember(err error) error {
	g.write = err
	return err
}

func (g *guard) last() (damage, write error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.damage, g.write
}

func readSum(r io.ReaderAt, frames uint32) (sum [2]uint32, err error) {
	var b [8]byte
	if _, err := r.ReadAt(b[:], sumOffset(frames)); err != nil {
		return sum, err
	}
	return [2]uint32{binary.BigEndian.Uint32(b[:]), binary.BigEndian.Uint32(b[4:])}, nil
}

func checkFrame(r io.ReaderAt, frame uint32) (bool, error) {
	var page [pageSize]byte
	return readFrame(r, frame, page[:])
}
