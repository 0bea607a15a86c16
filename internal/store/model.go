package store

import (
	"context"
	"database/sql"
	"errors"
	"strconv"

	"github.com/uptrace/bun"

	"lathe"
)

type modelRow struct {
	bun.BaseModel `bun:"table:model,alias:model"`
	Project       string
	Name          string
	LastNumber    int // ever given: a number is not given again while the model lives
	CreatedAt     int64
	UpdatedAt     int64
}

type aliasRow struct {
	bun.BaseModel `bun:"table:model_alias,alias:model_alias"`
	Project       string
	Model         string
	Alias         string
	Number        int
}

// CreateModelVersion implements lathe.ModelStore. The first version makes the model.
func (s *Store) CreateModelVersion(ctx context.Context, project lathe.Project, version lathe.ModelVersion) (lathe.ModelVersion, error) {
	err := s.write(ctx, "create model version", func(ctx context.Context, tx bun.Tx) (err error) {
		version, err = s.createModelVersion(ctx, tx, project, version)
		return err
	})
	if err != nil {
		return lathe.ModelVersion{}, err
	}
	return version, nil
}

func (s *Store) createModelVersion(ctx context.Context, tx bun.Tx, project lathe.Project, v lathe.ModelVersion) (lathe.ModelVersion, error) {
	if err := checkVersion(project, &v); err != nil {
		return v, err
	}
	v.Project, v.CreatedAt = project, s.now()
	number, err := nextNumber(ctx, tx, &v)
	if err != nil {
		return v, err
	}
	v.Number = number
	row, err := s.sealVersion(&v)
	if err != nil {
		return v, err
	}
	_, err = tx.NewInsert().Model(row).Exec(ctx)
	return v, err
}

func checkVersion(project lathe.Project, v *lathe.ModelVersion) error {
	return first(
		checkNames(project, "model", v.Model), checkBlob("package", v.Package), checkText("digest", v.Digest, 200),
		checkText("task", v.Task, 64), checkText("recipe", v.Recipe, 64), checkText("run", v.Run, 64),
		checkJSON("manifest", v.Manifest), checkJSON("evaluation", v.Evaluation),
	)
}

// nextNumber takes the model's next number and makes the model where there is none.
func nextNumber(ctx context.Context, tx bun.Tx, v *lathe.ModelVersion) (int, error) {
	at := toMicro(v.CreatedAt)
	row := modelRow{Project: string(v.Project), Name: v.Model, CreatedAt: at}
	err := tx.NewSelect().Model(&row).Where("project = ?", v.Project).Where("name = ?", v.Model).Scan(ctx)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, err
	}
	row.LastNumber++
	row.UpdatedAt = at
	_, err = tx.NewInsert().Model(&row).On("CONFLICT (project, name) DO UPDATE").
		Set("last_number = EXCLUDED.last_number").Set("updated_at = EXCLUDED.updated_at").Exec(ctx)
	return row.LastNumber, err
}

// FindModel implements lathe.ModelStore.
func (s *Store) FindModel(ctx context.Context, project lathe.Project, name string) (lathe.Model, error) {
	var model lathe.Model
	err := s.read(ctx, "find model", func(ctx context.Context, tx bun.Tx) (err error) {
		model, err = findModel(ctx, tx, project, name)
		return err
	})
	return model, err
}

func findModel(ctx context.Context, db bun.IDB, project lathe.Project, name string) (lathe.Model, error) {
	var row modelRow
	err := db.NewSelect().Model(&row).Where("project = ?", project).Where("name = ?", name).Scan(ctx)
	if err != nil {
		return lathe.Model{}, noRow(err, "model", name)
	}
	return row.record(ctx, db)
}

// record adds what the newest version and the aliases tell of a model.
func (r *modelRow) record(ctx context.Context, db bun.IDB) (lathe.Model, error) {
	m := lathe.Model{
		Project: lathe.Project(r.Project), Name: r.Name, Aliases: map[string]int{},
		CreatedAt: fromMicro(r.CreatedAt), UpdatedAt: fromMicro(r.UpdatedAt),
	}
	var newest modelVersionRow
	err := db.NewSelect().Model(&newest).Column("number", "task").Where("project = ?", r.Project).Where("model = ?", r.Name).
		OrderExpr("number DESC").Limit(1).Scan(ctx)
	if err != nil {
		return m, err
	}
	m.Version, m.Task = newest.Number, newest.Task
	var aliases []aliasRow
	err = db.NewSelect().Model(&aliases).Where("project = ?", r.Project).Where("model = ?", r.Name).Scan(ctx)
	for _, a := range aliases {
		m.Aliases[a.Alias] = a.Number
	}
	return m, err
}

// FindModels implements lathe.ModelStore, by name.
func (s *Store) FindModels(ctx context.Context, project lathe.Project, page lathe.Page) ([]lathe.Model, string, error) {
	var out []lathe.Model
	var next string
	err := s.read(ctx, "find models", func(ctx context.Context, tx bun.Tx) error {
		var rows []modelRow
		q, limit, err := pageQuery(tx.NewSelect().Model(&rows).Where("project = ?", project), page, "name", false)
		if err != nil {
			return err
		}
		if err := q.Scan(ctx); err != nil {
			return err
		}
		rows, next = cutPage(rows, limit, func(r *modelRow) string { return r.Name })
		out = make([]lathe.Model, len(rows))
		for i := range rows {
			if out[i], err = rows[i].record(ctx, tx); err != nil {
				return err
			}
		}
		return nil
	})
	return out, next, err
}

// resolve turns a reference into a number: a number, an alias, or "" for the champion or else the newest version.
func resolve(ctx context.Context, db bun.IDB, project lathe.Project, name, ref string) (int, error) {
	model, err := findModel(ctx, db, project, name)
	if err != nil {
		return 0, err
	}
	if ref == "" {
		if number, ok := model.Aliases[lathe.AliasChampion]; ok {
			return number, nil
		}
		return model.Version, nil
	}
	if number, ok := model.Aliases[ref]; ok {
		return number, nil
	}
	if number, err := strconv.Atoi(ref); err == nil && number > 0 && strconv.Itoa(number) == ref {
		return number, nil
	}
	return 0, unknown("model version", name+"@"+ref)
}
