package eval

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func normal(r *rand.Rand, n int, mean float64) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = mean + r.NormFloat64()
	}
	return out
}

// binormal draws n rows, half of class 1; scores are normal, shift apart, squeezed into (0, 1). Of it the AUC is known:
// Phi(shift / sqrt 2), and the accuracy at the middle: Phi(shift / 2).
func binormal(r *rand.Rand, n int, shift float64) (truth []int, p []float64) {
	for range n {
		y := r.IntN(2)
		x := r.NormFloat64() + shift*(float64(y)-0.5)
		truth, p = append(truth, y), append(p, 1/(1+math.Exp(-shift*x)))
	}
	return truth, p
}

func phi(x float64) float64 { return 0.5 * math.Erfc(-x/math.Sqrt2) }

// TestCountsEqualRepeatedRows scores a resample by counts and by really repeating the rows.
func TestCountsEqualRepeatedRows(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for trial := range 40 {
		n := 1 + r.IntN(30)
		truth, p := binormal(r, n, 1)
		for i := range p {
			p[i] = math.Round(p[i]*5) / 5 // ties
		}
		values, guess := normal(r, n, 1), normal(r, n, 1)
		counts := make([]uint32, n)
		draw(counts, 7, uint64(trial))
		var rows []int
		for i, c := range counts {
			rows = append(rows, slices.Repeat([]int{i}, int(c))...)
		}
		if len(rows) != n {
			t.Fatalf("%d draws of %d rows", len(rows), n)
		}
		equalScores(t, counts, scorerOf(newBinary(truth, p, Options{}))(t), scorerOf(newBinary(take(truth, rows), take(p, rows), Options{}))(t))
		equalScores(t, counts, scorerOf(newRegression(values, guess, Options{}))(t), scorerOf(newRegression(take(values, rows), take(guess, rows), Options{}))(t))
	}
}

func take[T any](v []T, rows []int) []T {
	out := make([]T, len(rows))
	for i, row := range rows {
		out[i] = v[row]
	}
	return out
}

func scorerOf[S scorer](s S, err error) func(*testing.T) scorer {
	return func(t *testing.T) scorer {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
}

func equalScores(t *testing.T, counts []uint32, counted, repeated scorer) {
	t.Helper()
	got := make([]float64, len(counted.names()))
	counted.score(counts, got)
	for i, want := range point(repeated, len(counts)) {
		if !near(got[i], want) && !(math.IsNaN(got[i]) && math.IsNaN(want)) {
			t.Errorf("%s: %v by counts, %v by rows", counted.names()[i], got[i], want)
		}
	}
}

func TestBootstrapIsDeterministic(t *testing.T) {
	truth, p := binormal(rand.New(rand.NewPCG(3, 4)), 500, 1)
	run := func(workers int, seed uint64) Intervals {
		r, err := Binary(truth, p, Options{Resamples: 101, Workers: workers, Seed: seed})
		if err != nil || r.Resamples != 101 {
			t.Fatal(err, r.Resamples)
		}
		return r.Intervals
	}
	one := run(1, 5)
	if len(one) != len(binaryNames) {
		t.Errorf("intervals %v", one)
	}
	if !maps.Equal(one, run(3, 5)) {
		t.Error("the number of workers changes the intervals")
	}
	if maps.Equal(one, run(1, 6)) {
		t.Error("the seed does not change the intervals")
	}
}

func TestDrawIsUniform(t *testing.T) {
	const n, rounds = 7, 20_000
	total := make([]float64, n)
	counts := make([]uint32, n)
	for b := range uint64(rounds) {
		draw(counts, 1, b)
		for i, c := range counts {
			total[i] += float64(c)
		}
	}
	chi := 0.0
	for _, v := range total {
		chi += (v - rounds) * (v - rounds) / rounds
	}
	if chi > 22.5 { // 0.999 quantile of chi-squared with 6 degrees
		t.Errorf("chi-squared %v: %v", chi, total)
	}
}

func TestQuantileIsNumpys(t *testing.T) {
	v := []float64{1, 2, 4, 8} // numpy.quantile([1, 2, 4, 8], q)
	for q, want := range map[float64]float64{0: 1, 0.025: 1.075, 0.5: 3, 0.9: 6.8, 0.975: 7.7, 1: 8} {
		if got := quantile(v, q); !near(got, want) {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
	if quantile([]float64{5}, 0.3) != 5 {
		t.Error("one value")
	}
}

// TestIntervalCoverage repeats an experiment whose truth is known: 95 % intervals must hold it about that often. With 400
// experiments the share has a standard error of 1.1 %; the percentile bootstrap runs slightly low on 150 rows.
func TestIntervalCoverage(t *testing.T) {
	const trials, rows, shift = 400, 150, 1.5
	r := rand.New(rand.NewPCG(11, 12))
	known := map[string]float64{"accuracy": phi(shift / 2), "recall": phi(shift / 2), "roc_auc": phi(shift / math.Sqrt2), "rmse": 1, "mae": math.Sqrt(2 / math.Pi)}
	held := map[string]int{}
	for trial := range trials {
		o := Options{Resamples: 200, Seed: uint64(trial)}
		truth, p := binormal(r, rows, shift)
		b, err := Binary(truth, p, o)
		if err != nil {
			t.Fatal(err)
		}
		v, err := Regression(normal(r, rows, 5), slices.Repeat([]float64{5}, rows), o)
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range known {
			for _, all := range []Intervals{b.Intervals, v.Intervals} {
				if ends, ok := all[name]; ok && ends[0] <= value && value <= ends[1] {
					held[name]++
				}
			}
		}
	}
	for name := range known {
		if share := float64(held[name]) / trials; share < 0.91 || share > 0.98 {
			t.Errorf("%s: the interval holds the truth in %.1f %% of experiments", name, 100*share)
		}
	}
}

// TestCompareCoverage: two models of equal worth differ "really" in about 5 % of experiments, a worse one is found out,
// and the pairing makes the interval narrower than the two models' own.
func TestCompareCoverage(t *testing.T) {
	const trials, rows = 300, 200
	r := rand.New(rand.NewPCG(13, 14))
	alarms, found := 0, 0
	for trial := range trials {
		truth, p := binormal(r, rows, 2)
		equal, worse := make([]float64, rows), make([]float64, rows)
		for i := range p { // noise of one size for both, and more of it for the worse
			p[i], equal[i], worse[i] = noisy(r, p[i], 0.5), noisy(r, p[i], 0.5), noisy(r, p[i], 4)
		}
		o := Options{Resamples: 200, Seed: uint64(trial)}
		same, err := CompareBinary(truth, p, equal, o)
		if err != nil {
			t.Fatal(err)
		}
		other, err := CompareBinary(truth, p, worse, o)
		if err != nil {
			t.Fatal(err)
		}
		if same["roc_auc"].Real() {
			alarms++
		}
		if d := other["log_loss"]; d.Real() && d.Change > 0 && d.BetterShare < 0.05 {
			found++
		}
	}
	if share := float64(alarms) / trials; share < 0.01 || share > 0.10 {
		t.Errorf("equal models differ in %.1f %% of experiments", 100*share)
	}
	if found < trials*95/100 {
		t.Errorf("the worse model was found in %d of %d experiments", found, trials)
	}
}

// noisy adds normal noise to the log-odds.
func noisy(r *rand.Rand, p, size float64) float64 {
	return 1 / (1 + math.Exp(-math.Log(p/(1-p))-size*r.NormFloat64()))
}

func TestCompare(t *testing.T) {
	truth, p := binormal(rand.New(rand.NewPCG(5, 6)), 300, 1)
	same, err := CompareBinary(truth, p, p, Options{Resamples: 50})
	if err != nil || len(same) != len(binaryNames) {
		t.Fatal(len(same), err)
	}
	for name, d := range same {
		if d.A != d.B || d.Change != 0 || d.Interval != [2]float64{} || d.BetterShare != 0.5 || d.Real() {
			t.Errorf("%s: a model differs from itself: %+v", name, d)
		}
	}
	multi, err := CompareMulticlass([]int{0, 1, 0, 1}, []float64{1, 0, 0, 1, 1, 0, 0, 1}, []float64{0, 1, 1, 0, 0, 1, 1, 0}, 2, Options{Resamples: 50})
	if d := multi["accuracy"]; err != nil || d.A != 1 || d.B != 0 || d.Interval != [2]float64{-1, -1} || d.BetterShare != 0 || !d.Real() {
		t.Errorf("%+v, %v", d, err)
	}
	values, err := CompareRegression([]float64{1, 2, 3}, []float64{2, 3, 4}, []float64{1, 2, 3}, Options{Resamples: 50})
	if d := values["rmse"]; err != nil || d.Change != -1 || d.BetterShare != 1 {
		t.Errorf("%+v, %v", d, err)
	}
	if _, err := CompareRegression([]float64{1}, []float64{1}, []float64{1}, Options{Resamples: -1}); err == nil {
		t.Error("a comparison without resamples")
	}
}

func TestResamplesFollowTheRows(t *testing.T) {
	for _, c := range []struct{ option, rows, want int }{{0, 10, 1000}, {0, 50_000, 1000}, {0, 100_000, 500}, {0, 10_000_000, 200}, {7, 10, 7}, {-1, 10, 0}} {
		if got := (Options{Resamples: c.option}).resamples(c.rows); got != c.want {
			t.Errorf("%+v: %d", c, got)
		}
	}
}

// TestRareClass: where most resamples lack the class, the interval of what needs it is left out, not invented.
func TestRareClass(t *testing.T) {
	truth, p := make([]int, 40), make([]float64, 40)
	truth[0], p[0] = 1, 0.9
	r, err := Binary(truth, p, Options{Confidence: 0.9})
	if err != nil || r.Metrics["roc_auc"] != 1 {
		t.Fatal(r, err)
	}
	if ends, ok := r.Intervals["roc_auc"]; !ok || ends != [2]float64{1, 1} { // 64 % of the resamples have the one row
		t.Errorf("%v", r.Intervals)
	}
	truth[0] = 0
	if r, err = Binary(truth, p, Options{Resamples: 10}); err != nil || len(r.Omitted) != 2 {
		t.Fatal(r, err)
	}
	for _, name := range []string{"roc_auc", "average_precision"} {
		if _, ok := r.Intervals[name]; ok {
			t.Errorf("an interval for %s, which is not defined", name)
		}
	}
}

// TestMostResamplesUndefined: three classes of one row each are all drawn in a quarter of the resamples.
func TestMostResamplesUndefined(t *testing.T) {
	truth, p := make([]int, 40), make([]float64, 160)
	for i := range truth {
		truth[i] = min(i, 3)
		p[4*i+truth[i]] = 1
	}
	r, err := Multiclass(truth, p, 4, Options{Resamples: 300})
	if err != nil || r.Metrics["roc_auc"] != 1 {
		t.Fatal(r, err)
	}
	if ends, ok := r.Intervals["roc_auc"]; ok {
		t.Errorf("an interval %v from a quarter of the resamples", ends)
	}
}

// TestRoundingDoesNotInvent: sums of weights that are not exact must not make a constant look varied.
func TestRoundingDoesNotInvent(t *testing.T) {
	r := rand.New(rand.NewPCG(21, 22))
	for range 200 {
		truth := []float64{r.Float64(), r.Float64(), r.Float64()}
		s, err := newRegression(truth, []float64{2, 2, 2}, Options{Weights: []float64{r.Float64(), 0, 1}})
		if err != nil {
			t.Fatal(err)
		}
		out := make([]float64, 3)
		if s.score([]uint32{uint32(1 + r.IntN(9)), 2, 0}, out); out[2] != 0 {
			t.Fatalf("r2 of a constant truth is %v", out[2])
		}
		labels, p, w := make([]int, 9), make([]float64, 9), make([]float64, 9)
		for i := range labels {
			labels[i], p[i], w[i] = r.IntN(2), 0.9, r.Float64()
		}
		if b, err := Binary(labels, p, Options{Weights: w, Resamples: -1}); err != nil || b.Metrics["mcc"] != 0 {
			t.Fatalf("mcc of a constant prediction is %v, %v", b.Metrics["mcc"], err)
		}
	}
}

func TestR2FarFromZero(t *testing.T) {
	r := rand.New(rand.NewPCG(23, 24))
	truth, predicted := make([]float64, 100), make([]float64, 100)
	for i := range truth {
		predicted[i] = float64(r.IntN(1000)) / 8 // exact, also beside 2^40
		truth[i] = predicted[i] + float64(r.IntN(16))
	}
	want, err := Regression(truth, predicted, Options{Seed: 1, Resamples: 50})
	if err != nil {
		t.Fatal(err)
	}
	for i := range truth {
		truth[i] += 1 << 40
		predicted[i] += 1 << 40
	}
	got, err := Regression(truth, predicted, Options{Seed: 1, Resamples: 50})
	if err != nil || !near(got.Metrics["r2"], want.Metrics["r2"]) || !near(got.Intervals["r2"][0], want.Intervals["r2"][0]) {
		t.Errorf("r2 %v %v, want %v %v (%v)", got.Metrics, got.Intervals, want.Metrics, want.Intervals, err)
	}
}

func BenchmarkBinary(b *testing.B) {
	for _, n := range []int{1000, 20_000} {
		truth, p := binormal(rand.New(rand.NewPCG(1, 1)), n, 1)
		for _, workers := range []int{1, 0} {
			b.Run(fmt.Sprintf("rows=%d/workers=%d", n, workers), func(b *testing.B) {
				for range b.N {
					if _, err := Binary(truth, p, Options{Workers: workers}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkMulticlass(b *testing.B) {
	const n, classes = 20_000, 10
	r := rand.New(rand.NewPCG(1, 1))
	truth, p := make([]int, n), make([]float64, n*classes)
	for i := range truth {
		truth[i] = r.IntN(classes)
		row := p[i*classes : (i+1)*classes]
		total := 0.0
		for c := range row {
			row[c] = r.Float64()
			total += row[c]
		}
		for c := range row {
			row[c] /= total
		}
	}
	for range b.N {
		if _, err := Multiclass(truth, p, classes, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
