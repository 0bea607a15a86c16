package autograd

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"lathe/internal/kernel"
	"lathe/internal/tensor"
)

type goldenTensor struct {
	Shape []int     `json:"shape"`
	Data  []float64 `json:"data"`
}

// goldenCase is one operation as testdata/make_golden.py computed it in float64.
type goldenCase struct {
	Op, Act                  string
	Params, Constants, Grads map[string]goldenTensor
	Loss                     float64
	Value                    *goldenTensor
}

func (g goldenTensor) parameter(name string) *Parameter {
	p := &Parameter{Name: name, Value: tensor.New(g.Shape...), Grad: tensor.New(g.Shape...)}
	for i, v := range g.Data {
		p.Value.Data[i] = float32(v)
	}
	return p
}

// record records the case and returns the operation's value, where it has one, and parameters.
func (c *goldenCase) record(t *Tape) (*Node, map[string]*Parameter) {
	params, use := map[string]*Parameter{}, map[string]*Node{}
	for name, g := range c.Params {
		params[name] = g.parameter(name)
		use[name] = t.Use(params[name])
	}
	for name, g := range c.Constants {
		use[name] = t.Use(g.parameter(name))
	}
	acts := map[string]kernel.Activation{"relu": kernel.ActReLU, "sigmoid": kernel.ActSigmoid, "tanh": kernel.ActTanh}
	var y *Node
	switch c.Op {
	case "dense":
		y = t.Dense(use["x"], use["w"], use["b"], acts[c.Act])
	case "activation":
		y = t.activate(use["x"], acts[c.Act])
	case "softmax":
		y = t.Softmax(use["x"])
	case "add":
		y = t.Add(use["a"], use["b"])
	case "bce":
		t.BCE(use["z"], use["target"], use["weight"])
	case "mse":
		t.MSE(use["z"], use["target"], use["weight"])
	case "crossentropy":
		var label []int32
		for _, v := range c.Constants["label"].Data {
			label = append(label, int32(v))
		}
		t.CrossEntropy(use["z"], label, use["weight"])
	}
	if y != nil {
		t.MSE(y, use["target"], nil)
	}
	return y, params
}

func TestGolden(t *testing.T) {
	data, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []goldenCase
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) != 23 {
		t.Fatalf("%d cases, want 23", len(cases))
	}
	for _, c := range cases {
		t.Run(c.Op+" "+c.Act, c.run)
	}
}

func (c *goldenCase) run(t *testing.T) {
	tape := NewTape()
	y, params := c.record(tape)
	tape.Plan(true)
	near(t, "loss", 0, tape.Forward(), c.Loss)
	if c.Value != nil {
		for i, want := range c.Value.Data {
			near(t, "value", i, float64(y.Data()[i]), want)
		}
	}
	tape.Backward()
	for name, p := range params {
		for i, want := range c.Grads[name].Data {
			near(t, "gradient of "+name, i, float64(p.Grad.Data[i]), want)
		}
	}
}

// near allows the rounding of a few float32 operations: 2e-6 of the value and, where terms cancel,
// 3e-7 of what is of size 1.
func near(t *testing.T, what string, i int, got, want float64) {
	t.Helper()
	if !(math.Abs(got-want) <= 3e-7+2e-6*math.Abs(want)) {
		t.Errorf("%s[%d]: got %v, want %v", what, i, got, want)
	}
}
