// Package native joins the engine to the platform: what a child process does for a job, and how a package of our own
// engine is opened, in the service and offline.
package native

import (
	"context"
	"errors"
	"io"
	"time"

	"lathe"
	"lathe/internal/child"
	"lathe/internal/data/table"
	"lathe/internal/learn"
	"lathe/internal/pack"
	"lathe/internal/task/tabular"
)

// Works is what a child of this binary can do.
func Works() map[string]child.Work {
	return map[string]child.Work{
		KindIngest: ingest, KindShape: shape, KindTrain: train, KindPredict: predict, KindEvaluate: evaluate,
	}
}

// Runtimes are the openers of this build.
func Runtimes() lathe.Runtimes {
	return lathe.Runtimes{tabular.RuntimeKind: func(_ context.Context, file lathe.PackageFile) (lathe.Runtime, error) {
		p, err := pack.Read(file, file.Size(), pack.DefaultLimits)
		if err != nil {
			return nil, err
		}
		return tabular.Open(p)
	}}
}

// openPackage opens the model that a job names.
func openPackage(c *child.Conn) (*tabular.Model, error) {
	data, err := readInput(c, InputPackage, pack.DefaultLimits.Total)
	if err != nil {
		return nil, err
	}
	p, err := pack.Parse(data)
	if err != nil {
		return nil, err
	}
	return tabular.Open(p)
}

// readInput reads a whole input of at most limit bytes.
func readInput(c *child.Conn, name string, limit int64) ([]byte, error) {
	r, err := c.Input(name)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err = errors.Join(err, r.Close()); err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, lathe.Errorf(lathe.CodeTooLarge, "native: input %s is larger than %d bytes", name, limit)
	}
	return data, nil
}

// train is the work of a training child.
func train(ctx context.Context, c *child.Conn) error {
	start := time.Now()
	var job TrainJob
	if err := c.Spec(&job); err != nil {
		return err
	}
	b, err := readData(c, job.Data)
	if err != nil {
		return err
	}
	in := tabular.Job{Spec: job.Spec, Batch: b, Schema: job.Data.Schema, Digest: job.Data.Digest}
	if job.Resume {
		if in.Resume, err = readCheckpoint(c); err != nil {
			return err
		}
	}
	read := time.Since(start).Seconds()
	trained, err := tabular.Train(ctx, in, hooks(c))
	if err != nil {
		return err
	}
	trained.Result.Seconds.Read = read
	trained.Result.Seconds.Total += read
	return c.Stream(StreamPackage, trained.Result, func(w io.Writer) error { return pack.Write(w, trained.Package) })
}

func readCheckpoint(c *child.Conn) (*learn.Checkpoint, error) {
	data, err := readInput(c, InputCheckpoint, pack.DefaultLimits.Total)
	if err != nil {
		return nil, err
	}
	return tabular.ReadCheckpoint(data)
}

// hooks report over the descriptor. Progress is thinned out here, so that a fast run does not write a row a millisecond.
func hooks(c *child.Conn) tabular.Hooks {
	const every = 250 * time.Millisecond
	last := map[learn.EventKind]time.Time{}
	send := func(kind string, v any) {
		// A parent that is gone ends this process; there is nobody else to tell.
		_ = c.Event(kind, v)
	}
	return tabular.Hooks{
		Progress: func(e learn.Event) {
			ends := e.Kind == learn.EventEpoch && e.Epoch == e.Epochs
			if time.Since(last[e.Kind]) < every && !ends {
				return
			}
			last[e.Kind] = time.Now()
			kind := "progress"
			if e.Kind == learn.EventEpoch {
				kind = "metric"
			}
			send(kind, e)
		},
		Warn: func(message string) { send("warning", map[string]string{"message": message}) },
		Checkpoint: func(at *learn.Checkpoint) error {
			return c.Stream(StreamCheckpoint, map[string]uint64{"step": at.Step()}, at.Encode)
		},
	}
}

// predict is the work of a child that answers CSV with CSV.
func predict(ctx context.Context, c *child.Conn) error {
	m, err := openPackage(c)
	if err != nil {
		return err
	}
	r, err := c.Input(InputFile)
	if err != nil {
		return err
	}
	in, extra, err := readRows(m, r)
	if err = errors.Join(err, r.Close()); err != nil {
		return err
	}
	out, err := m.Predict(ctx, in)
	if err != nil {
		return err
	}
	if err := c.Event(EventExtra, extra); err != nil {
		return err
	}
	return c.Stream(StreamTable, nil, func(w io.Writer) error { return table.WriteCSV(w, out) })
}

// evaluate is the work of a child that measures a model.
func evaluate(ctx context.Context, c *child.Conn) error {
	var job TableJob
	if err := c.Spec(&job); err != nil {
		return err
	}
	m, err := openPackage(c)
	if err != nil {
		return err
	}
	result, err := measure(ctx, c, m, job)
	if err != nil {
		return err
	}
	result.Model, result.Version = job.Model, job.Version
	return c.Event(EventResult, result)
}

func measure(ctx context.Context, c *child.Conn, m *tabular.Model, job TableJob) (lathe.EvalResult, error) {
	if job.Data != nil {
		b, err := readData(c, *job.Data)
		if err != nil {
			return lathe.EvalResult{}, err
		}
		return m.Evaluate(ctx, b)
	}
	r, err := c.Input(InputFile)
	if err != nil {
		return lathe.EvalResult{}, err
	}
	result, err := EvaluateCSV(ctx, m, r)
	return result, errors.Join(err, r.Close())
}
