package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"

	"lathe"
)

// The task of the training benchmark: what our users train in Keras today.
const (
	trainRows  = 80_000
	trainEpoch = 10
	trainBatch = 32
	trainSteps = trainRows / trainBatch * trainEpoch
	keras      = "Keras"
	sklearn    = "scikit-learn"
	ours       = "lathe"
)

// fitted is what a peer's script prints.
type fitted struct {
	Read     float64 `json:"read"`
	Fit      float64 `json:"fit"`
	Steps    int64   `json:"steps"`
	Accuracy float64 `json:"accuracy"`
}

// trainBench trains the same network on the same rows, a seed a round. The order turns with each round, so that what disturbs the
// machine disturbs all alike.
func trainBench(ctx context.Context, w *world, r *result) error {
	r.Title = "Training"
	r.About = "A network of 30-64-32-1, ReLU, sigmoid, Adam 1e-3, binary cross-entropy; 80,000 rows to learn from and 20,000 held out by a column, " +
		"standardised alike; batch 32, 10 epochs, 25,000 steps, asserted of each. Fit is the training alone (Keras: `model.fit`), process is everything from the " +
		"command to its end: start, reading the CSV, training, test metrics. Lathe's process starts in an empty home and also stores the data set, encrypted, its profile, " +
		"checkpoints and the model."
	r.Figures = []figure{
		{"fit", "fit, s", 2, lower}, {"process", "process, s", 2, lower}, {"accuracy", "test accuracy", 4, ""},
	}
	table, err := w.table(ctx)
	if err != nil {
		return err
	}
	subjects := []struct {
		name string
		run  func(ctx context.Context, table string, seed uint64) (map[string]float64, error)
	}{
		{ours, w.trainLathe},
		{keras, func(ctx context.Context, table string, seed uint64) (map[string]float64, error) {
			return w.trainPeer(ctx, "keras_mlp.py", table, seed)
		}},
		{sklearn, func(ctx context.Context, table string, seed uint64) (map[string]float64, error) {
			return w.trainPeer(ctx, "sklearn_mlp.py", table, seed)
		}},
	}
	for _, s := range subjects {
		r.Subjects = append(r.Subjects, s.name)
	}
	for round := range w.times(3) {
		for i := range subjects {
			s := subjects[(i+round)%len(subjects)]
			figures, err := s.run(ctx, table, uint64(round))
			if err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			w.note("  round %d %s: fit %.2f s, process %.2f s, accuracy %.4f", round+1, s.name, figures["fit"], figures["process"], figures["accuracy"])
			r.add(s.name, round, uint64(round), figures)
		}
	}
	r.claim("fit: Keras's time over lathe's", atLeast, r.of(keras, "fit")/r.of(ours, "fit"), 3)
	r.claim("test accuracy: lathe's distance from Keras's, in points", atMost, distance(r.of(ours, "accuracy"), r.of(keras, "accuracy")), 0.5)
	return nil
}

// distance of two accuracies in points of percent.
func distance(a, b float64) float64 { return max(a-b, b-a) * 100 }

// table makes the seeded table once.
func (w *world) table(ctx context.Context) (string, error) {
	path := w.work("churn.csv")
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return path, err
	}
	partial := path + ".partial"
	if err := w.do(ctx, w.python, w.peer("make_table.py"), partial); err != nil {
		return "", err
	}
	return path, os.Rename(partial, path)
}

func (w *world) trainPeer(ctx context.Context, script, table string, seed uint64) (map[string]float64, error) {
	var f fitted
	seconds, err := w.lastJSON(ctx, &f, nil, w.python, w.peer(script), table, "--seed", strconv.FormatUint(seed, 10),
		"--batch", strconv.Itoa(trainBatch), "--epochs", strconv.Itoa(trainEpoch))
	if err != nil {
		return nil, err
	}
	return map[string]float64{"read": f.Read, "fit": f.Fit, "process": seconds, "accuracy": f.Accuracy}, steps(f.Steps)
}

func (w *world) trainLathe(ctx context.Context, table string, seed uint64) (figures map[string]float64, err error) {
	err = w.inHome(func(h *home) error {
		var t lathe.TrainResult
		seconds, err := h.do(ctx, &t, "train", table, "--target", "label", "--split", "part", "--recipe", "mlp", "--task", "binary",
			"--batch", strconv.Itoa(trainBatch), "--epochs", strconv.Itoa(trainEpoch), "--seed", strconv.FormatUint(seed, 10))
		if err != nil {
			return err
		}
		figures = map[string]float64{
			"read": t.Seconds.Read, "fit": t.Seconds.Train, "total": t.Seconds.Total, "process": seconds, "accuracy": t.Test["accuracy"],
		}
		if t.Rows.Train != trainRows || t.Rows.Test != 20_000 || t.Recipe != "mlp" {
			return fmt.Errorf("trained %s on %+v", t.Recipe, t.Rows)
		}
		return steps(t.Steps)
	})
	return figures, err
}

// steps holds the work of the peers together.
func steps(n int64) error {
	if n != trainSteps {
		return fmt.Errorf("%d steps, not %d", n, trainSteps)
	}
	return nil
}
