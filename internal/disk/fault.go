package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"syscall"
)

// Kind says how an Injector's operation fails.
type Kind int

// The kinds of faults.
const (
	// Fail fails one operation and does nothing of it. A failed Sync loses what was appended since the last one.
	Fail Kind = iota
	// Torn fails one operation after half of its bytes; what is no write fails as Fail.
	Torn
	// Crash is Torn, and every later operation fails as well, reading too: the process is gone.
	Crash
	// Late does one operation in full and reports that it failed: an answer that was lost.
	Late
	// Full fails writes and new files with ENOSPC from the n-th operation on, until Free.
	Full
)

// Kinds lists them all, for tests that try each.
var Kinds = []Kind{Fail, Torn, Crash, Late, Full}

// String names the kind.
func (k Kind) String() string { return [...]string{"fail", "torn", "crash", "late", "full"}[k] }

// ErrInjected is in the chain of every injected failure.
var ErrInjected = errors.New("injected fault")

// Op is what an operation does, as far as faults care.
type Op int

// The operations that are counted: all that change something.
const (
	OpWrite Op = iota // bytes into a file; also its size
	OpSync            // of a file or a folder
	OpMake            // a file or a folder
	OpName            // rename, remove
)

// Injector counts the operations of all that it is put under and makes the At-th of them, from 1, fail as Kind says.
// At 0 only counts. Iterate At over 1..Ops of an undisturbed pass. It is safe for concurrent use.
type Injector struct {
	Kind Kind
	At   int

	mu    sync.Mutex
	ops   int
	fired bool
	freed bool
}

// Ops is how many operations were counted.
func (i *Injector) Ops() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.ops
}

// Fired tells whether the fault happened.
func (i *Injector) Fired() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.fired
}

// Arm makes the n-th operation from now on fail, from 1, while others go on.
func (i *Injector) Arm(kind Kind, n int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.Kind, i.At = kind, i.ops+n
}

// Free ends a full disk.
func (i *Injector) Free() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.freed = true
}

// Do counts an operation and does it, unless it is to fail.
func (i *Injector) Do(op Op, name string, do func() error) error {
	err := i.step(op, name)
	if err == nil {
		return do()
	}
	if i.Kind == Late {
		return errors.Join(err, do())
	}
	return err
}

// step counts an operation and returns its failure, or nil when it may go ahead.
func (i *Injector) step(op Op, name string) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.ops++
	if i.At == 0 || i.ops < i.At || i.ops > i.At && i.Kind != Crash && i.Kind != Full {
		return nil
	}
	if i.Kind != Full {
		i.fired = true
		return injected(name, syscall.EIO)
	}
	if i.freed || op != OpWrite && op != OpMake {
		return nil
	}
	i.fired = true
	return injected(name, syscall.ENOSPC)
}

// Read fails after a crash and is not counted.
func (i *Injector) Read(name string) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.Kind == Crash && i.fired {
		return injected(name, syscall.EIO)
	}
	return nil
}

// Write counts a write and passes on to write all of p, or for a torn write half of it.
func (i *Injector) Write(name string, p []byte, write func(p []byte) (int, error)) (int, error) {
	dead := i.Read(name) != nil
	err := i.step(OpWrite, name)
	switch {
	case err == nil:
		return write(p)
	case dead || i.Kind == Fail:
		return 0, err
	case i.Kind != Late:
		p = p[:len(p)/2]
	}
	n, also := write(p)
	return n, errors.Join(err, also)
}

func injected(name string, errno syscall.Errno) error {
	return fmt.Errorf("%w on %s: %w", ErrInjected, name, errno)
}

// Wrap puts the injector under f.
func (i *Injector) Wrap(f FS) FS { return &faultFS{f, i} }

type faultFS struct {
	FS
	in *Injector
}

func (f *faultFS) Open(name string) (File, error) { return f.opened(name, f.FS.Open) }
func (f *faultFS) Edit(name string) (File, error) { return f.opened(name, f.FS.Edit) }

func (f *faultFS) opened(name string, open func(string) (File, error)) (File, error) {
	if err := f.in.Read(name); err != nil {
		return nil, Wrap("open", name, err)
	}
	file, err := open(name)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &faultFile{file, f.in, name, info.Size()}, nil
}

func (f *faultFS) Create(name string) (File, error) {
	var file File
	err := f.in.Do(OpMake, name, func() (err error) {
		file, err = f.FS.Create(name)
		return err
	})
	if err != nil {
		if file != nil {
			err = errors.Join(err, file.Close())
		}
		return nil, Wrap("create", name, err)
	}
	return &faultFile{file, f.in, name, 0}, nil
}

func (f *faultFS) Rename(from, to string) error {
	return f.step(OpName, to, func() error { return f.FS.Rename(from, to) })
}

func (f *faultFS) Remove(name string) error {
	return f.step(OpName, name, func() error { return f.FS.Remove(name) })
}

func (f *faultFS) Mkdir(name string) error {
	return f.step(OpMake, name, func() error { return f.FS.Mkdir(name) })
}

func (f *faultFS) SyncDir(name string) error {
	return f.step(OpSync, name, func() error { return f.FS.SyncDir(name) })
}

func (f *faultFS) Stat(name string) (fs.FileInfo, error) {
	if err := f.in.Read(name); err != nil {
		return nil, Wrap("stat", name, err)
	}
	return f.FS.Stat(name)
}

func (f *faultFS) List(name string) ([]fs.DirEntry, error) {
	if err := f.in.Read(name); err != nil {
		return nil, Wrap("list", name, err)
	}
	return f.FS.List(name)
}

func (f *faultFS) step(op Op, name string, do func() error) error {
	return Wrap("change", name, f.in.Do(op, name, do))
}

// faultFile remembers how much of it is durable.
type faultFile struct {
	File
	in     *Injector
	name   string
	synced int64
}

func (f *faultFile) Write(p []byte) (int, error) {
	n, err := f.in.Write(f.name, p, f.File.Write)
	return n, Wrap("write", f.name, err)
}

func (f *faultFile) WriteAt(p []byte, off int64) (int, error) {
	n, err := f.in.Write(f.name, p, func(p []byte) (int, error) { return f.File.WriteAt(p, off) })
	return n, Wrap("write", f.name, err)
}

func (f *faultFile) Truncate(size int64) error {
	return Wrap("truncate", f.name, f.in.Do(OpWrite, f.name, func() error {
		f.synced = min(f.synced, size)
		return f.File.Truncate(size)
	}))
}

func (f *faultFile) Read(p []byte) (int, error) {
	if err := f.in.Read(f.name); err != nil {
		return 0, Wrap("read", f.name, err)
	}
	return f.File.Read(p)
}

func (f *faultFile) ReadAt(p []byte, off int64) (int, error) {
	if err := f.in.Read(f.name); err != nil {
		return 0, Wrap("read", f.name, err)
	}
	return f.File.ReadAt(p, off)
}

func (f *faultFile) Sync() error {
	done := false
	err := f.in.Do(OpSync, f.name, func() error {
		info, err := f.File.Stat()
		if err != nil {
			return err
		}
		done, f.synced = true, info.Size()
		return f.File.Sync()
	})
	if err != nil && !done {
		err = errors.Join(err, f.File.Truncate(f.synced))
	}
	return Wrap("sync", f.name, err)
}
