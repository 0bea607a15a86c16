package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io"

	sqlite3 "github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/driver"

	"lathe/internal/disk"
)

// backupStep is how many pages are copied between two looks at the context: 4 MiB.
const backupStep = 1024

// Backup writes a snapshot of the database to w, as an ordinary SQLite file in plain text: the caller seals it. Writers
// go on meanwhile. It needs room for a second, encrypted copy beside the database, which is gone afterwards.
func (db *DB) Backup(ctx context.Context, w io.Writer) (err error) {
	g := db.files.guard
	temp := disk.TempName()
	defer func() { err = errors.Join(err, disk.Remove(g.fs, temp), disk.Remove(g.fs, temp+"-journal")) }()
	if err := db.copyTo(ctx, g.folder.Path()+"/"+temp); err != nil {
		return db.Convert(fmt.Errorf("sqlite: backup: %w", err))
	}
	return g.stream(ctx, temp, w)
}

// copyTo copies one snapshot into a new database file, encrypted as this one.
func (db *DB) copyTo(ctx context.Context, path string) error {
	conn, err := db.Read.Conn(ctx)
	if err != nil {
		return err
	}
	err = conn.Raw(func(c any) error {
		raw := c.(driver.Conn).Raw() //nolint:errcheck,forcetypeassert // the pool was made by this driver
		if err := raw.Exec(`BEGIN; SELECT 1 FROM sqlite_schema`); err != nil {
			return err
		}
		return errors.Join(copyPages(ctx, raw, dsn(path, db.name)), raw.Exec(`ROLLBACK`))
	})
	return errors.Join(err, conn.Close())
}

func copyPages(ctx context.Context, from *sqlite3.Conn, to string) error {
	b, err := from.BackupInit("main", to)
	if err != nil {
		return err
	}
	for {
		done, err := b.Step(backupStep)
		if err == nil {
			err = ctx.Err()
		}
		if done || err != nil {
			return errors.Join(err, b.Close())
		}
	}
}

// stream decrypts a database file that no one writes, page by page, checking each tag.
func (g *guard) stream(ctx context.Context, name string, w io.Writer) error {
	file, err := g.fs.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return disk.Wrap("read", name, err)
	}
	c := &pageCheck{r: plainReader{file, g.keys.cipher}, tag: g.keys.newTagger(), name: name}
	for page := uint32(1); int64(page) <= info.Size()/pageSize; page++ {
		if err := errors.Join(ctx.Err(), c.page(page)); err != nil {
			return err
		}
		if page == lockPage {
			clear(c.buf[:])
		}
		if _, err := w.Write(c.buf[:]); err != nil {
			return fmt.Errorf("sqlite: backup: write: %w", err)
		}
	}
	return nil
}
