package seal

import (
	"errors"
	"io/fs"
	"path/filepath"
	"time"

	"lathe"
)

// Root is where a root key comes from: KeyFile, Passphrase or Fixed.
type Root interface {
	load(disk Disk, suffix string) (Key, error)
	save(disk Disk, suffix string, key Key) error
	drop(disk Disk, suffix string) error
}

// nextSuffix marks the root key that a rotation is about to put in place.
const nextSuffix = ".next"

// KeyFile is a root key in a file of mode 0600.
func KeyFile(path string) Root { return keyFileRoot(path) }

type keyFileRoot string

func (r keyFileRoot) load(d Disk, suffix string) (Key, error) {
	return ReadKeyFile(d, string(r)+suffix)
}

func (r keyFileRoot) save(d Disk, suffix string, k Key) error {
	return WriteKeyFile(d, string(r)+suffix, k)
}
func (r keyFileRoot) drop(d Disk, suffix string) error { return d.Remove(string(r) + suffix) }

// Passphrase is a root key sealed in a slot file. The cost is for slots that are written; one that is read has its own.
func Passphrase(path string, passphrase []byte, cost Cost) Root {
	return slotRoot{path, passphrase, cost}
}

type slotRoot struct {
	path       string
	passphrase []byte
	cost       Cost
}

func (r slotRoot) load(d Disk, suffix string) (Key, error) {
	return OpenSlot(d, r.path+suffix, r.passphrase)
}

func (r slotRoot) save(d Disk, suffix string, k Key) error {
	return WriteSlot(d, r.path+suffix, k, r.passphrase, r.cost)
}
func (r slotRoot) drop(d Disk, suffix string) error { return d.Remove(r.path + suffix) }

// Fixed is a root key that somebody else keeps: read from a descriptor, or unwrapped by a KMS.
func Fixed(key Key) Root { return fixedRoot(key) }

type fixedRoot Key

func (r fixedRoot) load(_ Disk, suffix string) (Key, error) {
	if suffix != "" {
		return Key{}, lathe.Errorf(lathe.CodeNotFound, "seal: unlock: no root key %q", suffix)
	}
	return Key(r), nil
}

func (fixedRoot) save(Disk, string, Key) error {
	return lathe.Errorf(lathe.CodeConflict, "seal: the root key is kept elsewhere").WithHint("rotate it where it is kept, then give both")
}
func (fixedRoot) drop(Disk, string) error { return nil }

// Options say how a keyring is opened. The zero value opens an existing one on the system's disk and clock.
type Options struct {
	Disk   Disk        // nil: OS{}
	Clock  lathe.Clock // nil: time.Now; dates tombstones
	Create bool        // make the keyring, and its root key, where there is none: for the first start of a home
}

// Unlock opens the keyring in dir. Without Create a missing keyring is CodeNotFound, so that a lost folder is not
// silently replaced by new keys; a keyring without its root key always is. A root key that does not fit is
// CodeUnauthenticated, damage is a *CorruptError; neither changes a file. A rotation that was cut off is finished or undone.
func Unlock(dir string, root Root, o Options) (*Keyring, error) {
	k := newKeyring(dir, o)
	if err := k.disk.Sweep(dir); err != nil {
		return nil, err
	}
	data, err := k.disk.ReadFile(k.ringPath())
	if errors.Is(err, fs.ErrNotExist) {
		return k.first(root, o.Create)
	}
	if err != nil {
		return nil, err
	}
	if err := k.unlock(data, root); err != nil {
		return nil, err
	}
	return k, k.finishDestroyed()
}

func newKeyring(dir string, o Options) *Keyring {
	k := &Keyring{disk: o.Disk, clock: o.Clock, dir: dir, keys: map[lathe.Project]Key{}, subjects: map[subjectID]Key{}}
	if k.disk == nil {
		k.disk = OS{}
	}
	if k.clock == nil {
		k.clock = time.Now
	}
	return k
}

// first makes the keyring. A root key that is there already is used: an earlier first start died after writing it.
func (k *Keyring) first(root Root, create bool) (*Keyring, error) {
	if !create {
		return nil, lathe.Errorf(lathe.CodeNotFound, "seal: unlock: no keyring in %s", k.dir).
			WithHint("put the key folder back; without it this home's data cannot be read")
	}
	key, err := root.load(k.disk, "")
	if lathe.CodeOf(err) == lathe.CodeNotFound {
		key = NewKey()
		err = root.save(k.disk, "", key)
	}
	if err != nil {
		return nil, err
	}
	k.root, k.system = key, NewKey()
	k.ring = ringFile{Generation: 1, System: Wrap(key, k.system, systemAssociated(1)), Projects: map[lathe.Project]slot{}}
	if err := k.save(k.ring, key); err != nil {
		return nil, err
	}
	return k, nil
}

// unlock tries the root key, then the one a rotation left beside it.
func (k *Keyring) unlock(data []byte, root Root) error {
	key, first := root.load(k.disk, "")
	if first == nil {
		if first = k.parse(data, key); first == nil {
			return root.drop(k.disk, nextSuffix)
		}
	}
	key, err := root.load(k.disk, nextSuffix)
	if err != nil || k.parse(data, key) != nil {
		return first
	}
	if err := root.save(k.disk, "", key); err != nil {
		return err
	}
	return root.drop(k.disk, nextSuffix)
}

// RotateRoot makes a new root key, wraps every project key under it and puts it into root. The keyring is written once,
// atomically; the new root key is durable beside the old one before that, and takes its place after. Whatever step
// fails, Unlock finds the pair that fits.
func (k *Keyring) RotateRoot(root Root) error {
	if err := k.settle(root); err != nil {
		return err
	}
	key := NewKey()
	if err := root.save(k.disk, nextSuffix, key); err != nil {
		return err
	}
	if err := k.Rotate(key); err != nil {
		return err
	}
	if err := root.save(k.disk, "", key); err != nil {
		return err
	}
	return root.drop(k.disk, nextSuffix)
}

// settle brings the disk to the root key in memory. A rotation that failed before may have left the keyring under a key
// that only the file beside holds, which the next rotation is about to overwrite.
func (k *Keyring) settle(root Root) error {
	key := k.currentRoot()
	if err := k.Rotate(key); err != nil {
		return err
	}
	return root.save(k.disk, "", key)
}

// SaveRoot writes the root key into another place: a changed passphrase, or a move from a key file to a slot.
func (k *Keyring) SaveRoot(root Root) error { return root.save(k.disk, "", k.currentRoot()) }

func (k *Keyring) ringPath() string { return filepath.Join(k.dir, "ring") }
