package eval

import (
	"fmt"
	"math"
	"slices"
)

const (
	bins = 15 // of ece; Guo et al. 2017, arXiv:1706.04599
	// epsilon clips probabilities in the log-loss: that of float64, as scikit-learn does for float64 input.
	epsilon = 0x1p-52
	// sumTolerance is for rows of probabilities that were float32 and rounded again on the way.
	sumTolerance = 1e-3
)

// classifier scores labels and probabilities; binary is the case of two classes with one ranking.
type classifier struct {
	classes  int
	binary   bool
	rows     []classRow
	weights  []float64
	rankings []ranking
}

// classRow is all that the metrics need of a row, worked out once for all resamples.
type classRow struct {
	truth, predicted, bin int32
	weight                float64
	logLoss, brier        float64
	gap                   float64 // confidence minus outcome, for ece
}

func newBinary(truth []int, probability []float64, o Options) (*classifier, error) {
	w, err := o.weights(len(truth))
	if err != nil {
		return nil, err
	}
	if len(probability) != len(truth) {
		return nil, fmt.Errorf("%d probabilities for %d rows", len(probability), len(truth))
	}
	s := &classifier{classes: 2, binary: true, rows: make([]classRow, len(truth)), weights: w}
	for i, p := range probability {
		if err := checkRow(i, truth[i], 2, p); err != nil {
			return nil, err
		}
		s.rows[i] = binaryRow(truth[i], p, w[i], o.threshold())
	}
	s.rankings = []ranking{rank(len(truth), func(i int) float64 { return probability[i] }, func(i int) bool { return truth[i] == 1 })}
	return s, nil
}

func binaryRow(truth int, p, weight, threshold float64) classRow {
	r := classRow{truth: int32(truth), bin: bin(p), weight: weight, gap: p - float64(truth)}
	if Positive(p, threshold) {
		r.predicted = 1
	}
	ofTruth := p
	if truth == 0 {
		ofTruth = 1 - p
	}
	r.logLoss, r.brier = -math.Log(clip(ofTruth)), r.gap*r.gap
	return r
}

func newMulticlass(truth []int, probability []float64, classes int, o Options) (*classifier, error) {
	w, err := o.weights(len(truth))
	if err != nil {
		return nil, err
	}
	if classes < 2 || len(probability) != len(truth)*classes {
		return nil, fmt.Errorf("%d probabilities for %d rows of %d classes", len(probability), len(truth), classes)
	}
	s := &classifier{classes: classes, rows: make([]classRow, len(truth)), weights: w}
	for i := range truth {
		row := probability[i*classes : (i+1)*classes]
		if err := checkRow(i, truth[i], classes, row...); err != nil {
			return nil, err
		}
		if s.rows[i], err = multiclassRow(truth[i], row, w[i]); err != nil {
			return nil, fmt.Errorf("row %d: %w", i, err)
		}
	}
	s.rankings = make([]ranking, classes)
	for c := range s.rankings {
		s.rankings[c] = rank(len(truth), func(i int) float64 { return probability[i*classes+c] }, func(i int) bool { return truth[i] == c })
	}
	return s, nil
}

func multiclassRow(truth int, row []float64, weight float64) (classRow, error) {
	r := classRow{truth: int32(truth), weight: weight, logLoss: -math.Log(clip(row[truth]))}
	sum := 0.0
	for c, p := range row {
		sum += p
		if p > row[r.predicted] {
			r.predicted = int32(c)
		}
		if c == truth {
			p--
		}
		r.brier += p * p
	}
	if math.Abs(sum-1) > sumTolerance {
		return r, fmt.Errorf("the probabilities sum to %v", sum)
	}
	confidence := row[r.predicted]
	r.bin, r.gap = bin(confidence), confidence
	if r.predicted == r.truth {
		r.gap--
	}
	return r, nil
}

func checkRow(i, truth, classes int, probability ...float64) error {
	if truth < 0 || truth >= classes {
		return fmt.Errorf("row %d: class %d is outside [0, %d)", i, truth, classes)
	}
	for _, p := range probability {
		if !(p >= 0 && p <= 1) {
			return fmt.Errorf("row %d: probability %v is outside [0, 1]", i, p)
		}
	}
	return nil
}

func clip(p float64) float64 { return min(max(p, epsilon), 1-epsilon) }

// bin numbers the interval (b/15, (b+1)/15] that holds p; 0 belongs to the first.
func bin(p float64) int32 { return int32(min(max(math.Ceil(p*bins)-1, 0), bins-1)) }

func (o Options) threshold() float64 {
	if o.Threshold == 0 {
		return 0.5
	}
	return o.Threshold
}

// The metrics in the order of score's result.
var (
	averageNames = []string{
		"accuracy", "balanced_accuracy", "mcc",
		"precision_macro", "recall_macro", "f1_macro",
		"precision_micro", "recall_micro", "f1_micro",
		"precision_weighted", "recall_weighted", "f1_weighted",
		"log_loss", "brier", "ece", "roc_auc", "average_precision",
	}
	binaryNames = append(slices.Clone(averageNames), "precision", "recall", "f1")
)

func (s *classifier) names() []string {
	if s.binary {
		return binaryNames
	}
	return averageNames
}

func (s *classifier) why(name string) string {
	switch {
	case name == "average_precision" && s.binary:
		return "needs rows of class 1"
	case s.binary:
		return "needs rows of both classes"
	}
	return "needs rows of every class"
}

func (s *classifier) score(counts []uint32, out []float64) {
	t := s.tally(counts)
	p := t.confusion.scores()
	copy(out, p.averages())
	out[12], out[13] = t.logLoss/t.weight, t.brier/t.weight
	gap := 0.0
	for _, g := range t.gaps {
		gap += math.Abs(g)
	}
	out[14] = gap / t.weight
	out[15], out[16] = s.areas(counts)
	if s.binary {
		copy(out[17:], p.class[1][:])
	}
}

// tally is one pass over the rows of a resample.
type tally struct {
	confusion              confusion
	weight, logLoss, brier float64
	gaps                   [bins]float64
}

func (s *classifier) tally(counts []uint32) tally {
	t := tally{confusion: newConfusion(s.classes)}
	for i, count := range counts {
		if count == 0 {
			continue
		}
		r := &s.rows[i]
		w := float64(count) * r.weight
		t.weight += w
		t.logLoss += w * r.logLoss
		t.brier += w * r.brier
		t.gaps[r.bin] += w * r.gap
		t.confusion.add(int(r.truth), int(r.predicted), w)
	}
	return t
}

// areas averages the areas under the curves over the rankings.
func (s *classifier) areas(counts []uint32) (auc, precision float64) {
	weights := make([]float64, len(counts))
	for i, count := range counts {
		weights[i] = float64(count) * s.weights[i]
	}
	for _, r := range s.rankings {
		a, p := r.areas(weights)
		auc += a
		precision += p
	}
	n := float64(len(s.rankings))
	return auc / n, precision / n
}

func (s *classifier) confusionMatrix() [][]float64 {
	m := newConfusion(s.classes)
	for _, r := range s.rows {
		m.add(int(r.truth), int(r.predicted), r.weight)
	}
	out := make([][]float64, s.classes)
	for c := range out {
		out[c] = m.sums[c*s.classes : (c+1)*s.classes]
	}
	return out
}
