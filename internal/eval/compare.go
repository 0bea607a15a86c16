package eval

import (
	"errors"
	"fmt"
	"math"
)

// Difference is one metric of two models on the same rows.
type Difference struct {
	A        float64    `json:"a"`
	B        float64    `json:"b"`
	Change   float64    `json:"change"`   // B - A
	Interval [2]float64 `json:"interval"` // of the change, by a paired bootstrap
	// BetterShare is the share of resamples in which B is better, ties counting one half: near 1 or 0 the models differ.
	BetterShare float64 `json:"better_share"`
}

// Real tells whether the interval leaves 0 out: the rows suffice to say that the models differ.
func (d Difference) Real() bool { return d.Interval[0] > 0 || d.Interval[1] < 0 }

// CompareBinary compares the probabilities that two models give the same rows; see Binary. Metrics that are not defined
// for both are left out. Both models see the same resamples, so what they have in common cancels.
func CompareBinary(truth []int, a, b []float64, o Options) (map[string]Difference, error) {
	sa, errA := newBinary(truth, a, o)
	sb, errB := newBinary(truth, b, o)
	return compare(sa, sb, len(truth), o, errA, errB)
}

// CompareMulticlass is CompareBinary for several classes; see Multiclass.
func CompareMulticlass(truth []int, a, b []float64, classes int, o Options) (map[string]Difference, error) {
	sa, errA := newMulticlass(truth, a, classes, o)
	sb, errB := newMulticlass(truth, b, classes, o)
	return compare(sa, sb, len(truth), o, errA, errB)
}

// CompareRegression is CompareBinary for values; see Regression.
func CompareRegression(truth, a, b []float64, o Options) (map[string]Difference, error) {
	sa, errA := newRegression(truth, a, o)
	sb, errB := newRegression(truth, b, o)
	return compare(sa, sb, len(truth), o, errA, errB)
}

func compare(a, b scorer, rows int, o Options, errs ...error) (map[string]Difference, error) {
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("eval: compare: %w", err)
	}
	valuesA, valuesB := point(a, rows), point(b, rows)
	resamples := o.resamples(rows)
	if resamples == 0 {
		return nil, errors.New("eval: compare: needs resamples")
	}
	drawn := bootstrap(rows, resamples, o, a, b)
	names, out := a.names(), map[string]Difference{}
	for i, name := range names {
		d := Difference{A: valuesA[i], B: valuesB[i], Change: valuesB[i] - valuesA[i]}
		changes := column(drawn, len(names)+i)
		for r := range changes {
			changes[r] -= drawn[r][i]
		}
		var ok bool
		if d.Interval, ok = o.interval(changes); !ok || math.IsNaN(d.Change) {
			continue
		}
		d.BetterShare = betterShare(changes, HigherIsBetter(name))
		out[name] = d
	}
	return out, nil
}

func betterShare(changes []float64, higher bool) float64 {
	better, defined := 0.0, 0.0
	for _, c := range changes {
		switch {
		case math.IsNaN(c):
			continue
		case c == 0:
			better += 0.5
		case c > 0 == higher:
			better++
		}
		defined++
	}
	return better / defined
}
