package autograd

import (
	"slices"
	"testing"

	"lathe/internal/cpu"
	"lathe/internal/kernel"
	"lathe/internal/tensor"
)

// weights are nil and one a row.
func weights(t *Tape, rows int) map[string]*Node {
	return map[string]*Node{"": nil, " weighted": unit(t, "weight", rows)}
}

// lossOf makes the plain and the weighted case of a loss on z [6 3].
func lossOf(name string, record func(t *Tape, z, weight *Node)) map[string]func(t *Tape) []*Parameter {
	all := map[string]func(t *Tape) []*Parameter{}
	for suffix := range weights(NewTape(), 6) {
		all[name+suffix] = func(t *Tape) []*Parameter {
			z := parameter("z", 6, 3)
			record(t, t.Use(z), weights(t, 6)[suffix])
			return []*Parameter{z}
		}
	}
	return all
}

func merge(parts ...map[string]func(t *Tape) []*Parameter) map[string]func(t *Tape) []*Parameter {
	all := map[string]func(t *Tape) []*Parameter{}
	for _, part := range parts {
		for name, record := range part {
			all[name] = record
		}
	}
	return all
}

func valueLossCases() map[string]func(t *Tape) []*Parameter {
	far := func(t *Tape) *Node { // targets that no step of the check brings across the kink
		p := parameter("target", 6, 3)
		for i, v := range p.Value.Data {
			p.Value.Data[i] = 2 * v
			if v > 0 {
				p.Value.Data[i] += 2
			}
		}
		return t.Use(p)
	}
	return merge(
		lossOf("mae", func(t *Tape, z, w *Node) { t.MAE(z, far(t), w) }),
		lossOf("huber", func(t *Tape, z, w *Node) { t.Huber(z, filled(t, "target", 6, 3), w, 0.8) }),
		lossOf("affine", func(t *Tape, z, w *Node) { t.MSE(t.Add(t.Affine(z, -2, 0.5), z), filled(t, "target", 6, 3), w) }),
	)
}

func classLossCases() map[string]func(t *Tape) []*Parameter {
	label := []int32{2, 0, 1, 1, 2, 0}
	return merge(
		lossOf("smooth bce", func(t *Tape, z, w *Node) { t.BCE(z, t.SmoothBinary(unit(t, "target", 6, 3), 0.1), w) }),
		lossOf("smooth classes", func(t *Tape, z, w *Node) { t.SmoothCrossEntropy(z, label, w, 0.1) }),
		lossOf("focal bce", func(t *Tape, z, w *Node) { t.FocalBCE(z, unit(t, "target", 6, 3), w, 2) }),
		lossOf("focal bce 0", func(t *Tape, z, w *Node) { t.FocalBCE(z, unit(t, "target", 6, 3), w, 0) }),
		lossOf("focal classes", func(t *Tape, z, w *Node) { t.FocalCrossEntropy(z, label, w, 2) }),
		lossOf("focal classes 0.7", func(t *Tape, z, w *Node) { t.FocalCrossEntropy(z, label, w, 0.7) }),
		lossOf("all on one node", func(t *Tape, z, w *Node) {
			t.FocalCrossEntropy(z, label, w, 1)
			t.SmoothCrossEntropy(z, label, w, 0.2)
			t.FocalBCE(z, unit(t, "target", 6, 3), w, 1.5)
		}),
	)
}

func rowCases() map[string]func(t *Tape) []*Parameter {
	return map[string]func(t *Tape) []*Parameter{
		"lookup": func(t *Tape) []*Parameter {
			table := parameter("table", 4, 3)
			y := t.Add(t.Lookup(t.Use(table), []int32{3, 0, 3, 1, 3}), t.Lookup(t.Use(table), []int32{0, 1, 2, 3, 0}))
			t.MSE(y, filled(t, "target", 5, 3), nil)
			return []*Parameter{table}
		},
		"embedding": func(t *Tape) []*Parameter {
			table, ids := parameter("table", 4, 3), t.Use(&Parameter{Name: "ids", Value: tensor.Of([]float32{1, 3, 0, 2, 2, 9}, 2, 3), Grad: tensor.New(2, 3)})
			t.MSE(t.Embedding(t.Use(table), ids, nil, true), filled(t, "target", 6, 3), nil)
			t.MSE(t.Embedding(t.Use(table), ids, []int{2, 0}, false), filled(t, "target", 2, 6), nil)
			return []*Parameter{table}
		},
		"columns and concat": func(t *Tape) []*Parameter {
			x, other := parameter("x", 3, 4), parameter("other", 3, 2)
			all := t.Concat(t.Columns(t.Use(x), []int{3, 1, 3}), t.Use(other), t.Use(x), t.Use(other))
			t.MSE(all, filled(t, "target", 3, 11), nil)
			return []*Parameter{x, other}
		},
		"tiled": func(t *Tape) []*Parameter {
			x, b := parameter("x", 6, 4), parameter("b", 3, 4)
			y := t.AddTiled(t.AddTiled(t.Use(x), t.Use(b)), t.Use(b))
			t.MSE(t.Add(y, t.Use(x)), filled(t, "target", 6, 4), nil)
			return []*Parameter{x, b}
		},
		"mean pool": func(t *Tape) []*Parameter {
			x := parameter("x", 12, 3)
			ids := filled(t, "ids", 3, 4)
			copy(ids.value.Data, []float32{1, 2, 0, 3, 0, 0, 0, 0, 5, 6, 0, 0})
			y := t.Add(t.MeanPool(t.Use(x), t.Lengths(ids), 4), t.MeanPool(t.Use(x), nil, 4))
			t.MSE(y, filled(t, "target", 3, 3), nil)
			return []*Parameter{x}
		},
	}
}

func normCases() map[string]func(t *Tape) []*Parameter {
	moments := func() Moments {
		variance := tensor.New(4)
		copy(variance.Data, []float32{0.3, 1, 2, 0.7})
		return Moments{Mean: tensor.New(4), Variance: variance, Momentum: 0.9}
	}
	norm := func(record func(t *Tape, x, gamma, beta *Node) *Node) func(t *Tape) []*Parameter {
		return func(t *Tape) []*Parameter {
			x, gamma, beta := parameter("x", 5, 4), parameter("gamma", 4), parameter("beta", 4)
			y := record(t, t.Use(x), t.Use(gamma), t.Use(beta))
			y = record(t, t.Add(y, t.Use(x)), t.Use(gamma), t.Use(beta)) // gamma, beta and x serve twice
			t.MSE(y, filled(t, "target", 5, 4), nil)
			return []*Parameter{x, gamma, beta}
		}
	}
	return map[string]func(t *Tape) []*Parameter{
		"layer norm":         norm(func(t *Tape, x, g, b *Node) *Node { return t.LayerNorm(x, g, b, 0.1) }),
		"batch norm":         norm(func(t *Tape, x, g, b *Node) *Node { return t.BatchNorm(x, g, b, moments(), 0.1, true) }),
		"batch norm predict": norm(func(t *Tape, x, g, b *Node) *Node { return t.BatchNorm(x, g, b, moments(), 0.1, false) }),
		"norm of a constant": func(t *Tape) []*Parameter {
			gamma, beta := parameter("gamma", 4), parameter("beta", 4)
			y := t.LayerNorm(t.BatchNorm(t.Input(5, 4), t.Use(gamma), t.Use(beta), moments(), 1, true), t.Input(4), t.Input(4), 1)
			t.MSE(t.Add(y, t.LayerNorm(t.Input(5, 4), t.Use(gamma), t.Use(beta), 1)), filled(t, "target", 5, 4), nil)
			return []*Parameter{gamma, beta}
		},
	}
}

// attend is the attention of two sequences of two rows of 6.
func attend(t *Tape, a Attention, lengths *Node) *Node {
	return t.Attend(t.Input(4, 6), t.Input(4, 6), t.Input(4, 6), lengths, a)
}

func attentionCases() map[string]func(t *Tape) []*Parameter {
	all := map[string]func(t *Tape) []*Parameter{
		"attention": func(t *Tape) []*Parameter {
			q, k, v := parameter("q", 6, 4), parameter("k", 10, 4), parameter("v", 10, 6)
			y := t.Attend(t.Use(q), t.Use(k), t.Use(v), nil, Attention{Heads: 2, Length: 3, Keys: 5})
			t.MSE(y, filled(t, "target", 6, 6), nil)
			return []*Parameter{q, k, v}
		},
	}
	for name, causal := range map[string]bool{"self attention": false, "causal self attention": true} {
		all[name] = func(t *Tape) []*Parameter {
			x, lengths := parameter("x", 8, 4), t.Use(&Parameter{Name: "n", Value: tensor.Of([]float32{4, 2}, 2), Grad: tensor.New(2)})
			y := t.Attend(t.Use(x), t.Use(x), t.Use(x), lengths, Attention{Heads: 2, Length: 4, Keys: 4, Causal: causal})
			t.MSE(t.Add(y, t.Use(x)), filled(t, "target", 8, 4), nil)
			return []*Parameter{x}
		}
	}
	return all
}

// A tape's bits depend neither on the kernels nor on a pool.
func TestSameBits(t *testing.T) {
	pool := kernel.NewPool(2)
	defer pool.Stop()
	for name, record := range cases() {
		var want []float32
		for level := cpu.Generic; level <= cpu.Detect(); level++ {
			for _, p := range []*kernel.Pool{nil, pool} {
				got := gradients(t, level, p, record)
				if want == nil {
					want = got
				}
				if !slices.Equal(got, want) {
					t.Errorf("%s: other bits with %s and %d threads", name, level, p.Threads())
				}
			}
		}
	}
}

// gradients are the loss and all gradients of a case.
func gradients(t *testing.T, level cpu.Level, pool *kernel.Pool, record func(*Tape) []*Parameter) []float32 {
	t.Helper()
	defer cpu.Use(level)()
	tape := NewTape()
	params := record(tape)
	tape.SetPool(pool)
	tape.Plan(true)
	all := []float32{float32(tape.Forward())}
	tape.Backward()
	for _, p := range params {
		all = append(all, p.Grad.Data...)
	}
	return all
}

// A large dense layer, which a pool does share, has the same bits.
func TestPoolSharesLargeProducts(t *testing.T) {
	pool := kernel.NewPool(2)
	defer pool.Stop()
	record := func(t *Tape) []*Parameter {
		x, w := parameter("x", 256, 160), parameter("w", 160, 160)
		h := t.Dense(t.Use(x), t.Use(w), nil, kernel.ActSiLU)
		y := t.Attend(h, h, h, nil, Attention{Heads: 4, Length: 128, Keys: 128, Causal: true})
		t.MSE(y, filled(t, "target", 256, 160), nil)
		return []*Parameter{x, w}
	}
	if !slices.Equal(gradients(t, cpu.Active(), nil, record), gradients(t, cpu.Active(), pool, record)) {
		t.Error("other bits")
	}
}

// What a batch normalisation keeps moves in the backward pass alone.
func TestRunningMoments(t *testing.T) {
	tape, gamma := NewTape(), parameter("gamma", 1)
	x, m := tape.Input(4, 1), Moments{Mean: tensor.New(1), Variance: tensor.New(1), Momentum: 0.75}
	m.Variance.Data[0] = 1
	y := tape.BatchNorm(x, tape.Use(gamma), tape.Input(1), m, 1e-3, true)
	tape.MSE(y, tape.Input(4, 1), nil)
	tape.Plan(true)
	copy(x.Data(), []float32{1, 2, 3, 6})
	tape.Forward()
	if m.Mean.Data[0] != 0 || m.Variance.Data[0] != 1 {
		t.Errorf("forward moved the moments to %v, %v", m.Mean.Data, m.Variance.Data)
	}
	tape.Backward()
	if m.Mean.Data[0] != 0.75 || m.Variance.Data[0] != 0.75+3.5/4 { // the batch's are 3 and 3.5
		t.Errorf("moments %v, %v", m.Mean.Data, m.Variance.Data)
	}
}

func TestIndices(t *testing.T) {
	nan := (*tensor.New(1)).Data[0] / tensor.New(1).Data[0]
	x := []float32{0, 1.9, 4, 5, -1, nan, 1e30, 2}
	all, two := make([]int32, 8), make([]int32, 4)
	Indices(all, x, 4, nil, 5)
	Indices(two, x, 4, []int{2, 1}, 5)
	if !slices.Equal(all, []int32{0, 1, 4, 0, 0, 0, 0, 2}) || !slices.Equal(two, []int32{4, 1, 0, 0}) {
		t.Errorf("%v, %v", all, two)
	}
	Indices(all[:1], []float32{16777217}, 1, nil, 16777217) // as a float32 the id is 16777216
	if all[0] != 16777216 {
		t.Errorf("id %d", all[0])
	}
}

// A padded key must have no influence, however large.
func TestPaddingIsNotSeen(t *testing.T) {
	tape, p := NewTape(), parameter("x", 8, 4)
	lengths := tape.Input(2)
	y := tape.Attend(tape.Use(p), tape.Use(p), tape.Use(p), lengths, Attention{Heads: 2, Length: 4, Keys: 4})
	tape.Plan(false)
	copy(lengths.Data(), []float32{2, 0})
	tape.Forward()
	want := slices.Clone(y.Data())
	for i := 8; i < 16; i++ { // rows 2 and 3 of the first sequence
		p.Value.Data[i] = 1e10
	}
	tape.Forward()
	if !slices.Equal(y.Data()[:8], want[:8]) || !slices.Equal(y.Data()[16:], make([]float32, 16)) {
		t.Errorf("got %v, want %v and zeros", y.Data(), want)
	}
}
