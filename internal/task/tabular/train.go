// Package tabular holds the recipes for tables: a network of dense layers, and the majority baseline that always stands
// beside it.
//
// Train takes a table to a package: it splits, learns the preprocessing on the training part alone, trains, measures on
// what the model has not seen, chooses, and writes down how. Open makes a package answer. The package that Train writes
// depends on the table, the spec and the seed alone, to the bit.
package tabular

import (
	"context"
	"errors"
	"fmt"
	"time"

	"lathe"
	"lathe/internal/data/table"
	"lathe/internal/feature"
	"lathe/internal/learn"
	"lathe/internal/pack"
)

// Job is what to learn from what.
type Job struct {
	Spec   lathe.TrainSpec // as Resolve left it
	Batch  *lathe.Batch
	Schema table.Schema
	Digest string            // of the dataset version
	Resume *learn.Checkpoint // nil starts anew
}

// Hooks are how a job reports. Each may be nil.
type Hooks struct {
	Progress   func(learn.Event)
	Warn       func(message string)
	Checkpoint func(*learn.Checkpoint) error
	Clock      func() time.Time // nil: time.Now
}

// Trained is what a job made.
type Trained struct {
	Package *pack.Package
	Result  lathe.TrainResult // without run, version and seconds.read
}

// job is a Job on its way.
type job struct {
	Job
	hooks    Hooks
	params   Parameters
	task     string
	split    *table.Split
	target   *feature.Target
	pipeline *feature.Pipeline
	parts    parts
	warnings []string
}

// Train carries out a job. ctx stops it at a step; the newest checkpoint is handed out before Train returns then.
// What the data or the spec is to blame for is a *lathe.Error.
func Train(ctx context.Context, in Job, hooks Hooks) (*Trained, error) {
	if hooks.Clock == nil {
		hooks.Clock = time.Now
	}
	start := hooks.Clock()
	j := &job{Job: in, hooks: hooks}
	if err := j.prepare(); err != nil {
		return nil, err
	}
	candidates, err := j.candidates(ctx)
	if err != nil {
		return nil, err
	}
	trained, err := j.finish(candidates)
	if err != nil {
		return nil, err
	}
	trained.Result.Seconds.Total = hooks.Clock().Sub(start).Seconds()
	return trained, nil
}

// prepare brings the table into the parts that a network sees.
func (j *job) prepare() (err error) {
	if j.params, err = parse(j.Spec.Set); err != nil {
		return err
	}
	if j.params.Missing == "drop" {
		j.dropMissing()
	}
	drawn := j.Batch.Column(j.Spec.Split) == nil
	if j.task, err = table.CheckTarget(j.Batch, j.Spec.Target, j.Spec.Task, drawn && j.params.Stratify); err != nil {
		return err
	}
	if err := j.divide(drawn); err != nil {
		return err
	}
	if err := j.learnPreprocessing(); err != nil {
		return err
	}
	return j.transform()
}

func (j *job) warn(format string, args ...any) {
	message := fmt.Sprintf(format, args...)
	j.warnings = append(j.warnings, message)
	if j.hooks.Warn != nil {
		j.hooks.Warn(message)
	}
}

// dropMissing keeps the rows that have every value.
func (j *job) dropMissing() {
	keep := make([]int, 0, j.Batch.Rows)
rows:
	for i := range j.Batch.Rows {
		for c := range j.Batch.Columns {
			if j.Batch.Columns[c].IsMissing(i) {
				continue rows
			}
		}
		keep = append(keep, i)
	}
	if dropped := j.Batch.Rows - len(keep); dropped > 0 {
		j.warn("%d of %d rows have a missing value and were dropped", dropped, j.Batch.Rows)
		j.Batch = j.Batch.Take(keep)
	}
}

// divide splits the rows and says what is odd about the parts.
func (j *job) divide(drawn bool) (err error) {
	o := table.SplitOptions{Split: j.Spec.Split, Target: j.Spec.Target, Seed: j.Spec.Seed}
	if drawn && j.params.Stratify && j.task != table.Regression {
		o.Stratify = j.Spec.Target
	}
	if j.split, err = table.NewSplit(j.Batch, o); err != nil {
		return err
	}
	if len(j.split.Test) == 0 {
		j.warn("there is no test part: nothing says how good the model is")
	}
	if j.split.Dropped > 0 {
		j.warn("%d rows lack the target and were left out", j.split.Dropped)
	}
	if j.split.Duplicates > 0 {
		j.warn("%d rows of validation and test have features that also occur in training: metrics may flatter", j.split.Duplicates)
	}
	return nil
}

// learnPreprocessing fits features on the training part. Classes are names and come from all labelled rows.
func (j *job) learnPreprocessing() (err error) {
	labelled := j.labelled()
	if j.target, err = feature.FitTarget(&labelled, j.task); err != nil {
		return err
	}
	train := j.Batch.Take(j.split.Train)
	if j.task == table.Regression {
		if err := j.target.Standardise(train.Column(j.Spec.Target)); err != nil {
			return err
		}
	}
	exclude := []string{j.Spec.Target}
	if j.split.Column != "" {
		exclude = append(exclude, j.split.Column)
	}
	j.pipeline, err = feature.Fit(train, j.Schema, feature.Options{
		Exclude: exclude, MaxLevels: j.params.MaxLevels, Impute: j.params.Impute,
	})
	if err != nil {
		return err
	}
	for _, d := range j.pipeline.Dropped() {
		j.warn("column %s is not learnt from: %s", d.Name, d.Reason)
	}
	return nil
}

// labelled is the target column of all rows that are in a part.
func (j *job) labelled() lathe.Column {
	rows := make([]int, 0, j.Batch.Rows)
	rows = append(append(append(rows, j.split.Train...), j.split.Validation...), j.split.Test...)
	one := lathe.Batch{Rows: j.Batch.Rows, Columns: []lathe.Column{*j.Batch.Column(j.Spec.Target)}}
	return one.Take(rows).Columns[0]
}

// lastly turns an error of the engine into one that its user can act on.
func lastly(err error) error {
	var diverged *learn.DivergedError
	if errors.As(err, &diverged) {
		return lathe.Errorf(lathe.CodeInvalid, "tabular: training diverged at step %d, epoch %d: %s is %v",
			diverged.Step, diverged.Epoch, diverged.What, diverged.Loss).WithField("learning_rate").
			WithHint("lower the learning rate, for example --learning-rate 0.0001, or look for extreme values with: lathe data profile")
	}
	var config *learn.ConfigError
	if errors.As(err, &config) {
		return lathe.Errorf(lathe.CodeInvalid, "tabular: %w", err).WithField(config.Field).WithHint("change --set %s", config.Field)
	}
	return err
}
