package feature

import (
	"math"
	"time"

	"lathe"
	"lathe/internal/data/table"
)

// clockParts are what a date-time gives, in UTC.
var clockParts = [...]string{"seconds", "year", "month", "day", "weekday", "hour"}

const clockCount = len(clockParts)

// clockCycles are the parts that come round, with where they start and how long they are.
var clockCycles = [...]struct {
	part          int
	start, length float64
}{{2, 1, 12}, {4, 0, 7}, {5, 0, 24}}

// clock standardises the parts of a date-time. A missing one is the mean of each part, which is 0 once scaled.
type clock struct {
	Mean      []float64 `json:"mean"`
	Std       []float64 `json:"std"`
	Cyclic    bool      `json:"cyclic"`
	Indicator bool      `json:"indicator"`

	parser table.TimeParser
}

func split(t time.Time) [clockCount]float64 {
	t = t.UTC()
	seconds := float64(t.Unix()) + float64(float64(t.Nanosecond())*1e-9)
	return [clockCount]float64{seconds, float64(t.Year()), float64(t.Month()), float64(t.Day()), float64(t.Weekday()), float64(t.Hour())}
}

func fitClock(c *lathe.Column, o Options) (*clock, error) {
	var parser table.TimeParser
	var parts [clockCount][]float64
	for i, text := range c.Strings {
		if c.IsMissing(i) {
			continue
		}
		t, ok := parser.Parse(text)
		if !ok {
			return nil, refuseTime(c.Name, i)
		}
		for k, v := range split(t) {
			parts[k] = append(parts[k], v)
		}
	}
	k := &clock{Mean: make([]float64, clockCount), Std: make([]float64, clockCount), Cyclic: o.Cyclic, Indicator: countMissing(c) > 0}
	for i := range parts {
		k.Mean[i], k.Std[i] = moments(parts[i], 0, 0)
	}
	return k, nil
}

// refuseTime leaves the value out: the field and row say where it is.
func refuseTime(name string, row int) error {
	return lathe.Errorf(lathe.CodeInvalid, "feature: %s is no date-time in row %d", name, row).WithField(name).
		WithHint("write date-times as 2026-11-23T17:30:00Z or 2026-11-23 17:30:00 (without a zone: UTC)")
}

func (k *clock) prepare() {}

func (k *clock) width() int {
	n := clockCount
	if k.Cyclic {
		n += 2 * len(clockCycles)
	}
	if k.Indicator {
		n++
	}
	return n
}

func (k *clock) names(to []string, column string) []string {
	for _, part := range clockParts {
		to = append(to, column+"."+part)
	}
	if k.Cyclic {
		for _, c := range clockCycles {
			to = append(to, column+"."+clockParts[c.part]+"_sin", column+"."+clockParts[c.part]+"_cos")
		}
	}
	if k.Indicator {
		to = append(to, column+"_missing")
	}
	return to
}

func (k *clock) fill(dst []float32, stride int, in *input, c *lathe.Column, from, to int) error {
	width := k.width()
	for row, at := from, 0; row < to; row, at = row+1, at+stride {
		out := dst[at : at+width]
		clear(out)
		if c.IsMissing(row) {
			if err := in.refuseMissing(row); err != nil {
				return err
			}
			if k.Indicator {
				out[width-1] = 1
			}
			continue
		}
		if c.Kind != lathe.String {
			return in.refuseKind(c, row)
		}
		t, ok := k.parser.Parse(c.Strings[row])
		if !ok {
			return refuseTime(in.Name, row)
		}
		if err := k.put(out, in, split(t), row); err != nil {
			return err
		}
	}
	return nil
}

func (k *clock) put(out []float32, in *input, parts [clockCount]float64, row int) error {
	for i, v := range parts {
		out[i] = float32((v - k.Mean[i]) / k.Std[i])
		if out[i]-out[i] != 0 {
			return refuseValue(in, v, row)
		}
	}
	if !k.Cyclic {
		return nil
	}
	for i, c := range clockCycles {
		sin, cos := math.Sincos(2 * math.Pi * (parts[c.part] - c.start) / c.length)
		out[clockCount+2*i], out[clockCount+2*i+1] = float32(sin), float32(cos)
	}
	return nil
}

func (k *clock) describe(d *lathe.Input) {
	// Within the years that time.Time prints as RFC 3339.
	seconds := max(-62135596800, min(253402300799, k.Mean[0]))
	d.Example = time.Unix(int64(seconds), 0).UTC().Format(time.RFC3339)
}

func (k *clock) check() error {
	if len(k.Mean) != clockCount || len(k.Std) != clockCount {
		return corrupt("a date-time has %d means and %d stds, expected %d", len(k.Mean), len(k.Std), clockCount)
	}
	for i := range k.Mean {
		if err := checkScale("mean and std", k.Std[i], k.Mean[i]); err != nil {
			return err
		}
	}
	return nil
}
