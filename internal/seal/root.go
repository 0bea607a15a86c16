package seal

import (
	"encoding/hex"
	"errors"
	"io/fs"
	"strings"

	"golang.org/x/crypto/argon2"

	"lathe"
)

// WriteKeyFile stores a root key in a file of mode 0600, atomically and durably. It replaces what is there: callers
// that must not use CreateKeyFile.
func WriteKeyFile(disk Disk, path string, key Key) error {
	return disk.WriteFile(path, frame("root-key", nil, []byte(hex.EncodeToString(key[:])+"\n")))
}

// CreateKeyFile makes a new root key and its file. A file that is there already is a CodeConflict error and untouched.
func CreateKeyFile(disk Disk, path string) (Key, error) {
	if err := mustBeNew(disk, path); err != nil {
		return Key{}, err
	}
	key := NewKey()
	if err := WriteKeyFile(disk, path, key); err != nil {
		return Key{}, err
	}
	return key, nil
}

// ReadKeyFile reads a root key. No file is CodeNotFound, a damaged one a *CorruptError.
func ReadKeyFile(disk Disk, path string) (Key, error) {
	data, err := readRoot(disk, path)
	if err != nil {
		return Key{}, err
	}
	return ParseKeyFile(data)
}

// ParseKeyFile reads the bytes of a key file, for a root key that comes over a descriptor.
func ParseKeyFile(data []byte) (Key, error) {
	_, body, err := unframe("root-key", data)
	if err != nil {
		return Key{}, err
	}
	raw, err := hex.DecodeString(strings.TrimSuffix(string(body), "\n"))
	if err != nil || len(raw) != KeySize {
		return Key{}, corrupt("root-key", "want %d hexadecimal digits", 2*KeySize)
	}
	return Key(raw), nil
}

// Cost is what a guess at a passphrase costs: Argon2id's parameters, stored in the slot.
type Cost struct {
	Time      uint32 `json:"time"`       // passes
	MemoryKiB uint32 `json:"memory_kib"` // KiB
	Threads   uint8  `json:"threads"`
}

// DefaultCost is RFC 9106's second recommended option: 3 passes over 64 MiB in 4 lanes.
var DefaultCost = Cost{Time: 3, MemoryKiB: 64 << 10, Threads: 4}

// check bounds what a slot may ask of this machine: 1 GiB and 16 passes, so that a planted slot cannot exhaust it.
func (c Cost) check() error {
	if c.Time < 1 || c.Time > 16 || c.Threads < 1 || c.Threads > 64 || c.MemoryKiB < 8*uint32(c.Threads) || c.MemoryKiB > 1<<20 {
		return corrupt("root-slot", "argon2id cost out of bounds: time %d, memory %d KiB, threads %d", c.Time, c.MemoryKiB, c.Threads)
	}
	return nil
}

// slotFile is a root key sealed under a passphrase.
type slotFile struct {
	KDF     string `json:"kdf"`
	Cost    Cost   `json:"cost"`
	Salt    []byte `json:"salt"`
	Wrapped []byte `json:"wrapped"`
}

const (
	slotKDF      = "argon2id"
	slotSaltSize = 16
)

// WriteSlot seals a root key under a passphrase in a slot file, replacing what is there: this is how a passphrase is
// changed. An empty passphrase is CodeInvalid.
func WriteSlot(disk Disk, path string, key Key, passphrase []byte, cost Cost) error {
	if len(passphrase) == 0 {
		return lathe.Errorf(lathe.CodeInvalid, "seal: passphrase is empty").WithField("passphrase")
	}
	if err := cost.check(); err != nil {
		return err
	}
	salt := NewKey()
	slot := slotFile{KDF: slotKDF, Cost: cost, Salt: salt[:slotSaltSize]}
	by := slot.stretch(passphrase)
	defer by.Zero()
	slot.Wrapped = Wrap(by, key, slotAssociated)
	return disk.WriteFile(path, frame("root-slot", nil, encode(slot)))
}

// CreateSlot makes a new root key and its slot. A file that is there already is a CodeConflict error and untouched.
func CreateSlot(disk Disk, path string, passphrase []byte, cost Cost) (Key, error) {
	if err := mustBeNew(disk, path); err != nil {
		return Key{}, err
	}
	key := NewKey()
	if err := WriteSlot(disk, path, key, passphrase, cost); err != nil {
		return Key{}, err
	}
	return key, nil
}

// OpenSlot gives the root key of a slot. A wrong passphrase is CodeUnauthenticated and changes nothing; a damaged slot is a
// *CorruptError.
func OpenSlot(disk Disk, path string, passphrase []byte) (Key, error) {
	data, err := readRoot(disk, path)
	if err != nil {
		return Key{}, err
	}
	slot, err := parseSlot(data)
	if err != nil {
		return Key{}, err
	}
	by := slot.stretch(passphrase)
	defer by.Zero()
	key, err := Unwrap(by, slot.Wrapped, slotAssociated)
	if err != nil {
		return Key{}, lathe.Errorf(lathe.CodeUnauthenticated, "seal: unlock: wrong passphrase").WithField("passphrase").
			WithHint("try again; nothing was changed")
	}
	return key, nil
}

var slotAssociated = Associate("lathe", "root slot")

func (s slotFile) stretch(passphrase []byte) Key {
	return Key(argon2.IDKey(passphrase, s.Salt, s.Cost.Time, s.Cost.MemoryKiB, s.Cost.Threads, KeySize))
}

func parseSlot(data []byte) (slotFile, error) {
	var slot slotFile
	_, body, err := unframe("root-slot", data)
	if err != nil {
		return slot, err
	}
	if err := decode("root-slot", body, &slot); err != nil {
		return slot, err
	}
	if slot.KDF != slotKDF || len(slot.Salt) != slotSaltSize || len(slot.Wrapped) != WrappedSize {
		return slot, corrupt("root-slot", "kdf %.20q, %d bytes of salt, %d wrapped", slot.KDF, len(slot.Salt), len(slot.Wrapped))
	}
	return slot, slot.Cost.check()
}

func readRoot(disk Disk, path string) ([]byte, error) {
	data, err := disk.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, lathe.Errorf(lathe.CodeNotFound, "seal: unlock: no root key: %w", err).
			WithHint("put the root key back, from where you keep its copy; without it this home's data cannot be read")
	}
	return data, err
}

func mustBeNew(disk Disk, path string) error {
	_, err := disk.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return lathe.Errorf(lathe.CodeConflict, "seal: create root key: %s exists", path).WithHint("nothing was changed; a root key is never overwritten")
}
