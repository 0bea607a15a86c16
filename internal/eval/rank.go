package eval

import (
	"math"
	"slices"
)

// ranking is the rows by falling probability of one class. It is sorted once; a resample only changes the counts.
type ranking []ranked

type ranked struct {
	row      int32
	positive bool
	last     bool // of the rows with this probability
}

func rank(n int, probability func(int) float64, positive func(int) bool) ranking {
	out := make(ranking, n)
	for i := range out {
		out[i] = ranked{row: int32(i), positive: positive(i)}
	}
	slices.SortStableFunc(out, func(a, b ranked) int {
		switch pa, pb := probability(int(a.row)), probability(int(b.row)); {
		case pa > pb:
			return -1
		case pa < pb:
			return 1
		}
		return 0
	})
	for i := range out {
		out[i].last = i == n-1 || probability(int(out[i].row)) != probability(int(out[i+1].row))
	}
	return out
}

// areas gives the area under the ROC curve by trapezoids (a tie counts one half), NaN where a class has no weight, and
// the average precision, the sum of precision times the step in recall, NaN where there is nothing to recall.
// weights are those of the resample, by row.
func (r ranking) areas(weights []float64) (auc, precision float64) {
	var tp, fp, tpBefore, fpBefore float64
	for _, x := range r {
		w := weights[x.row]
		if x.positive {
			tp += w
		} else {
			fp += w
		}
		if !x.last {
			continue
		}
		auc += (fp - fpBefore) * (tp + tpBefore) / 2
		if tp > tpBefore {
			precision += (tp - tpBefore) * tp / (tp + fp)
		}
		tpBefore, fpBefore = tp, fp
	}
	if tp == 0 {
		return math.NaN(), math.NaN()
	}
	if fp == 0 {
		return math.NaN(), precision / tp
	}
	return auc / (tp * fp), precision / tp
}
