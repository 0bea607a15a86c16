package app

import (
	"context"
	"io"

	"lathe"
	"lathe/internal/app/native"
	"lathe/internal/child"
	"lathe/internal/data/table"
)

// holding is lathe.DataService: it has children read and make tables, and commits what they made.
type holding struct {
	lathe.DatasetStore
	work   *workshop
	graves *graves
}

// AddDataset implements lathe.DataService. The same rows again make no new version.
func (h *holding) AddDataset(ctx context.Context, project lathe.Project, add lathe.AddDataset, r io.Reader) (lathe.DatasetVersion, error) {
	h.work.storing.RLock()
	defer h.work.storing.RUnlock()
	if err := lathe.CheckName("name", add.Name); err != nil {
		return lathe.DatasetVersion{}, err
	}
	newest, err := h.newest(ctx, project, add.Name)
	if err != nil {
		return lathe.DatasetVersion{}, err
	}
	job := native.IngestJob{Add: add}
	inputs := []child.Input{reader(native.InputFile, r)}
	if add.Append && newest.Number > 0 {
		data, err := h.work.input(ctx, project, newest)
		if err != nil {
			return lathe.DatasetVersion{}, err
		}
		job.Previous = &data
		inputs = append(inputs, h.work.inputs(project, data)...)
	}
	m, err := h.work.makes(ctx, project, child.Job{Kind: native.KindIngest, Spec: job, Inputs: inputs})
	if err != nil {
		return lathe.DatasetVersion{}, err
	}
	if newest.Number > 0 && newest.Digest == m.Digest {
		return newest, nil
	}
	draft := m.draft(add.Name, "upload "+add.File, newest.Number)
	draft.Replace = job.Previous == nil
	return h.CommitDataset(ctx, project, draft)
}

// newest gives a dataset's newest version, an empty one where there is no such dataset yet.
func (h *holding) newest(ctx context.Context, project lathe.Project, name string) (lathe.DatasetVersion, error) {
	version, err := h.FindDatasetVersion(ctx, project, name, 0)
	if lathe.CodeOf(err) == lathe.CodeNotFound {
		return lathe.DatasetVersion{}, nil
	}
	return version, err
}

// draft is the version that a child made, over the newest one that it was made from.
func (m *made) draft(name, origin string, base int) lathe.DatasetDraft {
	d := lathe.DatasetDraft{
		Name: name, Kind: "table", Base: base, Erase: m.Erased, Rows: m.Rows, Digest: m.Digest,
		Columns: m.Columns, Profile: m.Profile, Origin: origin,
	}
	if !m.blob.Name.IsZero() {
		d.Add = []lathe.Segment{{Blob: m.blob, Rows: m.Added, Digest: m.Segment}}
	}
	return d
}

// ReadRows implements lathe.DataService.
func (h *holding) ReadRows(ctx context.Context, project lathe.Project, name string, number int, from int64, n int) (*lathe.Batch, error) {
	if from < 0 || n < 0 || n > 1000 {
		return nil, lathe.Errorf(lathe.CodeInvalid, "app: rows: from %d, n %d", from, n).
			WithField("n").WithHint("give from of at least 0 and n from 0 to 1000")
	}
	version, err := h.FindDatasetVersion(ctx, project, name, number)
	if err != nil {
		return nil, err
	}
	segments, erased, err := h.FindSegments(ctx, project, name, version.Number)
	if err != nil {
		return nil, err
	}
	var parts []*lathe.Batch
	for _, s := range segments {
		gone := erasedRows(erased, s.Ordinal)
		if left := s.Rows - int64(len(gone)); from >= left {
			from -= left
			continue
		}
		part, err := h.readSegment(ctx, project, s, gone)
		if err != nil {
			return nil, err
		}
		to := min(from+int64(n), int64(part.Rows))
		parts = append(parts, part.Slice(int(from), int(to)))
		n -= int(to - from)
		from = 0
		if n == 0 {
			break
		}
	}
	if len(parts) == 0 {
		return emptyTable(version), nil
	}
	return table.Concat(parts)
}

func erasedRows(erased []lathe.Erasure, segment int) []int64 {
	for _, e := range erased {
		if e.Segment == segment {
			return e.Rows
		}
	}
	return nil
}

// readSegment reads a segment of ours, which a child made from whatever came in.
func (h *holding) readSegment(ctx context.Context, project lathe.Project, s lathe.Segment, gone []int64) (*lathe.Batch, error) {
	r, err := h.work.blobs.Open(ctx, project, s.Blob.Name)
	if err != nil {
		return nil, err
	}
	b, _, err := table.ReadSegment(r, table.Limits{})
	if cerr := r.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return nil, err
	}
	return table.Drop(b, gone), nil
}

func emptyTable(version lathe.DatasetVersion) *lathe.Batch {
	b := &lathe.Batch{}
	for _, c := range version.Columns {
		b.Columns = append(b.Columns, lathe.NewColumn(c.Name, c.Kind, 0))
	}
	return b
}

// CleanDataset implements lathe.DataService.
func (h *holding) CleanDataset(ctx context.Context, project lathe.Project, name string, number int, spec lathe.CleanSpec) (lathe.DatasetVersion, error) {
	return h.shape(ctx, project, name, number, spec.As, "clean", native.ShapeJob{Clean: &spec})
}

// SplitDataset implements lathe.DataService.
func (h *holding) SplitDataset(ctx context.Context, project lathe.Project, name string, number int, spec lathe.SplitSpec) (lathe.DatasetVersion, error) {
	return h.shape(ctx, project, name, number, spec.As, "split", native.ShapeJob{Split: &spec})
}

// shape has a child make one dataset from another.
func (h *holding) shape(ctx context.Context, project lathe.Project, name string, number int, as, step string, job native.ShapeJob) (lathe.DatasetVersion, error) {
	h.work.storing.RLock()
	defer h.work.storing.RUnlock()
	if err := lathe.CheckName("as", as); err != nil {
		return lathe.DatasetVersion{}, err
	}
	version, err := h.FindDatasetVersion(ctx, project, name, number)
	if err != nil {
		return lathe.DatasetVersion{}, err
	}
	newest, err := h.newest(ctx, project, as)
	if err != nil {
		return lathe.DatasetVersion{}, err
	}
	m, err := h.transform(ctx, project, version, job)
	if err != nil {
		return lathe.DatasetVersion{}, err
	}
	if newest.Number > 0 && newest.Digest == m.Digest { // the same step again
		return newest, nil
	}
	draft := m.draft(as, step+" "+name, newest.Number)
	draft.Replace = true
	return h.CommitDataset(ctx, project, draft)
}

func (h *holding) transform(ctx context.Context, project lathe.Project, version lathe.DatasetVersion, job native.ShapeJob) (made, error) {
	data, err := h.work.input(ctx, project, version)
	if err != nil {
		return made{}, err
	}
	job.Data = data
	return h.work.makes(ctx, project, child.Job{Kind: native.KindShape, Spec: job, Inputs: h.work.inputs(project, data)})
}

// EraseRows implements lathe.DataService: every version loses the rows, not the newest alone, and no restore brings them
// back.
func (h *holding) EraseRows(ctx context.Context, project lathe.Project, name string, spec lathe.EraseSpec) (lathe.DatasetVersion, error) {
	h.work.storing.RLock()
	defer h.work.storing.RUnlock()
	dataset, err := h.FindDataset(ctx, project, name)
	if err != nil {
		return lathe.DatasetVersion{}, err
	}
	job, version, err := h.everything(ctx, project, name)
	if err != nil {
		return lathe.DatasetVersion{}, err
	}
	job.Erase = &spec
	m, err := h.work.makes(ctx, project, child.Job{Kind: native.KindShape, Spec: job, Inputs: h.work.inputs(project, job.Data)})
	if err != nil {
		return lathe.DatasetVersion{}, err
	}
	var dead []grave
	for _, e := range m.Erased {
		dead = append(dead, grave{Project: project, Dataset: name, Created: dataset.CreatedAt, Segment: job.Data.Blob(e.Segment), Ordinal: e.Segment, Rows: e.Rows})
	}
	if err := h.graves.add(dead...); err != nil {
		return lathe.DatasetVersion{}, err
	}
	return h.CommitDataset(ctx, project, m.draft(name, "erase", version.Number))
}

// everything describes all segments that any version of a dataset reads, and which of them the newest reads.
func (h *holding) everything(ctx context.Context, project lathe.Project, name string) (native.ShapeJob, lathe.DatasetVersion, error) {
	version, err := h.FindDatasetVersion(ctx, project, name, 0)
	if err != nil {
		return native.ShapeJob{}, version, err
	}
	data, err := h.work.input(ctx, project, version)
	if err != nil {
		return native.ShapeJob{}, version, err
	}
	job := native.ShapeJob{Data: data}
	for _, s := range data.Segments {
		job.Newest = append(job.Newest, s.Ordinal)
	}
	return job, version, h.addOlder(ctx, project, name, &job.Data)
}

// addOlder adds the segments that only older versions read.
func (h *holding) addOlder(ctx context.Context, project lathe.Project, name string, data *native.Data) error {
	versions, err := h.FindDatasetVersions(ctx, project, name)
	if err != nil {
		return err
	}
	seen := map[int]bool{}
	for _, s := range data.Segments {
		seen[s.Ordinal] = true
	}
	for _, v := range versions {
		segments, erased, err := h.FindSegments(ctx, project, name, v.Number)
		if err != nil {
			return err
		}
		for _, s := range segments {
			if seen[s.Ordinal] {
				continue
			}
			seen[s.Ordinal] = true
			data.Segments = append(data.Segments, s)
			if rows := erasedRows(erased, s.Ordinal); rows != nil {
				data.Erased = append(data.Erased, lathe.Erasure{Segment: s.Ordinal, Rows: rows})
			}
		}
	}
	return nil
}
