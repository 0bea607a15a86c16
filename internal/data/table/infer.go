package table

import (
	"bytes"
	"strings"

	"lathe"
)

// Infer says what each column means, from all its values:
//   - constant: one value in every row, or no value at all;
//   - boolean: stored as bool; integer and float: numbers, whichever their number of values;
//   - identifier: whole numbers or short texts of which at least 95 % differ (20 values or more); for numbers also a name
//     such as id, or one value after the other without a gap;
//   - datetime: every text is one that ParseTime reads;
//   - text: long or of many words; category: any other text.
func Infer(b *lathe.Batch) Schema {
	s := make(Schema, len(b.Columns))
	for i := range b.Columns {
		c := &b.Columns[i]
		s[i] = Field{Name: c.Name, Kind: c.Kind, Type: inferType(c)}
	}
	return s
}

// Thresholds of Infer. An identifier may repeat a little, as where rows were merged by hand; below 20 values any column
// may be unique by chance. Text is what a person reads: over 40 bytes, or 5 words, on average.
const (
	identifierShare = 0.95
	identifierRows  = 20
	textBytes       = 40
	textWords       = 5
)

func inferType(c *lathe.Column) string {
	if isConstant(c) {
		return Constant
	}
	switch c.Kind {
	case lathe.Float64:
		return Float
	case lathe.Bool:
		return Boolean
	case lathe.Int64:
		if isIntegerID(c) {
			return Identifier
		}
		return Integer
	default:
		return inferText(c)
	}
}

// isConstant tells whether a column has the same value in every row, or none in any. One value beside missing ones says
// something: that it is there.
func isConstant(c *lathe.Column) bool {
	for i := 1; i < c.Len(); i++ {
		if c.IsMissing(i) != c.IsMissing(0) || !sameCell(c, i, c, 0) {
			return false
		}
	}
	return true
}

// sameCell compares two cells of columns of one kind; missing cells are equal.
func sameCell(a *lathe.Column, i int, b *lathe.Column, k int) bool {
	if a.IsMissing(i) || b.IsMissing(k) {
		return a.IsMissing(i) && b.IsMissing(k)
	}
	switch a.Kind {
	case lathe.Float64:
		return a.Floats[i] == b.Floats[k]
	case lathe.Int64:
		return a.Ints[i] == b.Ints[k]
	case lathe.Bool:
		return a.Bools[i] == b.Bools[k]
	default:
		return a.Strings[i] == b.Strings[k]
	}
}

// isIntegerID tells keys from counts: nearly all differ, and they are named like a key or follow each other.
func isIntegerID(c *lathe.Column) bool {
	seen := make(map[int64]struct{})
	count, low, high := 0, int64(0), int64(0)
	for i, v := range c.Ints {
		if c.IsMissing(i) {
			continue
		}
		if count == 0 {
			low, high = v, v
		}
		low, high, count = min(low, v), max(high, v), count+1
		seen[v] = struct{}{}
		if count == 1000 && len(seen) < 900 {
			return false // most number columns end here
		}
	}
	if count < identifierRows || float64(len(seen)) < identifierShare*float64(count) {
		return false
	}
	return namedID(c.Name) || uint64(high)-uint64(low) == uint64(count)-1
}

// namedID tells whether a name ends in a word for a key: id, customer_id, customerId, ID, uuid, index.
func namedID(name string) bool {
	lower := strings.ToLower(name)
	for _, word := range []string{"id", "uuid", "guid", "key", "index", "rownumber", "row_number"} {
		if lower == word || strings.HasSuffix(lower, "_"+word) || strings.HasSuffix(lower, " "+word) || strings.HasSuffix(lower, "-"+word) {
			return true
		}
	}
	return strings.HasSuffix(name, "Id") || strings.HasSuffix(name, "ID") || strings.HasPrefix(lower, "unnamed: 0")
}

func inferText(c *lathe.Column) string {
	count, bytes, words := 0, 0, 0
	times := true
	var parser TimeParser
	seen := make(map[string]struct{})
	for i, v := range c.Strings {
		if c.IsMissing(i) {
			continue
		}
		count++
		bytes += len(v)
		words += wordCount(v)
		if times {
			_, times = parser.Parse(v)
		}
		if len(seen) < maxDistinct {
			seen[v] = struct{}{}
		}
	}
	long := bytes > textBytes*count || words >= textWords*count
	share := float64(len(seen)) / float64(min(count, maxDistinct))
	switch {
	case times:
		return DateTime
	case long && len(seen) > count/10:
		return Text
	case !long && count >= identifierRows && share >= identifierShare && 2*words < 3*count:
		return Identifier
	default:
		return Category
	}
}

// maxDistinct is how many distinct texts are kept to judge a column: what differs this often is no category.
const maxDistinct = 100_000

// wordCount counts words at their blanks; a run of Chinese, which has none, counts as one word for each two characters.
func wordCount(s string) int {
	words := 1 + strings.Count(s, " ")
	if wide := countWide(s); wide > 0 {
		words += wide / 2
	}
	return words
}

func countWide(s string) int {
	if bytes.IndexFunc([]byte(s), isWide) < 0 {
		return 0
	}
	n := 0
	for _, r := range s {
		if isWide(r) {
			n++
		}
	}
	return n
}

func isWide(r rune) bool { return r >= 0x2E80 && r <= 0x9FFF || r >= 0xAC00 && r <= 0xD7AF }
