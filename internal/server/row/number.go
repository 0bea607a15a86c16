package row

import (
	"strconv"
	"unsafe"

	"lathe"
)

// exactPowers are the powers of ten that float64 holds exactly. With a mantissa below 2^53 one multiplication or division
// then rounds once, and correctly (Clinger 1990, the fast path); everything else is left to strconv.
var exactPowers = [...]float64{
	1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
	1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
}

// number is a JSON number as it was read.
type number struct {
	text  []byte
	float float64
	whole bool // written without point and exponent
}

// scanNumber reads the JSON number at data[at:]; next is the place after it, or at where none stands there. The value is
// the float64 nearest to the text.
func scanNumber(data []byte, at int) (n number, next int, err error) {
	i := at
	negative := i < len(data) && data[i] == '-'
	if negative {
		i++
	}
	first := i
	var mantissa uint64
	for i < len(data) && data[i]-'0' <= 9 {
		mantissa = mantissa*10 + uint64(data[i]-'0')
		i++
	}
	digits := i - first
	if digits == 0 || digits > 1 && data[first] == '0' {
		return number{}, at, nil
	}
	n.whole = true
	exponent := 0
	if i < len(data) && data[i] == '.' {
		i++
		point := i
		for i < len(data) && data[i]-'0' <= 9 {
			mantissa = mantissa*10 + uint64(data[i]-'0')
			i++
		}
		if i == point {
			return number{}, at, nil
		}
		n.whole = false
		digits += i - point
		exponent = point - i
	}
	if i < len(data) && data[i]|0x20 == 'e' {
		written, after, ok := scanExponent(data, i+1)
		if !ok {
			return number{}, at, nil
		}
		n.whole = false
		exponent, i = exponent+written, after
	}
	n.text = data[at:i]
	if digits <= 19 && mantissa < 1<<53 && exponent >= -22 && exponent <= 22 {
		n.float = exact(mantissa, exponent, negative)
		return n, i, nil
	}
	n.float, err = strconv.ParseFloat(unsafe.String(&n.text[0], len(n.text)), 64) // the text outlives the call
	if err != nil {
		return n, i, lathe.Errorf(lathe.CodeInvalid, "the number %s is out of range", short(string(n.text)))
	}
	return n, i, nil
}

func exact(mantissa uint64, exponent int, negative bool) float64 {
	f := float64(mantissa)
	if exponent < 0 {
		f /= exactPowers[-exponent]
	} else {
		f *= exactPowers[exponent]
	}
	if negative {
		return -f
	}
	return f
}

// scanExponent reads what follows the e. A value beyond any float64's is capped; strconv sees the text anyway.
func scanExponent(data []byte, i int) (value, next int, ok bool) {
	sign := 1
	if i < len(data) && (data[i] == '+' || data[i] == '-') {
		if data[i] == '-' {
			sign = -1
		}
		i++
	}
	first := i
	for i < len(data) && data[i]-'0' <= 9 {
		value = min(value*10+int(data[i]-'0'), 100_000)
		i++
	}
	return sign * value, i, i > first
}

// int64 gives the number as a whole one, where it is written as one and fits.
func (n number) int64() (int64, bool) {
	if !n.whole || len(n.text) > 20 {
		return 0, false
	}
	v, err := strconv.ParseInt(unsafe.String(&n.text[0], len(n.text)), 10, 64)
	return v, err == nil
}

// isUint64 tells whether the number is written as a whole one that fits uint64.
func (n number) isUint64() bool {
	if !n.whole || len(n.text) > 20 {
		return false
	}
	_, err := strconv.ParseUint(unsafe.String(&n.text[0], len(n.text)), 10, 64)
	return err == nil
}
