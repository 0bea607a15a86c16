package table

import (
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"lathe"
)

// The parts of a split, as a split column names them.
const (
	Train      = "train"
	Validation = "validation"
	Test       = "test"
)

// Ratios are the shares of rows for train, validation and test; they add up to 1.
type Ratios [3]float64

// ParseRatios reads "0.7/0.15/0.15" or "70/15/15". The first must be above 0.
func ParseRatios(s string) (Ratios, error) {
	var r Ratios
	parts := strings.Split(s, "/")
	total := 0.0
	for i, part := range parts {
		v, err := strconv.ParseFloat(strings.TrimSpace(part), 64)
		if err != nil || len(parts) != 3 || math.IsNaN(v) || v < 0 || v > 100 || i == 0 && v == 0 {
			return r, badRatios(s)
		}
		r[i] = v
		total += v
	}
	if math.Abs(total-1) > 1e-6 && math.Abs(total-100) > 1e-4 {
		return r, badRatios(s)
	}
	for i := range r {
		r[i] /= total
	}
	return r, nil
}

func badRatios(s string) error {
	return lathe.Errorf(lathe.CodeInvalid, "table: split: %s is neither a column nor three shares", quote(s)).WithField("split").
		WithHint("give train/validation/test shares that add up to 1, such as 0.7/0.15/0.15 or 0.8/0/0.2, or a column with the values train, validation and test")
}

// SplitOptions say how to split.
type SplitOptions struct {
	Split    string // ratios or a column's name
	Target   string // rows that miss it are left out; "" for none
	Stratify string // each part gets the same share of each value of this column; "" for none; not with a column
	Seed     uint64
}

// Split lists the rows of each part in ascending order. The same table, options and seed give the same split on every
// machine and in every version.
type Split struct {
	Train, Validation, Test []int
	Column                  string // the split column, which is no feature; "" where rows were drawn
	Dropped                 int    // rows left out because they miss the target
	Duplicates              int    // rows of validation and test whose features occur in train too
}

// NewSplit splits b's rows.
func NewSplit(b *lathe.Batch, o SplitOptions) (*Split, error) {
	rows, dropped, err := labelled(b, o.Target)
	if err != nil {
		return nil, err
	}
	s := &Split{Dropped: dropped}
	if c := b.Column(o.Split); c != nil {
		err = s.byColumn(c, rows)
	} else {
		err = s.draw(b, rows, o)
	}
	if err != nil {
		return nil, err
	}
	if len(s.Train) == 0 {
		return nil, lathe.Errorf(lathe.CodeInvalid, "table: split: no row is left to train on").WithField("split").
			WithHint("add rows, or give train a larger share")
	}
	s.Duplicates = s.crossing(b, o.Target)
	return s, nil
}

// labelled lists the rows that have the target.
func labelled(b *lathe.Batch, target string) (rows []int, dropped int, err error) {
	var c *lathe.Column
	if target != "" {
		if c = b.Column(target); c == nil {
			return nil, 0, NoColumn(b, "target", target)
		}
	}
	rows = make([]int, 0, b.Rows)
	for i := range b.Rows {
		if c == nil || !c.IsMissing(i) {
			rows = append(rows, i)
		}
	}
	return rows, b.Rows - len(rows), nil
}

// byColumn takes the parts from a column. Its values are names of parts, or 0, 1 and 2.
func (s *Split) byColumn(c *lathe.Column, rows []int) error {
	s.Column = c.Name
	for _, i := range rows {
		switch strings.ToLower(cellText(c, i)) {
		case "train", "training", "0", "0.0":
			s.Train = append(s.Train, i)
		case "validation", "valid", "val", "dev", "1", "1.0":
			s.Validation = append(s.Validation, i)
		case "test", "testing", "2", "2.0":
			s.Test = append(s.Test, i)
		default:
			return lathe.Errorf(lathe.CodeInvalid, "table: split: column %s has %s in row %d", quote(c.Name), quote(cellText(c, i)), i).WithField("split").
				WithHint("its values must be train, validation (or val, valid) and test, or 0, 1 and 2")
		}
	}
	return nil
}

// draw deals shuffled rows to the parts, stratum by stratum.
func (s *Split) draw(b *lathe.Batch, rows []int, o SplitOptions) error {
	ratios, err := ParseRatios(o.Split)
	if err != nil {
		return err
	}
	strata := [][]int{slices.Clone(rows)} // shuffled in place
	if o.Stratify != "" {
		c := b.Column(o.Stratify)
		if c == nil {
			return NoColumn(b, "stratify", o.Stratify)
		}
		if strata = groups(c, rows); 2*len(strata) > len(rows) && len(rows) > 4 {
			return lathe.Errorf(lathe.CodeInvalid, "table: split: column %s has %d values in %d rows: too many to stratify by", quote(c.Name), len(strata), len(rows)).
				WithField("stratify").WithHint("stratify by a column whose values repeat, or not at all")
		}
	}
	source := rand.NewPCG(o.Seed, splitStream)
	part := make([]uint8, b.Rows)
	var due [3]float64
	for _, stratum := range strata {
		shuffle(source, stratum)
		deal(part, stratum, ratios, &due)
	}
	for _, i := range rows {
		switch part[i] {
		case 0:
			s.Train = append(s.Train, i)
		case 1:
			s.Validation = append(s.Validation, i)
		default:
			s.Test = append(s.Test, i)
		}
	}
	if ratios[1] > 0 && len(s.Validation) == 0 || ratios[2] > 0 && len(s.Test) == 0 {
		return lathe.Errorf(lathe.CodeInvalid, "table: split: %d rows are too few for parts of %s", len(rows), o.Split).WithField("split").
			WithHint("add rows, or give the small parts larger shares")
	}
	return nil
}

// splitStream sets splits apart from whatever else a seed is used for.
const splitStream = 0x73706c6974 // "split"

// deal gives each part its share of a stratum, rounded; due carries what rounding owes from stratum to stratum, so that
// the whole keeps the ratios too. Train gets a row of each stratum.
func deal(part []uint8, stratum []int, ratios Ratios, due *[3]float64) {
	at := 0
	for k := 2; k >= 1; k-- {
		want := float64(float64(len(stratum))*ratios[k]) + due[k]
		n := int(math.Floor(want + 0.5))
		n = max(0, min(n, len(stratum)-1-at))
		if ratios[k] == 0 {
			n = 0
		}
		due[k] = want - float64(n)
		for _, i := range stratum[at : at+n] {
			part[i] = uint8(k)
		}
		at += n
	}
}

// shuffle is Fisher and Yates's, on the generator's raw bits: they are fixed for ever, what rand.Rand makes of them is not.
func shuffle(source *rand.PCG, rows []int) {
	for i := len(rows) - 1; i > 0; i-- {
		k := below(source, uint64(i)+1)
		rows[i], rows[k] = rows[k], rows[i]
	}
}

// below draws from [0, n) without bias. Source: D. Lemire, "Fast Random Integer Generation in an Interval", 2019.
func below(source *rand.PCG, n uint64) uint64 {
	hi, lo := bits.Mul64(source.Uint64(), n)
	if lo < n {
		for threshold := -n % n; lo < threshold; {
			hi, lo = bits.Mul64(source.Uint64(), n)
		}
	}
	return hi
}

// groups collects the rows of each value, in the order of first rows; missing is a value of its own.
func groups(c *lathe.Column, rows []int) [][]int {
	index := map[uint64]int{}
	var list [][]int
	for _, i := range rows {
		h := cellHash(c, i)
		g, ok := index[h]
		if !ok {
			g = len(list)
			index[h] = g
			list = append(list, nil)
		}
		list[g] = append(list[g], i)
	}
	return list
}

// crossing counts rows outside train whose features are those of a row in train.
func (s *Split) crossing(b *lathe.Batch, target string) int {
	hashes := rowHashes(b, func(name string) bool { return name != target && name != s.Column })
	train := make(map[uint64]struct{}, len(s.Train))
	for _, i := range s.Train {
		train[hashes[i]] = struct{}{}
	}
	n := 0
	for _, part := range [][]int{s.Validation, s.Test} {
		for _, i := range part {
			if _, ok := train[hashes[i]]; ok {
				n++
			}
		}
	}
	return n
}
