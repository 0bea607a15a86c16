package app

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"lathe"
	"lathe/internal/disk"
	"lathe/internal/seal"
)

// The layout of a home. keys stands apart from data, which is what backups hold and a restore replaces.
const (
	keysDir   = "keys"
	dataDir   = "data"
	runDir    = "run"
	ownerFile = "owner.key"
	rootFile  = "root.key"
	lockFile  = "lock"
	blobsDir  = "blobs"
	database  = "lathe.db"
	incoming  = "data.restore" // a checked restore that the next start puts in place
	outgoing  = "data.old"     // what it replaced, until it is in place
)

// ErrInUse says that another process serves the home.
var ErrInUse = errors.New("app: the home is in use")

// Socket is where the service of a home listens for commands.
func Socket(home string) string { return filepath.Join(home, runDir, "lathe.sock") }

// home is a locked LATHE_HOME with its keys unlocked.
type home struct {
	dir     string
	fs      disk.FS
	close   func() error
	lock    *disk.Lock
	staging sync.Mutex // of a restore
	keys    *seal.Keyring
	root    string // file of the root key
	made    bool   // this start made it

	faults *disk.Injector
}

// openHome makes or opens the folder, takes its lock and unlocks its keys.
func openHome(o Options) (*home, error) {
	if err := checkSocket(o.Home); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(o.Home), 0o755); err != nil {
		return nil, homeError(o.Home, err)
	}
	dir, err := disk.OpenDir(o.Home)
	if err != nil {
		return nil, homeError(o.Home, err)
	}
	h := &home{dir: o.Home, fs: faulty(dir, o.faults), close: dir.Close, faults: o.faults}
	if err := h.open(o); err != nil {
		return nil, errors.Join(err, h.Close())
	}
	return h, nil
}

func (h *home) open(o Options) error {
	for _, name := range []string{runDir, keysDir} {
		if err := h.fs.Mkdir(name); err != nil {
			return homeError(h.dir, err)
		}
	}
	lock, err := disk.TakeLock(filepath.Join(h.dir, runDir, lockFile))
	if lathe.CodeOf(err) == lathe.CodeConflict {
		return fmt.Errorf("%w: %w", ErrInUse, err)
	}
	if err != nil {
		return err
	}
	h.lock = lock
	// What a crash left behind.
	if err := errors.Join(disk.Sweep(h.fs, runDir), h.removeAll(incoming+".part")); err != nil {
		return err
	}
	if err := h.settleRestore(); err != nil {
		return err
	}
	h.made, err = h.empty()
	if err != nil {
		return err
	}
	if err := h.checkData(o); err != nil {
		return err
	}
	h.root = o.RootKey
	if h.root == "" {
		h.root = filepath.Join(h.dir, keysDir, rootFile)
	}
	h.keys, err = h.unlock(seal.Options{Disk: faultyKeys(o.faults), Create: h.made, Clock: o.Clock})
	return err
}

// unlock opens the keyring. What is damaged there no backup brings back, so the hint is another than for data.
func (h *home) unlock(o seal.Options) (*seal.Keyring, error) {
	keys, err := seal.Unlock(filepath.Join(h.dir, keysDir), seal.KeyFile(h.root), o)
	if lathe.CodeOf(err) == lathe.CodeCorrupt {
		return nil, lathe.Errorf(lathe.CodeCorrupt, "app: the keys in %s are damaged: %w", filepath.Join(h.dir, keysDir), err).
			WithHint("%s", keysHint)
	}
	return keys, err
}

// keysHint is the way out where something in the keys folder is damaged.
const keysHint = "put the keys folder back from your copy of it; backups do not hold it"

// empty tells whether the home holds neither keys nor data: then, and only then, keys may be made.
func (h *home) empty() (bool, error) {
	for _, name := range []string{keysDir + "/ring", dataDir + "/" + database} {
		if _, err := h.fs.Stat(name); err == nil {
			return false, nil
		} else if !errors.Is(err, fs.ErrNotExist) {
			return false, homeError(h.dir, err)
		}
	}
	return true, nil
}

// settledFile says that the home once had its database: from then on a start without one is a loss, not a beginning.
const settledFile = keysDir + "/settled"

// checkData refuses a home that lost its database, unless a restore is about to bring one.
func (h *home) checkData(o Options) error {
	settled, err := h.has(settledFile)
	if err != nil || !settled || o.restoring {
		return err
	}
	there, err := h.has(dataDir + "/" + database)
	if err != nil || there {
		return err
	}
	return lathe.Errorf(lathe.CodeCorrupt, "app: the home %q has keys but no database: %s is gone", h.dir, filepath.Join(dataDir, database)).
		WithHint("put it back with: lathe restore FILE; or begin anew with another --home")
}

// settle notes that the database is there.
func (h *home) settle() error {
	if settled, err := h.has(settledFile); err != nil || settled {
		return err
	}
	return disk.WriteFile(h.fs, settledFile, []byte("the database of this home was made\n"))
}

// Close lets the home go.
func (h *home) Close() error {
	var err error
	if h.keys != nil {
		h.keys.Close()
	}
	if h.close != nil {
		err = h.close()
	}
	if h.lock != nil {
		err = errors.Join(err, h.lock.Close())
	}
	return err
}

// checkSocket refuses a home whose socket's path is longer than the system takes (108 bytes on Linux, 104 on macOS).
func checkSocket(dir string) error {
	if path := Socket(dir); len(path) > 103 {
		return lathe.Errorf(lathe.CodeInvalid, "app: the home's path is too long for a socket: %d bytes, at most 103", len(path)).
			WithField("home").WithHint("use a shorter --home")
	}
	return nil
}

func homeError(dir string, err error) error {
	if lathe.CodeOf(err) != lathe.CodeInternal {
		return err
	}
	return lathe.Errorf(lathe.CodeInvalid, "app: home %q cannot be used: %w", dir, err).
		WithField("home").WithHint("choose a folder that you may write to, with --home or LATHE_HOME")
}
