package tabular

import (
	"bytes"
	"context"
	"os"
	"testing"

	"lathe"
	"lathe/internal/data/table"
	"lathe/internal/pack"
)

// penguins is the sample that ships with the project: numbers, categories and missing values.
func penguins(t testing.TB) (*lathe.Batch, table.Schema) {
	t.Helper()
	f, err := os.Open("../../../samples/penguins.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	read, err := table.ReadCSV(f, table.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return read.Batch, table.Infer(read.Batch)
}

func trainPenguins(t testing.TB, spec lathe.TrainSpec) (*Trained, error) {
	t.Helper()
	b, schema := penguins(t)
	spec.Dataset, spec.Name = "penguins", "penguins"
	spec, err := Resolve(spec)
	if err != nil {
		return nil, err
	}
	return Train(context.Background(), Job{Spec: spec, Batch: b, Schema: schema, Digest: "d"}, Hooks{})
}

func TestTrainEachTask(t *testing.T) {
	for _, c := range []struct {
		target, task, metric string
		better               func(model, baseline float64) bool
	}{
		{"species", "multiclass", "accuracy", func(m, b float64) bool { return m > b+0.3 }},
		{"sex", "binary", "roc_auc", func(m, b float64) bool { return m > b+0.2 }},
		{"body_mass_g", "regression", "rmse", func(m, b float64) bool { return m < b*0.7 }},
	} {
		t.Run(c.target, func(t *testing.T) {
			trained, err := trainPenguins(t, lathe.TrainSpec{Target: c.target, Epochs: 60})
			if err != nil {
				t.Fatal(err)
			}
			r := trained.Result
			if r.Task != c.task || r.Recipe != RecipeMLP || len(r.Candidates) != 2 {
				t.Fatalf("task %s, recipe %s, candidates %v", r.Task, r.Recipe, r.Candidates)
			}
			if m, b := r.Test[c.metric], r.Candidates[1].Test[c.metric]; !c.better(m, b) {
				t.Errorf("%s: model %.3f, baseline %.3f", c.metric, m, b)
			}
		})
	}
}

// TestPackageIsReproducible: the same job gives the same bytes, and the opened package answers as well as it claims.
func TestPackageIsReproducible(t *testing.T) {
	var files [2][]byte
	var last *Trained
	for i := range files {
		trained, err := trainPenguins(t, lathe.TrainSpec{Target: "species", Seed: 3})
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := pack.Write(&b, trained.Package); err != nil {
			t.Fatal(err)
		}
		files[i], last = b.Bytes(), trained
	}
	if !bytes.Equal(files[0], files[1]) {
		t.Error("two runs of one job gave different packages")
	}
	p, err := pack.Parse(files[0])
	if err != nil {
		t.Fatal(err)
	}
	m, err := Open(p)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := penguins(t)
	whole, err := m.Evaluate(context.Background(), b)
	if err != nil {
		t.Fatal(err)
	}
	if whole.Metrics["accuracy"] < last.Result.Test["accuracy"]-0.1 {
		t.Errorf("opened package: accuracy %.3f on all rows, its test says %.3f", whole.Metrics["accuracy"], last.Result.Test["accuracy"])
	}
}
