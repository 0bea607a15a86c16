package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"lathe"
	"lathe/internal/client"
	"lathe/internal/task/tabular"
)

func trainCommand(o *options) *cobra.Command {
	var spec lathe.TrainSpec
	var budget time.Duration
	var set []string
	var detach bool
	c := &cobra.Command{
		Use: "train DATA --target COLUMN", Short: "Train, evaluate and compare models of a column", Args: cobra.ExactArgs(1),
		Long: `Train, evaluate and compare models of a column. DATA is a CSV file or the name of a dataset.

What --set takes:
` + tabular.Help(),
		Example: `  lathe train churn.csv --target churned
  lathe train churn --target churned --recipe mlp --epochs 20 --set hidden=128-64 --set dropout=0.1
  lathe train churn --target churned --split 0.8/0/0.2 --json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if spec.Set, err = pairs(set); err != nil {
				return err
			}
			spec.BudgetSeconds = budget.Seconds()
			return withSession(cmd, o, func(ctx context.Context, s *session) error { return s.train(ctx, args[0], spec, detach) })
		},
	}
	f := c.Flags()
	f.StringVar(&spec.Target, "target", "", "column to predict")
	f.StringVar(&spec.Task, "task", "auto", "auto, binary, multiclass or regression")
	f.StringVar(&spec.Recipe, "recipe", "auto", "auto, mlp or majority")
	f.StringVar(&spec.Name, "name", "", "of the model; the dataset's by default")
	f.IntVar(&spec.Epochs, "epochs", 0, "passes over the training part (10)")
	f.IntVar(&spec.Batch, "batch", 0, "rows a step (32)")
	f.Float64Var(&spec.LearningRate, "learning-rate", 0, "step size (0.001)")
	f.StringVar(&spec.Split, "split", "", "shares of train/validation/test, or a column that names the part ("+tabular.DefaultSplit+")")
	f.DurationVar(&budget, "budget", 0, "stop training after this time")
	f.Uint64Var(&spec.Seed, "seed", 0, "of everything random")
	f.IntVar(&spec.DatasetVersion, "data-version", 0, "version of the dataset; the newest by default")
	f.StringArrayVar(&set, "set", nil, "any number of the recipe, name=value")
	f.BoolVar(&detach, "detach", false, "do not wait for the end")
	return c
}

// pairs reads name=value flags.
func pairs(list []string) (map[string]string, error) {
	if len(list) == 0 {
		return nil, nil
	}
	set := make(map[string]string, len(list))
	for _, item := range list {
		name, value, ok := strings.Cut(item, "=")
		if !ok || name == "" {
			return nil, usageError{lathe.Errorf(lathe.CodeInvalid, "--set %q is not name=value", item).WithHint("for example --set epochs=20")}
		}
		set[name] = value
	}
	return set, nil
}

// train adds the data where it is a file, starts the run and watches it to its end.
func (s *session) train(ctx context.Context, data string, spec lathe.TrainSpec, detach bool) error {
	spec.Dataset = data
	if spec.Target == "" && isFile(data) {
		return usageError{lathe.Errorf(lathe.CodeInvalid, "no target column was named").WithHint("say which column to predict: --target COLUMN")}
	}
	if isFile(data) {
		version, err := s.upload(ctx, data, lathe.AddDataset{Name: nameOf(data)})
		if err != nil {
			return err
		}
		spec.Dataset, spec.DatasetVersion = version.Dataset, version.Number
		s.note("dataset %s version %d: %d rows, %d columns", version.Dataset, version.Number, version.Rows, len(version.Columns))
	}
	var run lathe.Run
	start := map[string]any{"kind": "train", "train": spec}
	if err := s.Do(ctx, http.MethodPost, client.Path("runs"), start, &run); err != nil {
		return err
	}
	if detach && s.own == nil {
		return s.show(run, func(w io.Writer) { fmt.Fprintf(w, "run %s; see: lathe runs watch %s\n", run.ID, run.ID) })
	}
	return s.follow(ctx, run.ID)
}

// follow shows a run's progress and, at its end, its result.
func (s *session) follow(ctx context.Context, id string) error {
	b := s.bar("training")
	err := s.Watch(ctx, id, 0, func(e lathe.Event) error {
		s.showEvent(b, e)
		return nil
	})
	b.end()
	if err != nil {
		if ctx.Err() != nil && s.own == nil {
			s.note("run %s goes on; see: lathe runs watch %s", id, id)
		}
		return err
	}
	var run lathe.Run
	if err := s.Do(ctx, http.MethodGet, client.Path("runs", id), nil, &run); err != nil {
		return err
	}
	return s.showRun(run)
}

func (s *session) showEvent(b *bar, e lathe.Event) {
	switch e.Kind {
	case "progress":
		var p struct {
			Step, Steps   float64
			Epoch, Epochs int
			Loss          *float64
		}
		if json.Unmarshal(e.Data, &p) == nil {
			remark := fmt.Sprintf("epoch %d of %d", p.Epoch, p.Epochs)
			if p.Loss != nil {
				remark += fmt.Sprintf(", loss %.4f", *p.Loss)
			}
			b.set(p.Step, p.Steps, remark)
		}
	case "warning":
		var p struct{ Message string }
		if json.Unmarshal(e.Data, &p) == nil && !s.quiet {
			b.end()
			s.note("warning: %s", oneLine(p.Message))
		}
	}
}

// showRun prints a run that rests: its result, or why there is none.
func (s *session) showRun(run lathe.Run) error {
	switch run.State {
	case lathe.RunFailed:
		e := &lathe.Error{Code: lathe.CodeInternal, Message: "run " + run.ID + " failed"}
		if run.Error != nil {
			e = &lathe.Error{Code: run.Error.Code, Field: run.Error.Field, Message: run.Error.Message, Hint: run.Error.Hint}
		}
		return e
	case lathe.RunSucceeded:
		if run.Kind == lathe.RunVerify {
			return s.showVerified(run)
		}
		var result lathe.TrainResult
		if err := json.Unmarshal(run.Result, &result); err != nil {
			return fmt.Errorf("run %s: result: %w", run.ID, err)
		}
		return s.show(run.Result, func(w io.Writer) { printResult(w, result) })
	default:
		return s.show(run, func(w io.Writer) {
			fmt.Fprintf(w, "run %s: %s; go on with: lathe runs resume %s\n", run.ID, run.State, run.ID)
		})
	}
}

// showVerified prints how a comparison ended; weights that differ are the command's failure.
func (s *session) showVerified(run lathe.Run) error {
	var r lathe.VerifyResult
	if err := json.Unmarshal(run.Result, &r); err != nil {
		return fmt.Errorf("run %s: result: %w", run.ID, err)
	}
	if !r.Same {
		return lathe.Errorf(lathe.CodeConflict, "model %s version %d: trained again it has the weights %s, not %s", r.Model, r.Version, r.Digest, r.Expect).
			WithHint("the package, or the code that trains, is not what it was; see: lathe models show %s@%d", r.Model, r.Version)
	}
	return s.show(run.Result, func(w io.Writer) {
		fmt.Fprintf(w, "model %s version %d: the same weights after %d steps, to the bit: %s\n", r.Model, r.Version, r.Steps, r.Digest)
	})
}

// printResult prints the leaderboard, best first as the service ordered it.
func printResult(w io.Writer, r lathe.TrainResult) {
	fmt.Fprintf(w, "model %s version %d: %s, %s; %d rows to learn from, %d to choose, %d to test; %d steps in %.2f s\n\n",
		r.Model, r.Version, r.Task, r.Recipe, r.Rows.Train, r.Rows.Validation, r.Rows.Test, r.Steps, r.Seconds.Train)
	names := metricNames(r.Candidates)
	head := []string{"RECIPE"}
	for _, n := range names {
		head = append(head, strings.ToUpper(n))
	}
	rows := [][]string{append(head, "SECONDS", "SIZE", "P50")}
	for _, c := range r.Candidates {
		row := []string{c.Recipe}
		for _, n := range names {
			row = append(row, metricText(c.Test, n))
		}
		rows = append(rows, append(row, fmt.Sprintf("%.2f", c.Seconds), bytesText(c.Bytes), fmt.Sprintf("%.1f µs", c.P50US)))
	}
	grid(w, rows)
	ref := ""
	if r.Version > 1 { // without a number deploy takes the champion, where there is one
		ref = fmt.Sprintf("@%d", r.Version)
	}
	fmt.Fprintf(w, "\nnext: lathe deploy %s%s\n", r.Model, ref)
}

// shown are the metrics of the short table, in this order; the rest is in --json and the report.
var shown = []string{"accuracy", "balanced_accuracy", "f1", "f1_macro", "roc_auc", "log_loss", "rmse", "mae", "r2"}

func metricNames(candidates []lathe.Candidate) []string {
	var names []string
	for _, n := range shown {
		for _, c := range candidates {
			if _, ok := c.Test[n]; ok {
				names = append(names, n)
				break
			}
		}
	}
	return names
}

func metricText(metrics map[string]float64, name string) string {
	if v, ok := metrics[name]; ok {
		return strconv.FormatFloat(v, 'f', 4, 64)
	}
	return "-"
}

// printMetrics prints metrics with their intervals where there are any.
func printMetrics(w io.Writer, metrics map[string]float64, intervals map[string][2]float64) {
	names := make([]string, 0, len(metrics))
	for n := range metrics {
		names = append(names, n)
	}
	sort.Strings(names)
	rows := [][]string{{"METRIC", "VALUE", "95 % INTERVAL"}}
	for _, n := range names {
		interval := ""
		if i, ok := intervals[n]; ok {
			interval = fmt.Sprintf("%.4f to %.4f", i[0], i[1])
		}
		rows = append(rows, []string{n, metricText(metrics, n), interval})
	}
	grid(w, rows)
}
