package seal

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
)

// Derive gives the 32-byte key for one purpose, by HKDF-SHA-256 without salt and with the purpose as info. The same
// key and purpose always give the same result; results for different purposes tell nothing of each other or of key.
// Source: RFC 5869.
func Derive(key Key, purpose string) Key { return Key(DeriveN(key, purpose, KeySize)) }

// DeriveN is Derive for n bytes, at most 8160: the two halves of an XTS key, for one.
func DeriveN(key Key, purpose string, n int) []byte {
	out, err := hkdf.Key(sha256.New, key[:], nil, "lathe/1/"+purpose, n)
	if err != nil {
		panic("seal: derive: " + err.Error()) // n is a constant of the caller
	}
	return out
}

// Name is HMAC-SHA-256 of content (a digest, a subject's identifier) in 64 hexadecimal digits. Names under different
// keys cannot be linked, so equal content in two projects, or a guess at content, shows nothing.
func Name(key Key, content []byte) string {
	mac := hmac.New(sha256.New, key[:])
	mac.Write(content)
	return hex.EncodeToString(mac.Sum(nil))
}
