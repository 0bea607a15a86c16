package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/uptrace/bun"

	"lathe"
)

// maxOrigin bounds what a version tells of where it came from, in bytes.
const maxOrigin = 1000

// CommitDataset implements lathe.DatasetStore. Segments get their ordinals here. Rows that are erased leave the row
// counts of older versions too; their digests stay those of what was committed.
func (s *Store) CommitDataset(ctx context.Context, project lathe.Project, draft lathe.DatasetDraft) (lathe.DatasetVersion, error) {
	if err := checkDraft(project, &draft); err != nil {
		return lathe.DatasetVersion{}, err
	}
	var version datasetVersionRow
	err := s.write(ctx, "commit dataset", func(ctx context.Context, tx bun.Tx) (err error) {
		version, err = s.commitDataset(ctx, tx, project, &draft)
		return err
	})
	if err != nil {
		return lathe.DatasetVersion{}, err
	}
	return s.datasetVersion(&version)
}

func checkDraft(project lathe.Project, d *lathe.DatasetDraft) error {
	if len(d.Erase) > 0 && (len(d.Add) > 0 || d.Replace) {
		return lathe.Errorf(lathe.CodeInvalid, "a version cannot erase rows and add some at once").WithField("erase")
	}
	for i := range d.Add {
		if err := checkBlob(fmt.Sprintf("add[%d].blob", i), d.Add[i].Blob); err != nil {
			return err
		}
	}
	return first(
		checkNames(project, "name", d.Name), lathe.CheckName("kind", d.Kind),
		checkText("origin", d.Origin, maxOrigin), checkJSON("profile", d.Profile),
	)
}

func (s *Store) commitDataset(ctx context.Context, tx bun.Tx, project lathe.Project, d *lathe.DatasetDraft) (datasetVersionRow, error) {
	set, err := s.datasetForCommit(ctx, tx, project, d)
	if err != nil {
		return datasetVersionRow{}, err
	}
	v, err := s.nextVersion(ctx, tx, &set, d)
	if err != nil {
		return v, err
	}
	if err := addSegments(ctx, tx, &set, d.Add); err != nil {
		return v, err
	}
	for _, e := range d.Erase {
		if err := eraseRows(ctx, tx, &set, e); err != nil {
			return v, err
		}
	}
	if err := checkRows(ctx, tx, &v); err != nil {
		return v, err
	}
	if _, err := tx.NewInsert().Model(&v).Exec(ctx); err != nil {
		return v, err
	}
	set.Version, set.RowCount, set.Segments, set.UpdatedAt = v.Number, v.RowCount, v.Watermark, v.CreatedAt
	_, err = tx.NewUpdate().Model(&set).Column("version", "row_count", "segments", "updated_at").
		Where("project = ?", project).Where("name = ?", d.Name).Exec(ctx)
	return v, err
}

// datasetForCommit finds the dataset that the draft was made from, or makes the first.
func (s *Store) datasetForCommit(ctx context.Context, tx bun.Tx, project lathe.Project, d *lathe.DatasetDraft) (datasetRow, error) {
	var set datasetRow
	err := tx.NewSelect().Model(&set).Where("project = ?", project).Where("name = ?", d.Name).Scan(ctx)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return set, err
	}
	if set.Version != d.Base {
		return set, lathe.Errorf(lathe.CodeConflict, "dataset %s is at version %d, the change was made from version %d", quote(d.Name), set.Version, d.Base).
			WithHint("read the newest version and make the change again")
	}
	if err == nil {
		return set, checkKind(&set, d)
	}
	if len(d.Erase) > 0 {
		return set, unknown("dataset", d.Name)
	}
	now := toMicro(s.now())
	set = datasetRow{Project: string(project), Name: d.Name, Kind: d.Kind, CreatedAt: now, UpdatedAt: now}
	_, err = tx.NewInsert().Model(&set).Exec(ctx)
	return set, err
}

func checkKind(set *datasetRow, d *lathe.DatasetDraft) error {
	if set.Kind == d.Kind {
		return nil
	}
	return lathe.Errorf(lathe.CodeConflict, "dataset %s is of kind %s, not %s", quote(d.Name), set.Kind, d.Kind).WithField("kind").
		WithHint("give the new data another name")
}

// nextVersion makes the row of the version; what it reads goes from the first segment of the one before, or begins anew.
func (s *Store) nextVersion(ctx context.Context, tx bun.Tx, set *datasetRow, d *lathe.DatasetDraft) (datasetVersionRow, error) {
	v := datasetVersionRow{
		Project: set.Project, Dataset: set.Name, Number: set.Version + 1, FirstSegment: set.Segments, Watermark: set.Segments + len(d.Add),
		RowCount: d.Rows, Digest: d.Digest, Origin: d.Origin, CreatedAt: toMicro(s.now()),
	}
	if set.Version > 0 && !d.Replace {
		before, err := findDatasetVersion(ctx, tx, lathe.Project(set.Project), set.Name, set.Version)
		if err != nil {
			return v, err
		}
		v.FirstSegment = before.FirstSegment
	}
	columns, err := json.Marshal(append([]lathe.ColumnInfo{}, d.Columns...))
	if err != nil {
		return v, fmt.Errorf("store: columns: %w", err)
	}
	v.ColumnsJSON = string(columns)
	v.SealedProfile, err = s.seal(lathe.Project(set.Project), profilePlace(set.Name, v.Number), d.Profile)
	return v, err
}

func addSegments(ctx context.Context, tx bun.Tx, set *datasetRow, add []lathe.Segment) error {
	if len(add) == 0 {
		return nil
	}
	rows := make([]segmentRow, len(add))
	for i, seg := range add {
		rows[i] = segmentRow{
			Project: set.Project, Dataset: set.Name, Ordinal: set.Segments + i, BlobName: seg.Blob.Name.String(),
			BlobBytes: seg.Blob.Bytes, BlobAt: toMicro(seg.Blob.At), RowCount: seg.Rows, Digest: seg.Digest,
		}
	}
	_, err := tx.NewInsert().Model(&rows).Exec(ctx)
	return err
}

// eraseRows takes rows of one segment out of every version that reads it.
func eraseRows(ctx context.Context, tx bun.Tx, set *datasetRow, e lathe.Erasure) error {
	var seg segmentRow
	err := tx.NewSelect().Model(&seg).Where("project = ?", set.Project).Where("dataset = ?", set.Name).Where("ordinal = ?", e.Segment).Scan(ctx)
	if err != nil {
		return noRow(err, "segment", fmt.Sprintf("%s[%d]", set.Name, e.Segment))
	}
	if err := checkErased(e, seg.RowCount); err != nil {
		return err
	}
	fresh, err := saveErased(ctx, tx, set, e)
	if err != nil {
		return err
	}
	_, err = tx.NewUpdate().Model((*datasetVersionRow)(nil)).Set("row_count = row_count - ?", fresh).
		Where("project = ?", set.Project).Where("dataset = ?", set.Name).
		Where("first_segment <= ?", e.Segment).Where("watermark > ?", e.Segment).Exec(ctx)
	return err
}

func saveErased(ctx context.Context, tx bun.Tx, set *datasetRow, e lathe.Erasure) (fresh int64, err error) {
	row := erasureRow{Project: set.Project, Dataset: set.Name, Segment: e.Segment}
	err = tx.NewSelect().Model(&row).Where("project = ?", set.Project).Where("dataset = ?", set.Name).Where("segment = ?", e.Segment).Scan(ctx)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, err
	}
	old, err := decodeErased(row.Erased)
	if err != nil {
		return 0, err
	}
	merged, fresh := mergeErased(old, e.Rows)
	row.Erased = encodeErased(merged)
	_, err = tx.NewInsert().Model(&row).On("CONFLICT (project, dataset, segment) DO UPDATE").Set("erased = EXCLUDED.erased").Exec(ctx)
	return fresh, err
}

// checkRows compares a new version's row count with its segments less what is erased.
func checkRows(ctx context.Context, tx bun.Tx, v *datasetVersionRow) error {
	segments, err := findSegments(ctx, tx, v)
	if err != nil {
		return err
	}
	erasures, err := findErasures(ctx, tx, v)
	if err != nil {
		return err
	}
	var rows int64
	for i := range segments {
		rows += segments[i].Rows
	}
	for _, e := range erasures {
		rows -= int64(len(e.Rows))
	}
	if rows != v.RowCount {
		return lathe.Errorf(lathe.CodeInvalid, "the draft says %d rows, its segments hold %d", v.RowCount, rows).WithField("rows")
	}
	return nil
}
