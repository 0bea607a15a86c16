package learn

import (
	"fmt"
	"math"

	"lathe/internal/nn"
)

// Data is rows to learn from or to validate on. It is read, never copied or changed.
type Data struct {
	Rows    int
	X       []float32 // [Rows Inputs], row-major
	Y       []float32 // [Rows Outputs]: values, or probabilities for binary cross-entropy; else nil
	Labels  []int32   // [Rows]: classes for categorical cross-entropy; else nil
	Weights []float32 // [Rows]: how much a row counts, or nil for 1 each
}

// check says what does not fit the network, naming the data and the row.
func (d *Data) check(name string, n *nn.Network) error {
	if d.Rows < 1 || d.Rows > math.MaxInt32 {
		return &ConfigError{Field: name + " rows", Value: d.Rows, Reason: "must be from 1 to 2147483647"}
	}
	if err := finite(name+" inputs", d.X, d.Rows, n.Inputs()); err != nil {
		return err
	}
	if d.Weights != nil {
		if err := d.checkWeights(name); err != nil {
			return err
		}
	}
	if n.Loss().Classes() {
		return d.checkLabels(name, n.Outputs())
	}
	return d.checkTargets(name, n)
}

func (d *Data) checkWeights(name string) error {
	if err := finite(name+" weights", d.Weights, d.Rows, 1); err != nil {
		return err
	}
	for i, w := range d.Weights {
		if w < 0 {
			return &ConfigError{Field: name + " weights", Value: w, Reason: fmt.Sprintf("of row %d is negative", i)}
		}
	}
	return nil
}

func (d *Data) checkLabels(name string, classes int) error {
	if len(d.Labels) != d.Rows {
		return &ConfigError{Field: name + " labels", Value: len(d.Labels), Reason: fmt.Sprintf("are not one for each of %d rows", d.Rows)}
	}
	for i, l := range d.Labels {
		if l < 0 || int(l) >= classes {
			return &ConfigError{Field: name + " label", Value: l, Reason: fmt.Sprintf("of row %d is not in [0, %d)", i, classes)}
		}
	}
	return nil
}

func (d *Data) checkTargets(name string, n *nn.Network) error {
	if err := finite(name+" targets", d.Y, d.Rows, n.Outputs()); err != nil {
		return err
	}
	if !n.Loss().Binary() {
		return nil
	}
	for i, y := range d.Y {
		if y < 0 || y > 1 {
			return &ConfigError{Field: name + " target", Value: y, Reason: fmt.Sprintf("of row %d is not in [0, 1]", i/n.Outputs())}
		}
	}
	return nil
}

// finite checks that values are [rows columns] and hold neither NaN nor infinity.
func finite(name string, values []float32, rows, columns int) error {
	if len(values) != rows*columns {
		return &ConfigError{Field: name, Value: len(values), Reason: fmt.Sprintf("are not [%d %d]", rows, columns)}
	}
	for i, v := range values {
		if v-v != 0 { // true for NaN and infinities alone
			return &ConfigError{Field: name, Value: v, Reason: fmt.Sprintf("of row %d, column %d is not finite", i/columns, i%columns)}
		}
	}
	return nil
}
