package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/uptrace/bun"

	"lathe"
)

type datasetRow struct {
	bun.BaseModel `bun:"table:dataset,alias:dataset"`
	Project       string
	Name          string
	Kind          string
	Version       int
	RowCount      int64
	Segments      int // ever added: the next ordinal
	CreatedAt     int64
	UpdatedAt     int64
}

func (r *datasetRow) record() lathe.Dataset {
	return lathe.Dataset{
		Project: lathe.Project(r.Project), Name: r.Name, Kind: r.Kind, Version: r.Version, Rows: r.RowCount,
		CreatedAt: fromMicro(r.CreatedAt), UpdatedAt: fromMicro(r.UpdatedAt),
	}
}

type datasetVersionRow struct {
	bun.BaseModel `bun:"table:dataset_version,alias:dataset_version"`
	Project       string
	Dataset       string
	Number        int
	FirstSegment  int // a version that replaced the rows before begins behind their segments
	Watermark     int
	RowCount      int64
	Digest        string
	ColumnsJSON   string `bun:"columns_json"`
	SealedProfile []byte
	Origin        string
	CreatedAt     int64
}

func profilePlace(dataset string, number int) string {
	return place("dataset_version", dataset, strconv.Itoa(number), "profile")
}

func (s *Store) datasetVersion(r *datasetVersionRow) (lathe.DatasetVersion, error) {
	v := lathe.DatasetVersion{
		Project: lathe.Project(r.Project), Dataset: r.Dataset, Number: r.Number, Watermark: r.Watermark,
		Rows: r.RowCount, Digest: r.Digest, Origin: r.Origin, CreatedAt: fromMicro(r.CreatedAt),
	}
	if err := json.Unmarshal([]byte(r.ColumnsJSON), &v.Columns); err != nil {
		return v, fmt.Errorf("store: columns of %s@%d: %w", r.Dataset, r.Number, err)
	}
	var err error
	v.Profile, err = s.openJSON(v.Project, profilePlace(r.Dataset, r.Number), r.SealedProfile)
	return v, err
}

// FindDataset implements lathe.DatasetStore.
func (s *Store) FindDataset(ctx context.Context, project lathe.Project, name string) (lathe.Dataset, error) {
	row, err := findDataset(ctx, s.r, project, name)
	return row.record(), s.fail("find dataset", err)
}

func findDataset(ctx context.Context, db bun.IDB, project lathe.Project, name string) (datasetRow, error) {
	var row datasetRow
	err := db.NewSelect().Model(&row).Where("project = ?", project).Where("name = ?", name).Scan(ctx)
	return row, noRow(err, "dataset", name)
}

// FindDatasets implements lathe.DatasetStore, by name.
func (s *Store) FindDatasets(ctx context.Context, project lathe.Project, page lathe.Page) ([]lathe.Dataset, string, error) {
	var rows []datasetRow
	q, limit, err := pageQuery(s.r.NewSelect().Model(&rows).Where("project = ?", project), page, "name", false)
	if err != nil {
		return nil, "", err
	}
	if err := q.Scan(ctx); err != nil {
		return nil, "", s.fail("find datasets", err)
	}
	rows, next := cutPage(rows, limit, func(r *datasetRow) string { return r.Name })
	return mapRows(rows, (*datasetRow).record), next, nil
}

// mapRows makes records of rows; no rows make an empty list, which JSON shows as [].
func mapRows[R, T any](rows []R, record func(*R) T) []T {
	out := make([]T, len(rows))
	for i := range rows {
		out[i] = record(&rows[i])
	}
	return out
}

// FindDatasetVersion implements lathe.DatasetStore.
func (s *Store) FindDatasetVersion(ctx context.Context, project lathe.Project, name string, number int) (lathe.DatasetVersion, error) {
	row, err := findDatasetVersion(ctx, s.r, project, name, number)
	if err != nil {
		return lathe.DatasetVersion{}, s.fail("find dataset version", err)
	}
	return s.datasetVersion(&row)
}

func findDatasetVersion(ctx context.Context, db bun.IDB, project lathe.Project, name string, number int) (datasetVersionRow, error) {
	var row datasetVersionRow
	q := db.NewSelect().Model(&row).Where("project = ?", project).Where("dataset = ?", name)
	if number == 0 {
		return row, noRow(q.OrderExpr("number DESC").Limit(1).Scan(ctx), "dataset", name)
	}
	err := q.Where("number = ?", number).Scan(ctx)
	return row, noRow(err, "dataset version", name+"@"+strconv.Itoa(number))
}

// FindDatasetVersions implements lathe.DatasetStore, oldest first.
func (s *Store) FindDatasetVersions(ctx context.Context, project lathe.Project, name string) ([]lathe.DatasetVersion, error) {
	var rows []datasetVersionRow
	err := s.r.NewSelect().Model(&rows).Where("project = ?", project).Where("dataset = ?", name).OrderExpr("number").Scan(ctx)
	if err != nil {
		return nil, s.fail("find dataset versions", err)
	}
	if len(rows) == 0 {
		return nil, unknown("dataset", name)
	}
	out := make([]lathe.DatasetVersion, len(rows))
	for i := range rows {
		if out[i], err = s.datasetVersion(&rows[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// DeleteDataset implements lathe.DatasetStore.
func (s *Store) DeleteDataset(ctx context.Context, project lathe.Project, name string) error {
	return s.write(ctx, "delete dataset", func(ctx context.Context, tx bun.Tx) error {
		n, err := changed(tx.NewDelete().Model((*datasetRow)(nil)).Where("project = ?", project).Where("name = ?", name).Exec(ctx))
		if err != nil {
			return err
		}
		if n == 0 {
			return unknown("dataset", name)
		}
		for _, part := range []any{(*datasetVersionRow)(nil), (*segmentRow)(nil), (*erasureRow)(nil)} {
			if _, err := tx.NewDelete().Model(part).Where("project = ?", project).Where("dataset = ?", name).Exec(ctx); err != nil {
				return err
			}
		}
		return nil
	})
}
