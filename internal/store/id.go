package store

import (
	"encoding/base32"
	"fmt"
	"io"
	"time"
)

// idEncoding is Crockford's base 32: ascending, without letters that look like digits.
var idEncoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// newID makes 26 characters: 48 bits of milliseconds, so that ids sort by time, and 80 random bits, so that nobody
// guesses one.
func newID(now time.Time, random io.Reader) (string, error) {
	var b [16]byte
	ms := now.UnixMilli()
	for i := range 6 {
		b[i] = byte(ms >> (40 - 8*i))
	}
	if _, err := io.ReadFull(random, b[6:]); err != nil {
		return "", fmt.Errorf("store: new id: %w", err)
	}
	return idEncoding.EncodeToString(b[:]), nil
}
