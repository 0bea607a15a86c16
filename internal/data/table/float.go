package table

import (
	"encoding/binary"
	"math"
	"math/big"
	"math/bits"
	"strconv"
	"sync"
)

// padding is how many readable bytes follow a chunk, so that eight bytes can be loaded at any place in it.
const padding = 8

// The powers of ten that the fast path covers; beyond them strconv decides. Printed float64 values of ordinary data
// have at most 17 digits after a small exponent, so that nearly all lie inside.
const (
	minPower = -64
	maxPower = 64
)

type powers [maxPower - minPower + 1][2]uint64

// powerTable gives the upper and lower half of each power's 128-bit mantissa, cut off below (never rounded up).
var powerTable = sync.OnceValue(func() *powers {
	var t powers
	for q := minPower; q <= maxPower; q++ {
		m := powerMantissa(q)
		t[q-minPower] = [2]uint64{new(big.Int).Rsh(m, 64).Uint64(), new(big.Int).And(m, new(big.Int).SetUint64(math.MaxUint64)).Uint64()}
	}
	return &t
})

func powerMantissa(q int) *big.Int {
	five := new(big.Int).Exp(big.NewInt(5), big.NewInt(int64(max(q, -q))), nil)
	if q < 0 {
		one := new(big.Int).Lsh(big.NewInt(1), uint(five.BitLen()+128))
		five = one.Quo(one, five)
	}
	if extra := five.BitLen() - 128; extra > 0 {
		return five.Rsh(five, uint(extra))
	}
	return five.Lsh(five, uint(128-five.BitLen()))
}

var exactPowers = [...]float64{
	1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
	1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
}

// scanFloat reads the decimal number at b[i:] and gives the place after it; it reports false where none stands there,
// or one that the caller must look at more closely. b has padding bytes after its last one. The value is the float64
// nearest to the text, as strconv.ParseFloat gives it.
func scanFloat(t *powers, b []byte, i int) (f float64, next int, ok bool) {
	start := i
	neg := b[i] == '-'
	if neg || b[i] == '+' {
		i++
	}
	first := i
	var m uint64
	for b[i]-'0' <= 9 {
		m = m*10 + uint64(b[i]-'0')
		i++
	}
	digits := i - first
	if digits > 1 && b[first] == '0' {
		return 0, start, false // "007" is a name, not a number
	}
	exp := 0
	if b[i] == '.' {
		i++
		point := i
		for i+8 <= len(b) {
			v := binary.LittleEndian.Uint64(b[i:])
			if !eightDigits(v) {
				break
			}
			m = m*100_000_000 + eightValue(v)
			i += 8
		}
		for b[i]-'0' <= 9 {
			m = m*10 + uint64(b[i]-'0')
			i++
		}
		exp = point - i
		digits -= exp
	}
	if digits == 0 {
		return 0, start, false
	}
	if b[i]|0x20 == 'e' {
		var e int
		if e, i, ok = scanExponent(b, i+1); !ok {
			return 0, start, false
		}
		exp += e
	}
	if digits > 19 && !fits(b[first:i]) {
		return parseSlow(b[start:i], i)
	}
	if f, ok = decimal(t, m, exp); !ok {
		return parseSlow(b[start:i], i)
	}
	if neg {
		f = -f
	}
	return f, i, true
}

// scanExponent reads the digits after an 'e', with their sign. Larger ones than 9,999 overflow or vanish alike.
func scanExponent(b []byte, i int) (e, next int, ok bool) {
	neg := b[i] == '-'
	if neg || b[i] == '+' {
		i++
	}
	first := i
	for b[i]-'0' <= 9 {
		e = min(e*10+int(b[i]-'0'), 9999)
		i++
	}
	if neg {
		e = -e
	}
	return e, i, i > first
}

// fits tells whether a number's digits, leading zeros apart, fit in a uint64.
func fits(text []byte) bool {
	digits := 0
	for _, c := range text {
		if c|0x20 == 'e' {
			break
		}
		if c != '.' && (digits > 0 || c != '0') {
			digits++
		}
	}
	return digits <= 19
}

// parseSlow lets strconv decide; a number too large for a float64 is an infinity, as pandas reads it.
func parseSlow(text []byte, next int) (float64, int, bool) {
	f, err := strconv.ParseFloat(string(text), 64)
	return f, next, err == nil || math.IsInf(f, 0)
}

// eightDigits tells whether all eight bytes are decimal digits; eightValue then gives their value.
// Source: D. Lemire, "Quickly parsing eight digits", 2018.
func eightDigits(v uint64) bool {
	return v&0xF0F0F0F0F0F0F0F0|(v+0x0606060606060606)&0xF0F0F0F0F0F0F0F0>>4 == 0x3333333333333333
}

func eightValue(v uint64) uint64 {
	v -= 0x3030303030303030
	v = v*10 + v>>8
	return (v&0x000000FF000000FF*0x000F424000000064 + v>>16&0x000000FF000000FF*0x0000271000000001) >> 32
}

// decimal gives the float64 nearest to m times ten to the exp, or false where 128 bits do not decide it.
// Source: D. Lemire, "Number Parsing at a Gigabyte per Second", 2021, arXiv:2101.11408, sections 5-7.
func decimal(t *powers, m uint64, exp int) (float64, bool) {
	if m < 1<<53 && -22 <= exp && exp <= 22 {
		if exp < 0 {
			return float64(m) / exactPowers[-exp], true
		}
		return float64(m) * exactPowers[exp], true
	}
	if m == 0 {
		return 0, true
	}
	if exp < minPower || exp > maxPower {
		return 0, false
	}
	shift := bits.LeadingZeros64(m)
	m <<= uint(shift)
	power := &t[exp-minPower]
	hi, lo := bits.Mul64(m, power[0])
	if hi&0x1FF == 0x1FF && lo+m < m {
		// The power's lower half may carry into the bits that decide.
		high, low := bits.Mul64(m, power[1])
		sum, carry := bits.Add64(lo, high, 0)
		hi += carry
		if hi&0x1FF == 0x1FF && sum+1 == 0 && low+m < m {
			return 0, false
		}
		lo = sum
	}
	top := hi >> 63
	mantissa := hi >> (top + 9)
	if lo == 0 && hi&0x1FF == 0 && mantissa&3 == 1 {
		return 0, false // half way between two floats, as far as can be seen
	}
	// floor(exp * log2(10)) is exact as a 16-bit fixed-point product for |exp| < 400.
	exp2 := uint64(217706*exp>>16+64+1023) - uint64(shift) - (1 ^ top)
	mantissa = (mantissa + mantissa&1) >> 1
	if mantissa>>53 > 0 {
		mantissa >>= 1
		exp2++
	}
	return math.Float64frombits(exp2<<52 | mantissa&(1<<52-1)), true
}
