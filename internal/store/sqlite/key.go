package sqlite

import (
	"crypto/aes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"

	"golang.org/x/crypto/xts"

	"lathe/internal/seal"
)

const (
	pageSize   = 4096
	sectorSize = 512 // of the encryption; the sector's number is the tweak
	xtsKeySize = 64  // two AES-256 keys
	// tagSize is half of HMAC-SHA-256: 128 bits, as in RFC 4868.
	tagSize = 16
)

// keys are what one database file needs.
type keys struct {
	cipher *xts.Cipher
	tag    seal.Key
	seal   seal.Key
}

func deriveKeys(key seal.Key) keys {
	raw := seal.DeriveN(key, "sqlite/xts", xtsKeySize)
	defer clear(raw)
	cipher, err := xts.NewCipher(aes.NewCipher, raw)
	if err != nil {
		panic("sqlite: xts: " + err.Error()) // only for a key of another length
	}
	return keys{cipher, seal.Derive(key, "sqlite/tag"), seal.Derive(key, "sqlite/seal")}
}

// tagger computes page tags. It is not safe for concurrent use.
type tagger struct{ mac hash.Hash }

func (k keys) newTagger() *tagger { return &tagger{hmac.New(sha256.New, k.tag[:])} }

// sum is the tag of a page: half of HMAC-SHA-256 over its number and all of it but the tag.
func (t *tagger) sum(page uint32, data []byte) (tag [tagSize]byte) {
	var number [4]byte
	binary.BigEndian.PutUint32(number[:], page)
	t.mac.Reset()
	t.mac.Write(number[:])
	t.mac.Write(data[:len(data)-tagSize])
	var full [sha256.Size]byte
	copy(tag[:], t.mac.Sum(full[:0]))
	return tag
}

// ok tells whether a page carries its tag.
func (t *tagger) ok(page uint32, data []byte) bool {
	tag := t.sum(page, data)
	return hmac.Equal(tag[:], data[len(data)-tagSize:])
}
