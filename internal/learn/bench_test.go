package learn

import (
	"fmt"
	"testing"

	"lathe/internal/nn"
	"lathe/internal/optim"
	"lathe/internal/tensor"
)

// table makes rows of 30 normal-ish features and a class that depends on them.
func table(rows, columns int) Data {
	d := Data{Rows: rows, X: make([]float32, rows*columns), Y: make([]float32, rows)}
	r := tensor.NewRandom(1, 50)
	for i := range d.X {
		d.X[i] = 2 * (r.Uniform(uint64(3*i)) + r.Uniform(uint64(3*i+1)) + r.Uniform(uint64(3*i+2)) - 1.5)
	}
	for i := range rows {
		if x := d.X[i*columns:]; float32(x[0]*x[1])+x[2] > 0 {
			d.Y[i] = 1
		}
	}
	return d
}

// BenchmarkFit is the fit that the Keras peer is timed on: 80,000 rows of 30, 64-32-1, batch 32,
// 10 epochs, 25,000 steps.
func BenchmarkFit(b *testing.B) {
	data := table(80_000, 30)
	for b.Loop() {
		n, err := nn.NewMLP(nn.MLP{Inputs: 30, Hidden: []int{64, 32}, Outputs: 1, Activation: nn.ReLU, Loss: nn.BinaryCrossEntropy}, 0)
		if err != nil {
			b.Fatal(err)
		}
		if got := run(b, n, data, nil, Config{Epochs: 10}, Hooks{}); got.Steps != 25_000 {
			b.Fatalf("%d steps", got.Steps)
		}
	}
}

// BenchmarkStep is one step at other batch sizes, with dropout and without.
func BenchmarkStep(b *testing.B) {
	data := table(20_000, 30)
	for _, dropout := range []float64{0, 0.1} {
		for _, batch := range []int{32, 256, 1024} {
			b.Run(fmt.Sprintf("batch=%d/dropout=%v", batch, dropout), func(b *testing.B) {
				config := nn.MLP{Inputs: 30, Hidden: []int{64, 32}, Outputs: 1, Activation: nn.ReLU, Dropout: dropout, Loss: nn.BinaryCrossEntropy}
				n, err := nn.NewMLP(config, 0)
				if err != nil {
					b.Fatal(err)
				}
				trainer, err := New(n, data, nil, Config{Epochs: 1000, Batch: batch}, Hooks{})
				if err != nil {
					b.Fatal(err)
				}
				for b.Loop() {
					if err := trainer.step(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkWeightedStep is BenchmarkStep at batch 32 with a weight for each row.
func BenchmarkWeightedStep(b *testing.B) {
	data := table(20_000, 30)
	data.Weights = make([]float32, data.Rows)
	for i := range data.Weights {
		data.Weights[i] = float32(1 + i%2)
	}
	n, err := nn.NewMLP(nn.MLP{Inputs: 30, Hidden: []int{64, 32}, Outputs: 1, Activation: nn.ReLU, Loss: nn.BinaryCrossEntropy}, 0)
	if err != nil {
		b.Fatal(err)
	}
	benchmarkSteps(b, n, data, Config{Epochs: 1000})
}

// BenchmarkEncoderStep is one step of a block of a text encoder: 32 sequences of 64 words, width 128, 4 heads.
func BenchmarkEncoderStep(b *testing.B) {
	const length, width = 64, 128
	n, err := nn.New(length, nn.CategoricalCrossEntropy, 1,
		&nn.Embedding{Vocabulary: 10_000, Dim: width, Sequence: true}, &nn.Position{},
		&nn.Residual{Layers: []nn.Layer{&nn.LayerNorm{}, &nn.MultiHeadAttention{Heads: 4}, &nn.Dropout{Rate: 0.1}}},
		&nn.Residual{Layers: []nn.Layer{&nn.LayerNorm{}, &nn.Dense{Outputs: 4 * width, Activation: nn.GELU}, &nn.Dense{Outputs: width}}},
		&nn.MeanPool{}, &nn.Dense{Outputs: 4})
	if err != nil {
		b.Fatal(err)
	}
	data, r := Data{Rows: 2000, X: make([]float32, 2000*length), Labels: make([]int32, 2000)}, tensor.NewRandom(1, 51)
	for i := range data.X {
		data.X[i] = float32(1 + r.Intn(uint64(i), 9999))
	}
	benchmarkSteps(b, n, data, Config{Epochs: 1000, Optimizer: optim.Config{Kind: optim.KindAdamW, ClipNorm: 1}})
}

func benchmarkSteps(b *testing.B, n *nn.Network, data Data, config Config) {
	trainer, err := New(n, data, nil, config, Hooks{})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := trainer.step(); err != nil {
			b.Fatal(err)
		}
	}
}
