package store

import (
	"bytes"
	"crypto/rand"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestErasedRoundTrip(t *testing.T) {
	for _, rows := range [][]int64{{}, {0}, {0, 1, 2}, {5, 1000, 1 << 40, math.MaxInt64 - 1}} {
		got, err := decodeErased(encodeErased(rows))
		if err != nil || !slices.Equal(got, rows) {
			t.Errorf("%v became %v, %v", rows, got, err)
		}
	}
}

func TestMergeErased(t *testing.T) {
	old := []int64{1, 5}
	merged, fresh := mergeErased(old, []int64{0, 5, 9})
	if !slices.Equal(merged, []int64{0, 1, 5, 9}) || fresh != 2 || !slices.Equal(old, []int64{1, 5}) {
		t.Errorf("merged %v with %d new, old is %v", merged, fresh, old)
	}
}

// FuzzErased: whatever is stored gives ascending rows or an error, and rows encode back to what they are.
func FuzzErased(f *testing.F) {
	f.Add([]byte{})
	f.Add(encodeErased([]int64{3, 4, 500}))
	f.Add(bytes.Repeat([]byte{0xff}, 11))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0x01})
	f.Fuzz(func(t *testing.T, data []byte) {
		rows, err := decodeErased(data)
		if err != nil {
			return
		}
		for i, row := range rows {
			if row < 0 || i > 0 && row <= rows[i-1] {
				t.Fatalf("row %d of %v does not ascend", i, rows)
			}
		}
		again, err := decodeErased(encodeErased(rows))
		if err != nil || !slices.Equal(again, rows) {
			t.Fatalf("%v became %v, %v", rows, again, err)
		}
	})
}

// FuzzCursor: a caller's cursor is a key that was encoded, or refused.
func FuzzCursor(f *testing.F) {
	f.Add(encodeCursor("churn"))
	f.Add("AA")
	f.Add("a===")
	f.Fuzz(func(t *testing.T, cursor string) {
		key, err := decodeCursor(cursor)
		if err == nil && (strings.ContainsRune(key, 0) || len(key) > 200) {
			t.Fatalf("%q gives %q", cursor, key)
		}
		if key, err := decodeCursor(encodeCursor(key)); err != nil && key != "" {
			t.Fatalf("%q does not come back", key)
		}
	})
}

func TestNewID(t *testing.T) {
	now := time.UnixMilli(1_700_000_000_123)
	var before string
	for i := range 1000 {
		id, err := newID(now.Add(time.Duration(i)*time.Millisecond), rand.Reader)
		if err != nil || len(id) != 26 || id <= before || strings.Trim(id, "0123456789abcdefghjkmnpqrstvwxyz") != "" {
			t.Fatalf("id %q after %q, %v", id, before, err)
		}
		before = id
	}
	one, _ := newID(now, rand.Reader)
	two, _ := newID(now, rand.Reader)
	if one[:9] != two[:9] || one[10:] == two[10:] {
		t.Errorf("ids of one moment: %s and %s", one, two)
	}
	if _, err := newID(now, strings.NewReader("short")); err == nil {
		t.Error("an id without its random bits")
	}
}
