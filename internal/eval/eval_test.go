package eval

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"testing"
)

// savedCase is scikit-learn's answer; testdata/cases.py made it. null stands for a metric that is not defined.
type savedCase struct {
	Truth       json.RawMessage
	Probability []float64
	Classes     int
	Weights     []float64
	Threshold   float64
	Metrics     map[string]*float64
	Confusion   [][]float64
	ROC, PR     *Curve
}

func (c savedCase) labels(t *testing.T) (out []int) {
	t.Helper()
	unmarshal(t, c.Truth, &out)
	return out
}

func unmarshal(t *testing.T, data []byte, v any) {
	t.Helper()
	if err := json.Unmarshal(data, v); err != nil {
		t.Fatal(err)
	}
}

func savedCases(t *testing.T) (out struct{ Binary, Multiclass, Regression []savedCase }) {
	t.Helper()
	data, err := os.ReadFile("testdata/cases.json")
	if err != nil {
		t.Fatal(err)
	}
	unmarshal(t, data, &out)
	if len(out.Binary) != 60 || len(out.Multiclass) != 48 || len(out.Regression) != 24 {
		t.Fatal("cases are missing")
	}
	return out
}

// near is equality to 1e-9, relative above 1.
func near(a, b float64) bool { return math.Abs(a-b) <= 1e-9*max(1, math.Abs(b)) }

func checkMetrics(t *testing.T, what string, got Report, err error, want map[string]*float64) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if len(got.Metrics)+len(got.Omitted) != len(want) {
		t.Errorf("%s: metrics %v and omitted %v, want %d", what, got.Metrics, got.Omitted, len(want))
	}
	for name, value := range want {
		v, ok := got.Metrics[name]
		switch {
		case value == nil && (ok || got.Omitted[name] == ""):
			t.Errorf("%s: %s is %v, want it left out with a reason", what, name, v)
		case value != nil && (!ok || !near(v, *value)):
			t.Errorf("%s: %s is %v (%v), want %v", what, name, v, ok, *value)
		}
	}
}

func checkConfusion(t *testing.T, what string, got, want [][]float64) {
	t.Helper()
	for i := range want {
		for j := range want[i] {
			if !near(got[i][j], want[i][j]) {
				t.Errorf("%s: confusion %v, want %v", what, got, want)
				return
			}
		}
	}
}

func TestBinaryEqualsScikitLearn(t *testing.T) {
	for i, c := range savedCases(t).Binary {
		what := fmt.Sprintf("case %d", i)
		got, err := Binary(c.labels(t), c.Probability, Options{Weights: c.Weights, Threshold: c.Threshold, Resamples: -1})
		checkMetrics(t, what, got, err, c.Metrics)
		checkConfusion(t, what, got.Confusion, c.Confusion)
	}
}

func TestMulticlassEqualsScikitLearn(t *testing.T) {
	for i, c := range savedCases(t).Multiclass {
		what := fmt.Sprintf("case %d", i)
		got, err := Multiclass(c.labels(t), c.Probability, c.Classes, Options{Weights: c.Weights, Resamples: -1})
		checkMetrics(t, what, got, err, c.Metrics)
		checkConfusion(t, what, got.Confusion, c.Confusion)
	}
}

func TestRegressionEqualsScikitLearn(t *testing.T) {
	for i, c := range savedCases(t).Regression {
		var truth []float64
		unmarshal(t, c.Truth, &truth)
		got, err := Regression(truth, c.Probability, Options{Weights: c.Weights, Resamples: -1})
		checkMetrics(t, fmt.Sprintf("case %d", i), got, err, c.Metrics)
	}
}

func TestCurvesEqualScikitLearn(t *testing.T) {
	checked := 0
	for i, c := range savedCases(t).Binary {
		o := Options{Weights: c.Weights}
		roc, err := ROC(c.labels(t), c.Probability, o)
		if c.ROC == nil {
			if err == nil {
				t.Errorf("case %d: a ROC curve without both classes", i)
			}
			continue
		}
		checkCurve(t, i, roc, *c.ROC, err)
		pr, err := PrecisionRecall(c.labels(t), c.Probability, o)
		checkCurve(t, i, pr, *c.PR, err)
		checked++
	}
	if checked < 20 {
		t.Errorf("only %d curves", checked)
	}
}

func checkCurve(t *testing.T, i int, got, want Curve, err error) {
	t.Helper()
	if err != nil || len(got.X) != len(want.X) || len(got.Y) != len(got.X) || len(got.Threshold) != len(got.X) {
		t.Fatalf("case %d: %v: %d points, want %d", i, err, len(got.X), len(want.X))
	}
	for j := range want.X {
		if !near(got.X[j], want.X[j]) || !near(got.Y[j], want.Y[j]) || got.Threshold[j] != want.Threshold[j] {
			t.Fatalf("case %d: point %d is %v %v %v, want %v %v %v", i, j,
				got.X[j], got.Y[j], got.Threshold[j], want.X[j], want.Y[j], want.Threshold[j])
		}
	}
}

func TestBadInput(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	binary := func(truth []int, p []float64, w []float64) error {
		_, err := Binary(truth, p, Options{Weights: w, Resamples: -1})
		return err
	}
	multiclass := func(truth []int, p []float64, classes int) error {
		_, err := Multiclass(truth, p, classes, Options{Resamples: -1})
		return err
	}
	regression := func(truth, p []float64) error {
		_, err := Regression(truth, p, Options{Resamples: -1})
		return err
	}
	_, compare := CompareBinary([]int{0}, []float64{nan}, []float64{0}, Options{})
	_, thresholds := Thresholds([]int{0}, []float64{2}, nil, Options{})
	_, roc := ROC([]int{0, 0}, []float64{0, 1}, Options{})
	for _, c := range []struct {
		err  error
		want string
	}{
		{binary(nil, nil, nil), "eval: binary: no rows"},
		{binary([]int{0, 1}, []float64{0}, nil), "eval: binary: 1 probabilities for 2 rows"},
		{binary([]int{0, 2}, []float64{0, 1}, nil), "eval: binary: row 1: class 2 is outside [0, 2)"},
		{binary([]int{0, -1}, []float64{0, 1}, nil), "eval: binary: row 1: class -1 is outside [0, 2)"},
		{binary([]int{0, 1}, []float64{0, nan}, nil), "eval: binary: row 1: probability NaN is outside [0, 1]"},
		{binary([]int{0, 1}, []float64{1.1, 0}, nil), "eval: binary: row 0: probability 1.1 is outside [0, 1]"},
		{binary([]int{0}, []float64{0}, []float64{1, 1}), "eval: binary: 2 weights for 1 rows"},
		{binary([]int{0}, []float64{0}, []float64{-1}), "eval: binary: row 0: weight -1 is not a finite number of at least 0"},
		{binary([]int{0}, []float64{0}, []float64{inf}), "eval: binary: row 0: weight +Inf is not a finite number of at least 0"},
		{binary([]int{0}, []float64{0}, []float64{0}), "eval: binary: the weights sum to 0"},
		{multiclass([]int{0}, []float64{1}, 1), "eval: multiclass: 1 probabilities for 1 rows of 1 classes"},
		{multiclass([]int{0}, []float64{0.5, 0.4}, 2), "eval: multiclass: row 0: the probabilities sum to 0.9"},
		{multiclass([]int{3}, []float64{0.5, 0.5}, 2), "eval: multiclass: row 0: class 3 is outside [0, 2)"},
		{regression([]float64{1}, []float64{inf}), "eval: regression: row 0: truth 1 and prediction +Inf are not both finite"},
		{regression([]float64{1}, nil), "eval: regression: 0 predictions for 1 rows"},
		{compare, "eval: compare: row 0: probability NaN is outside [0, 1]"},
		{thresholds, "eval: thresholds: row 0: probability 2 is outside [0, 1]"},
		{roc, "eval: roc: needs rows of both classes"},
	} {
		if c.err == nil || c.err.Error() != c.want {
			t.Errorf("error %q, want %q", c.err, c.want)
		}
	}
}

func TestReportJSON(t *testing.T) {
	r, err := Binary([]int{1, 1, 0}, []float64{0.9, 0.4, 0.2}, Options{Resamples: 20})
	if err != nil {
		t.Fatal(err)
	}
	first, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Binary([]int{1, 1, 0}, []float64{0.9, 0.4, 0.2}, Options{Resamples: 20, Workers: 3})
	if err != nil {
		t.Fatal(err)
	}
	second, err := json.Marshal(again)
	if err != nil || string(first) != string(second) {
		t.Errorf("two runs differ: %v\n%s\n%s", err, first, second)
	}
	if single, err := Binary([]int{1}, []float64{0.9}, Options{Resamples: -1}); err != nil || single.Omitted["roc_auc"] != "needs rows of both classes" {
		t.Errorf("%v, %v", single, err)
	}
}

func TestThresholds(t *testing.T) {
	truth, p := []int{0, 1, 1, 0, 1}, []float64{0.5, 0.5, 0.9, 0.1, 0.2}
	rows, err := Thresholds(truth, p, []float64{0.5}, Options{})
	want := ThresholdRow{Threshold: 0.5, TruePositives: 1, FalseNegatives: 2, TrueNegatives: 2, Accuracy: 0.6, Precision: 1, Recall: 1.0 / 3, F1: 0.5, Flagged: 0.2}
	if err != nil || len(rows) != 1 || rows[0] != want {
		t.Errorf("%+v, %v", rows, err)
	}
	if rows, err = Thresholds(truth, p, nil, Options{}); err != nil || len(rows) != 19 || rows[0].Threshold != 0.05 || rows[18].Threshold != 0.95 {
		t.Errorf("%+v, %v", rows, err)
	}
}

func TestThin(t *testing.T) {
	var c Curve
	for i := range 1001 {
		c.add(float64(i), float64(-i), 0)
	}
	for _, n := range []int{-1, 2, 10, 1000, 1001, 5000} {
		thin := c.Thin(n)
		if want := min(max(n, 2), 1001); len(thin.X) != want || thin.X[0] != 0 || thin.X[want-1] != 1000 {
			t.Errorf("%d points: %d", n, len(thin.X))
		}
	}
	if got := (Curve{}).Thin(5); len(got.X) != 0 {
		t.Error(got)
	}
}

// FuzzBinary looks for values that are no numbers or outside their range, whatever the input.
func FuzzBinary(f *testing.F) {
	f.Add([]byte{0, 10, 1, 20, 1, 10, 1, 255}, 0.5)
	f.Fuzz(func(t *testing.T, data []byte, threshold float64) {
		var truth []int
		var p, w []float64
		for i := 0; i+1 < len(data) && i < 200; i += 2 {
			truth, p, w = append(truth, int(data[i]&1)), append(p, float64(data[i+1])/255), append(w, float64(data[i]>>5))
		}
		r, err := Binary(truth, p, Options{Weights: w, Threshold: threshold, Resamples: 5})
		if err != nil {
			return
		}
		for name, v := range r.Metrics {
			low, high := 0.0, 1.0
			switch name {
			case "mcc":
				low = -1
			case "log_loss":
				high = 37
			}
			if !(v >= low-1e-12 && v <= high+1e-12) {
				t.Fatalf("%s is %v", name, v)
			}
		}
		for name, ends := range r.Intervals {
			if !(ends[0] <= ends[1]) {
				t.Fatalf("%s has the interval %v", name, ends)
			}
		}
	})
}
