package table

import (
	"math"
	"math/bits"

	"lathe"
)

// rowHashes gives a 64-bit hash of each row over the columns that use names. Equal rows have equal hashes: of floats, 0
// and -0 are equal. It is no defence against rows made to collide; where that matters rows are compared too.
func rowHashes(b *lathe.Batch, use func(name string) bool) []uint64 {
	hashes := make([]uint64, b.Rows)
	for i := range b.Columns {
		c := &b.Columns[i]
		if !use(c.Name) {
			continue
		}
		for r := range hashes {
			hashes[r] = mix(hashes[r], cellHash(c, r))
		}
	}
	return hashes
}

func cellHash(c *lathe.Column, i int) uint64 {
	if c.IsMissing(i) {
		return 0x9ae16a3b2f90404f
	}
	switch c.Kind {
	case lathe.Float64:
		return floatBits(c.Floats[i])
	case lathe.Int64:
		return uint64(c.Ints[i])
	case lathe.Bool:
		if c.Bools[i] {
			return 2
		}
		return 1
	default:
		return textHash(c.Strings[i])
	}
}

// floatBits gives equal floats equal bits.
func floatBits(f float64) uint64 { return math.Float64bits(f + 0) } // -0 + 0 is 0

// mix folds a value into a hash: the two halves of a 128-bit product, with constants of wyhash.
func mix(h, v uint64) uint64 {
	hi, lo := bits.Mul64(h^v^0xa0761d6478bd642f, v^0xe7037ed1a0b428db)
	return hi ^ lo ^ bits.RotateLeft64(h, 29) + 0x8ebc6af09c88c6e3
}

func textHash(s string) uint64 {
	h := uint64(len(s))
	for ; len(s) >= 8; s = s[8:] {
		h = mix(h, uint64(s[0])|uint64(s[1])<<8|uint64(s[2])<<16|uint64(s[3])<<24|uint64(s[4])<<32|uint64(s[5])<<40|uint64(s[6])<<48|uint64(s[7])<<56)
	}
	tail := uint64(0)
	for i := range len(s) {
		tail |= uint64(s[i]) << (8 * i)
	}
	return mix(h, tail)
}

// repeats marks each row that is equal to an earlier one, over the columns that use names.
func repeats(b *lathe.Batch, use func(name string) bool) []bool {
	return repeatsOf(b, rowHashes(b, use), use)
}

// repeatsOf compares rows whose hashes are equal.
func repeatsOf(b *lathe.Batch, hashes []uint64, use func(name string) bool) []bool {
	first := make(map[uint64]int, b.Rows)
	next := map[int]int{} // of rows whose hash was seen but who differ
	marks := make([]bool, b.Rows)
	for r, h := range hashes {
		at, seen := first[h]
		if !seen {
			first[h] = r
			continue
		}
		for !sameRow(b, at, r, use) {
			follow, more := next[at]
			if !more {
				next[at] = r
				at = -1
				break
			}
			at = follow
		}
		marks[r] = at >= 0
	}
	return marks
}

func sameRow(b *lathe.Batch, i, k int, use func(name string) bool) bool {
	for n := range b.Columns {
		if use(b.Columns[n].Name) && !sameCell(&b.Columns[n], i, &b.Columns[n], k) {
			return false
		}
	}
	return true
}
