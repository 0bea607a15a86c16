package feature

import (
	"math"
	"slices"

	"lathe"
	"lathe/internal/data/table"
)

// numeric standardises numbers as scikit-learn's StandardScaler does after SimpleImputer.
type numeric struct {
	Fill      float64 `json:"fill"` // stands for a missing value, before scaling
	Mean      float64 `json:"mean"`
	Std       float64 `json:"std"` // population; 1 where the column does not vary
	Indicator bool    `json:"indicator"`
}

func fitNumeric(c *lathe.Column, o Options) (*numeric, error) {
	values := make([]float64, 0, c.Len())
	for i := range c.Len() {
		if c.IsMissing(i) {
			continue
		}
		v := numberAt(c, i)
		if v-v != 0 {
			return nil, lathe.Errorf(lathe.CodeInvalid, "feature: fit: column %s has %v in row %d", c.Name, v, i).WithField(c.Name).
				WithHint("clean the data: drop these rows, or leave the cells empty so that they are imputed")
		}
		values = append(values, v)
	}
	gaps := c.Len() - len(values)
	n := &numeric{Fill: median(values), Indicator: o.Indicator && gaps > 0}
	if o.Impute == ImputeMean {
		n.Fill, _ = moments(values, 0, 0)
	}
	n.Mean, n.Std = moments(values, n.Fill, gaps)
	if math.IsInf(n.Std, 0) || math.IsNaN(n.Std) || math.IsInf(n.Mean, 0) {
		return nil, lathe.Errorf(lathe.CodeInvalid, "feature: fit: column %s has values too large to standardise", c.Name).WithField(c.Name).
			WithHint("give the column in a larger unit, or as its logarithm")
	}
	return n, nil
}

// numberAt reads a cell of a float64 or int64 column.
func numberAt(c *lathe.Column, i int) float64 {
	if c.Kind == lathe.Int64 {
		return float64(c.Ints[i])
	}
	return c.Floats[i]
}

// median gives the middle value, or the mean of the two in the middle.
func median(values []float64) float64 {
	sorted := slices.Clone(values)
	table.SortFloats(sorted)
	n := len(sorted)
	if n == 0 {
		return 0
	}
	if n%2 == 1 {
		return sorted[n/2]
	}
	return sorted[n/2-1]/2 + sorted[n/2]/2
}

// moments gives mean and population standard deviation of values and of gaps copies of fill. Products are rounded
// by float64() before they are added, so that no machine fuses the two and all learn the same bits. A spread that rounding
// alone can make counts as none, by scikit-learn's rule (preprocessing._data._is_constant_feature), and then is 1.
func moments(values []float64, fill float64, gaps int) (mean, std float64) {
	n := float64(len(values) + gaps)
	var s sum
	s.add(float64(fill * float64(gaps)))
	for _, v := range values {
		s.add(v)
	}
	mean = s.value() / n
	var squares, rest sum
	for _, v := range values {
		d := v - mean
		squares.add(float64(d * d))
		rest.add(d)
	}
	d := fill - mean
	squares.add(float64(float64(d*d) * float64(gaps)))
	rest.add(float64(d * float64(gaps)))
	r := rest.value()
	variance := (squares.value() - float64(float64(r*r)/n)) / n
	const epsilon = 0x1p-52
	if bound := float64(n*epsilon*variance) + float64(float64(n*mean*epsilon)*float64(n*mean*epsilon)); variance <= bound {
		return mean, 1
	}
	return mean, math.Sqrt(variance)
}

// sum adds with the rounding errors kept. Source: A. Neumaier, 1974.
type sum struct{ total, lost float64 }

func (s *sum) add(v float64) {
	t := s.total + v
	if math.Abs(s.total) >= math.Abs(v) {
		s.lost += s.total - t + v
	} else {
		s.lost += v - t + s.total
	}
	s.total = t
}

func (s *sum) value() float64 { return s.total + s.lost }

func (n *numeric) prepare() {}

func (n *numeric) width() int {
	if n.Indicator {
		return 2
	}
	return 1
}

func (n *numeric) names(to []string, column string) []string {
	to = append(to, column)
	if n.Indicator {
		to = append(to, column+"_missing")
	}
	return to
}

func (n *numeric) fill(dst []float32, stride int, in *input, c *lathe.Column, from, to int) error {
	number := c.Kind == lathe.Float64 || c.Kind == lathe.Int64
	for row, at := from, 0; row < to; row, at = row+1, at+stride {
		v, gap := n.Fill, c.IsMissing(row)
		switch {
		case gap:
			if err := in.refuseMissing(row); err != nil {
				return err
			}
		case !number:
			return in.refuseKind(c, row)
		default:
			v = numberAt(c, row)
		}
		scaled := float32((v - n.Mean) / n.Std)
		if scaled-scaled != 0 {
			return refuseValue(in, v, row)
		}
		dst[at] = scaled
		if n.Indicator {
			dst[at+1] = toFloat(gap)
		}
	}
	return nil
}

// refuseValue reports NaN, an infinity, or a number that has no float32 once it is scaled.
func refuseValue(in *input, v float64, row int) error {
	e := lathe.Errorf(lathe.CodeInvalid, "feature: %s is %v in row %d, which the model cannot take", in.Name, v, row).WithField(in.Name)
	return e.WithHint("give a finite number, or leave the value out")
}

func toFloat(b bool) float32 {
	if b {
		return 1
	}
	return 0
}

func (n *numeric) describe(d *lathe.Input) {
	d.Example = n.Fill
	if d.Kind == lathe.Int64 {
		d.Example = int64(math.Round(max(-0x1p62, min(0x1p62, n.Fill))))
	}
}

func (n *numeric) check() error { return checkScale("fill, mean and std", n.Std, n.Fill, n.Mean) }

// boolean is 0 or 1, unscaled.
type boolean struct {
	Fill      bool `json:"fill"` // stands for a missing value: the more frequent one
	Indicator bool `json:"indicator"`
}

func fitBoolean(c *lathe.Column) *boolean {
	balance := 0
	for i, v := range c.Bools {
		switch {
		case c.IsMissing(i):
		case v:
			balance++
		default:
			balance--
		}
	}
	return &boolean{Fill: balance > 0, Indicator: countMissing(c) > 0}
}

func (b *boolean) prepare() {}

func (b *boolean) width() int {
	if b.Indicator {
		return 2
	}
	return 1
}

func (b *boolean) names(to []string, column string) []string {
	to = append(to, column)
	if b.Indicator {
		to = append(to, column+"_missing")
	}
	return to
}

func (b *boolean) fill(dst []float32, stride int, in *input, c *lathe.Column, from, to int) error {
	for row, at := from, 0; row < to; row, at = row+1, at+stride {
		v, gap := b.Fill, c.IsMissing(row)
		switch {
		case gap:
			if err := in.refuseMissing(row); err != nil {
				return err
			}
		case c.Kind != lathe.Bool:
			return in.refuseKind(c, row)
		default:
			v = c.Bools[row]
		}
		dst[at] = toFloat(v)
		if b.Indicator {
			dst[at+1] = toFloat(gap)
		}
	}
	return nil
}

func (b *boolean) describe(d *lathe.Input) { d.Example = b.Fill }

func (b *boolean) check() error { return nil }
