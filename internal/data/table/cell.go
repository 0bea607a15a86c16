package table

import (
	"bytes"
	"math"
	"strconv"

	"lathe"
)

// class is the set of what a column's cells look like; a column's kind follows from the whole set, so that it does not
// depend on the order of rows.
type class uint32

const (
	classInt class = 1 << iota
	classFloat
	classBig // a whole number beyond int64: a float beside floats, else a string
	classBool
	classString
	classMissing class = 0
)

// kind gives the storage that holds every class in the set. A column with no value at all is float64, as in pandas.
func (c class) kind() lathe.Kind {
	switch {
	case c == classMissing:
		return lathe.Float64
	case c == classBool:
		return lathe.Bool
	case c&(classString|classBool) != 0:
		return lathe.String
	case c&classFloat != 0:
		return lathe.Float64
	case c&classBig != 0:
		return lathe.String
	default:
		return lathe.Int64
	}
}

// missing tells whether a cell is one of the texts that pandas.read_csv takes for a missing value (pandas 3,
// pandas._libs.parsers.STR_NA_VALUES); blanks around it do not matter.
func missing(cell []byte) bool {
	if len(cell) == 0 {
		return true
	}
	switch cell[0] {
	case '#', '-', '1', '<', 'N', 'n':
		switch string(cell) {
		case "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN",
			"<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null":
			return true
		}
	}
	return false
}

// boolean reads the texts that pandas takes for booleans.
func boolean(cell []byte) (value, ok bool) {
	switch string(cell) {
	case "True", "TRUE", "true":
		return true, true
	case "False", "FALSE", "false":
		return false, true
	}
	return false, false
}

// infinite reads the texts of the infinities, in any case.
func infinite(cell []byte) (float64, bool) {
	sign, word := 1, cell
	if len(cell) > 0 && (cell[0] == '-' || cell[0] == '+') {
		word = cell[1:]
		if cell[0] == '-' {
			sign = -1
		}
	}
	if len(word) != 3 && len(word) != 8 {
		return 0, false
	}
	return math.Inf(sign), bytes.EqualFold(word, []byte("inf")) || bytes.EqualFold(word, []byte("infinity"))
}

// scanInt reads a whole number that ends where the cell ends. "007" is refused: it is a name.
func scanInt(cell []byte) (int64, bool) {
	digits := cell
	if len(cell) > 0 && (cell[0] == '-' || cell[0] == '+') {
		digits = cell[1:]
	}
	if len(digits) == 0 || len(digits) > 19 || (len(digits) > 1 && digits[0] == '0') {
		return 0, false
	}
	var m uint64
	for _, c := range digits {
		if c-'0' > 9 {
			return 0, false
		}
		m = m*10 + uint64(c-'0')
	}
	if cell[0] == '-' {
		return int64(-m), m <= 1<<63
	}
	return int64(m), m < 1<<63
}

// trim takes the blanks off both ends.
func trim(cell []byte) []byte {
	for len(cell) > 0 && (cell[0] == ' ' || cell[0] == '\t') {
		cell = cell[1:]
	}
	for len(cell) > 0 && (cell[len(cell)-1] == ' ' || cell[len(cell)-1] == '\t') {
		cell = cell[:len(cell)-1]
	}
	return cell
}

// classify tells what a cell looks like. The cell needs no padding: this is the slow path.
func classify(cell []byte) class {
	cell = trim(cell)
	if missing(cell) {
		return classMissing
	}
	if _, ok := scanInt(cell); ok {
		return classInt
	}
	if _, ok := boolean(cell); ok {
		return classBool
	}
	if _, ok := scanNumber(cell); !ok {
		return classString
	}
	if whole(cell) {
		return classBig
	}
	return classFloat
}

// whole tells whether a number is written without point and exponent.
func whole(cell []byte) bool {
	for _, c := range cell {
		if c-'0' > 9 && c != '-' && c != '+' {
			return false
		}
	}
	return true
}

// scanNumber reads a number that fills the cell: the form of scanFloat, or an infinity.
func scanNumber(cell []byte) (float64, bool) {
	if f, ok := infinite(cell); ok {
		return f, true
	}
	digits, exponent := 0, false
	for i, c := range cell {
		switch {
		case c-'0' <= 9:
			digits++
		case c == '.' || c == '-' || c == '+':
		case c|0x20 == 'e' && i > 0 && !exponent && digits > 0:
			exponent = true
		default:
			return 0, false
		}
	}
	body := bytes.TrimLeft(cell, "+-")
	if digits == 0 || (len(body) > 1 && body[0] == '0' && body[1]-'0' <= 9) {
		return 0, false
	}
	f, err := strconv.ParseFloat(string(cell), 64)
	return f, err == nil || math.IsInf(f, 0)
}
