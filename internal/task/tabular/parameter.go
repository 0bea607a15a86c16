package tabular

import (
	"fmt"
	"math"
	"sort"
	"strconv"
	"strings"

	"lathe"
)

// Parameters is every number of the recipe mlp. The defaults are what `Dense(64)-Dense(32)-Dense(1)` compiled with Adam
// has in Keras.
type Parameters struct {
	Hidden       []int
	Activation   string
	Dropout      float64
	Epochs       int
	Batch        int
	Optimizer    string
	LearningRate float64
	Momentum     float64
	Beta1        float64
	Beta2        float64
	Epsilon      float64
	Shuffle      bool
	Patience     int
	MaxSteps     int
	Missing      string
	Impute       string
	MaxLevels    int
	Stratify     bool
	CheckpointMS int
}

// parameter is one entry of the table below: how `--set name=value` reads, what it means.
type parameter struct {
	name, value, doc string
	set              func(p *Parameters, text string) error
}

// parameters is the one list of what can be set: defaults, validation, help and lineage all come from it.
var parameters = []parameter{
	{"hidden", "64-32", "units of each hidden layer, '-' between; 'none' for a linear model", setHidden},
	{"activation", "relu", "of the hidden layers: relu, tanh, sigmoid or linear", oneOf(func(p *Parameters) *string { return &p.Activation }, "relu", "tanh", "sigmoid", "linear")},
	{"dropout", "0", "share of hidden values dropped in training, 0 to 0.95", number(func(p *Parameters) *float64 { return &p.Dropout }, 0, 0.95)},
	{"epochs", "10", "passes over the training part", integer(func(p *Parameters) *int { return &p.Epochs }, 1, 1e6)},
	{"batch", "32", "rows a step", integer(func(p *Parameters) *int { return &p.Batch }, 1, 1<<20)},
	{"optimizer", "adam", "adam or sgd", oneOf(func(p *Parameters) *string { return &p.Optimizer }, "adam", "sgd")},
	{"learning_rate", "0.001", "step size", number(func(p *Parameters) *float64 { return &p.LearningRate }, 1e-12, 1e3)},
	{"momentum", "0", "of sgd", number(func(p *Parameters) *float64 { return &p.Momentum }, 0, 0.9999)},
	{"beta1", "0.9", "of adam", number(func(p *Parameters) *float64 { return &p.Beta1 }, 0, 0.999999)},
	{"beta2", "0.999", "of adam", number(func(p *Parameters) *float64 { return &p.Beta2 }, 0, 0.999999999)},
	{"epsilon", "1e-07", "of adam, outside the root", number(func(p *Parameters) *float64 { return &p.Epsilon }, 1e-15, 1)},
	{"shuffle", "true", "a new order of rows each epoch", boolean(func(p *Parameters) *bool { return &p.Shuffle })},
	{"patience", "0", "epochs without a better validation loss before training stops; 0 never stops early", integer(func(p *Parameters) *int { return &p.Patience }, 0, 1e6)},
	{"max_steps", "0", "steps after which training stops, whatever the epochs; 0: none", integer(func(p *Parameters) *int { return &p.MaxSteps }, 0, math.MaxInt32)},
	{"missing", "impute", "rows with a missing value: impute, or drop from all parts", oneOf(func(p *Parameters) *string { return &p.Missing }, "impute", "drop")},
	{"impute", "median", "what a missing number becomes: median or mean of the training part", oneOf(func(p *Parameters) *string { return &p.Impute }, "median", "mean")},
	{"max_levels", "50", "categories that get an input of their own; rarer ones share one", integer(func(p *Parameters) *int { return &p.MaxLevels }, 2, 10_000)},
	{"stratify", "true", "each part gets the same share of each class", boolean(func(p *Parameters) *bool { return &p.Stratify })},
	{"checkpoint_ms", "2000", "milliseconds between checkpoints", integer(func(p *Parameters) *int { return &p.CheckpointMS }, 1, 3_600_000)},
}

// Help lists the parameters for `lathe train --help`, a line each.
func Help() string {
	var b strings.Builder
	for _, p := range parameters {
		fmt.Fprintf(&b, "  %-14s %-8s %s\n", p.name, p.value, p.doc)
	}
	return b.String()
}

// parse fills the parameters from the defaults and then from set. Unknown names and bad values are CodeInvalid.
func parse(set map[string]string) (Parameters, error) {
	var p Parameters
	for _, entry := range parameters {
		text, given := set[entry.name]
		if !given {
			text = entry.value
		}
		if err := entry.set(&p, text); err != nil {
			return p, lathe.Errorf(lathe.CodeInvalid, "tabular: parameter %s=%q: %w", entry.name, text, err).
				WithField("set."+entry.name).WithHint("%s: %s", entry.name, entry.doc)
		}
	}
	return p, unknown(set)
}

// unknown refuses names that no parameter has.
func unknown(set map[string]string) error {
	for _, name := range sorted(set) {
		if find(name) == nil {
			return lathe.Errorf(lathe.CodeInvalid, "tabular: recipe mlp has no parameter %q", name).
				WithField("set."+name).WithHint("it has: %s", strings.Join(names(), ", "))
		}
	}
	return nil
}

func find(name string) *parameter {
	for i := range parameters {
		if parameters[i].name == name {
			return &parameters[i]
		}
	}
	return nil
}

func names() []string {
	list := make([]string, len(parameters))
	for i, p := range parameters {
		list[i] = p.name
	}
	return list
}

func sorted(set map[string]string) []string {
	list := make([]string, 0, len(set))
	for name := range set {
		list = append(list, name)
	}
	sort.Strings(list)
	return list
}

// complete gives every parameter as text, defaults too: what lineage records.
func complete(set map[string]string) map[string]string {
	all := make(map[string]string, len(parameters))
	for _, p := range parameters {
		all[p.name] = p.value
	}
	for name, value := range set {
		all[name] = value
	}
	return all
}

func setHidden(p *Parameters, text string) error {
	p.Hidden = nil
	if text == "none" {
		return nil
	}
	for _, part := range strings.Split(text, "-") {
		n, err := strconv.Atoi(part)
		if err != nil || n < 1 || n > 16_384 {
			return fmt.Errorf("%q is no layer size from 1 to 16384", part)
		}
		p.Hidden = append(p.Hidden, n)
	}
	if len(p.Hidden) > 32 {
		return fmt.Errorf("%d layers, at most 32", len(p.Hidden))
	}
	return nil
}

func oneOf(field func(*Parameters) *string, choices ...string) func(*Parameters, string) error {
	return func(p *Parameters, text string) error {
		for _, c := range choices {
			if text == c {
				*field(p) = text
				return nil
			}
		}
		return fmt.Errorf("not one of %s", strings.Join(choices, ", "))
	}
}

func integer(field func(*Parameters) *int, low, high int) func(*Parameters, string) error {
	return func(p *Parameters, text string) error {
		n, err := strconv.Atoi(text)
		if err != nil || n < low || n > high {
			return fmt.Errorf("not a whole number from %d to %d", low, high)
		}
		*field(p) = n
		return nil
	}
}

func number(field func(*Parameters) *float64, low, high float64) func(*Parameters, string) error {
	return func(p *Parameters, text string) error {
		x, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(x) || x < low || x > high {
			return fmt.Errorf("not a number from %g to %g", low, high)
		}
		*field(p) = x
		return nil
	}
}

func boolean(field func(*Parameters) *bool) func(*Parameters, string) error {
	return func(p *Parameters, text string) error {
		v, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("neither true nor false")
		}
		*field(p) = v
		return nil
	}
}
