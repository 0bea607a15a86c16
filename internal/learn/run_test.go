package learn

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"lathe/internal/cpu"
	"lathe/internal/nn"
	"lathe/internal/optim"
)

// The digests are a contract: the same data, configuration and seed give the same weights with
// every kernel set of every machine, in this version and later ones.
func TestGoldenDigests(t *testing.T) {
	for level := cpu.Generic; level <= cpu.Detect(); level++ {
		t.Run(level.String(), func(t *testing.T) {
			defer cpu.Use(level)()
			for name, s := range settings {
				trainer, _ := s.trainer(t, 0, Hooks{})
				result, err := trainer.Run(context.Background())
				if err != nil || result.Digest != goldenDigests[name] {
					t.Errorf("%q: %q, %v", name, result.Digest, err)
				}
			}
		})
	}
}

var goldenDigests = map[string]string{
	"adam":           "99e66fcb23039393802610761711df9356eabedb7ebdb89abde8c40580acda9a",
	"dropout":        "f5e435e874a517b9bc4905e2fa7ffafac814949e0a95f35c8d818dc2ef18c361",
	"momentum":       "f215525348315093712f93d72654ed683cee3ee4e95c229e3a3e06d140c3e2b4",
	"plain sgd":      "71eb55c17818287eceda9b2cfc61176b1bdf206f25ed656a82562fd28cad9668",
	"early stopping": "d3761620a3fe594c2b78388f6a991f11813f25220b0a8b181be297ce4f14cb19",
	"adamw":          "14ccd8d52705020839178692907835e0ae710a323f5c9ca7ae7b716743741db6",
	"rmsprop":        "16afc5bed088b773c47ef24ea1915668d064f7ec6bc77d9bf96da19ab0f122ef",
	"nesterov":       "2a4a2c72af0b7ba3e8c6078de8fe3399fdb790284cf68d4e577e5e675bd1722d",
	"multi cycle":    "85b50f6050845154325b036ddeeb13376e9e200febdb1580f2f9918859a0b322",
	"max steps":      "193d83248b9d591b627ff5be2a634c16379132fd34e5d5583b9bd6a4e11cd079",
}

// collect returns the events of a run.
func collect(t *testing.T, n *nn.Network, train Data, validation *Data, c Config, score func([]float32) []Metric) ([]Event, Result) {
	var events []Event
	hooks := Hooks{Event: func(e Event) { events = append(events, e) }, Score: score, Clock: fakeClock()}
	result := run(t, n, train, validation, c, hooks)
	return events, result
}

func TestEvents(t *testing.T) {
	train, validation := ring(200, 1), ring(50, 2)
	score := func(predicted []float32) []Metric {
		return []Metric{{"mean", float64(predicted[0])}, {"rows", float64(len(predicted))}, {"undefined", math.NaN()}}
	}
	n := network(t, nn.BinaryCrossEntropy, 1, 0)
	events, result := collect(t, n, train, &validation, Config{Epochs: 2, Batch: 50, ReportEvery: 3}, score)
	var got []string
	for _, e := range events {
		got = append(got, fmt.Sprintf("%s %d/%d %d/%d %v", e.Kind, e.Step, e.Steps, e.Epoch, e.Epochs, e.ValidationLoss != nil))
	}
	want := "step 3/8 1/2 false, epoch 4/8 1/2 true, step 6/8 2/2 false, epoch 8/8 2/2 true"
	if strings.Join(got, ", ") != want {
		t.Errorf("got %s", strings.Join(got, ", "))
	}
	last := events[3]
	if last.Metrics[1].Value != 50 || len(result.Epochs) != 2 || result.Epochs[1].Loss != last.Loss {
		t.Errorf("%+v, %+v", last, result)
	}
	predicted := make([]float32, 50)
	n.Predict(predicted, validation.X, 50)
	if last.Metrics[0].Value != float64(predicted[0]) {
		t.Error("the metrics are not of the last weights")
	}
	for i := 1; i < len(events); i++ {
		if events[i].Seconds <= events[i-1].Seconds {
			t.Errorf("time stands still at event %d", i)
		}
	}
	if result.Seconds <= last.Seconds {
		t.Errorf("%v seconds in all", result.Seconds)
	}
	text, err := json.Marshal(last)
	if err != nil || !strings.Contains(string(text), `{"name":"undefined","value":null}`) {
		t.Errorf("%s, %v", text, err)
	}
}

func TestMetricJSON(t *testing.T) {
	for _, v := range []float64{0, 0.1, -1e300, 5e-324} {
		text, err := json.Marshal(Metric{"a", v})
		var m Metric
		if err != nil || json.Unmarshal(text, &m) != nil || m.Name != "a" || m.Value != v {
			t.Errorf("%v became %s, %+v, %v", v, text, m, err)
		}
	}
	var m Metric
	if err := json.Unmarshal([]byte(`{"name":"a","value":null}`), &m); err != nil || !math.IsNaN(m.Value) {
		t.Errorf("%+v, %v", m, err)
	}
	if json.Unmarshal([]byte(`{"value":"x"}`), &m) == nil {
		t.Error("a text is no number")
	}
}

// The epoch's loss is the mean over its rows, not over its steps: with a rate that is too small to
// move anything both passes must give the loss that a validation on the same rows gives.
func TestLossIsPerRow(t *testing.T) {
	for _, loss := range []nn.Loss{nn.BinaryCrossEntropy, nn.CategoricalCrossEntropy, nn.MeanSquaredError} {
		outputs := 1
		if loss.Classes() {
			outputs = 2
		}
		train := ring(1077, 1)
		c := Config{Epochs: 1, Batch: 100, Optimizer: optim.Config{Kind: optim.KindSGD}, LearningRate: 1e-30}
		_, result := collect(t, network(t, loss, outputs, 0), train, &train, c, nil)
		e := result.Epochs[0]
		if math.Abs(e.Loss-*e.ValidationLoss) > 1e-12 {
			t.Errorf("%s: loss %v, validation loss %v", loss, e.Loss, *e.ValidationLoss)
		}
	}
}

// A validation row of weight 0 must not count, over whole chunks and the rest.
func TestValidationWeights(t *testing.T) {
	n, all := network(t, nn.BinaryCrossEntropy, 1, 0), ring(2*evaluateRows+100, 2)
	all.Weights = make([]float32, all.Rows)
	for i := range evaluateRows {
		all.Weights[i] = 1
	}
	part := ring(evaluateRows, 2) // the same first rows
	got, want := newEvaluator(n, &all, nn.LossOptions{}).loss(), newEvaluator(n, &part, nn.LossOptions{}).loss()
	if scale := float64(all.Rows) / evaluateRows; math.Abs(got*scale-want) > 1e-7 { // single terms are float32
		t.Errorf("weighted %v, want %v", got*scale, want)
	}
}

func TestEarlyStoppingRestoresTheBest(t *testing.T) {
	train, validation := ring(60, 1), ring(300, 2)
	c := Config{Epochs: 200, Batch: 8, LearningRate: 0.1, Patience: 4, RestoreBest: true}
	n := network(t, nn.BinaryCrossEntropy, 1, 0)
	_, result := collect(t, n, train, &validation, c, nil)
	if !result.StoppedEarly || len(result.Epochs) != result.BestEpoch+4 {
		t.Fatalf("%+v", result)
	}
	lowest := math.Inf(1)
	for _, e := range result.Epochs {
		lowest = min(lowest, *e.ValidationLoss)
	}
	if got := newEvaluator(n, &validation, nn.LossOptions{}).loss(); got != lowest || got != *result.Epochs[result.BestEpoch-1].ValidationLoss {
		t.Errorf("the weights have loss %v, the best was %v", got, lowest)
	}
	c.MinDelta = 10 // nothing is better by so much
	_, result = collect(t, network(t, nn.BinaryCrossEntropy, 1, 0), train, &validation, c, nil)
	if result.BestEpoch != 1 || len(result.Epochs) != 5 {
		t.Errorf("with MinDelta: %+v", result)
	}
}

// Without early stopping validation must not change the weights.
func TestValidationOnlyWatches(t *testing.T) {
	train, validation := ring(100, 1), ring(50, 2)
	a := run(t, network(t, nn.BinaryCrossEntropy, 1, 0.2), train, nil, Config{Epochs: 3}, Hooks{})
	b := run(t, network(t, nn.BinaryCrossEntropy, 1, 0.2), train, &validation, Config{Epochs: 3, ReportEvery: 1}, Hooks{Event: func(Event) {}})
	if a.Digest != b.Digest {
		t.Error("another digest with validation data")
	}
}

func TestShuffle(t *testing.T) {
	digest := func(c Config) string {
		return run(t, network(t, nn.BinaryCrossEntropy, 1, 0), ring(100, 1), nil, c, Hooks{}).Digest
	}
	a, b, kept := digest(Config{}), digest(Config{Seed: 1}), digest(Config{KeepOrder: true})
	if a == b || a == kept || digest(Config{KeepOrder: true, Seed: 1}) != kept {
		t.Error("the order must depend on the seed, and not where it is kept")
	}
	trainer, err := New(network(t, nn.BinaryCrossEntropy, 1, 0), ring(100, 1), nil, Config{Batch: 40}, Hooks{})
	if err != nil {
		t.Fatal(err)
	}
	for epoch := range uint64(3) {
		var seen []int32
		for at := range uint64(3) {
			seen = append(seen, trainer.rows(epoch, at)...)
		}
		slices.Sort(seen)
		if len(slices.Compact(seen)) != 100 {
			t.Errorf("epoch %d sees %d rows", epoch, len(slices.Compact(seen)))
		}
	}
}

func TestWeightsOfZeroHideRows(t *testing.T) {
	train := ring(64, 1)
	train.Weights = make([]float32, 64)
	n := network(t, nn.BinaryCrossEntropy, 1, 0)
	before := n.Digest()
	if got := run(t, n, train, nil, Config{Epochs: 2}, Hooks{}); got.Digest != before {
		t.Error("rows of weight 0 changed the weights")
	}
}

func TestDiverged(t *testing.T) {
	n := network(t, nn.MeanSquaredError, 1, 0)
	c := Config{Epochs: 50, Batch: 10, Optimizer: optim.Config{Kind: optim.KindSGD}, LearningRate: 1e6}
	trainer, err := New(n, ring(100, 1), nil, c, Hooks{})
	if err != nil {
		t.Fatal(err)
	}
	result, err := trainer.Run(context.Background())
	var e *DivergedError
	if !errors.As(err, &e) || e.Step < 2 || e.Step != result.Steps+1 || e.Epoch != int(result.Steps/10)+1 || e.What != "loss" {
		t.Fatalf("%+v after %d steps", err, result.Steps)
	}
	if want := fmt.Sprintf("learn: loss is not finite at step %d, epoch 1: loss %v", e.Step, e.Loss); err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
}

func TestDivergedAtTheEndOfAnEpoch(t *testing.T) {
	train, c := ring(100, 1), Config{Epochs: 1, MaxSteps: 1, Optimizer: optim.Config{Kind: optim.KindSGD}}
	for what, spoil := range map[string]func(n *nn.Network){
		"dense_2.bias":    func(n *nn.Network) { n.Parameters()[5].Value.Data[0] = float32(math.Inf(1)) },
		"validation loss": func(n *nn.Network) { n.Parameters()[5].Value.Data[0] = 3e38 },
	} {
		n := network(t, nn.MeanSquaredError, 1, 0)
		trainer, err := New(n, train, &train, c, Hooks{})
		if err != nil {
			t.Fatal(err)
		}
		if err := trainer.step(); err != nil {
			t.Fatal(err)
		}
		spoil(n)
		trainer.evaluator.plan, trainer.evaluator.tail = nil, overflowing(n, &train)
		err = trainer.endEpoch()
		var e *DivergedError
		if !errors.As(err, &e) || e.What != what || e.Step != 1 {
			t.Errorf("%s: got %v", what, err)
		}
	}
}

// overflowing is a plan whose targets make the loss infinite.
func overflowing(n *nn.Network, data *Data) *nn.Plan {
	for i := range data.Y {
		data.Y[i] = -3e38
	}
	return n.Plan(data.Rows, nn.PlanOptions{})
}

// No step allocates but those that draw a new order.
func TestStepAllocatesNothing(t *testing.T) {
	for name, s := range settings {
		trainer, _ := s.trainer(t, 0, Hooks{Event: func(Event) {}})
		if got := testing.AllocsPerRun(12, func() {
			if err := trainer.step(); err != nil {
				t.Fatal(err)
			}
		}); got > 0 && !raceEnabled {
			t.Errorf("%s: %v allocations a step", name, got)
		}
	}
}

func TestConfigErrors(t *testing.T) {
	for _, c := range []struct {
		config Config
		want   string
	}{
		{Config{Epochs: -1}, "epochs -1"},
		{Config{Epochs: 1 << 21}, "epochs 2097152"},
		{Config{Batch: -1}, "batch -1"},
		{Config{Batch: 1 << 21}, "batch 2097152"},
		{Config{LearningRate: -1}, "learning rate -1"},
		{Config{LearningRate: math.NaN()}, "learning rate NaN"},
		{Config{LearningRate: math.Inf(1)}, "learning rate +Inf"},
		{Config{Patience: -1}, "patience -1"},
		{Config{Patience: 1}, "needs validation data"},
		{Config{RestoreBest: true}, "needs validation data"},
		{Config{MinDelta: -1}, "min delta -1"},
		{Config{MinDelta: math.Inf(1)}, "min delta +Inf"},
		{Config{Optimizer: optim.Config{Kind: "x"}}, "optim: kind x"},
		{Config{Optimizer: optim.Config{Groups: []optim.Group{{Match: "x"}}}}, "optim: group match x"},
		{Config{Schedule: optim.Schedule{Kind: "x"}}, "optim: schedule x"},
		{Config{DecaySchedule: optim.Schedule{Kind: "x"}}, "optim: schedule x"},
		{Config{DropoutSchedule: optim.Schedule{Warmup: 2}}, "optim: schedule warmup 2"},
		{Config{Threads: -1}, "threads -1"},
		{Config{Loss: nn.LossOptions{Smoothing: 1}}, "nn: smoothing 1"},
		{Config{Average: Average{Kind: "x"}}, "average x"},
		{Config{Average: Average{Kind: EMA, Momentum: 1}}, "average momentum 1"},
		{Config{Average: Average{Kind: SWA, Start: -1}}, "average start -1"},
		{Config{ClassWeights: []float64{1}}, "class weights 1 are not one for each of 2 classes"},
		{Config{ClassWeights: []float64{1, -1}}, "class weights -1"},
		{Config{ClassWeights: []float64{1, math.NaN()}}, "class weights NaN"},
	} {
		_, err := New(network(t, nn.BinaryCrossEntropy, 1, 0), ring(10, 1), nil, c.config, Hooks{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: got %v, want %q", c.config, err, c.want)
		}
	}
}

func TestDefaults(t *testing.T) {
	for kind, rate := range map[optim.Kind]float64{optim.KindAdam: 0.001, optim.KindSGD: 0.01} {
		c, err := Config{Optimizer: optim.Config{Kind: kind}}.withDefaults()
		if err != nil || c.Epochs != 1 || c.Batch != 32 || c.LearningRate != rate || c.ReportEvery != 100 {
			t.Errorf("%+v, %v", c, err)
		}
	}
}

func TestDataErrors(t *testing.T) {
	nan := float32(math.NaN())
	for _, c := range []struct {
		loss nn.Loss
		edit func(d *Data)
		want string
	}{
		{nn.BinaryCrossEntropy, func(d *Data) { d.Rows = 0 }, "rows 0 must be"},
		{nn.BinaryCrossEntropy, func(d *Data) { d.Rows = 11 }, "inputs 20 are not [11 2]"},
		{nn.BinaryCrossEntropy, func(d *Data) { d.X[7] = nan }, "inputs NaN of row 3, column 1 is not finite"},
		{nn.BinaryCrossEntropy, func(d *Data) { d.X[6] = nan / 0 }, "inputs NaN of row 3, column 0"},
		{nn.BinaryCrossEntropy, func(d *Data) { d.Y = nil }, "targets 0 are not [10 1]"},
		{nn.BinaryCrossEntropy, func(d *Data) { d.Y[9] = 2 }, "target 2 of row 9 is not in [0, 1]"},
		{nn.BinaryCrossEntropy, func(d *Data) { d.Y[9] = -0.5 }, "target -0.5 of row 9"},
		{nn.MeanSquaredError, func(d *Data) { d.Y[4] = float32(math.Inf(-1)) }, "targets -Inf of row 4"},
		{nn.MeanSquaredError, func(d *Data) { d.Weights = make([]float32, 9) }, "weights 9 are not [10 1]"},
		{nn.MeanSquaredError, func(d *Data) { d.Weights = slices.Repeat([]float32{-1}, 10) }, "weights -1 of row 0 is negative"},
		{nn.CategoricalCrossEntropy, func(d *Data) { d.Labels = nil }, "labels 0 are not one for each of 10 rows"},
		{nn.CategoricalCrossEntropy, func(d *Data) { d.Labels[2] = 2 }, "label 2 of row 2 is not in [0, 2)"},
		{nn.CategoricalCrossEntropy, func(d *Data) { d.Labels[2] = -1 }, "label -1 of row 2"},
	} {
		outputs := 1
		if c.loss.Classes() {
			outputs = 2
		}
		good, bad := ring(10, 1), ring(10, 1)
		c.edit(&bad)
		n := network(t, c.loss, outputs, 0)
		_, trainErr := New(n, bad, nil, Config{}, Hooks{})
		_, validErr := New(n, good, &bad, Config{}, Hooks{})
		for name, err := range map[string]error{"learn: training ": trainErr, "learn: validation ": validErr} {
			var e *ConfigError
			if !errors.As(err, &e) || !strings.HasPrefix(err.Error(), name+c.want) {
				t.Errorf("got %v, want %q", err, name+c.want)
			}
		}
	}
}

// Of a large table the rows of the next batch are asked for, none at the end of an epoch.
func TestNextRows(t *testing.T) {
	const rows, columns = aheadFrom / 4096, 4096
	n, err := nn.NewMLP(nn.MLP{Inputs: columns, Outputs: 1, Loss: nn.MeanSquaredError}, 0)
	if err != nil {
		t.Fatal(err)
	}
	trainer, err := New(n, Data{Rows: rows, X: make([]float32, rows*columns), Y: make([]float32, rows)}, nil, Config{Batch: 1000}, Hooks{})
	if err != nil {
		t.Fatal(err)
	}
	for at, want := range []int{1000, rows - 2000, 0} {
		if got := trainer.next(uint64(at)); len(got) != want || want > 0 && &got[0] != &trainer.batch(uint64(at + 1))[0] {
			t.Errorf("after batch %d: %d rows, want %d", at, len(got), want)
		}
		if err := trainer.step(); err != nil {
			t.Fatal(err)
		}
	}
}
