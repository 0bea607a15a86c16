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
	y := c.recordLayer(t, use)
	if y == nil {
		c.recordLoss(t, use)
	} else {
		t.MSE(y, use["target"], nil)
	}
	return y, params
}

var goldenActs = map[string]kernel.Activation{
	"relu": kernel.ActReLU, "sigmoid": kernel.ActSigmoid, "tanh": kernel.ActTanh, "selu": kernel.ActSELU, "gelu": kernel.ActGELU,
	"gelu_tanh": kernel.ActGELUTanh, "silu": kernel.ActSiLU, "mish": kernel.ActMish,
}

// numbers are a constant's values as whole numbers.
func (c *goldenCase) numbers(name string) (numbers []int32) {
	for _, v := range c.Constants[name].Data {
		numbers = append(numbers, int32(v))
	}
	return numbers
}

// recordLayer returns nil for a loss.
func (c *goldenCase) recordLayer(t *Tape, use map[string]*Node) *Node {
	switch c.Op {
	case "dense":
		return t.Dense(use["x"], use["w"], use["b"], goldenActs[c.Act])
	case "activation":
		return t.Activate(use["x"], goldenActs[c.Act])
	case "softmax":
		return t.Softmax(use["x"])
	case "add":
		return t.Add(use["a"], use["b"])
	case "affine":
		return t.Affine(use["x"], 0.7, -0.25)
	case "tiled":
		return t.AddTiled(use["x"], use["b"])
	case "columns":
		return t.Columns(use["x"], []int{2, 0, 7, 2})
	case "concat":
		return t.Concat(use["a"], use["b"])
	case "lookup":
		return t.Lookup(use["table"], c.numbers("index"))
	case "embedding":
		return t.Embedding(use["table"], use["ids"], []int{2, 0}, false)
	case "meanpool":
		return t.MeanPool(use["x"], use["lengths"], 4)
	case "layernorm":
		return t.LayerNorm(use["x"], use["gamma"], use["beta"], 1e-3)
	case "batchnorm":
		m := Moments{Momentum: 0.9, Mean: tensor.New(use["gamma"].Shape()...), Variance: tensor.New(use["gamma"].Shape()...)}
		if c.Act == "predict" {
			m.Mean, m.Variance = use["mean"].value, use["var"].value
		}
		return t.BatchNorm(use["x"], use["gamma"], use["beta"], m, 1e-3, c.Act == "train")
	case "attend":
		n := c.numbers("sizes")
		a := Attention{Heads: int(n[0]), Length: int(n[1]), Keys: int(n[2]), Causal: n[3] == 1}
		return t.Attend(use["q"], use["k"], use["v"], use["lengths"], a)
	}
	return nil
}

func (c *goldenCase) recordLoss(t *Tape, use map[string]*Node) {
	z, target, weight := use["z"], use["target"], use["weight"]
	switch c.Op {
	case "bce":
		t.BCE(z, target, weight)
	case "smooth bce":
		t.BCE(z, t.SmoothBinary(target, 0.2), weight)
	case "mse":
		t.MSE(z, target, weight)
	case "mae":
		t.MAE(z, target, weight)
	case "huber":
		t.Huber(z, target, weight, 1.5)
	case "focal bce 2":
		t.FocalBCE(z, target, weight, 2)
	case "focal bce 0.5":
		t.FocalBCE(z, target, weight, 0.5)
	case "focal bce 0":
		t.FocalBCE(z, target, weight, 0)
	case "crossentropy":
		t.CrossEntropy(z, c.numbers("label"), weight)
	case "smooth crossentropy":
		t.SmoothCrossEntropy(z, c.numbers("label"), weight, 0.2)
	case "focal crossentropy 2":
		t.FocalCrossEntropy(z, c.numbers("label"), weight, 2)
	case "focal crossentropy 0.5":
		t.FocalCrossEntropy(z, c.numbers("label"), weight, 0.5)
	case "focal crossentropy 0":
		t.FocalCrossEntropy(z, c.numbers("label"), weight, 0)
	}
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
	if len(cases) != 83 {
		t.Fatalf("%d cases, want 83", len(cases))
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
