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

// The task of the training benchmarks: what our users train in Keras today.
const (
	trainRows  = 80_000
	trainEpoch = 10
	keras      = "Keras"
	sklearn    = "scikit-learn"
	jax        = "JAX, compiled scan"
	ours       = "lathe"
)

const trainAbout = "A network of 30-64-32-1, ReLU, sigmoid, Adam 1e-3, binary cross-entropy; 80,000 rows to learn from and 20,000 held out by a column, " +
	"standardised alike; "

// fitted is what a peer's script prints.
type fitted struct {
	Read     float64 `json:"read"`
	Compile  float64 `json:"compile"` // of JAX
	Fit      float64 `json:"fit"`
	Steps    int64   `json:"steps"`
	Accuracy float64 `json:"accuracy"`
}

// learner is one that trains, and the peer's script, "" for lathe.
type learner struct{ name, script string }

func trainBench(ctx context.Context, w *world, r *result) error {
	r.Title = "Training"
	r.About = trainAbout + "batch 32, 10 epochs, 25,000 steps, asserted of each. Fit is the training alone, shuffling included (Keras: `model.fit`; JAX: an epoch is one compiled " +
		"scan, and compiling it is not counted), process is everything from the " +
		"command to its end: start, reading the CSV, training, test metrics. Lathe's process starts in an empty home and also stores the data set, encrypted, its profile, " +
		"checkpoints and the model."
	if err := w.trainAll(ctx, r, 32, []learner{{ours, ""}, {keras, "keras_mlp.py"}, {sklearn, "sklearn_mlp.py"}, {jax, "jax_mlp.py"}}); err != nil {
		return err
	}
	fit := func(peer string) float64 { return r.of(peer, "fit") / r.of(ours, "fit") }
	r.claim("fit: Keras's time over lathe's", atLeast, fit(keras), 60)
	r.claim("fit: scikit-learn's time over lathe's", atLeast, fit(sklearn), 15)
	r.claim("fit: JAX's time over lathe's", atLeast, fit(jax), 1.5)
	r.claim("process: Keras's time over lathe's", atLeast, r.of(keras, "process")/r.of(ours, "process"), 25)
	r.claimAccuracy()
	return nil
}

// trainLargeBench is the batch at which Keras wastes least.
func trainLargeBench(ctx context.Context, w *world, r *result) error {
	r.Title = "Training in large batches"
	r.About = trainAbout + "batch 1,024, 10 epochs, 790 steps, asserted of each. The columns are those of the table for batch 32."
	if err := w.trainAll(ctx, r, 1024, []learner{{ours, ""}, {keras, "keras_mlp.py"}}); err != nil {
		return err
	}
	r.claim("fit: Keras's time over lathe's", atLeast, r.of(keras, "fit")/r.of(ours, "fit"), 5)
	r.claimAccuracy()
	return nil
}

// trainAll trains the same network on the same rows, a seed a round. The order turns with each round, so that what disturbs the
// machine disturbs all alike.
func (w *world) trainAll(ctx context.Context, r *result, batch int, learners []learner) error {
	r.Figures = []figure{
		{"fit", "fit, s", 3, lower}, {"process", "process, s", 2, lower}, {"accuracy", "test accuracy", 4, ""},
	}
	table, err := w.table(ctx)
	if err != nil {
		return err
	}
	for _, l := range learners {
		r.Subjects = append(r.Subjects, l.name)
	}
	for round := range w.times(5) {
		for i := range learners {
			l := learners[(i+round)%len(learners)]
			figures, err := w.trainOne(ctx, l, table, batch, uint64(round))
			if err != nil {
				return fmt.Errorf("%s: %w", l.name, err)
			}
			w.note("  round %d %s: fit %.3f s, process %.2f s, accuracy %.4f", round+1, l.name, figures["fit"], figures["process"], figures["accuracy"])
			r.add(l.name, round, uint64(round), figures)
		}
	}
	return nil
}

func (r *result) claimAccuracy() {
	r.claim("test accuracy: lathe's distance from Keras's, in points", atMost, distance(r.of(ours, "accuracy"), r.of(keras, "accuracy")), 0.5)
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

func (w *world) trainOne(ctx context.Context, l learner, table string, batch int, seed uint64) (map[string]float64, error) {
	if l.script == "" {
		return w.trainLathe(ctx, table, batch, seed)
	}
	return w.trainPeer(ctx, l.script, table, batch, seed)
}

func (w *world) trainPeer(ctx context.Context, script, table string, batch int, seed uint64) (map[string]float64, error) {
	var f fitted
	seconds, err := w.lastJSON(ctx, &f, nil, w.python, w.peer(script), table, "--seed", strconv.FormatUint(seed, 10),
		"--batch", strconv.Itoa(batch), "--epochs", strconv.Itoa(trainEpoch))
	if err != nil {
		return nil, err
	}
	figures := map[string]float64{"read": f.Read, "fit": f.Fit, "process": seconds, "accuracy": f.Accuracy}
	if f.Compile > 0 {
		figures["compile"] = f.Compile
	}
	return figures, steps(f.Steps, batch)
}

func (w *world) trainLathe(ctx context.Context, table string, batch int, seed uint64) (figures map[string]float64, err error) {
	err = w.inHome(func(h *home) error {
		var t lathe.TrainResult
		seconds, err := h.do(ctx, &t, "train", table, "--target", "label", "--split", "part", "--recipe", "mlp", "--task", "binary",
			"--batch", strconv.Itoa(batch), "--epochs", strconv.Itoa(trainEpoch), "--seed", strconv.FormatUint(seed, 10))
		if err != nil {
			return err
		}
		figures = map[string]float64{
			"read": t.Seconds.Read, "fit": t.Seconds.Train, "total": t.Seconds.Total, "process": seconds, "accuracy": t.Test["accuracy"],
		}
		if t.Rows.Train != trainRows || t.Rows.Test != 20_000 || t.Recipe != "mlp" {
			return fmt.Errorf("trained %s on %+v", t.Recipe, t.Rows)
		}
		return steps(t.Steps, batch)
	})
	return figures, err
}

// steps holds the work of the peers together.
func steps(n int64, batch int) error {
	if want := (trainRows + batch - 1) / batch * trainEpoch; n != int64(want) {
		return fmt.Errorf("%d steps, not %d", n, want)
	}
	return nil
}
