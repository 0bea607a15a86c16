package native

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"

	"lathe"
	"lathe/internal/data/table"
	"lathe/internal/pack"
	"lathe/internal/task/tabular"
)

// OpenFile opens a .lathe file with neither home nor service.
func OpenFile(path string) (*tabular.Model, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, lathe.Errorf(lathe.CodeNotFound, "native: there is no file %q", path).
			WithHint("a model of the service is named without a path; see: lathe models ls")
	}
	if err != nil {
		return nil, lathe.Errorf(lathe.CodeInvalid, "native: open: %w", err)
	}
	defer func() { _ = f.Close() }() // opened for reading only
	info, err := f.Stat()
	if err != nil {
		return nil, lathe.Errorf(lathe.CodeInvalid, "native: open: %w", err)
	}
	p, err := pack.Read(f, info.Size(), pack.DefaultLimits)
	if err != nil {
		return nil, err
	}
	return tabular.Open(p)
}

// readRows reads CSV with the kinds that the model takes. extra names the columns that it does not know.
func readRows(m *tabular.Model, r io.Reader) (b *lathe.Batch, extra []string, err error) {
	t, err := table.ReadCSV(r, table.Options{Kinds: m.Pipeline().Kinds()})
	if err != nil {
		return nil, nil, err
	}
	if absent := m.Pipeline().Absent(t.Batch); len(absent) == len(m.Pipeline().Inputs()) {
		return nil, nil, lathe.Errorf(lathe.CodeInvalid, "native: the file has none of the model's columns").
			WithHint("the model takes: %s", strings.Join(absent[:min(len(absent), 20)], ", "))
	}
	for _, name := range m.Pipeline().Extra(t.Batch) {
		if name != m.Target().Name {
			extra = append(extra, name)
		}
	}
	return t.Batch, extra, nil
}

// PredictCSV answers CSV with CSV.
func PredictCSV(ctx context.Context, m *tabular.Model, r io.Reader, w io.Writer) (extra []string, err error) {
	in, extra, err := readRows(m, r)
	if err != nil {
		return nil, err
	}
	out, err := m.Predict(ctx, in)
	if err != nil {
		return nil, err
	}
	return extra, table.WriteCSV(w, out)
}

// EvaluateCSV measures a model on CSV that has the target.
func EvaluateCSV(ctx context.Context, m *tabular.Model, r io.Reader) (lathe.EvalResult, error) {
	b, _, err := readRows(m, r)
	if err != nil {
		return lathe.EvalResult{}, err
	}
	return m.Evaluate(ctx, b)
}
