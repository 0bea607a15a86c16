package kernel

import (
	"math"
	"math/big"
	"testing"
)

// exactFMA computes x*y + z by exact arithmetic and rounds once; all are finite.
func exactFMA(x, y, z float32) float32 {
	exact := func(v float32) *big.Float { return new(big.Float).SetPrec(700).SetFloat64(float64(v)) }
	sum := new(big.Float).SetPrec(700).Mul(exact(x), exact(y))
	sum.Add(sum, exact(z))
	if sum.Sign() == 0 { // the sign of an exact zero is what float64 says
		return float32(float64(x)*float64(y) + float64(z))
	}
	got, _ := sum.Float32()
	return got
}

// TestFMAHardCases holds sums that lie so near the middle of two float32 that rounding to float64
// first would lose the side.
func TestFMAHardCases(t *testing.T) {
	tiny := float32(math.SmallestNonzeroFloat32)
	for _, c := range [][3]float32{
		{1 + 0x1p-12, 1 + 0x1p-12, 0x1p-60}, // 1 + 2^-11 + 2^-24: a tie, and a hair
		{1 + 0x1p-12, 1 + 0x1p-12, -0x1p-60},
		{1 + 0x1p-12, 1 + 0x1p-12, 0},
		{-1 - 0x1p-12, 1 + 0x1p-12, 0x1p-60},
		{-1 - 0x1p-12, 1 + 0x1p-12, -0x1p-60},
		{0x1p-75, 0x1p-75, 0x1p-126},
		{0x1p-75, 0x1p-75, tiny}, // half of the least subnormal, on top of one
		{0x1p-75, -0x1p-75, tiny},
		{0x1.8p-75, 0x1p-75, 0},
		{0x1p-75, 0x1p-75, 0},
		{0x1p-75, 0x1.000002p-75, 0},
		{tiny, tiny, -tiny},
		{tiny, -tiny, 0},
		{math.MaxFloat32, 1, 0x1p103}, // half an ulp above the maximum
		{math.MaxFloat32, 1, 0x1.fffffep102},
		{math.MaxFloat32, math.MaxFloat32, -math.MaxFloat32},
		{3, 5, -15},
		{-3, 5, 15},
	} {
		sameBits(t, "fma", []float32{fma(c[0], c[1], c[2])}, []float32{exactFMA(c[0], c[1], c[2])})
	}
}

func TestFMAExact(t *testing.T) {
	s := newSource(1)
	for range 200_000 {
		x, y, z := s.bits(), s.bits(), s.bits()
		if s.IntN(2) == 0 { // bring z near the product, so that much cancels or rounds
			z = math.Float32frombits(math.Float32bits(x*y) ^ s.Uint32()>>s.IntN(32))
		}
		if p := x*0 + y*0 + z*0; p != p {
			continue // not finite: TestFMASpecial and the hardware
		}
		got, want := fma(x, y, z), exactFMA(x, y, z)
		if math.Float32bits(got) != math.Float32bits(want) {
			t.Fatalf("fma(%x, %x, %x) = %x, want %x", x, y, z, got, want)
		}
	}
}

func (s source) bits() float32 {
	b := s.Uint32()
	if s.IntN(2) == 0 { // few bits: ties are likely
		b &= 0xfffff000
	}
	return math.Float32frombits(b)
}

func TestFMASpecial(t *testing.T) {
	inf, nan, minus := float32(math.Inf(1)), float32(math.NaN()), float32(math.Copysign(0, -1))
	for _, c := range [][4]float32{
		{inf, 1, 1, inf},
		{inf, 0, 1, nan},
		{inf, 1, -inf, nan},
		{1, 1, -inf, -inf},
		{nan, 1, 1, nan},
		{1, nan, 1, nan},
		{1, 1, nan, nan},
		{math.MaxFloat32, 2, -inf, -inf},
		{math.MaxFloat32, 2, 0, inf},
		{minus, 1, minus, minus},
		{minus, 1, 0, 0},
		{1, -1, 1, 0},
		{0, 0, minus, 0},
	} {
		sameBits(t, "fma", []float32{fma(c[0], c[1], c[2])}, c[3:])
	}
}

// TestFMAHardware compares with the machine's own instruction, through Axpy, over random bits.
func TestFMAHardware(t *testing.T) {
	const n = 1 << 16
	s := newSource(2)
	x, y, want := make([]float32, n), make([]float32, n), make([]float32, n)
	for range 8 {
		alpha := s.bits()
		for i := range x {
			x[i], y[i] = s.bits(), s.bits()
			if s.IntN(2) == 0 {
				y[i] = math.Float32frombits(math.Float32bits(alpha*x[i]) ^ s.Uint32()>>s.IntN(32))
			}
			want[i] = fma(alpha, x[i], y[i])
		}
		eachLevel(t, func(t *testing.T) {
			got := append([]float32{}, y...)
			Axpy(alpha, x, got)
			sameBits(t, "axpy", got, want)
		})
	}
}
