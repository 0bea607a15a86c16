package tabular

import (
	"bytes"
	"context"
	"fmt"

	"lathe"
	"lathe/internal/data/table"
	"lathe/internal/eval"
	"lathe/internal/feature"
	"lathe/internal/format/safetensors"
	"lathe/internal/learn"
)

// report measures a candidate on a part, nil where the part has no rows. The baseline needs no intervals: it answers the
// same for every row.
func (j *job) report(c *candidate, p *part) (*eval.Report, error) {
	if p.Rows == 0 {
		return nil, nil
	}
	y := make([]float32, p.Rows*c.net.Outputs())
	c.net.Predict(y, p.X, p.Rows)
	o := eval.Options{Seed: j.Spec.Seed}
	if c.recipe == RecipeMajority && j.Spec.Recipe != RecipeMajority {
		o.Resamples = -1
	}
	return score(j.target, y, p.classes, p.numbers, o)
}

// score measures what a network gave: y is [rows outputs], classes or numbers is the truth.
func score(t *feature.Target, y []float32, classes []int32, numbers []float64, o eval.Options) (*eval.Report, error) {
	values := make([]float64, len(y))
	for i, v := range y {
		values[i] = float64(v)
	}
	truth := make([]int, len(classes))
	for i, c := range classes {
		truth[i] = int(c)
	}
	var r eval.Report
	var err error
	switch n := len(t.Classes); {
	case t.Task == table.Regression:
		for i, v := range values {
			values[i] = t.Value(v)
		}
		r, err = eval.Regression(numbers, values, o)
	case n == 2:
		r, err = eval.Binary(truth, values, o)
	default:
		r, err = eval.Multiclass(truth, values, n, o)
	}
	if err != nil {
		return nil, fmt.Errorf("tabular: evaluate: %w", err)
	}
	return &r, nil
}

// Evaluate measures the model on rows that have the target; rows without it are left out.
func (m *Model) Evaluate(ctx context.Context, b *lathe.Batch) (lathe.EvalResult, error) {
	b, err := labelledRows(b, m.pre.Target.Name)
	if err != nil {
		return lathe.EvalResult{}, err
	}
	y, err := m.raw(ctx, b)
	if err != nil {
		return lathe.EvalResult{}, err
	}
	t, column := m.pre.Target, b.Column(m.pre.Target.Name)
	var classes []int32
	var numbers []float64
	if t.Task == table.Regression {
		numbers = make([]float64, b.Rows)
		err = t.Numbers(numbers, column)
	} else {
		classes = make([]int32, b.Rows)
		err = t.Labels(classes, column)
	}
	if err != nil {
		return lathe.EvalResult{}, err
	}
	r, err := score(t, y, classes, numbers, eval.Options{})
	if err != nil {
		return lathe.EvalResult{}, err
	}
	return lathe.EvalResult{Rows: r.Rows, Metrics: r.Metrics, Intervals: r.Intervals, Confusion: r.Confusion, Classes: t.Classes}, nil
}

// labelledRows keeps the rows that have the target.
func labelledRows(b *lathe.Batch, target string) (*lathe.Batch, error) {
	column := b.Column(target)
	if column == nil {
		return nil, table.NoColumn(b, "target", target)
	}
	keep := make([]int, 0, b.Rows)
	for i := range b.Rows {
		if !column.IsMissing(i) {
			keep = append(keep, i)
		}
	}
	if len(keep) == 0 {
		return nil, lathe.Errorf(lathe.CodeInvalid, "tabular: evaluate: no row has the target %q", target).
			WithField(target).WithHint("give rows whose outcome is known")
	}
	if len(keep) == b.Rows {
		return b, nil
	}
	return b.Take(keep), nil
}

// raw gives the network's outputs for all rows, [rows outputs].
func (m *Model) raw(ctx context.Context, b *lathe.Batch) ([]float32, error) {
	width := m.net.Outputs()
	y := make([]float32, b.Rows*width)
	err := m.each(ctx, b, func(from int, part []float32) { copy(y[from*width:], part) })
	return y, err
}

// ReadCheckpoint reads what Hooks.Checkpoint got, after it was stored.
func ReadCheckpoint(data []byte) (*learn.Checkpoint, error) {
	c, err := learn.DecodeCheckpoint(bytes.NewReader(data), safetensors.Limits{})
	if err != nil {
		return nil, lathe.Errorf(lathe.CodeCorrupt, "tabular: checkpoint: %w", err).WithHint("start a new run")
	}
	return c, nil
}
