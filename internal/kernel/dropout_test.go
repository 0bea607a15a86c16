package kernel

import "testing"

// TestDropoutBits pins the stream: SplitMix64 from key 1234567, as its authors' program gives it. The kernel
// takes the high half of each number first.
func TestDropoutBits(t *testing.T) {
	numbers := []uint64{6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821}
	for i, n := range numbers {
		for half, bits := range []uint64{n >> 32, n & (1<<32 - 1)} {
			at := 2*i + half
			eachLevel(t, func(t *testing.T) {
				mask := make([]float32, 16)
				DropoutMask(mask, 1234567, 0, bits, 3) // the bits are at least themselves
				if mask[at] != 3 {
					t.Errorf("element %d is dropped at floor %d", at, bits)
				}
				DropoutMask(mask, 1234567, 0, bits+1, 3)
				if mask[at] != 0 {
					t.Errorf("element %d is kept at floor %d", at, bits+1)
				}
			})
		}
	}
}

// TestDropoutParts: a mask made in parts is the whole mask.
func TestDropoutParts(t *testing.T) {
	whole, parts := make([]float32, 1001), make([]float32, 1001)
	eachLevel(t, func(t *testing.T) {
		DropoutMask(whole, 5, 64, 1<<30, 2)
		for i := 0; i < len(parts); i += 110 {
			DropoutMask(parts[i:min(i+110, len(parts))], 5, 64+i, 1<<30, 2)
		}
		sameBits(t, "parts", parts, whole)
	})
	kept := 0
	for _, v := range whole {
		if v != 0 {
			kept++
		}
	}
	if kept < 700 || kept > 800 { // 751 expected, deviation 14
		t.Errorf("%d of 1001 are kept at a rate of 1/4", kept)
	}
}
