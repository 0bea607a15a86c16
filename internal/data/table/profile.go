package table

import (
	"cmp"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"lathe"
)

// Profile describes a table as it was when data arrived. Its JSON names are stable.
type Profile struct {
	Rows       int             `json:"rows"`
	Duplicates int             `json:"duplicates"` // rows equal to an earlier one
	Columns    []ColumnProfile `json:"columns"`
	Warnings   []Warning       `json:"warnings"`
}

// ColumnProfile describes one column. Numbers has the statistics of integer and float columns.
type ColumnProfile struct {
	Name      string         `json:"name"`
	Kind      lathe.Kind     `json:"kind"`
	Type      string         `json:"type"`
	Count     int            `json:"count"` // values that are there
	Missing   int            `json:"missing"`
	Distinct  int            `json:"distinct"`
	Estimated bool           `json:"estimated"` // distinct is an estimate, within about 1 %
	Numbers   *NumberProfile `json:"numbers,omitempty"`
	Top       []Top          `json:"top,omitempty"` // the most frequent values, where values repeat
}

// NumberProfile describes the finite numbers of a column. Std divides by n - 1 and quantiles interpolate, as in pandas.
type NumberProfile struct {
	Min       float64    `json:"min"`
	Max       float64    `json:"max"`
	Mean      float64    `json:"mean"`
	Std       float64    `json:"std"`
	Quantiles [5]float64 `json:"quantiles"` // at Quantiles
	Sampled   bool       `json:"sampled"`   // quantiles are of a sample
	Histogram Histogram  `json:"histogram"`
	Infinite  int        `json:"infinite"`
}

// Quantiles are the shares at which a profile gives quantiles.
var Quantiles = [5]float64{0.05, 0.25, 0.5, 0.75, 0.95}

// Histogram counts values in bins of equal width from Low to High; the last bin holds High too.
type Histogram struct {
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
	Counts []int   `json:"counts"`
}

// Top is a frequent value, as text.
type Top struct {
	Value string `json:"value"`
	Count int    `json:"count"`
}

// Warning is something to look at before training.
type Warning struct {
	Code    string `json:"code"`
	Column  string `json:"column,omitempty"`
	Message string `json:"message"`
	Hint    string `json:"hint"`
}

// Sizes of a profile. Quantiles of more values than quantileRows are taken from every k-th value: at a million the
// standard error of a median's rank is 0.05 %.
const (
	histogramBins = 20
	topValues     = 10
	topBytes      = 200
	quantileRows  = 1_000_000
)

// NewProfile describes b, whose columns mean what schema says. Columns are described on all cores.
func NewProfile(b *lathe.Batch, schema Schema) *Profile {
	p := &Profile{Rows: b.Rows, Columns: make([]ColumnProfile, len(b.Columns)), Warnings: []Warning{}}
	warnings := make([][]Warning, len(b.Columns))
	var next atomic.Int64
	var group sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(b.Columns)) {
		group.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(b.Columns)); i = next.Add(1) - 1 {
				c := &b.Columns[i]
				meaning := ""
				if info := schema.Column(c.Name); info != nil {
					meaning = info.Type
				}
				p.Columns[i] = describe(c, meaning)
				warnings[i] = p.Columns[i].warnings(c)
			}
		})
	}
	for _, again := range repeats(b, among(nil)) {
		if again {
			p.Duplicates++
		}
	}
	group.Wait()
	for _, w := range warnings {
		p.Warnings = append(p.Warnings, w...)
	}
	if p.Duplicates > 0 {
		p.Warnings = append(p.Warnings, Warning{
			Code: "duplicates", Message: fmt.Sprintf("%d of %d rows are equal to an earlier one", p.Duplicates, b.Rows),
			Hint: "drop them (lathe data clean --drop-duplicates), unless each was an event of its own",
		})
	}
	return p
}

func describe(c *lathe.Column, meaning string) ColumnProfile {
	p := ColumnProfile{Name: c.Name, Kind: c.Kind, Type: meaning, Count: c.Len() - countMissing(c)}
	p.Missing = c.Len() - p.Count
	if c.Kind == lathe.Float64 || c.Kind == lathe.Int64 {
		var sorted []float64
		p.Numbers, sorted = describeNumbers(c)
		if c.Kind == lathe.Float64 && len(sorted) == p.Count {
			p.Distinct, p.Top = runs(sorted)
			return p
		}
	}
	t := newTally()
	for i := range c.Len() {
		if !c.IsMissing(i) {
			t.add(cellHash(c, i), i)
		}
	}
	p.Distinct, p.Estimated = t.distinct()
	p.Top = t.top(c)
	return p
}

func countMissing(c *lathe.Column) int {
	n := 0
	for _, m := range c.Missing {
		if m {
			n++
		}
	}
	return n
}

// describeNumbers also gives the finite values in order, or a sample of them.
func describeNumbers(c *lathe.Column) (*NumberProfile, []float64) {
	values := numbers(c)
	n := &NumberProfile{}
	finite := values[:0]
	for _, v := range values {
		if v-v == 0 {
			finite = append(finite, v)
		}
	}
	n.Infinite = len(values) - len(finite)
	n.Histogram.Counts = []int{}
	if len(finite) == 0 {
		return n, nil
	}
	n.Min, n.Max, n.Mean = slices.Min(finite), slices.Max(finite), mean(finite)
	n.Std = deviation(finite, n.Mean)
	n.Histogram = histogram(finite, n.Min, n.Max)
	if step := (len(finite) + quantileRows - 1) / quantileRows; step > 1 {
		n.Sampled = true
		for i := 0; i*step < len(finite); i++ {
			finite[i] = finite[i*step]
		}
		finite = finite[:len(finite)/step]
	}
	SortFloats(finite)
	for i, q := range Quantiles {
		n.Quantiles[i] = quantile(finite, q)
	}
	return n, finite
}

// runs counts the distinct values of a sorted list, and gives the most frequent ones where any repeats.
func runs(sorted []float64) (distinct int, list []Top) {
	type run struct {
		value float64
		count int
	}
	var repeated []run
	for i := 0; i < len(sorted); distinct++ {
		k := i + 1
		for k < len(sorted) && sorted[k] == sorted[i] {
			k++
		}
		if k-i > 1 || distinct < topValues {
			repeated = append(repeated, run{sorted[i], k - i})
		}
		i = k
	}
	slices.SortStableFunc(repeated, func(a, b run) int { return b.count - a.count })
	for _, r := range repeated[:min(topValues, len(repeated))] {
		if r.count > 1 || distinct <= topValues {
			list = append(list, Top{string(AppendFloat(nil, r.value+0)), r.count})
		}
	}
	return distinct, list
}

// mean sums with the rounding errors kept (Neumaier), each value divided first where the sum would overflow.
func mean(values []float64) float64 {
	total, lost, n := 0.0, 0.0, float64(len(values))
	for _, v := range values {
		t := total + v
		if math.Abs(total) >= math.Abs(v) {
			lost += total - t + v
		} else {
			lost += v - t + total
		}
		total = t
	}
	if m := (total + lost) / n; m-m == 0 {
		return m
	}
	m := 0.0
	for _, v := range values {
		m += v / n
	}
	return m
}

// deviation is the sample standard deviation, 0 for one value. Its square may overflow where values are beyond 1e150;
// it is then scaled down first.
func deviation(values []float64, mean float64) float64 {
	if len(values) < 2 {
		return 0
	}
	spread := 0.0
	for _, v := range values {
		spread = max(spread, math.Abs(v/2-mean/2))
	}
	if spread == 0 {
		return 0
	}
	squares := 0.0
	for _, v := range values {
		d := (v/2 - mean/2) / spread
		squares += float64(d * d)
	}
	return min(math.MaxFloat64, 2*spread*math.Sqrt(squares/float64(len(values)-1)))
}

// quantile interpolates between the sorted values' neighbours, as pandas and numpy do by default.
func quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	low := int(at)
	if low+1 >= len(sorted) {
		return sorted[low]
	}
	share := at - float64(low)
	if share == 0 {
		return sorted[low]
	}
	return float64(sorted[low]*(1-share)) + float64(sorted[low+1]*share)
}

func histogram(values []float64, low, high float64) Histogram {
	h := Histogram{Low: low, High: high, Counts: make([]int, histogramBins)}
	width := high/histogramBins - low/histogramBins
	if width == 0 {
		h.Counts = []int{len(values)}
		return h
	}
	for _, v := range values {
		bin := int((v/histogramBins - low/histogramBins) / width * histogramBins)
		h.Counts[max(0, min(bin, histogramBins-1))]++
	}
	return h
}

// warnings lists what to look at in a column before training.
func (p *ColumnProfile) warnings(c *lathe.Column) []Warning {
	var list []Warning
	warn := func(code, hint, format string, args ...any) {
		list = append(list, Warning{Code: code, Column: p.Name, Message: fmt.Sprintf(format, args...), Hint: hint})
	}
	rows := p.Count + p.Missing
	switch {
	case p.Type == Constant && p.Count == 0:
		warn("empty", "drop the column", "no row has a value")
	case p.Type == Constant:
		warn("constant", "it says nothing and is not learnt from: drop it", "every row has the same value")
	case p.Type == Identifier:
		warn("identifier", "it is not learnt from; drop it, or check its values if it should be a category", "%d of %d values differ: it looks like an identifier", p.Distinct, p.Count)
	case p.Type == Category && p.Count >= identifierRows && 2*p.Distinct > p.Count:
		warn("many_categories", "most are too rare to learn from: group them, or drop the column", "%d of %d values differ", p.Distinct, p.Count)
	case p.Count > 0 && len(p.Top) > 0 && p.Distinct > 1 && 1000*p.Top[0].Count >= 999*p.Count:
		warn("near_constant", "check whether the few other values matter", "%d of %d values are %s", p.Top[0].Count, p.Count, quote(p.Top[0].Value))
	}
	if p.Count > 0 && 2*p.Missing > rows {
		warn("mostly_missing", "drop the column, unless that a value is there at all says something", "%d of %d rows have no value", p.Missing, rows)
	}
	if p.Numbers != nil && p.Numbers.Infinite > 0 {
		warn("infinite", "replace them before training: models take finite numbers alone", "%d values are infinite", p.Numbers.Infinite)
	}
	if c.Kind == lathe.String {
		if example := numbersAsText(c); example != "" {
			warn("numbers_as_text", "write plain numbers such as 1234.5, without separators, units or signs of currency; else they count as categories", "numbers are written as text, such as %s", quote(example))
		}
	}
	return list
}

// top lists the most frequent of the values that the tally kept, where any repeats; a tie goes to the value met first.
func (t *tally) top(c *lathe.Column) []Top {
	type entry struct{ count, row int }
	var entries []entry
	for _, e := range t.counts {
		if e.count > 1 || len(t.counts) <= topValues {
			entries = append(entries, entry(e))
		}
	}
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Or(b.count-a.count, a.row-b.row) })
	var list []Top
	for _, e := range entries[:min(topValues, len(entries))] {
		value := cellText(c, e.row)
		if len(value) > topBytes {
			value = value[:runeStart(value, topBytes)] + "..."
		}
		list = append(list, Top{value, e.count})
	}
	return list
}

// runeStart gives the last place up to n where a rune begins.
func runeStart(s string, n int) int {
	for n > 0 && s[n]&0xC0 == 0x80 {
		n--
	}
	return n
}
