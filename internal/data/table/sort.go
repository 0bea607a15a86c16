package table

import (
	"math"
	"slices"
)

// radixRows is from where counting digits beats comparing: measured at 1,000 to 2,000 floats on an EPYC.
const radixRows = 2048

// SortFloats sorts values without NaN. Long lists are sorted by six digits of 11 bits each, least significant first,
// of keys whose order as whole numbers is that of the floats.
func SortFloats(values []float64) {
	if len(values) < radixRows {
		slices.Sort(values)
		return
	}
	const digits, size = 6, 1 << 11
	var counts [digits][size]int
	keys, next := make([]uint64, len(values)), make([]uint64, len(values))
	for i, v := range values {
		k := orderedBits(v)
		keys[i] = k
		for d := range digits {
			counts[d][k>>(11*d)&(size-1)]++
		}
	}
	for d := range digits {
		starts, at := &counts[d], 0
		for i, n := range starts {
			starts[i] = at
			at += n
		}
		for _, k := range keys {
			digit := k >> (11 * d) & (size - 1)
			next[starts[digit]] = k
			starts[digit]++
		}
		keys, next = next, keys
	}
	for i, k := range keys {
		values[i] = fromOrderedBits(k)
	}
}

// orderedBits maps floats to whole numbers in the same order: positive ones get the top bit, negative ones are inverted.
func orderedBits(v float64) uint64 {
	b := math.Float64bits(v)
	return b ^ (uint64(int64(b)>>63) | 1<<63)
}

func fromOrderedBits(k uint64) float64 {
	return math.Float64frombits(k ^ (uint64(int64(^k)>>63) | 1<<63))
}
