package sqlite

import (
	"sync/atomic"

	"github.com/ncruces/go-sqlite3/vfs"

	"lathe"
)

// guard is what the open files of one database share.
type guard struct {
	path   string
	damage atomic.Pointer[lathe.Error]
}

func newGuard(o Options, _ keys) (*guard, error) { return &guard{path: o.Path}, nil }

func (g *guard) isWAL(name string) bool { return name == g.path+"-wal" }

func (g *guard) release() error { return nil }

func (g *guard) close() error { return nil }

func (g *guard) wrote(uint32, [tagSize]byte) {}

func (g *guard) truncated(uint32) {}

// damaged remembers damage that was met, because SQLite passes on no more than a code.
func (g *guard) damaged(err *lathe.Error) *lathe.Error {
	g.damage.Store(err)
	return err
}

func (g *guard) lastDamage() error {
	if err := g.damage.Load(); err != nil {
		return err
	}
	return nil
}

type walFile struct {
	vfs.File
	guard *guard
}
