package optim

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"reflect"
	"slices"
	"testing"

	"lathe/internal/autograd"
	"lathe/internal/nn"
	"lathe/internal/tensor"
)

// goldenCase is three steps of Keras, see testdata/make_golden.py.
type goldenCase struct {
	Loss       nn.Loss
	Outputs    int
	Hidden     []int
	Activation nn.Activation
	Rate       float64
	Optimizer  Config
	X, Y       []float32
	Weights    [][]float32
	Steps      []struct {
		Loss    float64
		Weights [][]float64
	}
}

func TestTrajectories(t *testing.T) {
	data, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []goldenCase
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) != 36 {
		t.Fatalf("%d cases, want 36", len(cases))
	}
	for _, c := range cases {
		t.Run(fmt.Sprintf("%s %v %s", c.Loss, c.Hidden, c.Optimizer.Kind), c.run)
	}
}

func (c *goldenCase) run(t *testing.T) {
	const rows = 16
	inputs := len(c.X) / rows
	n, err := nn.NewMLP(nn.MLP{Inputs: inputs, Hidden: c.Hidden, Outputs: c.Outputs, Activation: c.Activation, Loss: c.Loss}, 0)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range n.Parameters() {
		copy(p.Value.Data, c.Weights[i])
	}
	plan := n.Plan(rows, nn.PlanOptions{Training: true})
	copy(plan.X, c.X)
	copy(plan.Y, c.Y)
	for i := range plan.Labels {
		plan.Labels[i] = int32(c.Y[i])
	}
	optimizer, err := New(c.Optimizer, n.Parameters())
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range c.Steps {
		near(t, fmt.Sprintf("loss of step %d", i), plan.Forward(), want.Loss)
		plan.Backward()
		optimizer.Step(c.Rate)
		for j, p := range n.Parameters() {
			for k, w := range want.Weights[j] {
				near(t, fmt.Sprintf("step %d %s[%d]", i, p.Name, k), float64(p.Value.Data[k]), w)
			}
		}
	}
}

// near allows float32's rounding over three steps. Adam divides by the root of a mean of squared
// gradients, which makes the rounding of a tiny gradient as large as that of a big one.
func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if !(math.Abs(got-want) <= 2e-6+2e-6*math.Abs(want)) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// toy is a parameter with a gradient.
func toy(values, grads []float32) *autograd.Parameter {
	return &autograd.Parameter{Name: "toy", Value: tensor.Of(values, len(values)), Grad: tensor.Of(grads, len(grads))}
}

// every is a configuration of each kind of update.
var every = []Config{
	{Kind: KindSGD},
	{Kind: KindSGD, Momentum: 0.9},
	{Kind: KindSGD, Momentum: 0.9, Nesterov: true, Decay: 0.1},
	{Kind: KindRMSProp},
	{Kind: KindRMSProp, Momentum: 0.5, ClipValue: 0.2},
	{Kind: KindAdam},
	{Kind: KindAdamW, ClipNorm: 0.3, Groups: []Group{{Match: "to?", Rate: 3}}},
}

// Saving Steps and Slots at any step and continuing elsewhere must not change a bit.
func TestStateRestores(t *testing.T) {
	for _, config := range every {
		for cut := range 6 {
			straight := toy([]float32{1, -2, 3}, []float32{0.1, 0.2, -0.3})
			broken := toy([]float32{1, -2, 3}, []float32{0.1, 0.2, -0.3})
			a, b := mustNew(t, config, straight), mustNew(t, config, broken)
			for i := range 6 {
				if i == cut {
					b = carry(t, config, b, broken)
				}
				straight.Grad.Data[0], broken.Grad.Data[0] = float32(i), float32(i)
				a.Step(0.01)
				b.Step(0.01)
			}
			if !slices.Equal(straight.Value.Data, broken.Value.Data) || a.Steps() != b.Steps() {
				t.Errorf("%+v cut at %d: %v, want %v", config, cut, broken.Value.Data, straight.Value.Data)
			}
		}
	}
}

// carry returns a new optimiser with the state of another.
func carry(t *testing.T, config Config, from Optimizer, p *autograd.Parameter) Optimizer {
	to := mustNew(t, config, p)
	for i, slot := range from.Slots() {
		if got := to.Slots()[i]; got.Name != slot.Name {
			t.Errorf("slot %s became %s", slot.Name, got.Name)
		}
		copy(to.Slots()[i].Value.Data, slot.Value.Data)
	}
	to.SetSteps(from.Steps())
	return to
}

func mustNew(t *testing.T, config Config, params ...*autograd.Parameter) Optimizer {
	t.Helper()
	o, err := New(config, params)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestSlotNames(t *testing.T) {
	p := toy([]float32{1}, []float32{1})
	for want, config := range map[string]Config{
		"[]": {Kind: KindSGD}, "[velocity/toy]": {Kind: KindSGD, Momentum: 0.5}, "[m/toy v/toy]": {Kind: KindAdam},
		"[v/toy]": {Kind: KindRMSProp}, "[v/toy u/toy]": {Kind: KindRMSProp, Momentum: 0.5},
	} {
		names := []string{}
		for _, s := range mustNew(t, config, p).Slots() {
			names = append(names, s.Name)
		}
		if got := fmt.Sprint(names); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestStepAllocatesNothing(t *testing.T) {
	for _, config := range every {
		o := mustNew(t, config, toy(make([]float32, 100), make([]float32, 100)))
		if n := testing.AllocsPerRun(10, func() { o.Step(0.1) }); n != 0 {
			t.Errorf("%+v: %v allocations", config, n)
		}
	}
}

func TestConfigErrors(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		config Config
		field  string
	}{
		{Config{Kind: "lion"}, "kind"},
		{Config{Kind: KindSGD, Momentum: 1}, "momentum"},
		{Config{Kind: KindSGD, Momentum: nan}, "momentum"},
		{Config{Beta1: -0.1}, "beta1"},
		{Config{Beta2: 1}, "beta2"},
		{Config{Epsilon: nan}, "epsilon"},
		{Config{Epsilon: -1}, "epsilon"},
		{Config{Kind: KindRMSProp, Rho: 1}, "rho"},
		{Config{Kind: KindSGD, Nesterov: true}, "nesterov"},
		{Config{Nesterov: true, Momentum: 0.5}, "nesterov"},
		{Config{Decay: -1}, "decay"},
		{Config{Decay: nan}, "decay"},
		{Config{ClipValue: -1}, "clip value"},
		{Config{ClipNorm: nan}, "clip norm"},
		{Config{ClipNorm: 1, ClipValue: 1}, "clip value"},
		{Config{Groups: []Group{{Match: "["}}}, "group match"},
		{Config{Groups: []Group{{}}}, "group match"},
		{Config{Groups: []Group{{Match: "*", Rate: -1}}}, "group rate"},
		{Config{Groups: []Group{{Match: "*", Decay: &nan}}}, "group decay"},
		{Config{Groups: []Group{{Match: "dense_*"}}}, "group match"},
	} {
		_, err := New(c.config, nil)
		var e *ConfigError
		if !errors.As(err, &e) || e.Field != c.field {
			t.Errorf("%+v: got %v", c.config, err)
		}
	}
	err := (&ConfigError{Field: "kind", Value: "lion", Reason: "must be sgd, rmsprop, adam or adamw"}).Error()
	if err != "optim: kind lion must be sgd, rmsprop, adam or adamw" {
		t.Errorf("got %q", err)
	}
}

func TestDefaults(t *testing.T) {
	c, err := Config{}.WithDefaults()
	if want := (Config{Kind: KindAdam, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-7}); err != nil || !reflect.DeepEqual(c, want) {
		t.Errorf("got %+v, %v", c, err)
	}
}

func TestPower(t *testing.T) {
	for _, base := range []float64{0, 0.5, 0.9, 0.999} {
		for _, n := range []uint64{0, 1, 2, 3, 10, 1000, 25_000, 1 << 40} {
			want := math.Pow(base, float64(n))
			if got := power(base, n); math.Abs(got-want) > 1e-11*want {
				t.Errorf("%v^%d is %v, want %v", base, n, got, want)
			}
		}
	}
	if got := correction(0.9, 0.999, 1); math.Abs(got-math.Sqrt(0.001)/0.1) > 1e-15 {
		t.Errorf("correction of the first step is %v", got)
	}
}

// A parameter belongs to the first group that matches; the others keep the rate and the decay.
func TestGroups(t *testing.T) {
	var params []*autograd.Parameter
	for _, name := range []string{"a.weight", "a.bias", "b.weight", "b.bias"} {
		p := toy([]float32{1}, []float32{1})
		p.Name = name
		params = append(params, p)
	}
	none := 0.0
	config := Config{Kind: KindSGD, Decay: 0.5, Groups: []Group{{Match: "b.bias", Rate: 0.5}, {Match: "*.bias", Rate: 2, Decay: &none}}}
	o := mustNew(t, config, params...)
	o.Step(0.125)
	for i, want := range []float32{1 - 0.0625 - 0.125, 1 - 0.25, 1 - 0.0625 - 0.125, 1 - 0.03125 - 0.0625} {
		if got := params[i].Value.Data[0]; got != want {
			t.Errorf("%s is %v, want %v", params[i].Name, got, want)
		}
	}
	o.SetDecay(0)
	before := params[0].Value.Data[0]
	o.Step(0.125)
	if got := params[0].Value.Data[0]; got != before-0.125 {
		t.Errorf("without decay %v, want %v", got, before-0.125)
	}
}

func TestClip(t *testing.T) {
	a, b := toy([]float32{0, 0}, []float32{3, -0.5}), toy([]float32{0}, []float32{4})
	params := []*autograd.Parameter{a, b}
	if got, want := Norm(params), math.Sqrt(9+0.25+16); got != want {
		t.Errorf("norm %v, want %v", got, want)
	}
	clip{norm: 6}.apply(params)
	if a.Grad.Data[0] != 3 {
		t.Errorf("below the limit the gradient became %v", a.Grad.Data)
	}
	clip{norm: 1}.apply(params)
	if got := Norm(params); math.Abs(got-1) > 1e-7 || a.Grad.Data[0]/b.Grad.Data[0] != 0.75 {
		t.Errorf("norm %v of %v %v", got, a.Grad.Data, b.Grad.Data)
	}
	copy(a.Grad.Data, []float32{3, float32(math.NaN())})
	clip{value: 0.5}.apply(params)
	if a.Grad.Data[0] != 0.5 || a.Grad.Data[1] == a.Grad.Data[1] {
		t.Errorf("clipped to %v, or NaN lost", a.Grad.Data)
	}
}
