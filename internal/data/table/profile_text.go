package table

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text draws the profile for a terminal: a line a column with a small histogram, or the most frequent values, and then
// the warnings with their hints.
func (p *Profile) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s rows, %s columns\n\n", thousands(p.Rows), thousands(len(p.Columns)))
	width := 6
	for i := range p.Columns {
		width = max(width, min(nameWidth, utf8.RuneCountInString(p.Columns[i].Name)))
	}
	fmt.Fprintf(&b, "  %-*s  %-10s  %9s  %9s\n", width, "column", "type", "distinct", "missing")
	for i := range p.Columns {
		c := &p.Columns[i]
		distinct := thousands(c.Distinct)
		if c.Estimated {
			distinct = "~" + distinct
		}
		line := fmt.Sprintf("  %s  %-10s  %9s  %9s  %s", pad(clean(c.Name), width), c.Type, distinct, share(c.Missing, p.Rows), c.picture())
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	if len(p.Warnings) > 0 {
		b.WriteString("\n")
	}
	for _, w := range p.Warnings {
		if w.Column != "" {
			fmt.Fprintf(&b, "  warning: %s: %s\n     hint: %s\n", clean(w.Column), clean(w.Message), w.Hint)
		} else {
			fmt.Fprintf(&b, "  warning: %s\n     hint: %s\n", clean(w.Message), w.Hint)
		}
	}
	return b.String()
}

// nameWidth is where long names are cut in a terminal of 80 columns or more.
const nameWidth = 24

// picture shows the values: numbers as bars between their least and greatest, others by their most frequent ones.
func (p *ColumnProfile) picture() string {
	if p.Numbers != nil && p.Type != Identifier && p.Type != Constant {
		n := p.Numbers
		return fmt.Sprintf("%s %s %s  mean %s  std %s", short(n.Min), bars(n.Histogram.Counts), short(n.Max), short(n.Mean), short(n.Std))
	}
	var parts []string
	for _, t := range p.Top[:min(3, len(p.Top))] {
		parts = append(parts, pad(clean(t.Value), 0)+" "+share(t.Count, p.Count))
	}
	return strings.Join(parts, ", ")
}

// bars draws counts as eighths of a line's height; whatever is not empty shows.
func bars(counts []int) string {
	most := 1
	for _, n := range counts {
		most = max(most, n)
	}
	var b strings.Builder
	for _, n := range counts {
		if n == 0 {
			b.WriteRune(' ')
			continue
		}
		b.WriteRune([]rune("▁▂▃▄▅▆▇█")[(n*8-1)/most])
	}
	return b.String()
}

// pad cuts a text at nameWidth and fills it up to width, both in runes.
func pad(s string, width int) string {
	runes := []rune(s)
	if len(runes) > nameWidth {
		runes = append(runes[:nameWidth-1], '…')
	}
	return string(runes) + strings.Repeat(" ", max(0, width-len(runes)))
}

// clean takes out what could command a terminal.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}

func short(f float64) string { return strconv.FormatFloat(f, 'g', 4, 64) }

func share(n, of int) string {
	if n == 0 || of == 0 {
		return "0"
	}
	percent := 100 * float64(n) / float64(of)
	if percent < 0.1 {
		return "<0.1 %"
	}
	return strconv.FormatFloat(math.Round(percent*10)/10, 'f', -1, 64) + " %"
}

func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
