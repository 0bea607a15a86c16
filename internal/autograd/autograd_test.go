package autograd

import (
	"errors"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"lathe/internal/kernel"
	"lathe/internal/tensor"
)

// parameter returns values in ±(0.1, 1.1), away from the kink of ReLU, that depend on the name.
func parameter(name string, shape ...int) *Parameter {
	p := &Parameter{Name: name, Value: tensor.New(shape...), Grad: tensor.New(shape...)}
	seed := uint64(0)
	for _, c := range name {
		seed = 31*seed + uint64(c)
	}
	r := tensor.NewRandom(seed, 0)
	for i := range p.Value.Data {
		v := 0.1 + r.Uniform(uint64(i))
		if r.Uint64(uint64(1000+i))&1 == 1 {
			v = -v
		}
		p.Value.Data[i] = v
		p.Grad.Data[i] = float32(math.NaN()) // what a step must not keep
	}
	return p
}

// cases are tapes that use every operation, each in a way that its gradient depends on where it
// stands, and the parameters to check.
func cases() map[string]func(t *Tape) []*Parameter {
	all := lossCases()
	maps.Copy(all, graphCases())
	maps.Copy(all, activationCases())
	maps.Copy(all, valueLossCases())
	maps.Copy(all, classLossCases())
	maps.Copy(all, rowCases())
	maps.Copy(all, normCases())
	maps.Copy(all, attentionCases())
	return all
}

func lossCases() map[string]func(t *Tape) []*Parameter {
	return map[string]func(t *Tape) []*Parameter{
		"softmax": func(t *Tape) []*Parameter {
			x := parameter("x", 4, 5)
			t.MSE(t.Softmax(t.Use(x)), t.Use(parameter("target", 4, 5)), nil)
			return []*Parameter{x}
		},
		"add": func(t *Tape) []*Parameter {
			a, b := parameter("a", 3, 4), parameter("b", 3, 4)
			t.MSE(t.Add(t.Use(a), t.Use(b)), filled(t, "target", 3, 4), nil)
			return []*Parameter{a, b}
		},
		"add to itself": func(t *Tape) []*Parameter {
			a := parameter("a", 3, 4)
			t.MSE(t.Add(t.Use(a), t.Use(a)), filled(t, "target", 3, 4), nil)
			return []*Parameter{a}
		},
		"dropout": func(t *Tape) []*Parameter {
			x := parameter("x", 5, 7)
			t.MSE(t.Dropout(t.Use(x), 0.4, tensor.NewRandom(1, 1)), filled(t, "target", 5, 7), nil)
			return []*Parameter{x}
		},
		"bce": func(t *Tape) []*Parameter {
			z := parameter("z", 6, 3)
			t.BCE(t.Use(z), unit(t, "target", 6, 3), nil)
			return []*Parameter{z}
		},
		"bce weighted": func(t *Tape) []*Parameter {
			z := parameter("z", 6, 3)
			t.BCE(t.Use(z), unit(t, "target", 6, 3), unit(t, "weight", 6))
			return []*Parameter{z}
		},
		"cross entropy": func(t *Tape) []*Parameter {
			z := parameter("z", 4, 5)
			t.CrossEntropy(t.Use(z), []int32{4, 0, 2, 2}, nil)
			return []*Parameter{z}
		},
		"cross entropy weighted": func(t *Tape) []*Parameter {
			z := parameter("z", 4, 5)
			t.CrossEntropy(t.Use(z), []int32{4, 0, 2, 2}, unit(t, "weight", 4))
			return []*Parameter{z}
		},
		"mse": func(t *Tape) []*Parameter {
			z := parameter("z", 4, 5)
			t.MSE(t.Use(z), filled(t, "target", 4, 5), nil)
			return []*Parameter{z}
		},
		"mse weighted": func(t *Tape) []*Parameter {
			z := parameter("z", 4, 5)
			t.MSE(t.Use(z), filled(t, "target", 4, 5), unit(t, "weight", 4))
			return []*Parameter{z}
		},
		"two losses on one node": func(t *Tape) []*Parameter {
			z := parameter("z", 4, 5)
			t.BCE(t.Use(z), unit(t, "target", 4, 5), nil)
			t.MSE(t.Use(z), filled(t, "other", 4, 5), nil)
			t.CrossEntropy(t.Use(z), []int32{1, 0, 3, 4}, nil)
			return []*Parameter{z}
		},
	}
}

func graphCases() map[string]func(t *Tape) []*Parameter {
	return map[string]func(t *Tape) []*Parameter{
		"shared weights": func(t *Tape) []*Parameter {
			x, w, b := parameter("x", 3, 4), parameter("w", 4, 4), parameter("b", 4)
			h := t.Dense(t.Use(x), t.Use(w), t.Use(b), kernel.ActTanh)
			t.MSE(t.Dense(h, t.Use(w), t.Use(b), kernel.ActSigmoid), filled(t, "target", 3, 4), nil)
			return []*Parameter{x, w, b}
		},
		"dense without bias": func(t *Tape) []*Parameter {
			x, w := parameter("x", 3, 4), parameter("w", 4, 2)
			t.MSE(t.Dense(t.Use(x), t.Use(w), nil, kernel.ActNone), filled(t, "target", 3, 2), nil)
			return []*Parameter{x, w}
		},
		"every consumer of one node": func(t *Tape) []*Parameter {
			x, w := parameter("x", 3, 4), parameter("w", 4, 4)
			h := t.Dense(t.Use(x), t.Use(w), nil, kernel.ActSigmoid)
			parts := []*Node{
				t.Tanh(h), t.Sigmoid(h), t.Softmax(h), t.Dropout(h, 0.3, tensor.NewRandom(2, 2)),
				t.Dense(h, t.Use(w), nil, kernel.ActNone), t.ReLU(h), h,
			}
			y := parts[0]
			for _, part := range parts[1:] {
				y = t.Add(y, part)
			}
			t.MSE(y, filled(t, "target", 3, 4), nil)
			return []*Parameter{x, w}
		},
	}
}

func activationCases() map[string]func(t *Tape) []*Parameter {
	all := map[string]func(t *Tape) []*Parameter{}
	acts := maps.Clone(goldenActs)
	acts["none"] = kernel.ActNone
	for name, act := range acts {
		all["dense "+name] = func(t *Tape) []*Parameter {
			x, w, b := parameter("x", 5, 3), parameter("w", 3, 4), parameter("b", 4)
			if act == kernel.ActReLU || act == kernel.ActSELU {
				copy(b.Value.Data, []float32{4, -4, 4, -4}) // no sum comes near the kink
			}
			t.MSE(t.Dense(t.Use(x), t.Use(w), t.Use(b), act), filled(t, "target", 5, 4), nil)
			return []*Parameter{x, w, b}
		}
		all["activation "+name] = func(t *Tape) []*Parameter {
			x := parameter("x", 5, 3)
			y := t.Use(x)
			if act != kernel.ActNone {
				y = t.Activate(y, act)
			}
			t.MSE(y, filled(t, "target", 5, 3), nil)
			return []*Parameter{x}
		}
	}
	return all
}

// filled is an input of values as parameter makes them; it is a parameter so that it has them
// before Plan.
func filled(t *Tape, name string, shape ...int) *Node {
	return t.Use(parameter(name, shape...))
}

// unit is filled with values in (0, 1).
func unit(t *Tape, name string, shape ...int) *Node {
	p := parameter(name, shape...)
	for i, v := range p.Value.Data {
		p.Value.Data[i] = (v + 1.2) / 2.4
	}
	return t.Use(p)
}

func TestGradients(t *testing.T) {
	for name, record := range cases() {
		t.Run(name, func(t *testing.T) {
			tape := NewTape()
			params := record(tape)
			tape.Plan(true)
			if err := CheckGradients(tape, params...); err != nil {
				t.Error(err)
			}
		})
	}
}

// A replay must give the same bits as the first pass and allocate nothing.
func TestReplay(t *testing.T) {
	for name, record := range cases() {
		t.Run(name, func(t *testing.T) {
			tape := NewTape()
			params := record(tape)
			tape.Plan(true)
			loss := tape.Forward()
			tape.Backward()
			first := slices.Clone(params[0].Grad.Data)
			allocated := testing.AllocsPerRun(5, func() {
				if tape.Forward() != loss {
					t.Error("another loss")
				}
				tape.Backward()
			})
			if allocated > 0 && !raceEnabled || !slices.Equal(first, params[0].Grad.Data) {
				t.Errorf("%v allocations; gradient %v, then %v", allocated, first, params[0].Grad.Data)
			}
		})
	}
}

// The checker must notice a gradient that is wrong by one in a thousand and a half.
func TestCheckGradientsNotices(t *testing.T) {
	tape, z := NewTape(), parameter("z", 2, 3)
	tape.MSE(tape.Use(z), filled(tape, "target", 2, 3), nil)
	tape.Plan(true)
	l := tape.ops[0].(*loss)
	right := l.sum
	l.sum = func(dz, weight []float32, scale float32) float64 {
		total := right(dz, weight, scale)
		dz[1] *= 1.01
		return total
	}
	if err := CheckGradients(tape, z); err == nil || !strings.Contains(err.Error(), "z[1]") {
		t.Errorf("got %v", err)
	}
}

func TestForwardOnly(t *testing.T) {
	for name, record := range cases() {
		with, without := NewTape(), NewTape()
		record(with)
		params := record(without)
		with.Plan(true)
		for _, p := range params {
			p.Grad = nil
		}
		without.Plan(false)
		if a, b := with.Forward(), without.Forward(); a != b {
			t.Errorf("%s: loss %v with gradients, %v without", name, a, b)
		}
	}
}

func TestUnreachedParameter(t *testing.T) {
	tape, z, other := NewTape(), parameter("z", 2), parameter("other", 3)
	tape.Use(other)
	tape.MSE(tape.Use(z), filled(tape, "target", 2), nil)
	tape.Plan(true)
	tape.Forward()
	tape.Backward()
	if !slices.Equal(other.Grad.Data, []float32{0, 0, 0}) {
		t.Errorf("gradient %v", other.Grad.Data)
	}
}

func TestPanics(t *testing.T) {
	shape := func(record func(t *Tape)) func(*testing.T) {
		return func(t *testing.T) {
			defer func() {
				var e *tensor.ShapeError
				if err, ok := recover().(error); !ok || !errors.As(err, &e) {
					t.Errorf("no *ShapeError: %v", err)
				}
			}()
			record(NewTape())
		}
	}
	for name, record := range map[string]func(t *Tape){
		"dense inner":   func(t *Tape) { t.Dense(t.Input(2, 3), t.Input(4, 5), nil, 0) },
		"dense bias":    func(t *Tape) { t.Dense(t.Input(2, 3), t.Input(3, 5), t.Input(4), 0) },
		"add":           func(t *Tape) { t.Add(t.Input(2, 3), t.Input(3, 2)) },
		"mse":           func(t *Tape) { t.MSE(t.Input(2, 3), t.Input(3, 2), nil) },
		"bce":           func(t *Tape) { t.BCE(t.Input(2, 3), t.Input(6), nil) },
		"cross entropy": func(t *Tape) { t.CrossEntropy(t.Input(2, 3), []int32{1}, nil) },
		"weights":       func(t *Tape) { t.MSE(t.Input(2, 3), t.Input(2, 3), t.Input(3)) },
		"mae":           func(t *Tape) { t.MAE(t.Input(2, 3), t.Input(3, 2), nil) },
		"focal bce":     func(t *Tape) { t.FocalBCE(t.Input(2, 3), t.Input(3, 2), nil, 1) },
		"focal classes": func(t *Tape) { t.FocalCrossEntropy(t.Input(2, 3), []int32{1}, nil, 1) },
		"layer norm":    func(t *Tape) { t.LayerNorm(t.Input(2, 3), t.Input(3), t.Input(2), 1) },
		"batch norm":    func(t *Tape) { t.BatchNorm(t.Input(2, 3), t.Input(2), t.Input(3), Moments{}, 1, true) },
		"table":         func(t *Tape) { t.Lookup(t.Input(3), []int32{1}) },
		"columns":       func(t *Tape) { t.Columns(t.Input(2, 3), []int{3}) },
		"concat":        func(t *Tape) { t.Concat(t.Input(2, 3), t.Input(3, 3)) },
		"tiled":         func(t *Tape) { t.AddTiled(t.Input(2, 3), t.Input(4)) },
		"pool":          func(t *Tape) { t.MeanPool(t.Input(4, 3), nil, 3) },
		"pool lengths":  func(t *Tape) { t.MeanPool(t.Input(4, 3), t.Input(3), 2) },
		"heads":         func(t *Tape) { attend(t, Attention{Heads: 4, Length: 2, Keys: 2}, nil) },
		"length":        func(t *Tape) { attend(t, Attention{Heads: 1, Length: 3, Keys: 2}, nil) },
		"causal":        func(t *Tape) { attend(t, Attention{Heads: 1, Length: 2, Keys: 1, Causal: true}, nil) },
		"key lengths":   func(t *Tape) { attend(t, Attention{Heads: 1, Length: 2, Keys: 2}, t.Input(3)) },
		"no gradient": func(t *Tape) {
			t.MSE(t.Use(&Parameter{Name: "p", Value: tensor.New(2)}), t.Input(2), nil)
			t.Plan(true)
		},
	} {
		t.Run(name, shape(record))
	}
}

func TestMisuse(t *testing.T) {
	for name, misuse := range map[string]func(t *Tape){
		"plan twice":        func(t *Tape) { t.Plan(true); t.Plan(true) },
		"record after plan": func(t *Tape) { x := t.Input(2); t.Plan(true); t.record(&sum{y: x}) },
		"rate of 1":         func(t *Tape) { t.Dropout(t.Input(2), 1, tensor.Random{}) },
		"unused result":     func(t *Tape) { t.Tanh(t.Use(parameter("x", 2))); t.Plan(true) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if text, ok := recover().(string); !ok || !strings.HasPrefix(text, "autograd: ") {
					t.Errorf("got %v", text)
				}
			}()
			misuse(NewTape())
		})
	}
}

// Operations on constants have a value and no gradient, and do not disturb those that learn.
func TestConstants(t *testing.T) {
	tape, w := NewTape(), parameter("w", 4, 2)
	x := tape.Input(3, 4)
	h := tape.Tanh(tape.Softmax(tape.Dropout(tape.Add(x, tape.ReLU(x)), 0.2, tensor.NewRandom(1, 1))))
	h = tape.Dense(h, tape.Input(4, 4), tape.Input(4), kernel.ActSigmoid)
	y := tape.Dense(h, tape.Use(w), nil, kernel.ActNone)
	tape.MSE(y, tape.Input(3, 2), nil)
	tape.Plan(true)
	copy(x.Data(), parameter("x", 3, 4).Value.Data)
	if err := CheckGradients(tape, w); err != nil {
		t.Error(err)
	}
	if h.Grad() != nil || x.Grad() != nil || len(y.Grad()) != 6 {
		t.Errorf("gradients of constants %v %v, of the result %v", h.Grad(), x.Grad(), y.Grad())
	}
}
