// Package seal keeps keys and seals bytes: the root key, the slots that wrap project and subject keys, sealed values
// for rows, and a chunked stream for blobs.
//
// Keys form a tree: root -> project -> object or subject. A slot is a random key sealed under the key above it, with
// associated data that says whose it is; destroying the slot shreds what the key sealed, in backups too. Names, file
// keys and peppers are derived by HKDF, never stored. The primitives are those of the Go standard library,
// golang.org/x/crypto and tink-go; this package only arranges them. docs/adr/0008-keys-and-encryption.md says why.
package seal

import (
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"log/slog"

	"golang.org/x/crypto/chacha20poly1305"
)

// KeySize is the length of every key, in bytes.
const KeySize = 32

// Key is 32 secret bytes. It prints, logs and marshals as "[key]", so that no log line or JSON document leaks one.
type Key [KeySize]byte

// NewKey draws a key from the system's random source, which crashes the process rather than fail.
func NewKey() Key {
	var k Key
	rand.Read(k[:]) //nolint:errcheck // crypto/rand.Read never returns an error since Go 1.24
	return k
}

// KeyFrom copies b, which must be 32 bytes long.
func KeyFrom(b []byte) (Key, error) {
	if len(b) != KeySize {
		return Key{}, fmt.Errorf("seal: key: want %d bytes, got %d", KeySize, len(b))
	}
	return Key(b), nil
}

const redacted = "[key]"

// String hides the key.
func (k Key) String() string { return redacted }

// Format hides the key from every verb of fmt.
func (k Key) Format(f fmt.State, _ rune) { fmt.Fprint(f, redacted) }

// MarshalText hides the key from JSON.
func (k Key) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue hides the key from slog.
func (k Key) LogValue() slog.Value { return slog.StringValue(redacted) }

// Zero overwrites this copy of the key. Copies made before live on; the runtime may hold more.
func (k *Key) Zero() { clear(k[:]) }

// The sealed value: one version byte, a random nonce of 24 bytes, the ciphertext, a tag of 16 bytes.
const (
	valueVersion  = 1
	valueHeader   = 1 + chacha20poly1305.NonceSizeX
	ValueOverhead = valueHeader + chacha20poly1305.Overhead // bytes that Seal adds
	WrappedSize   = KeySize + ValueOverhead                 // length of a wrapped key
)

// Seal encrypts plaintext with XChaCha20-Poly1305 under a random nonce; 192 bits of nonce need no counter, however many
// rows one key seals. The associated data is authenticated and not stored: Open must be given the same. Build it with
// Associate. Source: draft-irtf-cfrg-xchacha-03.
func Seal(key Key, plaintext, associated []byte) []byte {
	out := make([]byte, valueHeader, len(plaintext)+ValueOverhead)
	out[0] = valueVersion
	rand.Read(out[1:valueHeader]) //nolint:errcheck // never returns an error since Go 1.24
	return valueCipher(key).Seal(out, out[1:valueHeader], plaintext, associated)
}

// Open decrypts what Seal made. It fails with a *CorruptError when a bit differs, the key or the associated data is
// another, or the version is unknown; no plaintext is returned then.
func Open(key Key, sealed, associated []byte) ([]byte, error) {
	if len(sealed) < ValueOverhead {
		return nil, corrupt("value", "%d bytes, at least %d expected", len(sealed), ValueOverhead)
	}
	if sealed[0] != valueVersion {
		return nil, corrupt("value", "unknown version %d", sealed[0])
	}
	plain, err := valueCipher(key).Open(nil, sealed[1:valueHeader], sealed[valueHeader:], associated)
	if err != nil {
		return nil, corrupt("value", "authentication failed")
	}
	return plain, nil
}

// Wrap seals one key under another. The result has WrappedSize bytes whatever the key, so a caller can leave room for
// it at the start of a file and fill it in when the associated name is known.
func Wrap(by, key Key, associated []byte) []byte { return Seal(by, key[:], associated) }

// Unwrap opens what Wrap made, or fails with a *CorruptError.
func Unwrap(by Key, wrapped, associated []byte) (Key, error) {
	plain, err := Open(by, wrapped, associated)
	if err != nil {
		return Key{}, err
	}
	defer clear(plain)
	if len(plain) != KeySize {
		return Key{}, corrupt("wrapped key", "%d bytes, want %d", len(plain), KeySize)
	}
	return Key(plain), nil
}

// Associate joins parts into associated data that no other parts give: each is preceded by its length.
func Associate(parts ...string) []byte {
	var out []byte
	for _, p := range parts {
		out = binary.AppendUvarint(out, uint64(len(p)))
		out = append(out, p...)
	}
	return out
}

func valueCipher(key Key) cipher.AEAD {
	aead, err := chacha20poly1305.NewX(key[:])
	if err != nil {
		panic("seal: xchacha20: " + err.Error()) // only for a key of another length
	}
	return aead
}
