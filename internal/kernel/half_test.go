package kernel

import (
	"math"
	"testing"

	"lathe/internal/cpu"
)

// isNaN16 says whether a number with this many bits of fraction is a NaN.
func isNaN16(v uint16, fraction int) bool { return v&0x7fff > 0x7fff>>fraction<<fraction }

// TestHalfRoundTrip: every 16-bit number comes back from float32, and means what the formats say.
func TestHalfRoundTrip(t *testing.T) {
	all, back := make([]uint16, 1<<16), make([]uint16, 1<<16)
	for i := range all {
		all[i] = uint16(i)
	}
	for _, f := range []struct {
		name     string
		fraction int
		bias     int
		widen    func(dst []float32, src []uint16)
		narrow   func(dst []uint16, src []float32)
	}{{"float16", 10, 15, HalfToFloat, FloatToHalf}, {"bfloat16", 7, 127, BrainToFloat, FloatToBrain}} {
		eachLevel(t, func(t *testing.T) {
			wide := make([]float32, len(all))
			f.widen(wide, all)
			f.narrow(back, wide)
			for i, v := range all {
				if isNaN16(v, f.fraction) {
					if wide[i] == wide[i] || !isNaN16(back[i], f.fraction) {
						t.Fatalf("%v: %s %#04x: NaN became %g, %#04x", cpu.Active(), f.name, v, wide[i], back[i])
					}
					continue
				}
				if want := value16(v, f.fraction, f.bias); float64(wide[i]) != want || back[i] != v {
					t.Fatalf("%v: %s %#04x is %g and %#04x, want %g", cpu.Active(), f.name, v, wide[i], back[i], want)
				}
			}
		})
	}
}

// value16 is the value of a number that is not a NaN, by the definition of the formats.
func value16(v uint16, fraction, bias int) float64 {
	exponent, low := int(v&0x7fff)>>fraction, float64(v&(1<<fraction-1))
	sign := 1.0
	if v&0x8000 != 0 {
		sign = -1
	}
	switch exponent {
	case 0x7fff >> fraction:
		return math.Inf(int(sign))
	case 0:
		return sign * math.Ldexp(low, 1-bias-fraction)
	}
	return sign * math.Ldexp(low+float64(int(1)<<fraction), exponent-bias-fraction)
}

// TestHalfRounding compares with the two neighbours, over samples of all float32 and half-way cases.
func TestHalfRounding(t *testing.T) {
	x := samples(9973)
	for i := range 1 << 15 { // between i and i+1
		mid := (value16(uint16(i), 10, 15) + value16(uint16(i+1), 10, 15)) / 2
		if i < 0x7bff {
			x = append(x, float32(mid), math.Nextafter32(float32(mid), 0), math.Nextafter32(float32(mid), 1e9))
		}
		if i < 0x7f7f {
			mid := math.Float32frombits(uint32(i)<<16 | 0x8000)
			x = append(x, mid, math.Nextafter32(mid, 0), math.Nextafter32(mid, float32(math.Inf(1))))
		}
	}
	x = append(x, 65519.996, 65520, -65520, 65504, 1e30)
	got := make([]uint16, len(x))
	eachLevel(t, func(t *testing.T) {
		FloatToHalf(got, x)
		checkNearest(t, "float16", got, x, 10, 15)
		FloatToBrain(got, x)
		checkNearest(t, "bfloat16", got, x, 7, 127)
	})
}

// checkNearest: no neighbour is nearer, or as near with an even last bit. Infinity counts as the next
// number of the format.
func checkNearest(t *testing.T, name string, got []uint16, x []float32, fraction, bias int) {
	t.Helper()
	top := uint16(0x7fff >> fraction << fraction)
	limit := math.Ldexp(1, 1<<(15-fraction)/2)
	finite := func(v uint16) float64 {
		if v&0x7fff == top {
			return math.Copysign(limit, value16(v, fraction, bias))
		}
		return value16(v, fraction, bias)
	}
	for i, v := range x {
		g := got[i]
		if v != v || isNaN16(g, fraction) {
			if v == v || !isNaN16(g, fraction) {
				t.Fatalf("%s of %g is %#04x", name, v, g)
			}
			continue
		}
		if g>>15 != uint16(math.Float32bits(v)>>31) {
			t.Fatalf("%s of %g is %#04x: sign", name, v, g)
		}
		if math.Abs(float64(v)) >= limit {
			if g&0x7fff != top {
				t.Fatalf("%s of %g is %#04x, want infinity", name, v, g)
			}
			continue
		}
		off := math.Abs(finite(g) - float64(v))
		for _, n := range []uint16{g - 1, g + 1} {
			if n>>15 != g>>15 || n&0x7fff > top {
				continue
			}
			other := math.Abs(finite(n) - float64(v))
			if other < off || other == off && g&1 == 1 {
				t.Fatalf("%v: %s of %g (%#08x) is %#04x, but %#04x is nearer", cpu.Active(), name, v, math.Float32bits(v), g, n)
			}
		}
	}
}

// TestHalfTails: every length, with canaries, against the references.
func TestHalfTails(t *testing.T) {
	s := newSource(70)
	for n := range 70 {
		x := s.wild(n)
		bits := make([]uint16, n+2)
		for i := range bits {
			bits[i] = uint16(s.Uint32())
		}
		checkHalfLevels(t, x, bits)
	}
	checkHalfLevels(t, s.wild(2*piece+5), make([]uint16, 2*piece+7))
}

func checkHalfLevels(t *testing.T, x []float32, bits []uint16) {
	t.Helper()
	n := len(x)
	for _, f := range []struct {
		widen, widenRef   func(dst []float32, src []uint16)
		narrow, narrowRef func(dst []uint16, src []float32)
		fraction          int
	}{{HalfToFloat, fromHalfRef, FloatToHalf, toHalfRef, 10}, {BrainToFloat, fromBrainRef, FloatToBrain, toBrainRef, 7}} {
		want, want16 := make([]float32, n), make([]uint16, n)
		f.widenRef(want, bits[1:n+1])
		f.narrowRef(want16, x)
		eachLevel(t, func(t *testing.T) {
			b := bufferOf(make([]float32, n), n%17)
			f.widen(b.v, bits[1:n+1])
			b.verify(t, "widen", want)
			got := make([]uint16, n+2)
			got[0], got[n+1] = 0xabcd, 0xdcba
			f.narrow(got[1:n+1], x)
			if got[0] != 0xabcd || got[n+1] != 0xdcba {
				t.Fatalf("%v: narrow of %d wrote outside", cpu.Active(), n)
			}
			for i, w := range want16 {
				if g := got[i+1]; g != w && !(isNaN16(g, f.fraction) && isNaN16(w, f.fraction)) {
					t.Fatalf("%v: narrow of %d: element %d (%g) is %#04x, want %#04x", cpu.Active(), n, i, x[i], g, w)
				}
			}
		})
	}
}

func FuzzHalf(f *testing.F) {
	seeds(func(data []byte) { f.Add(data) })
	f.Fuzz(func(t *testing.T, data []byte) {
		x := floats(data)
		bits := make([]uint16, len(x)+2)
		for i, v := range x {
			bits[i] = uint16(math.Float32bits(v) >> (i % 17))
		}
		checkHalfLevels(t, x, bits)
	})
}

func TestHalfPanics(t *testing.T) {
	x, h := make([]float32, 3), make([]uint16, 4)
	for name, f := range map[string]func(){
		"halftofloat": func() { HalfToFloat(x, h) }, "floattohalf": func() { FloatToHalf(h, x) },
		"braintofloat": func() { BrainToFloat(x, h) }, "floattobrain": func() { FloatToBrain(h, x) },
	} {
		mustPanic(t, name, f)
	}
}

func BenchmarkHalf(b *testing.B) {
	x, h := ramp(4096), make([]uint16, 4096)
	for name, f := range map[string]func(){
		"tohalf": func() { FloatToHalf(h, x) }, "fromhalf": func() { HalfToFloat(x, h) },
		"tobrain": func() { FloatToBrain(h, x) }, "frombrain": func() { BrainToFloat(x, h) },
	} {
		b.Run(name, func(b *testing.B) {
			atLevels(b, func(b *testing.B) {
				b.SetBytes(6 * 4096)
				for b.Loop() {
					f()
				}
			})
		})
	}
}
