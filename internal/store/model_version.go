package store

import (
	"context"
	"strconv"

	"github.com/uptrace/bun"

	"lathe"
)

type modelVersionRow struct {
	bun.BaseModel    `bun:"table:model_version,alias:model_version"`
	Project          string
	Model            string
	Number           int
	BlobName         string
	BlobBytes        int64
	BlobAt           int64
	Digest           string
	Task             string
	Recipe           string
	SealedManifest   []byte
	SealedEvaluation []byte
	Run              string
	CreatedAt        int64
}

func versionPlace(model string, number int, part string) string {
	return place("model_version", model, strconv.Itoa(number), part)
}

// sealVersion makes the row. A manifest holds category levels and so may hold names of people.
func (s *Store) sealVersion(v *lathe.ModelVersion) (*modelVersionRow, error) {
	manifest, err := s.seal(v.Project, versionPlace(v.Model, v.Number, "manifest"), v.Manifest)
	if err != nil {
		return nil, err
	}
	evaluation, err := s.seal(v.Project, versionPlace(v.Model, v.Number, "evaluation"), v.Evaluation)
	return &modelVersionRow{
		Project: string(v.Project), Model: v.Model, Number: v.Number,
		BlobName: v.Package.Name.String(), BlobBytes: v.Package.Bytes, BlobAt: toMicro(v.Package.At),
		Digest: v.Digest, Task: v.Task, Recipe: v.Recipe, SealedManifest: manifest, SealedEvaluation: evaluation,
		Run: v.Run, CreatedAt: toMicro(v.CreatedAt),
	}, err
}

func (s *Store) openVersion(r *modelVersionRow) (v lathe.ModelVersion, err error) {
	v = lathe.ModelVersion{
		Project: lathe.Project(r.Project), Model: r.Model, Number: r.Number, Digest: r.Digest, Task: r.Task, Recipe: r.Recipe,
		Run: r.Run, CreatedAt: fromMicro(r.CreatedAt),
	}
	if v.Package, err = toBlob(r.BlobName, r.BlobBytes, r.BlobAt); err != nil {
		return v, err
	}
	if v.Manifest, err = s.openJSON(v.Project, versionPlace(v.Model, v.Number, "manifest"), r.SealedManifest); err != nil {
		return v, err
	}
	v.Evaluation, err = s.openJSON(v.Project, versionPlace(v.Model, v.Number, "evaluation"), r.SealedEvaluation)
	return v, err
}

// FindModelVersion implements lathe.ModelStore.
func (s *Store) FindModelVersion(ctx context.Context, project lathe.Project, name, ref string) (lathe.ModelVersion, error) {
	var row modelVersionRow
	err := s.read(ctx, "find model version", func(ctx context.Context, tx bun.Tx) error {
		number, err := resolve(ctx, tx, project, name, ref)
		if err != nil {
			return err
		}
		row, err = findModelVersion(ctx, tx, project, name, number)
		return err
	})
	if err != nil {
		return lathe.ModelVersion{}, err
	}
	return s.openVersion(&row)
}

func findModelVersion(ctx context.Context, db bun.IDB, project lathe.Project, name string, number int) (modelVersionRow, error) {
	var row modelVersionRow
	err := db.NewSelect().Model(&row).Where("project = ?", project).Where("model = ?", name).Where("number = ?", number).Scan(ctx)
	return row, noRow(err, "model version", name+"@"+strconv.Itoa(number))
}

// FindModelVersions implements lathe.ModelStore, oldest first.
func (s *Store) FindModelVersions(ctx context.Context, project lathe.Project, name string) ([]lathe.ModelVersion, error) {
	var rows []modelVersionRow
	err := s.r.NewSelect().Model(&rows).Where("project = ?", project).Where("model = ?", name).OrderExpr("number").Scan(ctx)
	if err != nil {
		return nil, s.fail("find model versions", err)
	}
	if len(rows) == 0 {
		return nil, unknown("model", name)
	}
	out := make([]lathe.ModelVersion, len(rows))
	for i := range rows {
		if out[i], err = s.openVersion(&rows[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}
