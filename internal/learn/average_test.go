package learn

import (
	"bytes"
	"context"
	"math"
	"slices"
	"testing"

	"lathe/internal/format/safetensors"
	"lathe/internal/nn"
	"lathe/internal/optim"
	"lathe/internal/tensor"
)

// trace runs a linear network with an average and returns its first weight after each step, and at the end.
func trace(t *testing.T, average Average) (each []float64, last float64) {
	t.Helper()
	n, err := nn.New(2, nn.BinaryCrossEntropy, 3, &nn.Dense{Outputs: 1})
	if err != nil {
		t.Fatal(err)
	}
	weight := n.Parameters()[0].Value.Data
	hooks := Hooks{Event: func(e Event) {
		if e.Kind == EventStep {
			each = append(each, float64(weight[0]))
		}
	}}
	run(t, n, ring(40, 1), nil, Config{Epochs: 5, Batch: 10, ReportEvery: 1, LearningRate: 0.1, Average: average}, hooks)
	return each, float64(weight[0])
}

func TestAverages(t *testing.T) {
	start, err := nn.New(2, nn.BinaryCrossEntropy, 3, &nn.Dense{Outputs: 1})
	if err != nil {
		t.Fatal(err)
	}
	each, got := trace(t, Average{Kind: EMA, Momentum: 0.5})
	want := float64(start.Parameters()[0].Value.Data[0])
	for i, w := range each {
		keep := min(0.5, float64(i+1)/float64(i+10))
		want = keep*want + (1-keep)*w
	}
	if len(each) != 20 || math.Abs(got-want) > 1e-6 {
		t.Errorf("EMA %v, want %v", got, want)
	}
	for _, c := range []struct {
		average Average
		taken   []int // steps
	}{
		{Average{Kind: SWA}, []int{16, 20}}, // the ends of epochs after step 15
		{Average{Kind: SWA, Start: 0.5}, []int{12, 16, 20}},
		{Average{Kind: SWA, Start: 0.6, Every: 3}, []int{15, 18}},
		{Average{Kind: SWA, Start: 0.9, Every: 50}, []int{20}}, // none: the last weights
	} {
		each, got := trace(t, c.average)
		want := 0.0
		for _, step := range c.taken {
			want += each[step-1] / float64(len(c.taken))
		}
		if math.Abs(got-want) > 1e-6 {
			t.Errorf("%+v: %v, want %v", c.average, got, want)
		}
	}
}

// What is validated is what the run ends with.
func TestAverageIsValidated(t *testing.T) {
	for _, restore := range []bool{false, true} {
		train, validation := ring(200, 1), ring(100, 2)
		n := network(t, nn.BinaryCrossEntropy, 1, 0)
		c := Config{Epochs: 6, LearningRate: 0.02, RestoreBest: restore, Average: Average{Kind: EMA, Momentum: 0.9}}
		result := run(t, n, train, &validation, c, Hooks{})
		want := *result.Epochs[5].ValidationLoss
		if restore {
			want = *result.Epochs[result.BestEpoch-1].ValidationLoss
		}
		if got := newEvaluator(n, &validation, nn.LossOptions{}).loss(); got != want {
			t.Errorf("restore %v: loss %v, reported %v", restore, got, want)
		}
	}
}

// Class weights are row weights, and multiply those that are there.
func TestClassWeights(t *testing.T) {
	for _, loss := range []nn.Loss{nn.BinaryCrossEntropy, nn.CategoricalCrossEntropy} {
		outputs := 1
		if loss.Classes() {
			outputs = 2
		}
		byClass, byRow := ring(90, 1), ring(90, 1)
		byClass.Weights, byRow.Weights = make([]float32, 90), make([]float32, 90)
		for i, class := range byRow.Labels {
			byClass.Weights[i] = float32(i % 3)
			byRow.Weights[i] = float32(i%3) * []float32{0.5, 4}[class]
		}
		a := run(t, network(t, loss, outputs, 0), byClass, nil, Config{Epochs: 2, ClassWeights: []float64{0.5, 4}}, Hooks{})
		b := run(t, network(t, loss, outputs, 0), byRow, nil, Config{Epochs: 2}, Hooks{})
		if a.Digest != b.Digest || byClass.Weights[1] != 1 {
			t.Errorf("%s: other weights, or the data changed", loss)
		}
	}
	if _, err := New(network(t, nn.MeanSquaredError, 1, 0), ring(9, 1), nil, Config{ClassWeights: []float64{1, 1}}, Hooks{}); err == nil {
		t.Error("a regression has class weights")
	}
}

func TestBalanced(t *testing.T) {
	d := Data{Rows: 6, Labels: []int32{0, 0, 0, 2, 2, 0}}
	if got := Balanced(&d, 3); !slices.Equal(got, []float64{0.5, 0, 1}) {
		t.Errorf("%v", got)
	}
	d = Data{Rows: 4, Y: []float32{0, 1, 0.2, 0.1}}
	if got := Balanced(&d, 2); !slices.Equal(got, []float64{4.0 / 6, 2}) {
		t.Errorf("%v", got)
	}
}

// words are sequences of up to 6 ids whose class is whether a 1 comes before a 2: order matters.
func words(rows int, seed uint64) Data {
	d, r := Data{Rows: rows, X: make([]float32, 6*rows), Labels: make([]int32, rows)}, tensor.NewRandom(seed, 98)
	for i := range rows {
		x := d.X[6*i : 6*i+3+r.Intn(uint64(9*i), 4)]
		for j := range x {
			x[j] = float32(3 + r.Intn(uint64(9*i+1+j), 5))
		}
		first, second := 0, 1+r.Intn(uint64(9*i+7), len(x)-1)
		d.Labels[i] = int32(r.Intn(uint64(9*i+8), 2))
		x[first], x[second] = 1+float32(d.Labels[i]), 2-float32(d.Labels[i])
	}
	return d
}

func encoder(t *testing.T) *nn.Network {
	t.Helper()
	n, err := nn.New(6, nn.CategoricalCrossEntropy, 1,
		&nn.Embedding{Vocabulary: 8, Dim: 8, Sequence: true}, &nn.Position{},
		&nn.Residual{Layers: []nn.Layer{&nn.LayerNorm{}, &nn.MultiHeadAttention{Heads: 2}, &nn.Dropout{Rate: 0.05}}},
		&nn.Residual{Layers: []nn.Layer{&nn.LayerNorm{}, &nn.Dense{Outputs: 16, Activation: nn.GELU}, &nn.Dense{Outputs: 8}}},
		&nn.MeanPool{}, &nn.BatchNorm{Momentum: 0.9}, &nn.Dense{Outputs: 2})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// A small encoder learns, and one that is cut and read from a file goes on to the same weights.
func TestEncoderLearnsAndResumes(t *testing.T) {
	train, test := words(2000, 1), words(400, 2)
	config := Config{Epochs: 4, LearningRate: 0.01, Optimizer: optim.Config{Kind: optim.KindAdamW, ClipNorm: 1}, Schedule: optim.Schedule{Kind: optim.Cosine, Warmup: 0.1}}
	var cut []byte
	config.CheckpointEvery = 100
	n := encoder(t)
	want := run(t, n, train, nil, config, Hooks{Checkpoint: func(c *Checkpoint) error {
		if c.Step() == 100 {
			cut = encoded(t, c)
		}
		return nil
	}})
	if a := accuracy(n, test); a < 0.95 {
		t.Errorf("accuracy %v after %+v", a, want.Epochs)
	}
	again := encoder(t)
	trainer, err := New(again, train, nil, config, Hooks{})
	if err != nil {
		t.Fatal(err)
	}
	c, err := DecodeCheckpoint(bytes.NewReader(cut), safetensors.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if err := trainer.Resume(c); err != nil {
		t.Fatal(err)
	}
	if got, err := trainer.Run(context.Background()); err != nil || got.Digest != want.Digest {
		t.Errorf("%s after %s: %v", got.Digest, want.Digest, err)
	}
}

// A run that MaxSteps ends has the weights that the whole run had at that step: schedules do not shrink with it.
func TestMaxStepsKeepsSchedules(t *testing.T) {
	config := Config{Epochs: 4, Batch: 10, Schedule: optim.Schedule{Kind: optim.OneCycle}, DropoutSchedule: flat}
	whole, digest := network(t, nn.BinaryCrossEntropy, 1, 0.2), ""
	run(t, whole, ring(100, 1), nil, withReports(config), Hooks{Event: func(e Event) {
		if e.Step == 25 {
			digest = whole.Digest()
		}
	}})
	config.MaxSteps = 25
	if got := run(t, network(t, nn.BinaryCrossEntropy, 1, 0.2), ring(100, 1), nil, config, Hooks{}).Digest; got != digest {
		t.Errorf("%s, want %s", got, digest)
	}
}

func withReports(c Config) Config {
	c.ReportEvery = 1
	return c
}
