// Package eval measures predictions: scikit-learn's metrics under their names, with bootstrap intervals, paired
// comparisons and curves.
//
// Binary, Multiclass and Regression each give a Report; CompareBinary and its like say whether two models differ; ROC,
// PrecisionRecall and Thresholds feed plots. Values equal scikit-learn 1.9's to 1e-9, with sample weights and ties, and
// zero_division=0. Where scikit-learn gives nan with a warning, the metric is left out and Report.Omitted says why, since
// JSON has no nan and a leaderboard should not guess.
package eval

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
)

// Options of a report. The zero value is what scikit-learn does, with 1,000 resamples.
type Options struct {
	Weights    []float64 // one a row, at least 0; nil: 1 each
	Threshold  float64   // binary: positive when the probability is above it (see Positive); 0: 0.5
	Resamples  int       // bootstrap resamples; 0: 1,000, fewer beyond 50,000 rows (see Report.Resamples); negative: no intervals
	Seed       uint64    // of the bootstrap
	Confidence float64   // of the intervals; 0: 0.95
	Workers    int       // goroutines of the bootstrap; 0: one a CPU. The result does not depend on it
}

// Report is what was measured on one set of rows.
type Report struct {
	Rows      int               `json:"rows"`
	Metrics   Metrics           `json:"metrics"`
	Intervals Intervals         `json:"intervals,omitempty"` // percentile bootstrap
	Omitted   map[string]string `json:"omitted,omitempty"`   // metric -> why it is not defined here
	Confusion [][]float64       `json:"confusion,omitempty"` // [truth][predicted], sums of weights
	Resamples int               `json:"resamples,omitempty"` // bootstrap resamples that were drawn
}

// Metrics maps a metric's name to its value; its JSON is sorted by name whatever the encoder's options.
type Metrics map[string]float64

// MarshalJSON sorts by name.
func (m Metrics) MarshalJSON() ([]byte, error) { return json.Marshal(map[string]float64(m)) }

// Intervals maps a metric's name to the ends of its interval, low and high; its JSON is sorted by name.
type Intervals map[string][2]float64

// MarshalJSON sorts by name.
func (m Intervals) MarshalJSON() ([]byte, error) { return json.Marshal(map[string][2]float64(m)) }

// HigherIsBetter tells in which direction a metric improves. Unknown names count as scores, which rise.
func HigherIsBetter(metric string) bool {
	switch metric {
	case "log_loss", "brier", "ece", "rmse", "mae":
		return false
	}
	return true
}

// Positive is the decision for a probability: strictly above the threshold, as Keras and the classifiers of
// scikit-learn decide. Whoever turns probabilities into labels must use it, or accuracy here is not accuracy there.
func Positive(probability, threshold float64) bool { return probability > threshold }

// Binary measures the probability of class 1. truth is 0 or 1 and probability within [0, 1], both [N], N at least 1.
// The error names the first row that is not so.
//
// Metrics: accuracy, balanced_accuracy, precision, recall, f1 (of class 1; also with _macro, _micro and _weighted), mcc,
// roc_auc, average_precision, log_loss, brier, ece (15 bins of the probability).
func Binary(truth []int, probability []float64, o Options) (Report, error) {
	s, err := newBinary(truth, probability, o)
	if err != nil {
		return Report{}, fmt.Errorf("eval: binary: %w", err)
	}
	return s.report(o), nil
}

// Multiclass measures the probabilities of several classes. truth is [N] with values in [0, classes), probability is
// [N classes] row-major, each row summing to 1 within 0.001; classes is at least 2. The predicted class is the first of
// the most probable.
//
// Metrics: accuracy, balanced_accuracy, precision_macro, precision_micro, precision_weighted (so too recall_ and f1_),
// mcc, roc_auc and average_precision (each class against the rest, macro average), log_loss, brier (summed over classes),
// ece (15 bins of the winner's probability). As in scikit-learn, macro averages run over the classes that occur in truth
// or prediction; roc_auc and average_precision need every class to occur.
func Multiclass(truth []int, probability []float64, classes int, o Options) (Report, error) {
	s, err := newMulticlass(truth, probability, classes, o)
	if err != nil {
		return Report{}, fmt.Errorf("eval: multiclass: %w", err)
	}
	return s.report(o), nil
}

// Regression measures predicted values; both slices are [N], finite, N at least 1. Metrics: rmse, mae, r2. r2 of a
// constant truth is 1 where every prediction is right, else 0, as scikit-learn's force_finite has it.
func Regression(truth, predicted []float64, o Options) (Report, error) {
	s, err := newRegression(truth, predicted, o)
	if err != nil {
		return Report{}, fmt.Errorf("eval: regression: %w", err)
	}
	return measure(s, len(truth), o), nil
}

func (s *classifier) report(o Options) Report {
	r := measure(s, len(s.rows), o)
	r.Confusion = s.confusionMatrix()
	return r
}

// scorer computes all metrics of a task on the rows of a resample. It is safe for concurrent use.
type scorer interface {
	names() []string
	// score writes one value a name to out, NaN where it is not defined. counts says how often each row was drawn.
	score(counts []uint32, out []float64)
	// why explains a metric that is not defined.
	why(name string) string
}

func measure(s scorer, rows int, o Options) Report {
	values := point(s, rows)
	r := Report{Rows: rows, Metrics: Metrics{}}
	for i, name := range s.names() {
		if !math.IsNaN(values[i]) {
			r.Metrics[name] = values[i]
			continue
		}
		if r.Omitted == nil {
			r.Omitted = map[string]string{}
		}
		r.Omitted[name] = s.why(name)
	}
	if r.Resamples = o.resamples(rows); r.Resamples > 0 {
		r.Intervals = Intervals{}
		drawn := bootstrap(rows, r.Resamples, o, s)
		for i, name := range s.names() {
			if interval, ok := o.interval(column(drawn, i)); ok {
				r.Intervals[name] = interval
			}
		}
	}
	return r
}

// point scores every row once.
func point(s scorer, rows int) []float64 {
	ones := make([]uint32, rows)
	for i := range ones {
		ones[i] = 1
	}
	out := make([]float64, len(s.names()))
	s.score(ones, out)
	return out
}

// weights checks the weights against n rows, and gives ones where there are none.
func (o Options) weights(n int) ([]float64, error) {
	if n == 0 {
		return nil, errors.New("no rows")
	}
	w, sum := o.Weights, 0.0
	if w == nil {
		w = make([]float64, n)
		for i := range w {
			w[i] = 1
		}
	}
	if len(w) != n {
		return nil, fmt.Errorf("%d weights for %d rows", len(w), n)
	}
	for i, v := range w {
		if !(v >= 0) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("row %d: weight %v is not a finite number of at least 0", i, v)
		}
		sum += v
	}
	if sum == 0 || math.IsInf(sum, 0) {
		return nil, fmt.Errorf("the weights sum to %v", sum)
	}
	return w, nil
}
