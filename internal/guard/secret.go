package guard

import (
	"crypto/rand"
	"hash/crc32"
	"net/http"
	"strings"

	"lathe"
)

// A key reads lathe_<kind>_ + 30 random base62 digits (178.6 bits) + 6 base62 digits of the CRC-32 of all before. The
// checksum lets a typing error, and most guesses, be refused without a look-up, and secret scanners know a key for sure.
const (
	keyPrefix    = "lathe_"
	randomDigits = 30
	sumDigits    = 6
	base62       = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// MintKey makes a new key of the kind. It is not stored anywhere yet.
func MintKey(kind lathe.KeyKind) string {
	key := make([]byte, 0, 64)
	key = append(key, keyPrefix...)
	key = append(key, kind...)
	key = append(key, '_')
	key = appendRandom(key, randomDigits)
	return string(appendSum(key))
}

// appendRandom draws digits without bias: bytes of 248 and more, where 62 does not divide, are thrown away.
func appendRandom(key []byte, n int) []byte {
	var buf [64]byte
	for {
		rand.Read(buf[:]) // never fails since Go 1.24
		for _, b := range buf {
			if n == 0 {
				return key
			}
			if b < 248 {
				key = append(key, base62[b%62])
				n--
			}
		}
	}
}

func appendSum(key []byte) []byte {
	var digits [sumDigits]byte
	sum := crc32.ChecksumIEEE(key)
	for i := sumDigits - 1; i >= 0; i-- {
		digits[i] = base62[sum%62]
		sum /= 62
	}
	return append(key, digits[:]...)
}

// checkSecret tells whether a text has the form of a key: kind, length, digits and checksum. It looks nothing up.
func checkSecret(secret string) bool {
	rest, ok := strings.CutPrefix(secret, keyPrefix)
	if !ok {
		return false
	}
	kind, digits, ok := strings.Cut(rest, "_")
	if !ok || len(digits) != randomDigits+sumDigits || !knownKind(lathe.KeyKind(kind)) {
		return false
	}
	body := len(secret) - sumDigits
	var buf [80]byte
	return string(appendSum(append(buf[:0], secret[:body]...))) == secret
}

// IsKey tells whether a text has the form of a key, whoever's it is: one that was mistyped or damaged has not.
func IsKey(text string) bool { return checkSecret(text) }

func knownKind(kind lathe.KeyKind) bool {
	return kind == lathe.KindOwner || kind == lathe.KindService || kind == lathe.KindCaller
}

// secretOf finds the key in the headers, "" where there is none. Two that differ are refused, because a proxy and the
// service could disagree which one counts; one in the URL is refused, because URLs are logged everywhere.
func secretOf(r *http.Request) (string, error) {
	if r.URL.RawQuery != "" && keyInQuery(r) {
		return "", unauthenticated("a key must not travel in a URL").
			WithHint("send the header Authorization: Bearer KEY; this key is in logs now: revoke it")
	}
	secret := ""
	for _, value := range r.Header["Authorization"] {
		scheme, token, _ := strings.Cut(value, " ")
		if !strings.EqualFold(scheme, "bearer") {
			return "", unauthenticated("the Authorization header is not of the form Bearer KEY")
		}
		if token = strings.TrimSpace(token); secret != "" && secret != token {
			return "", twoKeys()
		}
		secret = token
	}
	for _, value := range r.Header["X-Api-Key"] {
		if value = strings.TrimSpace(value); secret != "" && secret != value {
			return "", twoKeys()
		}
		secret = value
	}
	return secret, nil
}

// keyInQuery looks for parameters that carry keys elsewhere, and for anything that looks like one of ours.
func keyInQuery(r *http.Request) bool {
	if looksLikeKey(r.URL.RawQuery) { // also in what cannot be parsed
		return true
	}
	for name, values := range r.URL.Query() {
		switch strings.ToLower(name) {
		case "api_key", "api-key", "apikey", "x-api-key", "access_token", "token", "authorization":
			return true
		}
		for _, value := range values {
			if looksLikeKey(value) {
				return true
			}
		}
	}
	return false
}

func looksLikeKey(text string) bool {
	_, rest, ok := strings.Cut(text, keyPrefix)
	kind, digits, found := strings.Cut(rest, "_")
	return ok && found && len(digits) >= randomDigits && knownKind(lathe.KeyKind(kind))
}

func twoKeys() *lathe.Error {
	return unauthenticated("the request carries two different keys").WithHint("send one, in Authorization or in x-api-key")
}

func unauthenticated(what string) *lathe.Error {
	return lathe.Errorf(lathe.CodeUnauthenticated, "guard: %s", what)
}
