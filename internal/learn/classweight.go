package learn

import (
	"fmt"
	"math"

	"lathe/internal/nn"
)

// Balanced returns class weights that make every class count alike: rows / (classes times rows of the
// class), as scikit-learn's "balanced"; 0 for a class without rows. Classes are those of Labels, or, where
// these are nil, whether Y is at least one half.
func Balanced(d *Data, classes int) []float64 {
	counts := make([]float64, classes)
	for i := range d.Rows {
		counts[d.class(i)]++
	}
	for c, n := range counts {
		if n > 0 {
			counts[c] = float64(d.Rows) / float64(float64(classes)*n)
		}
	}
	return counts
}

// class is the class of row i, of two where there are no labels.
func (d *Data) class(i int) int {
	switch {
	case d.Labels != nil:
		return int(d.Labels[i])
	case d.Y[i] >= 0.5:
		return 1
	}
	return 0
}

// weighClasses returns the data with each row's weight multiplied by that of its class.
func weighClasses(d Data, weights []float64, n *nn.Network) (Data, error) {
	classes := n.Outputs()
	if n.Loss().Binary() && classes == 1 {
		classes = 2
	} else if !n.Loss().Classes() {
		return d, &ConfigError{Field: "class weights", Value: len(weights), Reason: "need one class a row"}
	}
	if len(weights) != classes {
		return d, &ConfigError{Field: "class weights", Value: len(weights), Reason: fmt.Sprintf("are not one for each of %d classes", classes)}
	}
	for _, w := range weights {
		if !(w >= 0 && w <= math.MaxFloat32) {
			return d, &ConfigError{Field: "class weights", Value: w, Reason: "must be finite numbers, not negative"}
		}
	}
	rows, byClass := d.Weights, d
	byClass.Weights = make([]float32, d.Rows)
	if !n.Loss().Classes() {
		byClass.Labels = nil // they may be there without a meaning
	}
	for i := range byClass.Weights {
		w := float32(weights[byClass.class(i)])
		if rows != nil {
			w *= rows[i]
		}
		byClass.Weights[i] = w
	}
	return byClass, nil
}
