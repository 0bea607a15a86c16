package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"

	"lathe"
	"lathe/internal/app/native"
	"lathe/internal/child"
	"lathe/internal/pack"
)

// workshop hands work to children and takes what they make. It is the only place that knows what a child gets: the
// bytes that its job needs, through the descriptor, and nothing else.
type workshop struct {
	children *child.Supervisor
	blobs    lathe.BlobStore
	data     lathe.DatasetStore
	log      *slog.Logger

	// storing is held for reading from the first object that is put until the row that names it is committed, and while a
	// backup copies objects; the collector takes it for writing.
	storing sync.RWMutex
	imports sync.Mutex // one package at a time is read into memory
}

// input describes a dataset version for a child.
func (w *workshop) input(ctx context.Context, project lathe.Project, version lathe.DatasetVersion) (native.Data, error) {
	segments, erased, err := w.data.FindSegments(ctx, project, version.Dataset, version.Number)
	if err != nil {
		return native.Data{}, err
	}
	return native.Data{
		Dataset: version.Dataset, Version: version.Number, Digest: version.Digest,
		Segments: segments, Erased: erased, Schema: version.Columns,
	}, nil
}

// inputs opens a dataset's segments for a child, as it asks for them.
func (w *workshop) inputs(project lathe.Project, data native.Data) []child.Input {
	list := make([]child.Input, len(data.Segments))
	for i, s := range data.Segments {
		list[i] = w.blob(project, native.SegmentInput(i), s.Blob.Name)
	}
	return list
}

func (w *workshop) blob(project lathe.Project, name string, blob lathe.BlobName) child.Input {
	return child.Input{Name: name, Open: func(ctx context.Context) (io.ReadCloser, error) {
		return w.blobs.Open(ctx, project, blob)
	}}
}

// reader is an input that can be read once.
func reader(name string, r io.Reader) child.Input {
	return child.Input{Name: name, Open: func(context.Context) (io.ReadCloser, error) { return io.NopCloser(r), nil }}
}

// made is what a child made of a table: the description, and its segment as a durable blob.
type made struct {
	native.Made
	blob lathe.Blob
}

// run runs a job and explains a child that ended without a verdict to whoever waits for it.
func (w *workshop) run(ctx context.Context, job child.Job, h child.Handler) error {
	err := w.children.Run(ctx, job, h)
	var crash *child.CrashError
	switch {
	case !errors.As(err, &crash):
		return err
	case crash.OutOfMemory:
		return outOfMemory(crash)
	default:
		w.log.Error("child crashed", "kind", job.Kind, "error", crash, "stderr", crash.Stderr)
		return lathe.Errorf(lathe.CodeUnavailable, "app: %s: the process that did the work ended unexpectedly: %w", job.Kind, crash).
			WithHint("try again; the service's log says more")
	}
}

func outOfMemory(crash *child.CrashError) error {
	return lathe.Errorf(lathe.CodeTooLarge, "app: %s: it needs more memory than the %d MiB that it may use: %w", crash.Kind, crash.Memory>>20, crash).
		WithHint("use fewer rows or columns, or a machine with more memory")
}

// makes runs a job whose products are a segment and its description.
func (w *workshop) makes(ctx context.Context, project lathe.Project, job child.Job) (made, error) {
	var m made
	err := w.run(ctx, job, child.Handler{
		Event: func(string, json.RawMessage) error { return nil },
		Stream: func(name string, _ json.RawMessage, r io.Reader) (err error) {
			switch name {
			case native.StreamSegment:
				m.blob, err = w.blobs.Put(ctx, project, r)
			case native.StreamMade:
				err = json.NewDecoder(r).Decode(&m.Made)
			default:
				err = unexpected(job.Kind, name)
			}
			return err
		},
	})
	if err == nil && (m.Digest == "" || m.blob.Name.IsZero() && len(m.Erased) == 0) {
		err = fmt.Errorf("app: %s: the child made nothing", job.Kind)
	}
	return m, err
}

func unexpected(kind, stream string) error {
	return fmt.Errorf("app: %s: the child sent %q, which nobody asked for", kind, stream)
}

// train runs a training job for a worker.
func (w *workshop) train(ctx context.Context, j *heldRun, job native.TrainJob) error {
	project := j.run.Project
	inputs := w.inputs(project, job.Data)
	if at := j.run.Checkpoint; at != nil {
		job.Resume = true
		inputs = append(inputs, w.blob(project, native.InputCheckpoint, at.Name))
	}
	// What the child still reports while it stops must be stored too.
	ctx2 := context.WithoutCancel(ctx)
	return w.children.Run(ctx, child.Job{Kind: native.KindTrain, Spec: job, Inputs: inputs}, child.Handler{
		Event: func(kind string, data json.RawMessage) error { return j.event(ctx2, kind, data) },
		Stream: func(name string, header json.RawMessage, r io.Reader) error {
			switch name {
			case native.StreamCheckpoint:
				return j.checkpoint(ctx2, header, r)
			case native.StreamPackage:
				return j.product(ctx2, header, r)
			default:
				return unexpected(job.Run, name)
			}
		},
	})
}

// storePackage keeps a package that a child made and describes it; the row is the caller's to write.
func storePackage(ctx context.Context, blobs lathe.BlobStore, project lathe.Project, name, run string, r io.Reader) (lathe.ModelVersion, error) {
	data, err := io.ReadAll(io.LimitReader(r, pack.DefaultLimits.Total))
	if err != nil {
		return lathe.ModelVersion{}, fmt.Errorf("app: package: %w", err)
	}
	p, err := pack.Parse(data)
	if err != nil {
		return lathe.ModelVersion{}, err
	}
	blob, err := blobs.Put(ctx, project, bytes.NewReader(data))
	if err != nil {
		return lathe.ModelVersion{}, err
	}
	return describe(name, run, data, p, blob)
}

// predict streams CSV through a child that holds the model.
func (w *workshop) predict(ctx context.Context, project lathe.Project, version lathe.ModelVersion, r io.Reader, out io.Writer) (extra []string, err error) {
	job := child.Job{
		Kind: native.KindPredict, Spec: native.TableJob{Model: version.Model, Version: version.Number},
		Inputs: []child.Input{w.blob(project, native.InputPackage, version.Package.Name), reader(native.InputFile, r)},
	}
	err = w.run(ctx, job, child.Handler{
		Event: func(kind string, data json.RawMessage) error {
			if kind == native.EventExtra {
				return json.Unmarshal(data, &extra)
			}
			return nil
		},
		Stream: func(name string, _ json.RawMessage, r io.Reader) error {
			if name != native.StreamTable {
				return unexpected(job.Kind, name)
			}
			_, err := io.Copy(out, r)
			return err
		},
	})
	return extra, err
}

// evaluate measures a version on CSV, or on a dataset where r is nil.
func (w *workshop) evaluate(ctx context.Context, project lathe.Project, version lathe.ModelVersion, source []child.Input, data *native.Data) (lathe.EvalResult, error) {
	var result lathe.EvalResult
	job := child.Job{
		Kind:   native.KindEvaluate,
		Spec:   native.TableJob{Model: version.Model, Version: version.Number, Data: data},
		Inputs: append([]child.Input{w.blob(project, native.InputPackage, version.Package.Name)}, source...),
	}
	err := w.run(ctx, job, child.Handler{
		Event: func(kind string, data json.RawMessage) error {
			if kind == native.EventResult {
				return json.Unmarshal(data, &result)
			}
			return nil
		},
		Stream: func(name string, _ json.RawMessage, _ io.Reader) error { return unexpected(job.Kind, name) },
	})
	return result, err
}
