package sqlite

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	"github.com/ncruces/go-sqlite3/driver"
	"github.com/ncruces/go-sqlite3/vfs"

	"lathe"
	"lathe/internal/disk"
)

// restored is the suffix of a database that is about to take the main file's place.
const restored = "-restored"

// Restore replaces the database by a stream that Backup made, under Options.Key, which may be another than the one it
// was made under. What was there before stays until the new database is complete, durable and checked; from then on
// every Open finishes the exchange, whenever the process dies. A stream that is no such database is CodeCorrupt.
func Restore(ctx context.Context, o Options, r io.Reader) (err error) {
	if o, err = o.resolve(); err != nil {
		return err
	}
	lock, err := disk.TakeLock(o.Path + "-lock")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	g, err := openGuard(o, deriveKeys(o.Key))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, g.close()) }()
	if err := g.stage(ctx, r); err != nil {
		return errors.Join(err, g.remove(restored))
	}
	return g.exchange()
}

// stage writes the stream to its own file and checks it.
func (g *guard) stage(ctx context.Context, r io.Reader) error {
	if err := g.remove(restored); err != nil {
		return err
	}
	if err := g.writeStaged(ctx, r); err != nil {
		return err
	}
	if err := g.fs.SyncDir("."); err != nil {
		return err
	}
	return g.checkStaged(ctx)
}

func (g *guard) writeStaged(ctx context.Context, r io.Reader) error {
	file, err := g.fs.Create(g.name(restored))
	if err != nil {
		return err
	}
	w := &pageWriter{w: file, keys: g.keys, tag: g.keys.newTagger()}
	if err := w.copy(ctx, r); err != nil {
		return errors.Join(err, file.Close())
	}
	if err := file.Sync(); err != nil {
		return errors.Join(err, file.Close())
	}
	return file.Close()
}

// checkStaged lets SQLite look over the whole file before it counts.
func (g *guard) checkStaged(ctx context.Context) error {
	name := register(&files{VFS: encrypted(Options{}, g.keys), keys: g.keys})
	defer vfs.Unregister(name)
	pool, err := driver.Open(dsn(g.path+restored, name)+"&mode=ro", setupReader)
	if err != nil {
		return fmt.Errorf("sqlite: restore: %w", err)
	}
	defer pool.Close()
	if err := integrity(ctx, pool); err != nil {
		return lathe.Errorf(lathe.CodeCorrupt, "sqlite: restore: the backup does not hold a sound database: %w", err).WithHint("take another backup; nothing was changed")
	}
	return nil
}

// exchange makes the seal say so first: that one write is where the old database ends and the new one begins.
func (g *guard) exchange() (err error) {
	next := record{state: installing, seq: 1, commits: 1}
	name := g.name("-seal")
	if old, r, err := openSeal(g.fs, name, g.keys.seal); err == nil {
		next.seq, next.commits = r.seq+1, r.commits+1
		if err := old.file.Close(); err != nil {
			return err
		}
	}
	if g.file, err = createSeal(g.fs, name, g.keys.seal, next); err != nil {
		return err
	}
	g.rec = next
	return g.install()
}

// install puts a restored database into place. It may be cut off anywhere and run again.
func (g *guard) install() error {
	_, err := g.fs.Stat(g.name(restored))
	if err == nil {
		err = g.replace()
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("sqlite: install restored database: %w", err)
	}
	next := record{seq: g.rec.seq, commits: g.rec.commits}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.settle(next)
}

func (g *guard) replace() error {
	for _, suffix := range []string{"-wal", "-shm", "-journal"} {
		if err := g.remove(suffix); err != nil {
			return err
		}
	}
	if err := g.fs.Rename(g.name(restored), g.name("")); err != nil {
		return err
	}
	return g.fs.SyncDir(".")
}

func (g *guard) remove(suffix string) error { return disk.Remove(g.fs, g.name(suffix)) }

// pageWriter encrypts and tags the pages of a database.
type pageWriter struct {
	w    io.Writer
	keys keys
	tag  *tagger
	page uint32
	size uint32
}

func (p *pageWriter) copy(ctx context.Context, r io.Reader) error {
	buf := make([]byte, pageSize)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		switch _, err := io.ReadFull(r, buf); {
		case errors.Is(err, io.EOF):
			return p.complete()
		case errors.Is(err, io.ErrUnexpectedEOF):
			return backupError("it ends within a page")
		case err != nil:
			return fmt.Errorf("sqlite: restore: read: %w", err)
		}
		if err := p.write(buf); err != nil {
			return err
		}
	}
}

func (p *pageWriter) complete() error {
	if p.page == 0 || p.page != p.size {
		return backupError(fmt.Sprintf("it has %d of %d pages", p.page, p.size))
	}
	return nil
}

func (p *pageWriter) write(buf []byte) error {
	p.page++
	if p.page == 1 {
		if err := p.first(buf); err != nil {
			return err
		}
	}
	tag := p.tag.sum(p.page, buf)
	copy(buf[pageSize-tagSize:], tag[:])
	for i := 0; i < pageSize; i += sectorSize {
		sector := (uint64(p.page-1)*pageSize + uint64(i)) / sectorSize
		p.keys.cipher.Encrypt(buf[i:i+sectorSize], buf[i:i+sectorSize], sector)
	}
	_, err := p.w.Write(buf)
	return err
}

// first checks the header and makes the database one without a WAL, until Open turns that on again. Bytes 16 and 20
// are the page size and the room for tags; 18 and 19 the journal mode; 28 the size in pages. Source: fileformat2.html
func (p *pageWriter) first(buf []byte) error {
	if !bytes.HasPrefix(buf, []byte("SQLite format 3\x00")) || binary.BigEndian.Uint16(buf[16:]) != pageSize || buf[20] != tagSize {
		return backupError("it does not start with the header of a database of lathe")
	}
	buf[18], buf[19] = 1, 1
	p.size = binary.BigEndian.Uint32(buf[28:])
	return nil
}

func backupError(what string) error {
	return lathe.Errorf(lathe.CodeCorrupt, "sqlite: restore: the stream is no complete backup: %s", what).WithHint("take another backup; nothing was changed")
}

// resolve makes the path absolute and free of links, as SQLite will give it to the VFS.
func (o Options) resolve() (Options, error) {
	abs, err := filepath.Abs(o.Path)
	if err != nil {
		return o, fmt.Errorf("sqlite: open: %w", err)
	}
	folder, err := filepath.EvalSymlinks(filepath.Dir(abs))
	if err != nil {
		return o, fmt.Errorf("sqlite: open: %w", err)
	}
	o.Path = filepath.Join(folder, filepath.Base(abs))
	return o, nil
}
