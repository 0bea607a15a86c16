package sqlite

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"lathe"
	"lathe/internal/disk"
)

// checkedPages of a database are all read when it is opened; of a larger one (8 MiB) the first, the last, the marked
// and a sample of as many spread over the file. Reading one takes about 7 µs.
const checkedPages = 2048

// lockPage is never written: SQLite takes its locks at byte 2^30. Source: fileformat2.html#the_lock_byte_page
const lockPage = 1<<30/pageSize + 1

// check opens the seal and compares the files with it, before SQLite recovers: SQLite takes a WAL whose tail is damaged
// or gone for one that was never longer.
func (g *guard) check(accept bool) error {
	empty, err := g.isEmpty()
	if err != nil {
		return err
	}
	err = g.openSeal(empty)
	if err == nil {
		err = g.compare()
	}
	if err == nil || !accept || empty || lathe.CodeOf(err) != lathe.CodeCorrupt {
		return err
	}
	return g.accept(err)
}

func (g *guard) openSeal(empty bool) (err error) {
	name := g.name("-seal")
	g.file, g.rec, err = openSeal(g.fs, name, g.keys.seal)
	switch {
	case errors.Is(err, errNoSeal) && empty:
		g.file, err = createSeal(g.fs, name, g.keys.seal, g.rec)
	case errors.Is(err, errNoSeal):
		err = lathe.Errorf(lathe.CodeCorrupt, "sqlite: %s is missing: it says what %s must hold", name, g.name("")).WithHint(acceptHint)
	}
	if err != nil {
		return err
	}
	if g.rec.state == installing {
		return g.install()
	}
	return g.remove(restored) // of a Restore that did not get far enough
}

// compare tells what the files lack of what was sealed.
func (g *guard) compare() error {
	empty, err := g.isEmpty()
	if err != nil {
		return err
	}
	if empty && (g.rec.commits > 0 || len(g.rec.marks) > 0) {
		return lathe.Errorf(lathe.CodeCorrupt, "sqlite: %s is missing or empty; it held %d commits", g.name(""), g.rec.commits).WithHint(restoreHint)
	}
	scan, err := g.scan()
	if err != nil {
		return err
	}
	if err := g.compareWAL(scan); err != nil {
		return err
	}
	g.adopt(scan)
	return g.checkPages(context.Background(), scan, false)
}

func (g *guard) compareWAL(scan walScan) error {
	want, wal := g.rec, g.name("-wal")
	if want.state != pending || want.frames == 0 {
		return nil
	}
	lost := ""
	switch {
	case !scan.header:
		lost = "it is missing, empty or has no header"
	case scan.end.salt != want.salt:
		lost = "it is another WAL"
	case scan.end.frames < want.frames:
		lost = fmt.Sprintf("frame %d is damaged or missing", scan.end.frames+1)
	case scan.sealed != want.sum:
		lost = "its frames are others"
	default:
		return nil
	}
	return lathe.Errorf(lathe.CodeCorrupt, "sqlite: %s does not hold the %d frames that were committed (commit %d of this database): %s",
		wal, want.frames, want.commits, lost).WithHint(acceptHint)
}

// adopt takes over what SQLite will recover.
func (g *guard) adopt(scan walScan) {
	if scan.size > 0 {
		g.rec.state, g.rec.position, g.rec.size = pending, scan.commit, scan.size
	}
}

// accept goes on with what is left.
func (g *guard) accept(loss error) (err error) {
	g.lost = loss.Error()
	next := record{seq: g.rec.seq + 2, commits: g.rec.commits + 1}
	if g.file != nil {
		if err := g.file.file.Close(); err != nil {
			return err
		}
	}
	g.file, err = createSeal(g.fs, g.name("-seal"), g.keys.seal, next)
	if err != nil {
		return err
	}
	g.rec = next
	scan, err := g.scan()
	g.adopt(scan)
	return err
}

// isEmpty tells a main file that is not there or has no bytes.
func (g *guard) isEmpty() (bool, error) {
	info, err := g.fs.Stat(g.name(""))
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	return info.Size() == 0, nil
}

func (g *guard) scan() (scan walScan, err error) {
	err = g.read("-wal", func(r io.ReaderAt, size int64) error {
		scan, err = scanWAL(io.NewSectionReader(r, 0, size), g.rec.frames)
		return err
	})
	return scan, err
}

// checkPages checks the tags of the main file, of all pages or of some. A page that the WAL has may be torn: the
// checkpoint that wrote it was cut off, and SQLite reads it from the WAL.
func (g *guard) checkPages(ctx context.Context, scan walScan, all bool) error {
	if hot, err := g.hasJournal(); hot || err != nil {
		return err // the file was just being made; SQLite rolls back
	}
	return g.read("", func(r io.ReaderAt, size int64) error {
		if size == 0 {
			return nil
		}
		c := &pageCheck{r: r, tag: g.keys.newTagger(), name: g.name(""), inWAL: scan.pages}
		n, err := c.pages(scan)
		if err != nil {
			return err
		}
		if scan.size == 0 && g.rec.size > 0 && n != g.rec.size {
			return c.olderCopy(fmt.Sprintf("it has %d pages, %d were sealed", n, g.rec.size))
		}
		if err := c.marks(g.rec.marks, n); err != nil {
			return err
		}
		return c.run(ctx, n, all, g.rec.seq)
	})
}

func (c *pageCheck) olderCopy(why string) error {
	return lathe.Errorf(lathe.CodeCorrupt, "sqlite: %s is another copy: %s", c.name, why).WithHint(acceptHint)
}

func (g *guard) hasJournal() (bool, error) {
	info, err := g.fs.Stat(g.name("-journal"))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && info.Size() > 0, err
}

// read opens one of the files and decrypts it; one that is not there reads as empty.
func (g *guard) read(suffix string, do func(r io.ReaderAt, size int64) error) error {
	file, err := g.fs.Open(g.name(suffix))
	if errors.Is(err, fs.ErrNotExist) {
		return do(plainReader{emptyReader{}, g.keys.cipher}, 0)
	}
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err == nil {
		err = do(plainReader{file, g.keys.cipher}, info.Size())
	}
	return errors.Join(err, file.Close())
}

type emptyReader struct{}

func (emptyReader) ReadAt([]byte, int64) (int, error) { return 0, io.EOF }

// pageCheck reads pages of the main file.
type pageCheck struct {
	r     io.ReaderAt
	tag   *tagger
	name  string
	inWAL map[uint32]struct{}
	buf   [pageSize]byte
}

// pages is how many pages the database has: the WAL's last transaction says so, or the header.
func (c *pageCheck) pages(scan walScan) (uint32, error) {
	if scan.size > 0 {
		return scan.size, nil
	}
	if err := c.page(1); err != nil {
		return 0, err
	}
	return binary.BigEndian.Uint32(c.buf[28:]), nil
}

// page checks one page and leaves it in buf.
func (c *pageCheck) page(page uint32) error {
	if _, ok := c.inWAL[page]; ok || page == lockPage {
		return nil
	}
	switch n, err := c.r.ReadAt(c.buf[:], int64(page-1)*pageSize); {
	case err != nil && !errors.Is(err, io.EOF):
		return disk.Wrap("read", c.name, err)
	case n < pageSize:
		return lathe.Errorf(lathe.CodeCorrupt, "sqlite: %s: page %d is missing: the file was cut off", c.name, page).WithHint(restoreHint)
	case !c.tag.ok(page, c.buf[:]):
		return pageError(c.name, page)
	}
	return nil
}

// marks compares the sealed pages: an older copy of the file has others.
func (c *pageCheck) marks(marks []mark, n uint32) error {
	for _, m := range marks {
		if _, ok := c.inWAL[m.page]; ok || m.page > n {
			continue
		}
		if err := c.page(m.page); err != nil {
			return err
		}
		if [tagSize]byte(c.buf[pageSize-tagSize:]) != m.tag {
			return c.olderCopy(fmt.Sprintf("page %d is not the one that was sealed", m.page))
		}
	}
	return nil
}

func (c *pageCheck) run(ctx context.Context, n uint32, all bool, seed uint64) error {
	first, step := uint32(1), uint32(1)
	if !all && n > checkedPages {
		if err := errors.Join(c.page(1), c.page(n)); err != nil {
			return err
		}
		step = n / checkedPages
		first = 1 + uint32(seed%uint64(step)) //nolint:gosec // smaller than step
	}
	for page := uint64(first); page <= uint64(n); page += uint64(step) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := c.page(uint32(page)); err != nil { //nolint:gosec // at most n
			return err
		}
	}
	return nil
}
