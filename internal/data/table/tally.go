package table

import (
	"math"
	"math/bits"
)

// tally counts distinct values by their hashes: exactly up to tallyCap of them, then by HyperLogLog; the counts of values
// met before the cap stay exact.
type tally struct {
	counts    map[uint64]tallied
	registers []uint8 // nil until the cap is reached
}

type tallied struct{ count, row int }

// tallyCap bounds the memory of a column's tally at a few megabytes. With 2^14 registers the estimate's standard error is
// 1.04 / 128 = 0.8 %. Source: P. Flajolet et al., "HyperLogLog", 2007.
const (
	tallyCap      = 100_000
	registerBits  = 14
	registerCount = 1 << registerBits
)

func newTally() *tally { return &tally{counts: make(map[uint64]tallied)} }

// add counts a value that stands in row.
func (t *tally) add(hash uint64, row int) {
	e, ok := t.counts[hash]
	if ok || len(t.counts) < tallyCap {
		if !ok {
			e.row = row
		}
		e.count++
		t.counts[hash] = e
		return
	}
	if t.registers == nil {
		t.registers = make([]uint8, registerCount)
		for h := range t.counts {
			t.register(h)
		}
	}
	t.register(hash)
}

func (t *tally) register(hash uint64) {
	hash = scatter(hash) // a number's hash is the number itself
	i := hash >> (64 - registerBits)
	rank := uint8(bits.LeadingZeros64(hash<<registerBits|1<<(registerBits-1)) + 1)
	t.registers[i] = max(t.registers[i], rank)
}

// distinct gives the number of different values, and whether it is an estimate.
func (t *tally) distinct() (n int, estimated bool) {
	if t.registers == nil {
		return len(t.counts), false
	}
	total, empty := 0.0, 0
	for _, r := range t.registers {
		total += math.Ldexp(1, -int(r))
		if r == 0 {
			empty++
		}
	}
	const m = registerCount
	estimate := 0.7213 / (1 + 1.079/m) * m * m / total
	if estimate < 2.5*m && empty > 0 {
		estimate = m * math.Log(m/float64(empty))
	}
	return int(estimate + 0.5), true
}

// scatter makes every bit depend on every other. Source: splitmix64's output function, S. Vigna, 2015.
func scatter(v uint64) uint64 {
	v += 0x9e3779b97f4a7c15
	v = (v ^ v>>30) * 0xbf58476d1ce4e5b9
	v = (v ^ v>>27) * 0x94d049bb133111eb
	return v ^ v>>31
}
