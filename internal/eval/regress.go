package eval

import (
	"fmt"
	"math"
)

// regressor scores values. Truth is held relative to its mean, so that sums of squares do not cancel.
type regressor []valueRow

type valueRow struct{ truth, residual, weight float64 }

func newRegression(truth, predicted []float64, o Options) (regressor, error) {
	w, err := o.weights(len(truth))
	if err != nil {
		return nil, err
	}
	if len(predicted) != len(truth) {
		return nil, fmt.Errorf("%d predictions for %d rows", len(predicted), len(truth))
	}
	s, mean, total := make(regressor, len(truth)), 0.0, 0.0
	for i, y := range truth {
		residual := y - predicted[i]
		if math.IsNaN(residual) || math.IsInf(residual, 0) {
			return nil, fmt.Errorf("row %d: truth %v and prediction %v are not both finite", i, y, predicted[i])
		}
		s[i] = valueRow{y, residual, w[i]}
		total += w[i]
		mean += (y - mean) * ratio(w[i], total)
	}
	for i := range s {
		s[i].truth -= mean
	}
	return s, nil
}

func (regressor) names() []string { return []string{"rmse", "mae", "r2"} }

func (regressor) why(string) string { return "needs at least two rows" }

func (s regressor) score(counts []uint32, out []float64) {
	var rows uint64
	var weight, squares, absolute, truth, truths float64
	low, high := math.Inf(1), math.Inf(-1)
	for i, count := range counts {
		if count == 0 {
			continue
		}
		r := &s[i]
		w := float64(count) * r.weight
		rows += uint64(count)
		weight += w
		squares += w * r.residual * r.residual
		absolute += w * math.Abs(r.residual)
		truth += w * r.truth
		truths += w * r.truth * r.truth
		if w > 0 {
			low, high = min(low, r.truth), max(high, r.truth)
		}
	}
	out[0], out[1] = math.Sqrt(squares/weight), absolute/weight
	out[2] = r2(squares, truths-truth*truth/weight, rows, high > low)
	if weight == 0 {
		out[2] = math.NaN()
	}
}

// r2 is 1 minus the squares of the residuals over those of the truth about its mean.
func r2(residual, truth float64, rows uint64, varies bool) float64 {
	switch {
	case rows < 2:
		return math.NaN()
	case varies && truth > 0:
		return 1 - residual/truth
	case residual == 0:
		return 1
	}
	return 0
}
