package learn

import (
	"context"
	"errors"
	"testing"
	"time"

	"lathe/internal/nn"
	"lathe/internal/optim"
	"lathe/internal/tensor"
)

// ring returns rows of two features whose class is whether they lie inside a ring, which no
// linear model learns.
func ring(rows int, seed uint64) Data {
	d := Data{Rows: rows, X: make([]float32, 2*rows), Y: make([]float32, rows), Labels: make([]int32, rows)}
	r := tensor.NewRandom(seed, 99)
	for i := range rows {
		a, b := 2*r.Uniform(uint64(2*i))-1, 2*r.Uniform(uint64(2*i+1))-1
		d.X[2*i], d.X[2*i+1] = a, b
		if float32(a*a)+float32(b*b) < 0.5 {
			d.Y[i], d.Labels[i] = 1, 1
		}
	}
	return d
}

func network(t testing.TB, loss nn.Loss, outputs int, dropout float64) *nn.Network {
	t.Helper()
	n, err := nn.NewMLP(nn.MLP{Inputs: 2, Hidden: []int{16, 8}, Outputs: outputs, Activation: nn.ReLU, Dropout: dropout, Loss: loss}, 3)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// fakeClock moves a second at each look.
func fakeClock() func() time.Time {
	now := time.Unix(1000, 0)
	return func() time.Time {
		now = now.Add(time.Second)
		return now
	}
}

func run(t testing.TB, n *nn.Network, train Data, validation *Data, c Config, h Hooks) Result {
	t.Helper()
	trainer, err := New(n, train, validation, c, h)
	if err != nil {
		t.Fatal(err)
	}
	result, err := trainer.Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func TestLearnsRing(t *testing.T) {
	for _, loss := range []nn.Loss{nn.BinaryCrossEntropy, nn.CategoricalCrossEntropy, nn.MeanSquaredError} {
		for _, kind := range []optim.Config{{Kind: optim.KindAdam}, {Kind: optim.KindSGD, Momentum: 0.9}} {
			outputs := 1
			if loss.Classes() {
				outputs = 2
			}
			n, train, test := network(t, loss, outputs, 0), ring(2000, 1), ring(500, 2)
			rate := 0.02
			if kind.Kind == optim.KindAdam {
				rate = 0.005
			}
			result := run(t, n, train, nil, Config{Epochs: 12, Optimizer: kind, LearningRate: rate}, Hooks{})
			if a := accuracy(n, test); a < 0.92 {
				t.Errorf("%s with %s: accuracy %v after losses %v", loss, kind.Kind, a, result.Epochs)
			}
		}
	}
}

func accuracy(n *nn.Network, d Data) float64 {
	predicted := make([]float32, d.Rows*n.Outputs())
	n.Predict(predicted, d.X, d.Rows)
	right := 0
	for i := range d.Rows {
		one := predicted[(i+1)*n.Outputs()-1] > 0.5
		if one == (d.Labels[i] == 1) {
			right++
		}
	}
	return float64(right) / float64(d.Rows)
}

func TestStepsAreExact(t *testing.T) {
	for _, c := range []struct {
		rows   int
		config Config
		want   uint64
	}{
		{800, Config{Epochs: 10}, 250},
		{801, Config{Epochs: 10}, 260},
		{5, Config{Epochs: 3}, 3},
		{800, Config{Epochs: 10, MaxSteps: 30}, 30},
		{800, Config{Batch: 7}, 115},
	} {
		n := network(t, nn.BinaryCrossEntropy, 1, 0)
		if got := run(t, n, ring(c.rows, 1), nil, c.config, Hooks{}); got.Steps != c.want {
			t.Errorf("%d rows, %+v: %d steps, want %d", c.rows, c.config, got.Steps, c.want)
		}
	}
}

func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	hooks := Hooks{Event: func(Event) { cancel() }, Clock: fakeClock()}
	trainer, err := New(network(t, nn.BinaryCrossEntropy, 1, 0), ring(500, 1), nil, Config{Epochs: 5, ReportEvery: 20}, hooks)
	if err != nil {
		t.Fatal(err)
	}
	result, err := trainer.Run(ctx)
	if !errors.Is(err, context.Canceled) || result.Steps != 16 {
		t.Fatalf("steps %d, error %v", result.Steps, err)
	}
	if result, err = trainer.Run(context.Background()); err != nil || result.Steps != 80 {
		t.Fatalf("steps %d, error %v", result.Steps, err)
	}
	want := run(t, network(t, nn.BinaryCrossEntropy, 1, 0), ring(500, 1), nil, Config{Epochs: 5}, Hooks{})
	if result.Digest != want.Digest {
		t.Error("a cancelled and continued run ends elsewhere")
	}
}
