package tabular

import (
	"bytes"
	"cmp"
	"context"
	"runtime"
	"sync"

	"lathe"
	"lathe/internal/feature"
	"lathe/internal/format/safetensors"
	"lathe/internal/nn"
	"lathe/internal/pack"
)

// RuntimeKind is the kind that the packages of this recipe name.
const RuntimeKind = "native"

// chunk bounds the rows that are in the network at once: enough to keep the kernels busy, small enough for the cache.
const chunk = 1024

// Model is an opened package: a lathe.Runtime that predicts. It is safe for concurrent use; weights are shared, scratch
// memory comes from a pool.
type Model struct {
	Package *pack.Package
	pre     *feature.Preprocess
	net     *nn.Network
	info    lathe.Description
	scratch sync.Pool // *scratch
}

type scratch struct{ x, y []float32 }

// Open makes a model of a checked package. What does not fit together is CodeCorrupt.
func Open(p *pack.Package) (*Model, error) {
	pre, err := feature.Decode(p.Files[pack.PreprocessFile])
	if err != nil {
		return nil, err
	}
	weights := p.Files[pack.WeightsFile]
	net, err := nn.Read(bytes.NewReader(weights), safetensors.Limits{})
	if err != nil {
		return nil, lathe.Errorf(lathe.CodeCorrupt, "tabular: open: weights: %w", err).WithHint("the package is damaged; export it again")
	}
	m := &Model{Package: p, pre: pre, net: net}
	if err := m.check(); err != nil {
		return nil, err
	}
	m.info = describe(p, pre, int64(len(weights)))
	width, outputs := net.Inputs(), net.Outputs()
	m.scratch.New = func() any {
		return &scratch{x: make([]float32, width), y: make([]float32, outputs)}
	}
	return m, nil
}

// check holds network and preprocessing together.
func (m *Model) check() error {
	want := 1
	if n := len(m.pre.Target.Classes); n > 2 {
		want = n
	}
	if m.net.Inputs() != m.pre.Pipeline.Width() || m.net.Outputs() != want {
		return lathe.Errorf(lathe.CodeCorrupt, "tabular: open: a network of %d inputs and %d outputs for %d features and %d outputs",
			m.net.Inputs(), m.net.Outputs(), m.pre.Pipeline.Width(), want).WithHint("the package is damaged; export it again")
	}
	return nil
}

func describe(p *pack.Package, pre *feature.Preprocess, size int64) lathe.Description {
	return lathe.Description{
		Runtime: RuntimeKind, Task: pre.Target.Task, Recipe: p.Manifest.Recipe,
		Inputs: pre.Pipeline.Inputs(), Outputs: outputs(pre.Target), Classes: pre.Target.Classes, Bytes: size,
	}
}

// outputs is the signature of the answer.
func outputs(t *feature.Target) []lathe.Output {
	if len(t.Classes) == 0 {
		return []lathe.Output{{Name: "prediction", Kind: lathe.Float64}}
	}
	list := []lathe.Output{{Name: "prediction", Kind: t.Kind}}
	for _, class := range t.Classes {
		list = append(list, lathe.Output{Name: "probability_" + class, Kind: lathe.Float64})
	}
	return list
}

// Describe implements lathe.Runtime.
func (m *Model) Describe() *lathe.Description { return &m.info }

// Close implements lathe.Runtime; the memory goes when nobody holds the model.
func (m *Model) Close() error { return nil }

// Pipeline is what happens to a row before the network.
func (m *Model) Pipeline() *feature.Pipeline { return m.pre.Pipeline }

// Target is what the model predicts.
func (m *Model) Target() *feature.Target { return m.pre.Target }

// Predict implements lathe.Predictor. Columns that the pipeline does not know are ignored here: whether that is an error
// is for the caller to say, who knows Pipeline.Extra. A few rows run on the caller's goroutine, many on all cores; a row's
// answer does not depend on either.
func (m *Model) Predict(ctx context.Context, in *lathe.Batch) (*lathe.Batch, error) {
	out := m.answer(in.Rows)
	var labels []int32
	if len(m.pre.Target.Classes) > 0 {
		labels = make([]int32, in.Rows)
	}
	err := m.each(ctx, in, func(from int, y []float32) { m.fill(out, labels, from, y) })
	if err != nil {
		return nil, err
	}
	if labels != nil {
		out.Columns[0] = m.pre.Target.Column("prediction", labels)
	}
	return out, nil
}

// each calls done with the network's outputs for each chunk of rows, from several goroutines where there are many chunks.
func (m *Model) each(ctx context.Context, in *lathe.Batch, done func(from int, y []float32)) error {
	workers := min(runtime.GOMAXPROCS(0), in.Rows/(4*chunk))
	if workers <= 1 {
		return m.stride(ctx, in, 0, 1, done)
	}
	errs := make([]error, workers)
	var wait sync.WaitGroup
	for w := range workers {
		wait.Go(func() { errs[w] = m.stride(ctx, in, w, workers, done) })
	}
	wait.Wait()
	return cmp.Or(errs...)
}

// stride does every step-th chunk from the first on. ctx is asked between chunks.
func (m *Model) stride(ctx context.Context, in *lathe.Batch, first, step int, done func(from int, y []float32)) error {
	s := m.scratch.Get().(*scratch)
	defer m.scratch.Put(s)
	for from := first * chunk; from < in.Rows; from += step * chunk {
		if err := ctx.Err(); err != nil {
			return err
		}
		part := in
		if in.Rows > chunk {
			part = in.Slice(from, min(from+chunk, in.Rows))
		}
		if err := m.run(s, part); err != nil {
			return err
		}
		done(from, s.y)
	}
	return nil
}

// run predicts a chunk into s.y, [rows outputs].
func (m *Model) run(s *scratch, part *lathe.Batch) error {
	s.x = grow(s.x, part.Rows*m.net.Inputs())
	s.y = grow(s.y, part.Rows*m.net.Outputs())
	if err := m.pre.Pipeline.Transform(s.x, part); err != nil {
		return err
	}
	m.net.Predict(s.y, s.x, part.Rows)
	return nil
}

func grow(s []float32, n int) []float32 {
	if cap(s) < n {
		return make([]float32, n)
	}
	return s[:n]
}

// answer makes an empty result of so many rows.
func (m *Model) answer(rows int) *lathe.Batch {
	out := &lathe.Batch{Rows: rows, Columns: make([]lathe.Column, len(m.info.Outputs))}
	values := make([]float64, rows*len(out.Columns))
	for i, o := range m.info.Outputs {
		out.Columns[i] = lathe.Column{Name: o.Name, Kind: lathe.Float64, Floats: values[i*rows : (i+1)*rows : (i+1)*rows]}
	}
	return out
}

// fill writes the network's outputs for rows from on. Probabilities are float32 values, widened exactly.
func (m *Model) fill(out *lathe.Batch, labels []int32, from int, y []float32) {
	classes := len(m.pre.Target.Classes)
	switch classes {
	case 0:
		for i, v := range y {
			out.Columns[0].Floats[from+i] = m.pre.Target.Value(float64(v))
		}
	case 2:
		for i, p := range y {
			labels[from+i] = class2(p)
			out.Columns[1].Floats[from+i] = float64(1 - p)
			out.Columns[2].Floats[from+i] = float64(p)
		}
	default:
		for i := 0; i*classes < len(y); i++ {
			row := y[i*classes : (i+1)*classes]
			labels[from+i] = largest(row)
			for c, p := range row {
				out.Columns[1+c].Floats[from+i] = float64(p)
			}
		}
	}
}

// class2 is the class of two: the second only above one half, as Keras users write it.
func class2(p float32) int32 {
	if p > 0.5 {
		return 1
	}
	return 0
}

// largest is the first of the largest values.
func largest(row []float32) int32 {
	best := 0
	for i, v := range row {
		if v > row[best] {
			best = i
		}
	}
	return int32(best)
}
