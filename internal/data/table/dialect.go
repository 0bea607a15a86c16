package table

import (
	"bytes"
	"strconv"

	"lathe"
)

// Dialect is how a file is written: found out, or given.
type Dialect struct {
	Delimiter byte `json:"delimiter"` // ',', '\t', ';' or '|'
	Header    bool `json:"header"`    // the first line names the columns
}

// Header says whether the first line names the columns.
type Header uint8

// HeaderAuto finds out: the first line is a header when a column's values are numbers below a text, and otherwise
// when all its cells are texts that differ.
const (
	HeaderAuto Header = iota
	HeaderYes
	HeaderNo
)

// delimiters are tried in this order; a tie goes to the first.
const delimiters = ",\t;|"

// The dialect is decided by the first 200 records, or 100,000 cells where records are wide; no record is cut into more
// fields than any limit on columns should be.
const (
	sampleRecords = 200
	sampleCells   = 100_000
	maxCut        = 1_000_000
)

// findDelimiter picks the delimiter that cuts most of the sample into records of the same number of fields.
func findDelimiter(head []byte) byte {
	best, bestScore := byte(','), 0
	for _, d := range []byte(delimiters) {
		counts := map[int]int{}
		for _, record := range sample(head, d) {
			counts[len(record)]++
		}
		score := 0
		for fields, n := range counts {
			if fields > 1 {
				score = max(score, n*1000+min(fields, 999))
			}
		}
		if score > bestScore {
			best, bestScore = d, score
		}
	}
	return best
}

// sample cuts the first records out of head, which holds whole records; it forgives what the parser will report.
func sample(head []byte, delimiter byte) [][][]byte {
	var records [][][]byte
	for i, cells := 0, 0; i < len(head) && len(records) < sampleRecords && cells < sampleCells; {
		var record [][]byte
		record, i = cutRecord(head, i, delimiter)
		cells += len(record)
		if len(record) > 1 || len(record[0]) > 0 {
			records = append(records, record)
		}
	}
	return records
}

// cutRecord cuts the record at data[i:] into fields without quotes around them, and gives the place after it.
func cutRecord(data []byte, i int, delimiter byte) ([][]byte, int) {
	var record [][]byte
	for {
		var field []byte
		if i < len(data) && data[i] == '"' {
			end := closeQuote(data, i)
			if end < 0 {
				return append(record, data[i+1:]), len(data)
			}
			field = bytes.ReplaceAll(data[i+1:end], []byte(`""`), []byte(`"`))
			i = end + 1 + plainLength(data[end+1:], delimiter)
		} else {
			n := plainLength(data[i:], delimiter)
			field = bytes.TrimSuffix(data[i:i+n], []byte{'\r'})
			i += n
		}
		record = append(record, field)
		if len(record) > maxCut {
			return record, skipLine(data, i)
		}
		if i >= len(data) || data[i] == '\n' {
			return record, i + 1
		}
		i++
	}
}

// skipLine gives the place after the next line break.
func skipLine(data []byte, i int) int {
	if n := bytes.IndexByte(data[i:], '\n'); n >= 0 {
		return i + n + 1
	}
	return len(data)
}

// plainLength counts the bytes before the next delimiter or line break.
func plainLength(data []byte, delimiter byte) int {
	for i, c := range data {
		if c == delimiter || c == '\n' {
			return i
		}
	}
	return len(data)
}

// closeQuote gives the place of the quote that closes the one at data[i], or -1. Doubled quotes stand for one.
func closeQuote(data []byte, i int) int {
	for i++; ; i += 2 {
		n := bytes.IndexByte(data[i:], '"')
		if n < 0 {
			return -1
		}
		i += n
		if i+1 >= len(data) || data[i+1] != '"' {
			return i
		}
	}
}

// findHeader decides whether the first record names the columns.
func findHeader(records [][][]byte) bool {
	if len(records) == 0 {
		return false
	}
	numbers := false
	for c, cell := range records[0] {
		if isNumber(cell) {
			numbers = true
		} else if classify(cell) != classMissing && numbersBelow(records[1:], c) {
			return true
		}
	}
	return !numbers
}

func isNumber(cell []byte) bool { return classify(cell)&(classInt|classFloat|classBig) != 0 }

// numbersBelow tells whether column c holds numbers alone, and at least one.
func numbersBelow(records [][][]byte, c int) bool {
	found := false
	for _, record := range records {
		if c >= len(record) || classify(record[c]) == classMissing {
			continue
		}
		if !isNumber(record[c]) {
			return false
		}
		found = true
	}
	return found
}

// checkNames reports names that are empty, too long or given twice, and too many of them.
func checkNames(names []string, limits Limits) error {
	if len(names) > limits.Columns {
		return tooManyColumns(len(names), limits.Columns)
	}
	seen := make(map[string]int, len(names))
	for i, name := range names {
		at := strconv.Itoa(i + 1)
		if name == "" {
			return emptyName(i + 1)
		}
		if len(name) > maxName {
			return lathe.Errorf(lathe.CodeTooLarge, "table: csv: the name of column %s has %d bytes, more than %d", at, len(name), maxName).
				WithField("column " + at).WithHint("is the first line a header? If not, say that the file has none; otherwise shorten the name")
		}
		if first, ok := seen[name]; ok {
			return lathe.Errorf(lathe.CodeInvalid, "table: csv: column %s appears twice, as column %d and %s", quote(name), first, at).
				WithField(name).WithHint("rename or remove one of them in the file's first line")
		}
		seen[name] = i + 1
	}
	return nil
}

// maxName bounds a column's name in bytes: names appear in errors, charts and every package.
const maxName = 1024

func emptyName(at int) error {
	e := lathe.Errorf(lathe.CodeInvalid, "table: csv: column %d has no name", at).WithField("column " + strconv.Itoa(at))
	if at == 1 {
		return e.WithHint("pandas writes its row index as a first column without a name: use to_csv(FILE, index=False), or name the column in the first line")
	}
	return e.WithHint("name every column in the file's first line, or remove a delimiter at the lines' ends")
}

func tooManyColumns(n, limit int) error {
	return lathe.Errorf(lathe.CodeTooLarge, "table: csv: the first line has %d columns, more than the limit of %d", n, limit).
		WithHint("keep the columns that matter, or turn the table if its rows and columns are swapped; if lines break at the wrong place, check the delimiter")
}
