package nn

import (
	"errors"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"lathe/internal/autograd"
	"lathe/internal/tensor"
)

var churn = MLP{Inputs: 30, Hidden: []int{64, 32}, Outputs: 1, Activation: ReLU, Loss: BinaryCrossEntropy}

func mustMLP(t testing.TB, c MLP, seed uint64) *Network {
	t.Helper()
	n, err := NewMLP(c, seed)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// rowsOf returns values in [-2, 2).
func rowsOf(count int, seed uint64) []float32 {
	x, r := make([]float32, count), tensor.NewRandom(seed, 7)
	for i := range x {
		x[i] = 4*r.Uniform(uint64(i)) - 2
	}
	return x
}

func TestParameters(t *testing.T) {
	n := mustMLP(t, churn, 0)
	var got []string
	for _, p := range n.Parameters() {
		got = append(got, p.Name+p.Value.Shape.String())
	}
	want := "dense_0.weight[30 64] dense_0.bias[64] dense_1.weight[64 32] dense_1.bias[32] dense_2.weight[32 1] dense_2.bias[1]"
	if strings.Join(got, " ") != want {
		t.Errorf("got %s", strings.Join(got, " "))
	}
	if n.Size() != 4097 || n.Inputs() != 30 || n.Outputs() != 1 || n.Loss() != BinaryCrossEntropy {
		t.Errorf("%d weights, %d to %d, %s", n.Size(), n.Inputs(), n.Outputs(), n.Loss())
	}
}

// Keras draws from U(-limit, limit): that has variance limit²/3, and biases are zero.
func TestGlorotUniform(t *testing.T) {
	n := mustMLP(t, MLP{Inputs: 300, Hidden: []int{200}, Outputs: 1, Loss: MeanSquaredError}, 5)
	limit := math.Sqrt(6.0 / 500)
	var sum, squares, most float64
	weights := n.Parameters()[0].Value.Data
	for _, w := range weights {
		v := float64(w)
		sum, squares, most = sum+v, squares+v*v, max(most, math.Abs(v))
	}
	count := float64(len(weights))
	if math.Abs(sum/count) > 0.01*limit || math.Abs(squares/count/(limit*limit/3)-1) > 0.02 {
		t.Errorf("mean %v, mean square %v for limit %v", sum/count, squares/count, limit)
	}
	if most > limit || most < 0.999*limit {
		t.Errorf("largest weight %v, limit %v", most, limit)
	}
	if bias := n.Parameters()[1].Value.Data; slices.Max(bias) != 0 || slices.Min(bias) != 0 {
		t.Errorf("biases %v", bias)
	}
}

// The digest is a contract: models must be reproducible from their seed in later versions.
func TestInitGolden(t *testing.T) {
	const want = "f1e67ea4a9ecf68f1c447ee6354cf756d57eb02341b49d59b6d45b64a07c0493"
	if got := mustMLP(t, churn, 42).Digest(); got != want {
		t.Errorf("got %s", got)
	}
	if mustMLP(t, churn, 43).Digest() == want {
		t.Error("another seed gives the same weights")
	}
}

// naive computes the network in float64.
func naive(n *Network, x []float32, act func(float64) float64) []float64 {
	values := make([]float64, len(x))
	for i, v := range x {
		values[i] = float64(v)
	}
	for i := 0; i < len(n.params); i += 2 {
		w, b := n.params[i].Value, n.params[i+1].Value.Data
		next := make([]float64, len(b))
		for j := range next {
			next[j] = float64(b[j])
			for k, v := range values {
				next[j] += v * float64(w.Data[k*len(b)+j])
			}
			if i+2 < len(n.params) {
				next[j] = act(next[j])
			}
		}
		values = next
	}
	return values
}

func TestPredict(t *testing.T) {
	acts := map[Activation]func(float64) float64{
		ReLU: func(v float64) float64 { return max(v, 0) }, Tanh: math.Tanh, "": func(v float64) float64 { return v },
		Sigmoid: func(v float64) float64 { return 1 / (1 + math.Exp(-v)) },
		SELU: func(v float64) float64 {
			return 1.0507009873554805 * (max(v, 0) + 1.6732632423543772*math.Expm1(min(v, 0)))
		},
		GELU:     func(v float64) float64 { return v / 2 * math.Erfc(-v/math.Sqrt2) },
		GELUTanh: func(v float64) float64 { return v / 2 * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(v+0.044715*v*v*v))) },
		SiLU:     func(v float64) float64 { return v / (1 + math.Exp(-v)) },
		Mish:     func(v float64) float64 { return v * math.Tanh(math.Log1p(math.Exp(v))) },
	}
	for name, act := range acts {
		for _, loss := range []Loss{MeanSquaredError, BinaryCrossEntropy, CategoricalCrossEntropy} {
			n := mustMLP(t, MLP{Inputs: 9, Hidden: []int{7, 5}, Outputs: 3, Activation: name, Dropout: 0.5, Loss: loss}, 8)
			x := rowsOf(9, 1)
			want := naive(n, x, act)
			link(loss, want)
			got := make([]float32, 3)
			n.Predict(got, x, 1)
			for i, w := range want {
				if math.Abs(float64(got[i])-w) > 2e-6 {
					t.Errorf("%s %s: output %d is %v, want %v", name, loss, i, got[i], w)
				}
			}
		}
	}
}

// link turns logits into predictions.
func link(loss Loss, z []float64) {
	total := 0.0
	for _, v := range z {
		total += math.Exp(v)
	}
	for i, v := range z {
		switch loss {
		case BinaryCrossEntropy:
			z[i] = 1 / (1 + math.Exp(-v))
		case CategoricalCrossEntropy:
			z[i] = math.Exp(v) / total
		}
	}
}

// A row's prediction must not depend on which rows it comes with: one at a time, in pieces or all
// at once, the bits are the same.
func TestPredictIsIndependentOfBatch(t *testing.T) {
	for _, c := range []MLP{
		churn,
		{Inputs: 7, Hidden: []int{33, 17}, Outputs: 5, Activation: Tanh, Loss: CategoricalCrossEntropy},
		{Inputs: 3, Hidden: []int{65}, Outputs: 2, Activation: Sigmoid, Loss: MeanSquaredError},
	} {
		n := mustMLP(t, c, 1)
		const rows = 300
		x, all := rowsOf(rows*c.Inputs, 2), make([]float32, rows*c.Outputs)
		n.Predict(all, x, rows)
		for _, size := range []int{1, 2, 3, 5, 7, 16, 31, 127, 128, 129, 200} {
			got := make([]float32, len(all))
			for start := 0; start < rows; start += size {
				end := min(start+size, rows)
				n.Predict(got[start*c.Outputs:end*c.Outputs], x[start*c.Inputs:end*c.Inputs], end-start)
			}
			if !slices.Equal(got, all) {
				t.Errorf("%v: in pieces of %d the predictions differ", c.Hidden, size)
			}
		}
	}
}

func TestPredictConcurrently(t *testing.T) {
	n := mustMLP(t, churn, 1)
	const rows = 150
	x, want := rowsOf(rows*30, 2), make([]float32, rows)
	n.Predict(want, x, rows)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			got := make([]float32, rows)
			for i := range 40 {
				clear(got)
				n.Predict(got[:rows-i], x[:(rows-i)*30], rows-i)
				if !slices.Equal(got[:rows-i], want[:rows-i]) {
					t.Error("a concurrent prediction differs")
				}
			}
		})
	}
	group.Wait()
}

func TestPredictAllocatesNothing(t *testing.T) {
	n := mustMLP(t, churn, 1)
	x, y := rowsOf(300*30, 2), make([]float32, 300)
	limit := 0.0
	if raceEnabled {
		limit = 8
	}
	for _, rows := range []int{1, 300} {
		if got := testing.AllocsPerRun(100, func() { n.Predict(y[:rows], x[:rows*30], rows) }); got > limit {
			t.Errorf("%d rows: %v allocations", rows, got)
		}
	}
}

func TestPredictDoesNotChangeInput(t *testing.T) {
	n, err := New(4, MeanSquaredError, 0, ReLU, Linear, Tanh, Sigmoid, &Dropout{Rate: 0.5})
	if err != nil {
		t.Fatal(err)
	}
	x := []float32{-1, 2, -3, 4}
	y := make([]float32, 4)
	n.Predict(y, x, 1)
	if !slices.Equal(x, []float32{-1, 2, -3, 4}) || slices.Equal(x, y) {
		t.Errorf("x %v, y %v", x, y)
	}
}

func TestPredictPanics(t *testing.T) {
	n := mustMLP(t, churn, 1)
	for _, c := range [][3]int{{1, 30, 2}, {1, 29, 1}, {-1, 0, 0}, {2, 30, 1}} {
		func() {
			defer func() {
				var e *tensor.ShapeError
				if err, ok := recover().(error); !ok || !errors.As(err, &e) {
					t.Errorf("%v: no *ShapeError: %v", c, err)
				}
			}()
			n.Predict(make([]float32, c[2]), make([]float32, c[1]), c[0])
		}()
	}
}

// The tape and the prediction path must agree to the bit, with layers of every kind.
func TestPlanAgreesWithPredict(t *testing.T) {
	n, err := New(6, MeanSquaredError, 0, &Dense{Outputs: 5}, ReLU, &Dropout{Rate: 0.3}, &Dense{Outputs: 4, Activation: Tanh}, Sigmoid, Tanh, Linear)
	if err != nil {
		t.Fatal(err)
	}
	x, y := rowsOf(3*6, 1), make([]float32, 3*4)
	n.Predict(y, x, 3)
	plan := n.Plan(3, PlanOptions{})
	copy(plan.X, x)
	copy(plan.Y, y)
	if loss := plan.Forward(); loss != 0 {
		t.Errorf("the loss against the network's own predictions is %v", loss)
	}
}

func TestPlanGradients(t *testing.T) {
	for _, loss := range []Loss{MeanSquaredError, BinaryCrossEntropy, CategoricalCrossEntropy} {
		for _, weighted := range []bool{false, true} {
			n := mustMLP(t, MLP{Inputs: 4, Hidden: []int{6, 5}, Outputs: 3, Activation: Tanh, Dropout: 0.2, Loss: loss}, 2)
			plan := n.Plan(7, PlanOptions{Training: true, Weighted: weighted, Seed: 1})
			copy(plan.X, rowsOf(len(plan.X), 3))
			for i := range plan.Y {
				plan.Y[i] = float32(i%3) / 2
			}
			for i := range plan.Labels {
				plan.Labels[i] = int32(i % 3)
			}
			for i := range plan.Weights {
				plan.Weights[i] = float32(i) / 3
			}
			if err := autograd.CheckGradients(plan.Tape, n.Parameters()...); err != nil {
				t.Errorf("%s: %v", loss, err)
			}
		}
	}
}

// A weight of 2 is the row twice, and a weight of 0 is no row.
func TestWeightsCountRows(t *testing.T) {
	n := mustMLP(t, MLP{Inputs: 2, Outputs: 1, Loss: BinaryCrossEntropy}, 2)
	weighted, doubled := n.Plan(4, PlanOptions{Weighted: true}), n.Plan(4, PlanOptions{})
	copy(weighted.X, []float32{1, 2, 3, 4, 5, 6, -1, -2})
	copy(weighted.Y, []float32{1, 0, 1, 0})
	copy(weighted.Weights, []float32{2, 0, 1, 1})
	copy(doubled.X, []float32{1, 2, 1, 2, 5, 6, -1, -2})
	copy(doubled.Y, []float32{1, 1, 1, 0})
	if a, b := weighted.Forward(), doubled.Forward(); math.Abs(a-b) > 1e-7 { // single terms are float32
		t.Errorf("weighted %v, doubled %v", a, b)
	}
}

func TestConfigErrors(t *testing.T) {
	edit := func(f func(c *MLP)) MLP { c := churn; f(&c); return c }
	for _, c := range []struct {
		config MLP
		field  string
	}{
		{edit(func(c *MLP) { c.Inputs = 0 }), "inputs"},
		{edit(func(c *MLP) { c.Inputs = 65_537 }), "inputs"},
		{edit(func(c *MLP) { c.Outputs = 0 }), "dense outputs"},
		{edit(func(c *MLP) { c.Outputs = -3 }), "dense outputs"},
		{edit(func(c *MLP) { c.Hidden = []int{64, 0} }), "dense outputs"},
		{edit(func(c *MLP) { c.Hidden = []int{1 << 40} }), "dense outputs"},
		{edit(func(c *MLP) { c.Hidden = make([]int, 65) }), "hidden"},
		{edit(func(c *MLP) { c.Hidden = []int{65_536, 65_536} }), "parameters"},
		{edit(func(c *MLP) { c.Hidden = slices.Repeat([]int{12_000}, 10) }), "parameters"},
		{edit(func(c *MLP) { c.Activation = "swish" }), "activation"},
		{edit(func(c *MLP) { c.Dropout = 1 }), "dropout"},
		{edit(func(c *MLP) { c.Dropout = -0.1 }), "dropout"},
		{edit(func(c *MLP) { c.Dropout = math.NaN() }), "dropout"},
		{edit(func(c *MLP) { c.Loss = "hinge" }), "loss"},
		{edit(func(c *MLP) { c.Loss = CategoricalCrossEntropy }), "outputs"},
	} {
		_, err := NewMLP(c.config, 0)
		var e *ConfigError
		if !errors.As(err, &e) || e.Field != c.field || !strings.HasPrefix(err.Error(), "nn: "+c.field+" ") {
			t.Errorf("%+v: got %v", c.config, err)
		}
	}
}

func BenchmarkPredictOne(b *testing.B) {
	n := mustMLP(b, churn, 1)
	x, y := rowsOf(30, 2), make([]float32, 1)
	b.ReportAllocs()
	for b.Loop() {
		n.Predict(y, x, 1)
	}
}

func BenchmarkPredict100000(b *testing.B) {
	n := mustMLP(b, churn, 1)
	x, y := rowsOf(100_000*30, 2), make([]float32, 100_000)
	for b.Loop() {
		n.Predict(y, x, 100_000)
	}
}
