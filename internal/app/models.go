package app

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"

	"lathe"
	"lathe/internal/app/native"
	"lathe/internal/child"
	"lathe/internal/pack"
)

// modelling is lathe.ModelService. What parses a caller's table runs in a child.
type modelling struct {
	lathe.ModelStore
	blobs   lathe.BlobStore
	data    lathe.DatasetStore
	loader  *loader
	serving *serving
	work    *workshop
}

// refDefault is how a path writes the empty reference: the champion, or the newest version where there is none.
const refDefault = "default"

// FindModelVersion implements lathe.ModelStore.
func (m *modelling) FindModelVersion(ctx context.Context, project lathe.Project, name, ref string) (lathe.ModelVersion, error) {
	if ref == refDefault {
		ref = ""
	}
	return m.ModelStore.FindModelVersion(ctx, project, name, ref)
}

// readPackage decrypts a stored package into memory, once.
func readPackage(ctx context.Context, blobs lathe.BlobStore, project lathe.Project, version lathe.ModelVersion) (*bytes.Reader, error) {
	r, err := blobs.Open(ctx, project, version.Package.Name)
	if err != nil {
		return nil, corruptVersion(version, err)
	}
	data, err := readAll(r, version.Package.Bytes)
	if err != nil {
		return nil, corruptVersion(version, err)
	}
	return bytes.NewReader(data), nil
}

// readAll reads a stream of a known size and closes it.
func readAll(r io.ReadCloser, size int64) ([]byte, error) {
	data := make([]byte, size)
	_, err := io.ReadFull(r, data)
	if err == nil {
		_, err = io.Copy(io.Discard, r) // the stream's last chunk is authenticated at its end
	}
	if cerr := r.Close(); err == nil {
		err = cerr
	}
	return data, err
}

// runtimeOf reads which runtime the version's manifest names.
func runtimeOf(version lathe.ModelVersion) string {
	var m struct {
		Runtime string `json:"runtime"`
	}
	if err := json.Unmarshal(version.Manifest, &m); err != nil {
		return ""
	}
	return m.Runtime
}

// ImportPackage implements lathe.ModelService: the file is opened as serving would before it is stored.
func (m *modelling) ImportPackage(ctx context.Context, project lathe.Project, name string, r io.Reader) (lathe.ModelVersion, error) {
	m.work.imports.Lock()
	defer m.work.imports.Unlock()
	m.work.storing.RLock()
	defer m.work.storing.RUnlock()
	if err := lathe.CheckName("model", name); err != nil {
		return lathe.ModelVersion{}, err
	}
	data, err := io.ReadAll(io.LimitReader(r, pack.DefaultLimits.Total))
	if err != nil {
		return lathe.ModelVersion{}, fmt.Errorf("app: import: %w", err)
	}
	p, err := pack.Parse(data)
	if err != nil {
		return lathe.ModelVersion{}, foreign(err)
	}
	runtime, err := m.loader.runtimes.Open(ctx, p.Manifest.Runtime, bytes.NewReader(data))
	if err != nil {
		return lathe.ModelVersion{}, foreign(err)
	}
	if err := runtime.Close(); err != nil {
		return lathe.ModelVersion{}, err
	}
	blob, err := m.blobs.Put(ctx, project, bytes.NewReader(data))
	if err != nil {
		return lathe.ModelVersion{}, err
	}
	version, err := describe(name, "", data, p, blob)
	if err != nil {
		return lathe.ModelVersion{}, err
	}
	return m.CreateModelVersion(ctx, project, version)
}

// foreign turns damage in an upload into the caller's error: nothing stored is corrupt.
func foreign(err error) error {
	if lathe.CodeOf(err) == lathe.CodeCorrupt {
		return lathe.Errorf(lathe.CodeInvalid, "app: import: %w", err).WithField("package").
			WithHint("the file is damaged or no .lathe package; export it again")
	}
	return err
}

// describe makes the record of a package about to be stored.
func describe(name, run string, data []byte, p *pack.Package, blob lathe.Blob) (lathe.ModelVersion, error) {
	sum := sha256.Sum256(data)
	manifest, err := json.Marshal(&p.Manifest)
	if err != nil {
		return lathe.ModelVersion{}, fmt.Errorf("app: manifest of %s: %w", name, err)
	}
	return lathe.ModelVersion{
		Model: name, Package: blob, Digest: hex.EncodeToString(sum[:]), Task: p.Manifest.Task, Recipe: p.Manifest.Recipe,
		Manifest: manifest, Evaluation: p.Files[pack.EvaluationFile], Run: run,
	}, nil
}

// ExportPackage implements lathe.ModelService.
func (m *modelling) ExportPackage(ctx context.Context, project lathe.Project, name, ref string) (lathe.ModelVersion, io.ReadCloser, error) {
	version, err := m.FindModelVersion(ctx, project, name, ref)
	if err != nil {
		return lathe.ModelVersion{}, nil, err
	}
	r, err := m.blobs.Open(ctx, project, version.Package.Name)
	return version, r, corruptVersion(version, err)
}

// ModelCard implements lathe.ModelService.
func (m *modelling) ModelCard(ctx context.Context, project lathe.Project, name, ref string) (string, error) {
	version, err := m.FindModelVersion(ctx, project, name, ref)
	if err != nil {
		return "", err
	}
	file, err := readPackage(ctx, m.blobs, project, version)
	if err != nil {
		return "", err
	}
	p, err := pack.Read(file, file.Size(), pack.DefaultLimits)
	if err != nil {
		return "", corruptVersion(version, err)
	}
	return string(p.Files[pack.CardFile]), nil
}

// PromoteModel implements lathe.ModelService. The gate is the one that every model must pass: to be better than the
// answer that looks at nothing.
func (m *modelling) PromoteModel(ctx context.Context, project lathe.Project, name, alias string, number int, force bool) (lathe.Model, error) {
	version, err := m.FindModelVersion(ctx, project, name, fmt.Sprint(number))
	if err != nil {
		return lathe.Model{}, err
	}
	if alias == lathe.AliasPrevious || alias == refDefault {
		return lathe.Model{}, lathe.Errorf(lathe.CodeInvalid, "app: alias %q has a meaning of its own and is not set by hand", alias).
			WithField("alias").WithHint("promote with the alias champion, go back with: lathe models rollback %s", name)
	}
	if reason := shortfall(version); reason != "" && alias == lathe.AliasChampion && !force {
		return lathe.Model{}, lathe.Errorf(lathe.CodeConflict, "app: model %q version %d does not beat its baseline: %s", name, number, reason).
			WithHint("train it on more or better data, or promote it all the same with --force")
	}
	return m.SetAlias(ctx, project, name, alias, number)
}

// shortfall says why a version does not beat the majority baseline, "" where it does or nothing is known.
func shortfall(version lathe.ModelVersion) string {
	var e struct {
		Baseline struct {
			Metric          string
			Model, Baseline float64
			Beats           *bool
		}
	}
	if json.Unmarshal(version.Evaluation, &e) != nil || e.Baseline.Beats == nil || *e.Baseline.Beats {
		return ""
	}
	return fmt.Sprintf("%s %.4f against %.4f", e.Baseline.Metric, e.Baseline.Model, e.Baseline.Baseline)
}

// SetAlias implements lathe.ModelStore; endpoints that follow the alias answer from the new version at once.
func (m *modelling) SetAlias(ctx context.Context, project lathe.Project, name, alias string, number int) (lathe.Model, error) {
	defer m.serving.forget(project)
	return m.ModelStore.SetAlias(ctx, project, name, alias, number)
}

// RollbackModel implements lathe.ModelStore.
func (m *modelling) RollbackModel(ctx context.Context, project lathe.Project, name string) (lathe.Model, error) {
	defer m.serving.forget(project)
	return m.ModelStore.RollbackModel(ctx, project, name)
}

// blame names the version whose stored package is what an error is about: it is read again to be sure.
func (m *modelling) blame(ctx context.Context, project lathe.Project, version lathe.ModelVersion, err error) error {
	if code := lathe.CodeOf(err); code != lathe.CodeCorrupt && code != lathe.CodeNotFound {
		return err
	}
	if _, again := readPackage(ctx, m.blobs, project, version); again != nil {
		return again
	}
	return err
}

// PredictTable implements lathe.ModelService.
func (m *modelling) PredictTable(ctx context.Context, project lathe.Project, name, ref string, r io.Reader, w io.Writer) ([]string, error) {
	version, err := m.FindModelVersion(ctx, project, name, ref)
	if err != nil {
		return nil, err
	}
	extra, err := m.work.predict(ctx, project, version, r, w)
	return extra, m.blame(ctx, project, version, err)
}

// Evaluate implements lathe.ModelService.
func (m *modelling) Evaluate(ctx context.Context, project lathe.Project, name, ref string, r io.Reader) (lathe.EvalResult, error) {
	version, err := m.FindModelVersion(ctx, project, name, ref)
	if err != nil {
		return lathe.EvalResult{}, err
	}
	result, err := m.work.evaluate(ctx, project, version, []child.Input{reader(native.InputFile, r)}, nil)
	return result, m.blame(ctx, project, version, err)
}

// EvaluateDataset implements lathe.ModelService.
func (m *modelling) EvaluateDataset(ctx context.Context, project lathe.Project, name, ref, dataset string, number int) (lathe.EvalResult, error) {
	version, err := m.FindModelVersion(ctx, project, name, ref)
	if err != nil {
		return lathe.EvalResult{}, err
	}
	rows, err := m.data.FindDatasetVersion(ctx, project, dataset, number)
	if err != nil {
		return lathe.EvalResult{}, err
	}
	data, err := m.work.input(ctx, project, rows)
	if err != nil {
		return lathe.EvalResult{}, err
	}
	return m.work.evaluate(ctx, project, version, m.work.inputs(project, data), &data)
}
