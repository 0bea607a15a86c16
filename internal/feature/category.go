package feature

import (
	"cmp"
	"math"
	"slices"
	"strconv"

	"lathe"
)

// category has one feature a level, in the order of Levels, then one for the rest and one for missing values.
type category struct {
	Levels []string `json:"levels"` // sorted by bytes
	Top    string   `json:"top"`    // the most frequent one
	Other  bool     `json:"other"`  // training had more levels than were kept
	Gap    bool     `json:"gap"`    // training had missing values

	index map[string]int
}

func fitCategory(c *lathe.Column, o Options) *category {
	counts := map[string]int{}
	var text [20]byte
	for i := range c.Len() {
		if !c.IsMissing(i) {
			counts[string(levelAt(c, i, text[:0]))]++
		}
	}
	levels := make([]string, 0, len(counts))
	for level := range counts {
		levels = append(levels, level)
	}
	slices.SortFunc(levels, func(a, b string) int { return cmp.Or(counts[b]-counts[a], cmp.Compare(a, b)) })
	k := &category{Top: levels[0], Other: len(levels) > o.MaxLevels, Gap: countMissing(c) > 0}
	k.Levels = levels[:min(len(levels), o.MaxLevels)]
	slices.Sort(k.Levels)
	return k
}

// levelAt appends a cell's text, so that looking it up allocates nothing.
func levelAt(c *lathe.Column, i int, text []byte) []byte {
	if c.Kind == lathe.Int64 {
		return strconv.AppendInt(text, c.Ints[i], 10)
	}
	return append(text, c.Strings[i]...)
}

func (k *category) prepare() {
	k.index = make(map[string]int, len(k.Levels))
	for i, level := range k.Levels {
		k.index[level] = i
	}
}

func (k *category) width() int {
	n := len(k.Levels)
	if k.Other {
		n++
	}
	if k.Gap {
		n++
	}
	return n
}

func (k *category) names(to []string, column string) []string {
	for _, level := range k.Levels {
		to = append(to, column+"="+level)
	}
	if k.Other {
		to = append(to, column+"=(other)")
	}
	if k.Gap {
		to = append(to, column+"=(missing)")
	}
	return to
}

func (k *category) fill(dst []float32, stride int, in *input, c *lathe.Column, from, to int) error {
	width := k.width()
	for row, at := from, 0; row < to; row, at = row+1, at+stride {
		clear(dst[at : at+width])
		if c.IsMissing(row) {
			if err := in.refuseMissing(row); err != nil {
				return err
			}
			if k.Gap {
				dst[at+width-1] = 1
			}
			continue
		}
		if c.Kind != in.Kind {
			return in.refuseKind(c, row)
		}
		if i, ok := k.find(c, row); ok {
			dst[at+i] = 1
		} else if k.Other {
			dst[at+len(k.Levels)] = 1
		}
	}
	return nil
}

func (k *category) find(c *lathe.Column, row int) (int, bool) {
	if c.Kind == lathe.String {
		i, ok := k.index[c.Strings[row]]
		return i, ok
	}
	var text [20]byte
	i, ok := k.index[string(strconv.AppendInt(text[:0], c.Ints[row], 10))]
	return i, ok
}

func (k *category) describe(d *lathe.Input) {
	d.Levels = slices.Clone(k.Levels)
	d.Unseen = "no level: all zeros"
	if k.Other {
		d.Unseen = "the rest: every category without a level of its own"
	}
	d.Example = k.Top
	if d.Kind == lathe.Int64 {
		d.Example, _ = strconv.ParseInt(k.Top, 10, 64) // checked when the pipeline was made
	}
}

func (k *category) check() error {
	if len(k.Levels) == 0 || len(k.Levels) > maxLevels {
		return corrupt("a category has %d levels, allowed are 1 to %d", len(k.Levels), maxLevels)
	}
	for i, level := range k.Levels {
		if len(level) > maxLevelBytes {
			return corrupt("a level has %d bytes, more than %d", len(level), maxLevelBytes)
		}
		if i > 0 && level <= k.Levels[i-1] {
			return corrupt("the levels are not sorted, or one appears twice")
		}
	}
	if !slices.Contains(k.Levels, k.Top) {
		return corrupt("the most frequent level is none of the levels")
	}
	return nil
}

func checkScale(what string, std float64, others ...float64) error {
	for _, v := range append(others, std) {
		if v-v != 0 {
			return corrupt("%s are not finite", what)
		}
	}
	if std <= 0 || math.IsInf(1/std, 0) {
		return corrupt("std %v is not above 0", std)
	}
	return nil
}
