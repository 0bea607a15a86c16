package kernel

// mix is the finaliser of SplitMix64.
func mix(z uint64) uint64 {
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb
	return z ^ (z >> 31)
}

// kept returns element i of a mask: keep or 0.
func kept(i int, start uint64, floor uint32, keep float32) float32 {
	bits := mix(start + uint64(i/2)*golden)
	if i%2 == 0 {
		bits >>= 32
	}
	if uint32(bits) < floor {
		return 0
	}
	return keep
}

func dropoutMaskRef(dst []float32, start uint64, floor uint32, keep float32) {
	for i := range dst {
		dst[i] = kept(i, start, floor, keep)
	}
}

func dropoutRef(dst, x []float32, start uint64, floor uint32, keep float32) {
	for i, v := range x {
		dst[i] = v * kept(i, start, floor, keep)
	}
}
