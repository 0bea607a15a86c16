package tabular

import (
	"encoding/json"
	"fmt"

	"lathe"
	"lathe/internal/eval"
	"lathe/internal/feature"
	"lathe/internal/learn"
	"lathe/internal/pack"
)

// evaluation is evaluation.json: what the report and the gates read.
type evaluation struct {
	Task       string            `json:"task"`
	Validation *eval.Report      `json:"validation"`
	Test       *eval.Report      `json:"test"`
	Baseline   baseline          `json:"baseline"`
	Candidates []measured        `json:"candidates"`
	Dropped    []feature.Dropped `json:"dropped,omitempty"`
	Warnings   []string          `json:"warnings,omitempty"`
}

// measured is a line of the leaderboard as a package keeps it: without times, which are the machine's and not the
// model's.
type measured struct {
	Recipe     string             `json:"recipe"`
	Validation map[string]float64 `json:"validation"`
	Test       map[string]float64 `json:"test"`
	Epochs     []learn.Epoch      `json:"epochs,omitempty"`
}

// baseline compares the chosen model with the majority answer; Beats is null where there is no test part.
type baseline struct {
	Metric   string  `json:"metric"`
	Model    float64 `json:"model"`
	Baseline float64 `json:"baseline"`
	Beats    *bool   `json:"beats"`
}

// finish builds the package of the best candidate and the result of the run.
func (j *job) finish(list []*candidate) (*Trained, error) {
	best := list[0]
	p, err := j.pack(best, list)
	if err != nil {
		return nil, err
	}
	rest := 0
	for name, data := range p.Files {
		if name != pack.WeightsFile {
			rest += len(data)
		}
	}
	result := lathe.TrainResult{
		Model: j.Spec.Name, Task: j.task, Recipe: best.recipe, Rows: j.rows(), Steps: best.steps,
		Validation: metrics(best.validation), Test: metrics(best.test), Digest: best.net.Digest(), Warnings: j.warnings,
	}
	for _, c := range list {
		result.Seconds.Train += c.seconds
		result.Candidates = append(result.Candidates, c.line(int64(len(c.weights)+rest)))
	}
	return &Trained{Package: p, Result: result}, nil
}

func (j *job) rows() lathe.RowCounts {
	return lathe.RowCounts{Train: j.parts.train.Rows, Validation: j.parts.validation.Rows, Test: j.parts.test.Rows}
}

func (j *job) pack(best *candidate, list []*candidate) (*pack.Package, error) {
	preprocess, err := (&feature.Preprocess{Pipeline: j.pipeline, Target: j.target}).Encode()
	if err != nil {
		return nil, err
	}
	network, err := json.Marshal(j.shape(j.params.Hidden))
	if err != nil {
		return nil, fmt.Errorf("tabular: network: %w", err)
	}
	e := j.evaluation(best, list)
	report, err := json.MarshalIndent(e, "", " ")
	if err != nil {
		return nil, fmt.Errorf("tabular: evaluation: %w", err)
	}
	p := &pack.Package{Manifest: j.manifest(best), Files: map[string][]byte{
		pack.WeightsFile: best.weights, pack.PreprocessFile: preprocess, pack.EvaluationFile: report,
	}}
	p.Manifest.Network = network
	if p.Files[pack.ExampleFile], err = j.example(); err != nil {
		return nil, err
	}
	p.Files[pack.CardFile] = []byte(card(&p.Manifest, e))
	return p, nil
}

func (j *job) manifest(best *candidate) pack.Manifest {
	parameters := complete(j.Spec.Set)
	parameters["recipe"] = j.Spec.Recipe
	return pack.Manifest{
		Format: pack.FormatVersion, Runtime: RuntimeKind, Task: j.task, Recipe: best.recipe, Target: j.Spec.Target,
		Inputs: j.pipeline.Inputs(), Outputs: outputs(j.target), Classes: j.target.Classes, ClassKind: j.target.Kind,
		Lineage: pack.Lineage{
			Dataset: j.Spec.Dataset, DatasetVersion: j.Spec.DatasetVersion, DatasetDigest: j.Digest, CodeVersion: lathe.Version,
			Seed: j.Spec.Seed, Split: j.Spec.Split, Rows: j.rows(), Parameters: parameters, Steps: best.steps,
			WeightsDigest: best.net.Digest(),
		},
	}
}

func (j *job) evaluation(best *candidate, list []*candidate) evaluation {
	e := evaluation{
		Task: j.task, Validation: best.validation, Test: best.test, Dropped: j.pipeline.Dropped(), Warnings: j.warnings,
	}
	for _, c := range list {
		e.Candidates = append(e.Candidates, measured{c.recipe, metrics(c.validation), metrics(c.test), c.epochs})
		if c.recipe == RecipeMajority {
			e.Baseline = j.compare(best, c)
		}
	}
	return e
}

// compare holds the best candidate against the baseline, on the test part.
func (j *job) compare(best, majority *candidate) baseline {
	metric, sign := decisive(j.task)
	b := baseline{Metric: metric}
	if best.test == nil {
		return b
	}
	b.Model, b.Baseline = best.test.Metrics[metric], majority.test.Metrics[metric]
	beats := sign*b.Model > sign*b.Baseline
	b.Beats = &beats
	return b
}

// example is a request that the model takes: typical values, learnt in training, of no row in particular.
func (j *job) example() ([]byte, error) {
	values := map[string]any{}
	for _, in := range j.pipeline.Inputs() {
		values[in.Name] = in.Example
	}
	data, err := json.Marshal([]map[string]any{values})
	if err != nil {
		return nil, fmt.Errorf("tabular: example: %w", err)
	}
	return data, nil
}
