package eval

import "math"

// confusion sums weights by truth and prediction. A class is present where a row has it, even one of weight 0: that is
// how scikit-learn finds the labels that macro averages run over.
type confusion struct {
	classes int
	sums    []float64 // [truth predicted]
	present []bool
}

func newConfusion(classes int) confusion {
	return confusion{classes, make([]float64, classes*classes), make([]bool, classes)}
}

func (m *confusion) add(truth, predicted int, weight float64) {
	m.sums[truth*m.classes+predicted] += weight
	m.present[truth], m.present[predicted] = true, true
}

// margins gives the sums of weights by class: right, in truth, as predicted.
func (m *confusion) margins() (right, truth, predicted []float64) {
	right, truth, predicted = make([]float64, m.classes), make([]float64, m.classes), make([]float64, m.classes)
	for t := range m.classes {
		right[t] = m.sums[t*m.classes+t]
		for p := range m.classes {
			truth[t] += m.sums[t*m.classes+p]
			predicted[p] += m.sums[t*m.classes+p]
		}
	}
	return right, truth, predicted
}

// prf is precision, recall and F1.
type prf [3]float64

func newPRF(right, truth, predicted float64) prf {
	return prf{ratio(right, predicted), ratio(right, truth), ratio(2*right, truth+predicted)}
}

// ratio is zero_division=0.
func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

// scores are the metrics of labels.
type scores struct {
	accuracy, balanced, mcc float64
	macro, micro, weighted  prf
	class                   []prf
}

// averages lists the metrics in the order of averageNames.
func (s *scores) averages() []float64 {
	out := []float64{s.accuracy, s.balanced, s.mcc}
	for _, p := range []prf{s.macro, s.micro, s.weighted} {
		out = append(out, p[:]...)
	}
	return out
}

func (m *confusion) scores() scores {
	right, truth, predicted := m.margins()
	total, correct := sum(truth), sum(right)
	s := scores{
		accuracy: correct / total,
		balanced: balanced(right, truth),
		mcc:      matthews(correct, total, truth, predicted),
		micro:    newPRF(correct, total, total),
		class:    make([]prf, m.classes),
	}
	present := 0.0
	for c := range m.classes {
		s.class[c] = newPRF(right[c], truth[c], predicted[c])
		if m.present[c] {
			present++
		}
		for i, v := range s.class[c] {
			s.macro[i] += v
			s.weighted[i] += v * truth[c] / total
		}
	}
	for i := range s.macro {
		s.macro[i] /= present
	}
	return s
}

// balanced is the mean recall of the classes that have weight in truth.
func balanced(right, truth []float64) float64 {
	recall, classes := 0.0, 0.0
	for c, t := range truth {
		if t > 0 {
			recall += right[c] / t
			classes++
		}
	}
	return recall / classes
}

// matthews is the correlation of truth and prediction, 0 where either is constant.
// Source: Gorodkin 2004, doi:10.1016/j.compbiolchem.2004.09.006.
func matthews(correct, total float64, truth, predicted []float64) float64 {
	both, tt, pp := 0.0, 0.0, 0.0
	for c := range truth {
		both += truth[c] * predicted[c]
		tt += truth[c] * truth[c]
		pp += predicted[c] * predicted[c]
	}
	spread := (total*total - pp) * (total*total - tt)
	if spread <= 0 { // exactly 0 for a constant: both sums add the same numbers in the same order
		return 0
	}
	return (correct*total - both) / math.Sqrt(spread)
}

func sum(v []float64) float64 {
	total := 0.0
	for _, x := range v {
		total += x
	}
	return total
}
