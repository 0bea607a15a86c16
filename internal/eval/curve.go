package eval

import "fmt"

// Curve is the points of a plot by falling threshold; the slices have equal length.
type Curve struct {
	X         []float64 `json:"x"`
	Y         []float64 `json:"y"`
	Threshold []float64 `json:"threshold"` // the point counts probabilities at or above it as positive
}

// aboveAll is the threshold of a curve's first point, where nothing is positive. scikit-learn says inf, which JSON
// cannot.
const aboveAll = 2

// ROC gives the false positive rate (X) and the true positive rate (Y), one point a distinct probability, from (0, 0) to
// (1, 1): scikit-learn's roc_curve with drop_intermediate=False. It is an error where a class has no weight.
func ROC(truth []int, probability []float64, o Options) (Curve, error) {
	c, tp, fp, err := steps(truth, probability, o)
	if err != nil || tp == 0 || fp == 0 {
		return Curve{}, curveError("roc", "rows of both classes", err)
	}
	for i := range c.X {
		c.X[i], c.Y[i] = c.X[i]/fp, c.Y[i]/tp
	}
	return c, nil
}

// PrecisionRecall gives recall (X) and precision (Y), from (0, 1) to full recall: scikit-learn's
// precision_recall_curve, reversed. It is an error where class 1 has no weight.
func PrecisionRecall(truth []int, probability []float64, o Options) (Curve, error) {
	c, tp, _, err := steps(truth, probability, o)
	if err != nil || tp == 0 {
		return Curve{}, curveError("precision-recall", "rows of class 1", err)
	}
	for i := range c.X {
		right, flagged := c.Y[i], c.X[i]+c.Y[i]
		c.X[i], c.Y[i] = right/tp, ratio(right, flagged)
	}
	c.Y[0] = 1
	return c, nil
}

func curveError(name, needs string, err error) error {
	if err != nil {
		return fmt.Errorf("eval: %s: %w", name, err)
	}
	return fmt.Errorf("eval: %s: needs %s", name, needs)
}

// steps gives the sums of weights at or above each distinct probability: false positives in X, true ones in Y.
func steps(truth []int, probability []float64, o Options) (c Curve, tp, fp float64, err error) {
	s, err := newBinary(truth, probability, o)
	if err != nil {
		return Curve{}, 0, 0, err
	}
	c.add(0, 0, aboveAll)
	for _, x := range s.rankings[0] {
		if x.positive {
			tp += s.weights[x.row]
		} else {
			fp += s.weights[x.row]
		}
		if n := len(c.X) - 1; x.last && fp+tp > c.X[n]+c.Y[n] { // rows of weight 0 make no point
			c.add(fp, tp, probability[x.row])
		}
	}
	return c, tp, fp, nil
}

func (c *Curve) add(x, y, threshold float64) {
	c.X, c.Y, c.Threshold = append(c.X, x), append(c.Y, y), append(c.Threshold, threshold)
}

// Thin keeps at most n points, at least 2, evenly by number with both ends: enough for a plot, and small.
func (c Curve) Thin(n int) Curve {
	n, last := max(n, 2), len(c.X)-1
	if last < n {
		return c
	}
	var out Curve
	for i := range n {
		j := i * last / (n - 1)
		out.add(c.X[j], c.Y[j], c.Threshold[j])
	}
	return out
}

// ThresholdRow is what deciding at one threshold would give; see Positive. The four counts are sums of weights.
type ThresholdRow struct {
	Threshold      float64 `json:"threshold"`
	TruePositives  float64 `json:"true_positives"`
	FalsePositives float64 `json:"false_positives"`
	FalseNegatives float64 `json:"false_negatives"`
	TrueNegatives  float64 `json:"true_negatives"`
	Accuracy       float64 `json:"accuracy"`
	Precision      float64 `json:"precision"`
	Recall         float64 `json:"recall"`
	F1             float64 `json:"f1"`
	Flagged        float64 `json:"flagged"` // share of the weight that is predicted positive
}

// Thresholds tabulates decisions at the given thresholds, or at 0.05, 0.10 to 0.95 where there are none.
func Thresholds(truth []int, probability []float64, thresholds []float64, o Options) ([]ThresholdRow, error) {
	if thresholds == nil {
		for i := 1; i < 20; i++ {
			thresholds = append(thresholds, float64(i)/20)
		}
	}
	s, err := newBinary(truth, probability, o)
	if err != nil {
		return nil, fmt.Errorf("eval: thresholds: %w", err)
	}
	out := make([]ThresholdRow, len(thresholds))
	for i, threshold := range thresholds {
		m := newConfusion(2)
		for j, r := range s.rows {
			predicted := 0
			if Positive(probability[j], threshold) {
				predicted = 1
			}
			m.add(int(r.truth), predicted, r.weight)
		}
		out[i] = m.thresholdRow(threshold)
	}
	return out, nil
}

func (m *confusion) thresholdRow(threshold float64) ThresholdRow {
	tn, fp, fn, tp := m.sums[0], m.sums[1], m.sums[2], m.sums[3]
	p, total := newPRF(tp, tp+fn, tp+fp), tn+fp+fn+tp
	return ThresholdRow{
		Threshold: threshold, TruePositives: tp, FalsePositives: fp, FalseNegatives: fn, TrueNegatives: tn,
		Accuracy: (tp + tn) / total, Precision: p[0], Recall: p[1], F1: p[2], Flagged: (tp + fp) / total,
	}
}
