package table

import (
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

// scanText runs scanFloat on a text as a chunk would.
func scanText(text string) (float64, int, bool) {
	b := append([]byte(text), make([]byte, padding)...)
	return scanFloat(powerTable(), b, 0)
}

func checkFloat(t *testing.T, text string) {
	t.Helper()
	got, n, ok := scanText(text)
	want, err := strconv.ParseFloat(text, 64)
	if err != nil && !math.IsInf(want, 0) {
		t.Fatalf("strconv refuses %q", text)
	}
	if !ok || n != len(text) || math.Float64bits(got) != math.Float64bits(want) {
		t.Errorf("%q: got %v (%d bytes, %v), want %v", text, got, n, ok, want)
	}
}

func TestScanFloat(t *testing.T) {
	for _, text := range []string{
		"0", "-0", "0.0", "1", "+1.5", "1.", ".5", "-.5", "1e5", "1E-5", "1e+05", "123456789012345678", "12345678901234567890",
		"0.000000000000000000000000000000012345678901234567", "9007199254740993", "9007199254740993.0", "1e23", "8.988465674311579e307",
		"1.7976931348623157e308", "1.7976931348623159e308", "1e999", "-1e999", "4.9e-324", "2e-324", "2.2250738585072014e-308", "2.2250738585072011e-308",
		"6.02214076e23", "1e-400", "0e9999", "0.1234567890123456789012345678901234567890", "1" + strings.Repeat("0", 400),
		"7.2057594037927933e16", "5e-20", "1.00000000000000011102230246251565", "1.00000000000000011102230246251566", "9223372036854775807", "18446744073709551615",
	} {
		checkFloat(t, text)
	}
	for _, text := range []string{"", "-", ".", "e5", "1e", "1e+", "007", "-01.5", "abc", "--1", "+-1"} {
		if f, n, ok := scanText(text); ok && n == len(text) {
			t.Errorf("%q read as %v", text, f)
		}
	}
}

// TestScanFloatRandom compares with strconv over random bits, shortest and long decimals, and exact halves between floats.
func TestScanFloatRandom(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 60_000 {
		f := math.Float64frombits(r.Uint64())
		if f != f || math.IsInf(f, 0) {
			continue
		}
		checkFloat(t, strconv.FormatFloat(f, 'g', -1, 64))
		f = r.NormFloat64()
		checkFloat(t, strconv.FormatFloat(f, 'f', -1, 64))
		checkFloat(t, strconv.FormatFloat(f, 'e', r.IntN(20), 64))
		checkFloat(t, strconv.FormatUint(r.Uint64()>>r.IntN(64), 10)+"e"+strconv.Itoa(r.IntN(140)-70))
		checkFloat(t, strconv.FormatFloat(float64(r.Uint64()>>11)+0.5, 'f', 1, 64))
	}
}

func FuzzScanFloat(f *testing.F) {
	for _, text := range []string{"1.5", "-2e-3", "123456789.123456789", "1e22", "00", "nan", "0x1p3"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, n, ok := scanText(text)
		if !ok {
			return
		}
		want, err := strconv.ParseFloat(text[:n], 64)
		if (err != nil && !math.IsInf(want, 0)) || math.Float64bits(got) != math.Float64bits(want) {
			t.Errorf("%q: got %v, want %v (%v)", text[:n], got, want, err)
		}
	})
}
