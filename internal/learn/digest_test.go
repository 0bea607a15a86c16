package learn

import (
	"testing"

	"lathe/internal/cpu"
	"lathe/internal/nn"
)

// The network that the benchmarks use, on 5,000 rows for 2 epochs, and one whose products are large enough for several
// threads: one digest each, whatever the kernels and the number of threads.
func TestReproducible(t *testing.T) {
	for name, c := range map[string]struct {
		rows   int
		hidden []int
		config Config
		want   string
	}{
		"64-32-1": {5000, []int{64, 32}, Config{Epochs: 2, Batch: 32}, "0d80c872007e52ec018c67920b5b2b9bb5955d8ae01fb6789e48f317f0b4dc94"},
		"256-1":   {1200, []int{256}, Config{Epochs: 2, Batch: 600}, "bbda586a253a327d6cbb744eed2271edf58ab01cf77b471c6cd1478f7bd32afa"},
	} {
		data := table(c.rows, 30)
		for level := cpu.Generic; level <= cpu.Detect(); level++ {
			for threads := 1; threads <= 2; threads++ {
				c.config.Threads = threads
				if got := digestAt(t, level, data, c.hidden, c.config); got != c.want {
					t.Errorf("%s, %s, %d threads: %s", name, level, threads, got)
				}
			}
		}
	}
}

func digestAt(t *testing.T, level cpu.Level, data Data, hidden []int, config Config) string {
	t.Helper()
	defer cpu.Use(level)()
	n, err := nn.NewMLP(nn.MLP{Inputs: 30, Hidden: hidden, Outputs: 1, Activation: nn.ReLU, Loss: nn.BinaryCrossEntropy}, 0)
	if err != nil {
		t.Fatal(err)
	}
	return run(t, n, data, nil, config, Hooks{}).Digest
}
