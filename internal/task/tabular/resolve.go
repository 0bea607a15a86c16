package tabular

import (
	"math"
	"strconv"
	"strings"

	"lathe"
)

// DefaultSplit is what happens when nobody says otherwise.
const DefaultSplit = "0.7/0.15/0.15"

// The recipes by name; auto trains all of them and chooses on validation.
const (
	RecipeAuto     = "auto"
	RecipeMLP      = "mlp"
	RecipeMajority = "majority"
)

// Resolve checks a spec and fills in every default, so that what is stored says all that is done. The flags epochs, batch
// and learning_rate are parameters of the recipe too; given both ways they must agree.
func Resolve(spec lathe.TrainSpec) (lathe.TrainSpec, error) {
	if err := choose("task", &spec.Task, "auto", "binary", "multiclass", "regression"); err != nil {
		return spec, err
	}
	if err := choose("recipe", &spec.Recipe, RecipeAuto, RecipeMLP, RecipeMajority); err != nil {
		return spec, err
	}
	if err := checkNumbers(spec); err != nil {
		return spec, err
	}
	set, err := merge(spec)
	if err != nil {
		return spec, err
	}
	p, err := parse(set)
	if err != nil {
		return spec, err
	}
	if spec.BudgetSeconds > 0 && p.Patience > 0 { // the steps of a budget are replayed by verify, which has no clock to stop by
		return spec, lathe.Errorf(lathe.CodeInvalid, "tabular: a budget and patience %d cannot be combined", p.Patience).
			WithField("budget_seconds").WithHint("give one of them")
	}
	spec.Epochs, spec.Batch, spec.LearningRate = p.Epochs, p.Batch, p.LearningRate
	spec.Set = complete(set)
	if spec.Split == "" {
		spec.Split = DefaultSplit
	}
	return spec, nil
}

// choose holds a field to its choices; the first is the default.
func choose(field string, value *string, choices ...string) error {
	if *value == "" {
		*value = choices[0]
	}
	for _, c := range choices {
		if *value == c {
			return nil
		}
	}
	return lathe.Errorf(lathe.CodeInvalid, "tabular: %s %q is not known", field, *value).
		WithField(field).WithHint("use one of: %s", strings.Join(choices, ", "))
}

func checkNumbers(spec lathe.TrainSpec) error {
	for _, f := range []struct {
		name  string
		value float64
	}{
		{"epochs", float64(spec.Epochs)},
		{"batch", float64(spec.Batch)},
		{"learning_rate", spec.LearningRate},
		{"budget_seconds", spec.BudgetSeconds},
	} {
		if f.value < 0 || math.IsNaN(f.value) || math.IsInf(f.value, 0) {
			return lathe.Errorf(lathe.CodeInvalid, "tabular: %s %v is not allowed", f.name, f.value).
				WithField(f.name).WithHint("give a number above 0, or leave it out for the default")
		}
	}
	return nil
}

// merge puts the flags into the set.
func merge(spec lathe.TrainSpec) (map[string]string, error) {
	set := make(map[string]string, len(spec.Set)+3)
	for name, value := range spec.Set {
		set[name] = value
	}
	for name, flag := range map[string]string{
		"epochs": integerText(spec.Epochs), "batch": integerText(spec.Batch), "learning_rate": numberText(spec.LearningRate),
	} {
		if flag == "" {
			continue
		}
		if old, ok := set[name]; ok && old != flag {
			return nil, lathe.Errorf(lathe.CodeInvalid, "tabular: %s is given as %s and in set as %s", name, flag, old).
				WithField(name).WithHint("give it once")
		}
		set[name] = flag
	}
	return set, nil
}

func integerText(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func numberText(x float64) string {
	if x == 0 {
		return ""
	}
	return strconv.FormatFloat(x, 'g', -1, 64)
}
