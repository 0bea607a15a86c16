package tabular

import (
	"bytes"
	"context"
	"errors"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"lathe"
	"lathe/internal/learn"
	"lathe/internal/pack"
)

func opened(t testing.TB, target string) *Model {
	t.Helper()
	trained, err := trainPenguins(t, lathe.TrainSpec{Target: target, Recipe: RecipeMLP, Epochs: 5})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := pack.Write(&b, trained.Package); err != nil {
		t.Fatal(err)
	}
	p, err := pack.Parse(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	m, err := Open(p)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestRowsDoNotDependOnEachOther: a row gets the same bits alone, among others, and from many goroutines at once.
func TestRowsDoNotDependOnEachOther(t *testing.T) {
	for _, target := range []string{"species", "sex", "body_mass_g"} {
		m := opened(t, target)
		b, _ := penguins(t)
		whole, err := m.Predict(context.Background(), b)
		if err != nil {
			t.Fatal(err)
		}
		var wait sync.WaitGroup
		for g := range 4 {
			wait.Go(func() {
				for i := g; i < b.Rows; i += 4 {
					one, err := m.Predict(context.Background(), b.Slice(i, i+1))
					if err != nil {
						t.Error(err)
						return
					}
					for c := range one.Columns {
						if !sameCell(&one.Columns[c], 0, &whole.Columns[c], i) {
							t.Errorf("%s: row %d, column %s differs", target, i, one.Columns[c].Name)
							return
						}
					}
				}
			})
		}
		wait.Wait()
	}
}

// TestManyRows run on all cores, and get what each gets alone.
func TestManyRows(t *testing.T) {
	m := opened(t, "species")
	b, _ := penguins(t)
	index := make([]int, 40*chunk+7)
	for i := range index {
		index[i] = i * 31 % b.Rows
	}
	many, err := m.Predict(context.Background(), b.Take(index))
	if err != nil {
		t.Fatal(err)
	}
	few, err := m.Predict(context.Background(), b)
	if err != nil {
		t.Fatal(err)
	}
	for i, from := range index {
		for c := range many.Columns {
			if !sameCell(&many.Columns[c], i, &few.Columns[c], from) {
				t.Fatalf("row %d, column %s differs", i, many.Columns[c].Name)
			}
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := m.Predict(ctx, b); !errors.Is(err, context.Canceled) {
		t.Errorf("after its end: %v", err)
	}
}

func sameCell(a *lathe.Column, i int, b *lathe.Column, j int) bool {
	if a.Kind != b.Kind || a.Name != b.Name {
		return false
	}
	switch a.Kind {
	case lathe.Float64:
		return math.Float64bits(a.Floats[i]) == math.Float64bits(b.Floats[j])
	case lathe.Int64:
		return a.Ints[i] == b.Ints[j]
	case lathe.Bool:
		return a.Bools[i] == b.Bools[j]
	default:
		return a.Strings[i] == b.Strings[j]
	}
}

// TestProbabilities: they add up, and the prediction is the most probable class.
func TestProbabilities(t *testing.T) {
	m := opened(t, "species")
	b, _ := penguins(t)
	out, err := m.Predict(context.Background(), b)
	if err != nil {
		t.Fatal(err)
	}
	for i := range out.Rows {
		sum, best := 0.0, 1
		for c := 1; c < len(out.Columns); c++ {
			sum += out.Columns[c].Floats[i]
			if out.Columns[c].Floats[i] > out.Columns[best].Floats[i] {
				best = c
			}
		}
		if want := strings.TrimPrefix(out.Columns[best].Name, "probability_"); math.Abs(sum-1) > 1e-6 || out.Columns[0].Strings[i] != want {
			t.Fatalf("row %d: probabilities add up to %v, prediction %s, most probable %s", i, sum, out.Columns[0].Strings[i], want)
		}
	}
}

// TestResume: a job that is stopped at its first checkpoint, and one that lost its process right after it, end with the
// weights of one that nobody disturbed.
func TestResume(t *testing.T) {
	b, schema := penguins(t)
	spec, err := Resolve(lathe.TrainSpec{
		Dataset: "penguins", Name: "penguins", Target: "species", Recipe: RecipeMLP, Epochs: 90, Batch: 8,
		Set: map[string]string{"dropout": "0.1", "checkpoint_ms": "1"},
	})
	if err != nil {
		t.Fatal(err)
	}
	job := Job{Spec: spec, Batch: b, Schema: schema, Digest: "d"}
	whole, err := Train(context.Background(), job, Hooks{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var saved []*learn.Checkpoint
	ticks := time.Unix(0, 0)
	hooks := Hooks{
		Checkpoint: func(c *learn.Checkpoint) error { saved = append(saved, c); cancel(); return nil },
		Clock:      func() time.Time { ticks = ticks.Add(time.Second); return ticks },
	}
	if _, err := Train(ctx, job, hooks); !errors.Is(err, context.Canceled) {
		t.Fatalf("stopped: %v", err)
	}
	if len(saved) != 2 {
		t.Fatalf("%d checkpoints, want the one that is due and the one at the stop", len(saved))
	}
	for _, c := range saved {
		var file bytes.Buffer
		if err := c.Encode(&file); err != nil {
			t.Fatal(err)
		}
		if job.Resume, err = ReadCheckpoint(file.Bytes()); err != nil {
			t.Fatal(err)
		}
		resumed, err := Train(context.Background(), job, Hooks{})
		if err != nil {
			t.Fatal(err)
		}
		if resumed.Result.Digest != whole.Result.Digest || resumed.Result.Steps != whole.Result.Steps {
			t.Errorf("resumed at step %d: digest %s after %d steps, undisturbed %s after %d", c.Step(),
				resumed.Result.Digest, resumed.Result.Steps, whole.Result.Digest, whole.Result.Steps)
		}
	}
}

// TestBudget: training ends when its time is up, says so by its steps, and those steps again give the same weights.
func TestBudget(t *testing.T) {
	spec := lathe.TrainSpec{Target: "species", Recipe: RecipeMLP, Epochs: 1_000_000, BudgetSeconds: 0.05}
	cut, err := trainPenguins(t, spec)
	if err != nil {
		t.Fatal(err)
	}
	spec.BudgetSeconds = 0
	// A machine that is busy enough gives no step at all within the budget; one step is then as good a comparison.
	steps := max(int(cut.Result.Steps), 1)
	spec.Set = map[string]string{"max_steps": integerText(steps)}
	again, err := trainPenguins(t, spec)
	if err != nil {
		t.Fatal(err)
	}
	if cut.Result.Steps == 0 {
		spec.Set["max_steps"], spec.BudgetSeconds = "1", 0
		if cut, err = trainPenguins(t, spec); err != nil {
			t.Fatal(err)
		}
	}
	if again.Result.Digest != cut.Result.Digest {
		t.Errorf("%d steps again: digest %s, within the budget %s", cut.Result.Steps, again.Result.Digest, cut.Result.Digest)
	}
}

func TestOtherWays(t *testing.T) {
	for _, c := range []struct {
		name  string
		spec  lathe.TrainSpec
		check func(r lathe.TrainResult) bool
	}{
		{"majority", lathe.TrainSpec{Target: "species", Recipe: RecipeMajority}, func(r lathe.TrainResult) bool {
			return r.Recipe == RecipeMajority && len(r.Candidates) == 1 && r.Steps == 0
		}},
		{"rows with missing values dropped", lathe.TrainSpec{Target: "species", Recipe: RecipeMLP, Set: map[string]string{"missing": "drop"}}, func(r lathe.TrainResult) bool {
			return r.Rows.Train+r.Rows.Validation+r.Rows.Test == 333
		}},
		{"no validation", lathe.TrainSpec{Target: "species", Split: "0.8/0/0.2"}, func(r lathe.TrainResult) bool {
			return r.Validation == nil && r.Rows.Validation == 0 && r.Recipe == RecipeMLP
		}},
		{"early stop", lathe.TrainSpec{Target: "species", Recipe: RecipeMLP, Epochs: 500, Set: map[string]string{"patience": "3"}}, func(r lathe.TrainResult) bool {
			return r.Steps < 500*8
		}},
		{"sgd with momentum", lathe.TrainSpec{Target: "body_mass_g", Recipe: RecipeMLP, Set: map[string]string{"optimizer": "sgd", "momentum": "0.9"}}, func(r lathe.TrainResult) bool {
			return r.Test["r2"] > 0.3
		}},
		{"linear", lathe.TrainSpec{Target: "sex", Recipe: RecipeMLP, Epochs: 30, LearningRate: 0.05, Set: map[string]string{"hidden": "none"}}, func(r lathe.TrainResult) bool {
			return r.Test["roc_auc"] > 0.8
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			trained, err := trainPenguins(t, c.spec)
			if err != nil {
				t.Fatal(err)
			}
			if !c.check(trained.Result) {
				t.Errorf("%+v", trained.Result)
			}
		})
	}
}

func TestResolveRefuses(t *testing.T) {
	for _, c := range []struct{ name, value, says string }{
		{"hidden", "64-x", "no layer size"},
		{"hidden", "0", "no layer size"},
		{"hidden", strings.Repeat("8-", 40) + "8", "at most 32"},
		{"activation", "gelu9", "not one of"},
		{"dropout", "1", "not a number"},
		{"dropout", "NaN", "not a number"},
		{"epochs", "0", "whole number"},
		{"batch", "-1", "whole number"},
		{"shuffle", "maybe", "neither true nor false"},
		{"epsilon", "Inf", "not a number"},
		{"deph", "3", "no parameter"},
	} {
		_, err := Resolve(lathe.TrainSpec{Target: "y", Set: map[string]string{c.name: c.value}})
		var e *lathe.Error
		if !errors.As(err, &e) || e.Code != lathe.CodeInvalid || e.Field != "set."+c.name || e.Hint == "" || !strings.Contains(e.Message, c.says) {
			t.Errorf("%s=%s: %+v", c.name, c.value, err)
		}
	}
	if _, err := Resolve(lathe.TrainSpec{Epochs: 3, Set: map[string]string{"epochs": "4"}}); lathe.CodeOf(err) != lathe.CodeInvalid {
		t.Errorf("epochs given twice: %v", err)
	}
	if _, err := Resolve(lathe.TrainSpec{BudgetSeconds: math.Inf(1)}); lathe.CodeOf(err) != lathe.CodeInvalid {
		t.Errorf("endless budget: %v", err)
	}
}

// TestOpenRefuses: files of a package that do not belong together.
func TestOpenRefuses(t *testing.T) {
	a, b := opened(t, "species").Package, opened(t, "sex").Package
	for name, files := range map[string]map[string][]byte{
		"weights of another model": {pack.WeightsFile: b.Files[pack.WeightsFile], pack.PreprocessFile: a.Files[pack.PreprocessFile]},
		"no weights":               {pack.PreprocessFile: a.Files[pack.PreprocessFile]},
		"no preprocessing":         {pack.WeightsFile: a.Files[pack.WeightsFile]},
	} {
		if _, err := Open(&pack.Package{Manifest: a.Manifest, Files: files}); lathe.CodeOf(err) != lathe.CodeCorrupt {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// BenchmarkPredictRow is one row from a Batch to a Batch, as a request has it.
func BenchmarkPredictRow(b *testing.B) {
	m := opened(b, "species")
	rows, _ := penguins(b)
	one := rows.Slice(0, 1)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := m.Predict(context.Background(), one); err != nil {
			b.Fatal(err)
		}
	}
}
