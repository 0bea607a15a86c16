package nn

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"lathe/internal/autograd"
	"lathe/internal/format/safetensors"
)

// networks use every layer.
var networks = map[string]func(t testing.TB) *Network{
	"sequence": func(t testing.TB) *Network {
		block := []Layer{&LayerNorm{}, &MultiHeadAttention{Heads: 2, Causal: true}, &Dropout{Rate: 0.1}}
		return mustNew(t, 5, CategoricalCrossEntropy,
			&Embedding{Vocabulary: 7, Dim: 6, Sequence: true, Spread: 1}, &Position{}, &Residual{Layers: block},
			&Residual{Layers: []Layer{&Dense{Outputs: 8, Activation: GELU}, &Dense{Outputs: 6}}},
			&MultiHeadAttention{Heads: 3, Size: 2}, &MeanPool{}, &LayerNorm{Epsilon: 1e-5}, &Dense{Outputs: 3})
	},
	"table": func(t testing.TB) *Network {
		return mustNew(t, 5, BinaryCrossEntropy,
			&Embedding{Vocabulary: 3, Dim: 2, Columns: []int{1, 4}, Spread: 1}, &BatchNorm{Momentum: 0.5}, &Dense{Outputs: 6}, &BatchNorm{Epsilon: 0.1},
			Mish, &Dense{Outputs: 4, Activation: SiLU}, Sigmoid, GELUTanh, &Dense{Outputs: 2})
	},
	"bag": func(t testing.TB) *Network {
		return mustNew(t, 5, MeanAbsoluteError, &Embedding{Vocabulary: 7, Dim: 3}, &Dense{Outputs: 2})
	},
}

func mustNew(t testing.TB, inputs int, loss Loss, layers ...Layer) *Network {
	t.Helper()
	n, err := New(inputs, loss, 3, layers...)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range n.States() { // as if it had been trained
		for j := range p.Value.Data {
			p.Value.Data[j] = 0.5 + float32((i+j)%3)/4
		}
	}
	return n
}

// idRows are rows of ids below 7, some of them padded.
func idRows(rows, columns int) []float32 {
	x := make([]float32, rows*columns)
	for i := range x {
		if length := 1 + i/columns%columns; i%columns < length {
			x[i] = float32((i*5 + i/7) % 7)
		}
	}
	return x
}

func TestLayersPlanAgreesWithPredict(t *testing.T) {
	for name, build := range networks {
		n := build(t)
		const rows = 9
		x, y := idRows(rows, n.Inputs()), make([]float32, rows*n.Outputs())
		n.Logits(y, x, rows)
		tape := autograd.NewTape()
		in, r := tape.Input(rows, n.Inputs()), &Recording{Tape: tape}
		z := in
		for _, layer := range n.layers {
			z = layer.Record(r, z)
		}
		tape.Plan(false)
		copy(in.Data(), x)
		tape.Forward()
		if !slices.Equal(z.Data(), y) {
			t.Errorf("%s: tape %v, prediction %v", name, z.Data(), y)
		}
	}
}

func TestLayersPredictIsIndependentOfBatch(t *testing.T) {
	for name, build := range networks {
		n := build(t)
		const rows = 300
		x, all := idRows(rows, n.Inputs()), make([]float32, rows*n.Outputs())
		n.Predict(all, x, rows)
		for _, size := range []int{1, 3, 16, 129} {
			got := make([]float32, len(all))
			for start := 0; start < rows; start += size {
				end := min(start+size, rows)
				n.Predict(got[start*n.Outputs():end*n.Outputs()], x[start*n.Inputs():end*n.Inputs()], end-start)
			}
			if !slices.Equal(got, all) {
				t.Errorf("%s: in pieces of %d the predictions differ", name, size)
			}
		}
		if slices.Equal(all[:n.Outputs()], all[n.Outputs():2*n.Outputs()]) {
			t.Errorf("%s: all rows have the same prediction", name)
		}
	}
}

func TestLayersGradients(t *testing.T) {
	for name, build := range networks {
		for _, weighted := range []bool{false, true} {
			n := build(t)
			plan := n.Plan(6, PlanOptions{Training: true, Weighted: weighted, Seed: 1})
			copy(plan.X, idRows(6, n.Inputs()))
			for i := range plan.Y {
				plan.Y[i] = float32(i % 2)
			}
			for i := range plan.Labels {
				plan.Labels[i] = int32(i % 3)
			}
			for i := range plan.Weights {
				plan.Weights[i] = float32(i) / 3
			}
			if err := autograd.CheckGradients(plan.Tape, n.Parameters()...); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestLayersAllocateNothing(t *testing.T) {
	for name, build := range networks {
		n := build(t)
		x, y := idRows(40, n.Inputs()), make([]float32, 40*n.Outputs())
		if got := testing.AllocsPerRun(50, func() { n.Predict(y, x, 40) }); got > 0 && !raceEnabled {
			t.Errorf("%s: %v allocations a prediction", name, got)
		}
		plan := n.Plan(8, PlanOptions{Training: true})
		if got := testing.AllocsPerRun(20, func() { plan.Forward(); plan.Backward() }); got > 0 && !raceEnabled {
			t.Errorf("%s: %v allocations a step", name, got)
		}
	}
}

func TestLayersWriteRead(t *testing.T) {
	for name, build := range networks {
		n := build(t)
		data := written(t, n)
		again, err := Read(bytes.NewReader(data), safetensors.Limits{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if again.Digest() != n.Digest() || !bytes.Equal(written(t, again), data) || again.Loss() != n.Loss() {
			t.Errorf("%s: the network changed on the way", name)
		}
		x, a, b := idRows(7, n.Inputs()), make([]float32, 7*n.Outputs()), make([]float32, 7*n.Outputs())
		n.Predict(a, x, 7)
		again.Predict(b, x, 7)
		if !slices.Equal(a, b) {
			t.Errorf("%s: the predictions changed on the way", name)
		}
	}
}

// Padding must not matter: a sequence gives the same answer whatever follows its end in the batch, and
// another one when a word is added.
func TestPadding(t *testing.T) {
	n := networks["sequence"](t)
	predict := func(x ...float32) []float32 {
		y := make([]float32, 3*len(x)/5)
		n.Predict(y, x, len(x)/5)
		return y
	}
	short := predict(1, 2, 0, 0, 0)
	if slices.Equal(short, predict(1, 2, 3, 0, 0)) || slices.Equal(short, predict(2, 1, 0, 0, 0)) {
		t.Error("words or their order do not matter")
	}
	if !slices.Equal(short, predict(1, 2, 0, 0, 0, 3, 4, 5, 6, 1)[:3]) {
		t.Error("another sequence matters")
	}
	state := n.Parameters()[1] // the positions
	for i := 2 * 6; i < 5*6; i++ {
		state.Value.Data[i] += 100 // those of the padding
	}
	if !slices.Equal(short, predict(1, 2, 0, 0, 0)) {
		t.Error("padding matters")
	}
}

// The running moments go where those of the data are.
func TestBatchNormLearnsMoments(t *testing.T) {
	n, err := New(1, MeanSquaredError, 0, &BatchNorm{Momentum: 0.5}, &Dense{Outputs: 1})
	if err != nil {
		t.Fatal(err)
	}
	plan := n.Plan(4, PlanOptions{Training: true})
	copy(plan.X, []float32{1, 2, 3, 6})
	before := n.Digest()
	for range 40 {
		plan.Forward()
		plan.Backward()
	}
	mean, variance := n.States()[0], n.States()[1]
	if mean.Value.Data[0] != 3 || variance.Value.Data[0] != 3.5 {
		t.Errorf("mean %v, variance %v", mean.Value.Data, variance.Value.Data)
	}
	if mean.Name != "batchnorm_0.mean" || variance.Name != "batchnorm_0.variance" || n.Digest() == before || len(n.Tensors()) != 6 {
		t.Errorf("%s, %s, %d tensors", mean.Name, variance.Name, len(n.Tensors()))
	}
}

func TestNames(t *testing.T) {
	var names []string
	for _, p := range networks["sequence"](t).Parameters() {
		names = append(names, p.Name)
	}
	got := strings.Join(names, " ")
	for _, want := range []string{
		"embedding_0.weight position_0.weight layernorm_0.gamma layernorm_0.beta multiheadattention_0.query_weight",
		"dense_0.weight dense_0.bias dense_1.weight dense_1.bias multiheadattention_1.query_weight",
		"multiheadattention_1.output_bias layernorm_1.gamma layernorm_1.beta dense_2.weight dense_2.bias",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in %s", want, got)
		}
	}
}

func TestLayerErrors(t *testing.T) {
	words := &Embedding{Vocabulary: 9, Dim: 4, Sequence: true}
	deep := &Residual{}
	for range maxNesting {
		deep = &Residual{Layers: []Layer{deep}}
	}
	for _, c := range []struct {
		layers []Layer
		field  string
	}{
		{[]Layer{&Embedding{Dim: 1}}, "embedding vocabulary"},
		{[]Layer{&Embedding{Vocabulary: 1<<24 + 1, Dim: 1}}, "embedding vocabulary"},
		{[]Layer{&Embedding{Vocabulary: 1}}, "embedding dim"},
		{[]Layer{&Embedding{Vocabulary: 1 << 20, Dim: 1 << 10}}, "parameters"},
		{[]Layer{&Embedding{Vocabulary: 1, Dim: 1 << 15}}, "embedding outputs"},
		{[]Layer{&Embedding{Vocabulary: 1, Dim: 1, Spread: -1}}, "embedding spread"},
		{[]Layer{&Embedding{Vocabulary: 1, Dim: 1, Columns: []int{3, 3}}}, "embedding columns"},
		{[]Layer{&Embedding{Vocabulary: 1, Dim: 1, Columns: []int{8}}}, "embedding columns"},
		{[]Layer{&Embedding{Vocabulary: 1, Dim: 1, Columns: []int{-1}}}, "embedding columns"},
		{[]Layer{&Embedding{Vocabulary: 1, Dim: 1, Columns: []int{}}}, "embedding columns"},
		{[]Layer{&Embedding{Vocabulary: 1, Dim: 1, Columns: []int{1}, Sequence: true}}, "embedding columns"},
		{[]Layer{words, &Embedding{Vocabulary: 1, Dim: 1, Sequence: true}}, "embedding sequence"},
		{[]Layer{words}, "length"},
		{[]Layer{&Position{}}, "position"},
		{[]Layer{&MeanPool{}}, "meanpool"},
		{[]Layer{&MultiHeadAttention{Heads: 1}}, "multiheadattention"},
		{[]Layer{words, &MultiHeadAttention{}}, "attention heads"},
		{[]Layer{words, &MultiHeadAttention{Heads: 3}}, "attention size"},
		{[]Layer{words, &MultiHeadAttention{Heads: 1 << 10, Size: 1 << 10}}, "attention size"},
		{[]Layer{&LayerNorm{Epsilon: -1}}, "epsilon"},
		{[]Layer{&BatchNorm{Epsilon: 2}}, "epsilon"},
		{[]Layer{&BatchNorm{Momentum: 1}}, "momentum"},
		{[]Layer{&Residual{Layers: []Layer{&Dense{Outputs: 3}}}}, "residual outputs"},
		{[]Layer{&Residual{Layers: []Layer{words}}}, "residual outputs"},
		{[]Layer{deep}, "residual"},
		{[]Layer{Activation("swish")}, "activation"},
		{slices.Repeat([]Layer{Linear}, maxLayers+1), "layers"},
	} {
		_, err := New(8, MeanSquaredError, 0, c.layers...)
		var e *ConfigError
		if !errors.As(err, &e) || e.Field != c.field {
			t.Errorf("%s: got %v", c.field, err)
		}
	}
}

func TestReadSpecRefuses(t *testing.T) {
	weight := safetensors.FromFloat32("dense_0.weight", []int{2, 1}, []float32{1, 2})
	bias := safetensors.FromFloat32("dense_0.bias", []int{1}, []float32{1})
	for text, want := range map[string]string{
		`{`: "lathe.network",
		`{"inputs":2,"loss":"huber","layers":[],"more":1}`:                                                                                     "unknown field",
		`{"inputs":2,"loss":"huber","layers":[{"kind":"own","config":{}}]}`:                                                                    `no layer is called "own"`,
		`{"inputs":2,"loss":"huber","layers":[{"kind":"dense","config":{"outputs":1,"x":1}}]}`:                                                 "unknown field",
		`{"inputs":2,"loss":"huber","layers":[{"kind":"dense"}]}`:                                                                              "layer dense",
		`{"inputs":2,"loss":"hinge","layers":[]}`:                                                                                              "loss hinge",
		`{"inputs":2,"loss":"huber","layers":[{"kind":"dense","config":{"outputs":65536}}]}`:                                                   "needs 196608 weights",
		`{"inputs":2,"loss":"huber","layers":[{"kind":"activation","config":"swish"}]}`:                                                        "activation swish",
		`{"inputs":1,"loss":"huber","layers":[{"kind":"batchnorm","config":{}}]}`:                                                              "needs 4 weights",
		`{"inputs":1,"loss":"huber","layers":[{"kind":"layernorm","config":{}}]}`:                                                              "layernorm_0.gamma is missing",
		`{"inputs":2,"loss":"huber","layers":` + strings.Repeat(`[{"kind":"residual","layers":`, 900) + `[]` + strings.Repeat(`}]`, 900) + `}`: "residual 9 is too deep",
	} {
		var out bytes.Buffer
		if err := safetensors.Write(&out, []safetensors.Tensor{bias, weight}, map[string]string{networkKey: text}); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(&out, safetensors.Limits{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80s: got %v, want %q", text, err, want)
		}
	}
}

// Every loss must have its link: probabilities that sum to 1, or are in [0, 1], or values.
func TestLinks(t *testing.T) {
	for _, loss := range losses {
		n := mustMLP(t, MLP{Inputs: 2, Outputs: 3, Loss: loss}, 1)
		y := make([]float32, 3)
		n.Predict(y, []float32{9, -7}, 1)
		sum := y[0] + y[1] + y[2]
		inside := min(y[0], y[1], y[2]) >= 0 && max(y[0], y[1], y[2]) <= 1
		if loss.Classes() != (sum > 0.9999 && sum < 1.0001) || (loss.Classes() || loss.Binary()) != inside {
			t.Errorf("%s: predictions %v", loss, y)
		}
	}
}

// Options must reach the loss in training, and smoothing must not when it only judges.
func TestLossOptions(t *testing.T) {
	for _, c := range []struct {
		loss  Loss
		with  LossOptions
		plain LossOptions
		judge bool // the options hold there too
	}{
		{BinaryCrossEntropy, LossOptions{Smoothing: 0.2}, LossOptions{}, false},
		{CategoricalCrossEntropy, LossOptions{Smoothing: 0.2}, LossOptions{}, false},
		{Huber, LossOptions{Delta: 0.01}, LossOptions{Delta: 1}, true},
		{BinaryFocal, LossOptions{Gamma: 1}, LossOptions{Gamma: 2}, true},
		{CategoricalFocal, LossOptions{Gamma: 1}, LossOptions{Gamma: 2}, true},
	} {
		n := mustMLP(t, MLP{Inputs: 2, Outputs: 3, Loss: c.loss}, 1)
		value := func(o LossOptions, training bool) float64 {
			plan := n.Plan(2, PlanOptions{Training: training, Loss: o})
			copy(plan.X, []float32{1, -2, 3, 4})
			return plan.Forward()
		}
		if value(c.with, true) == value(c.plain, true) || value(c.plain, true) != value(LossOptions{}, true) {
			t.Errorf("%s: the options do nothing, or are not the default's", c.loss)
		}
		if (value(c.with, false) != value(c.plain, false)) != c.judge {
			t.Errorf("%s: judged by %+v", c.loss, c.with)
		}
		if err := c.with.Check(c.loss); err != nil {
			t.Error(err)
		}
	}
	for _, o := range []LossOptions{{Smoothing: 1}, {Smoothing: 0.1}, {Delta: -1}, {Gamma: 101}} {
		var e *ConfigError
		if err := o.Check(Huber); !errors.As(err, &e) {
			t.Errorf("%+v: got %v", o, err)
		}
	}
}

func TestNormsOfMLP(t *testing.T) {
	for norm, want := range map[Norm]int{NormBatch: 10, NormLayer: 10, "": 6} {
		config := MLP{Inputs: 3, Hidden: []int{4, 5}, Outputs: 1, Activation: GELU, Loss: Huber, Norm: norm}
		n := mustMLP(t, config, 1)
		if len(n.Parameters()) != want || (norm == NormBatch) != (len(n.States()) == 4) {
			t.Errorf("%s: %d parameters, %d states", norm, len(n.Parameters()), len(n.States()))
		}
		again, err := Read(bytes.NewReader(written(t, n)), safetensors.Limits{})
		if err != nil || again.Digest() != n.Digest() {
			t.Errorf("%s: %v", norm, err)
		}
	}
	if _, err := NewMLP(MLP{Inputs: 1, Hidden: []int{1}, Outputs: 1, Loss: Huber, Norm: "group"}, 0); err == nil {
		t.Error("a norm called group")
	}
	if _, err := New(2, MeanSquaredError, 0, &Residual{Layers: []Layer{&Dense{Outputs: 2}}}); err != nil {
		t.Error(err)
	}
}
