package sqlite

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"

	"lathe"
	"lathe/internal/disk"
	"lathe/internal/seal"
)

// state says what the seal asks of the files.
type state byte

const (
	// settled: the main file holds everything, whatever the WAL has.
	settled state = iota
	// pending: the WAL must hold at least the sealed frames.
	pending
	// installing: a restored database is about to take the main file's place.
	installing
)

// position is a place in a WAL: its salts, a number of frames, and the running checksum there, which covers every byte
// up to it.
type position struct {
	salt   [2]uint32
	frames uint32
	sum    [2]uint32
}

// mark is a page of the main file and its tag.
type mark struct {
	page uint32
	tag  [tagSize]byte
}

// maxMarks pages that the last complete checkpoint wrote last are sealed: an older copy of the main file does not have
// them.
const maxMarks = 8

// record is the content of the seal.
type record struct {
	seq     uint64 // counts writes of the seal; the slot is its parity
	commits uint64 // counts commits since the database was made, for people
	size    uint32 // of the database in pages after the sealed commit; 0 where it is not known
	state   state
	position
	marks []mark
}

// A seal file has two slots, so that a torn write spoils one only, each one sector of the disk, which is written whole
// or not at all, and in different blocks.
const (
	sealMagic  = "lathe-seal 1\n"
	slotSize   = 512
	slotStride = 4096
	sealSize   = slotStride + slotSize
	macSize    = sha256.Size
)

func (r record) encode(key seal.Key) []byte {
	b := make([]byte, 0, slotSize)
	b = append(b, sealMagic...)
	b = append(b, byte(r.state), byte(len(r.marks)))
	b = binary.BigEndian.AppendUint64(b, r.seq)
	b = binary.BigEndian.AppendUint64(b, r.commits)
	for _, v := range [...]uint32{r.salt[0], r.salt[1], r.frames, r.sum[0], r.sum[1], r.size} {
		b = binary.BigEndian.AppendUint32(b, v)
	}
	for _, m := range r.marks {
		b = append(binary.BigEndian.AppendUint32(b, m.page), m.tag[:]...)
	}
	b = b[:slotSize-macSize]
	return append(b, sealMAC(key, b)...)
}

func sealMAC(key seal.Key, b []byte) []byte {
	mac := hmac.New(sha256.New, key[:])
	mac.Write(b)
	return mac.Sum(nil)
}

// decodeRecord reads one slot; ok is false for anything that encode did not write under this key.
func decodeRecord(key seal.Key, b []byte) (r record, ok bool) {
	if len(b) != slotSize || string(b[:len(sealMagic)]) != sealMagic {
		return record{}, false
	}
	if !hmac.Equal(sealMAC(key, b[:slotSize-macSize]), b[slotSize-macSize:]) {
		return record{}, false
	}
	b = b[len(sealMagic):]
	r.state = state(b[0])
	n := int(b[1])
	if r.state > installing || n > maxMarks {
		return record{}, false
	}
	r.seq, r.commits = binary.BigEndian.Uint64(b[2:]), binary.BigEndian.Uint64(b[10:])
	b = b[18:]
	for i, v := range [...]*uint32{&r.salt[0], &r.salt[1], &r.frames, &r.sum[0], &r.sum[1], &r.size} {
		*v = binary.BigEndian.Uint32(b[4*i:])
	}
	b = b[24:]
	for i := range n {
		m := b[i*(4+tagSize):]
		r.marks = append(r.marks, mark{binary.BigEndian.Uint32(m), [tagSize]byte(m[4:])})
	}
	return r, true
}

// sealFile is the open seal.
type sealFile struct {
	file disk.File
	key  seal.Key
}

var errNoSeal = errors.New("sqlite: no seal")

// openSeal opens the seal and gives its newest record, or errNoSeal; a seal without one good slot is CodeCorrupt.
func openSeal(f disk.FS, name string, key seal.Key) (*sealFile, record, error) {
	file, err := f.Edit(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, record{}, errNoSeal
	}
	if err != nil {
		return nil, record{}, fmt.Errorf("sqlite: open seal: %w", err)
	}
	b := make([]byte, sealSize)
	if _, err := file.ReadAt(b, 0); err != nil {
		return nil, record{}, errors.Join(sealDamaged(name), file.Close())
	}
	r, ok := newestRecord(key, b)
	if !ok {
		return nil, record{}, errors.Join(sealDamaged(name), file.Close())
	}
	return &sealFile{file, key}, r, nil
}

func newestRecord(key seal.Key, b []byte) (record, bool) {
	first, ok := decodeRecord(key, b[:slotSize])
	second, also := decodeRecord(key, b[slotStride:])
	if also && (!ok || second.seq > first.seq) {
		return second, true
	}
	return first, ok
}

func sealDamaged(name string) error {
	return lathe.Errorf(lathe.CodeCorrupt, "sqlite: %s is damaged, or was written under another key", name).WithHint(acceptHint)
}

// createSeal makes the seal anew, durably, and opens it.
func createSeal(f disk.FS, name string, key seal.Key, r record) (*sealFile, error) {
	if err := disk.WriteFile(f, name, sealImage(key, r)); err != nil {
		return nil, fmt.Errorf("sqlite: make seal: %w", err)
	}
	s, _, err := openSeal(f, name, key)
	return s, err
}

func sealImage(key seal.Key, r record) []byte {
	b := make([]byte, sealSize)
	copy(b, r.encode(key))
	copy(b[slotStride:], r.encode(key))
	return b
}

// write puts r into its slot. It is not durable before the system writes it back; the process may die at once.
func (s *sealFile) write(r record) error {
	_, err := s.file.WriteAt(r.encode(s.key), int64(r.seq%2)*slotStride)
	return err
}

// writeDurably puts r into both slots, so that nothing older can come back, and syncs.
func (s *sealFile) writeDurably(r record) error {
	for _, slot := range [...]uint64{r.seq % 2, 1 - r.seq%2} { // the older one first
		if _, err := s.file.WriteAt(r.encode(s.key), int64(slot)*slotStride); err != nil { //nolint:gosec // 0 or 1
			return err
		}
	}
	return s.file.Sync()
}
