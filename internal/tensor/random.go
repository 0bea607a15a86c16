package tensor

import "math/bits"

// golden is the increment of SplitMix64: 2^64 divided by the golden ratio, made odd.
const golden = 0x9e3779b97f4a7c15

// Random is a counter-based source: value i of a (seed, stream) pair is a pure function of the
// three, so draws may be made in any order, repeated and resumed without stored state. The values
// of a stream are SplitMix64's; they never change between versions of lathe or of Go, because
// models must be reproducible from their seed. It is not for secrets.
// Source: Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators".
type Random struct{ key uint64 }

// NewRandom returns the source for a seed and a stream. Streams of one seed are independent for
// every purpose here; each use (weights, shuffling, dropout, ...) takes its own.
func NewRandom(seed, stream uint64) Random {
	return Random{key: mix(mix(seed+golden) ^ (stream * 0xd1342543de82ef95))}
}

// Derive returns an independent source named by n, for example one per epoch or per step.
func (r Random) Derive(n uint64) Random { return NewRandom(r.key, n) }

// Key is what the kernels that draw random numbers take in place of the source.
func (r Random) Key() uint64 { return r.key }

// Uint64 returns 64 random bits, number i of the stream.
func (r Random) Uint64(i uint64) uint64 { return mix(r.key + (i+1)*golden) }

// Uniform returns number i as a float32 in [0, 1) with 24 random bits: every value is exact.
func (r Random) Uniform(i uint64) float32 { return float32(r.Uint64(i)>>40) * 0x1p-24 }

// Intn returns number i as an integer in [0, n). The bias, below n/2^64, is accepted so that every
// draw takes exactly one number.
func (r Random) Intn(i uint64, n int) int {
	high, _ := bits.Mul64(r.Uint64(i), uint64(n))
	return int(high)
}

// Permutation fills order with a random permutation of 0..len(order)-1 (Fisher-Yates).
func (r Random) Permutation(order []int32) {
	for i := range order {
		order[i] = int32(i)
	}
	for i := len(order) - 1; i > 0; i-- {
		j := r.Intn(uint64(i), i+1)
		order[i], order[j] = order[j], order[i]
	}
}

// mix is the finaliser of SplitMix64.
func mix(z uint64) uint64 {
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb
	return z ^ (z >> 31)
}
