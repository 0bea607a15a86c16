package store

import (
	"context"
	"strconv"

	"github.com/uptrace/bun"

	"lathe"
)

// SetAlias implements lathe.ModelStore. An alias that is all digits would read as a number and is refused.
func (s *Store) SetAlias(ctx context.Context, project lathe.Project, name, alias string, number int) (lathe.Model, error) {
	if err := lathe.CheckName("alias", alias); err != nil {
		return lathe.Model{}, err
	}
	if _, err := strconv.Atoi(alias); err == nil {
		return lathe.Model{}, lathe.Errorf(lathe.CodeInvalid, "alias %s reads as a version number", quote(alias)).WithField("alias").
			WithHint("use a name with a letter")
	}
	return s.changeModel(ctx, "set alias", project, name, func(ctx context.Context, tx bun.Tx, model *lathe.Model) error {
		if _, err := findModelVersion(ctx, tx, project, name, number); err != nil {
			return err
		}
		champion, ok := model.Aliases[lathe.AliasChampion]
		if alias == lathe.AliasChampion && ok && champion != number {
			if err := putAlias(ctx, tx, project, name, lathe.AliasPrevious, champion); err != nil {
				return err
			}
		}
		return putAlias(ctx, tx, project, name, alias, number)
	})
}

// RollbackModel implements lathe.ModelStore. Without both aliases it is CodeConflict.
func (s *Store) RollbackModel(ctx context.Context, project lathe.Project, name string) (lathe.Model, error) {
	return s.changeModel(ctx, "rollback model", project, name, func(ctx context.Context, tx bun.Tx, model *lathe.Model) error {
		champion, ok := model.Aliases[lathe.AliasChampion]
		previous, before := model.Aliases[lathe.AliasPrevious]
		if !ok || !before {
			return lathe.Errorf(lathe.CodeConflict, "model %s has no champion before this one", quote(name)).
				WithHint("choose a version: lathe models alias %s champion VERSION", name)
		}
		return first(
			putAlias(ctx, tx, project, name, lathe.AliasChampion, previous),
			putAlias(ctx, tx, project, name, lathe.AliasPrevious, champion),
		)
	})
}

// changeModel runs change over a model and gives it as it is after.
func (s *Store) changeModel(ctx context.Context, op string, project lathe.Project, name string, change func(context.Context, bun.Tx, *lathe.Model) error) (lathe.Model, error) {
	var model lathe.Model
	err := s.write(ctx, op, func(ctx context.Context, tx bun.Tx) (err error) {
		if model, err = findModel(ctx, tx, project, name); err != nil {
			return err
		}
		if err := change(ctx, tx, &model); err != nil {
			return err
		}
		if err := s.touchModel(ctx, tx, project, name); err != nil {
			return err
		}
		model, err = findModel(ctx, tx, project, name)
		return err
	})
	if err != nil {
		return lathe.Model{}, err
	}
	return model, nil
}

func (s *Store) touchModel(ctx context.Context, tx bun.Tx, project lathe.Project, name string) error {
	_, err := tx.NewUpdate().Model((*modelRow)(nil)).Set("updated_at = ?", toMicro(s.now())).
		Where("project = ?", project).Where("name = ?", name).Exec(ctx)
	return err
}

func putAlias(ctx context.Context, tx bun.Tx, project lathe.Project, name, alias string, number int) error {
	row := aliasRow{Project: string(project), Model: name, Alias: alias, Number: number}
	_, err := tx.NewInsert().Model(&row).On("CONFLICT (project, model, alias) DO UPDATE").Set("number = EXCLUDED.number").Exec(ctx)
	return err
}

// DeleteModelVersion implements lathe.ModelStore. Aliases of the version go with it, and the model goes with its last
// version. An endpoint uses a version by number or through an alias.
func (s *Store) DeleteModelVersion(ctx context.Context, project lathe.Project, name string, number int) error {
	return s.write(ctx, "delete model version", func(ctx context.Context, tx bun.Tx) error {
		if _, err := findModel(ctx, tx, project, name); err != nil {
			return err
		}
		if err := unused(ctx, tx, project, name, number); err != nil {
			return err
		}
		if err := deleteVersions(ctx, tx, project, name, number); err != nil {
			return err
		}
		left, err := tx.NewSelect().Model((*modelVersionRow)(nil)).Where("project = ?", project).Where("model = ?", name).Count(ctx)
		if err != nil || left > 0 {
			return first(err, s.touchModel(ctx, tx, project, name))
		}
		_, err = tx.NewDelete().Model((*modelRow)(nil)).Where("project = ?", project).Where("name = ?", name).Exec(ctx)
		return err
	})
}

// deleteVersions removes one version, or all with number 0, with their aliases.
func deleteVersions(ctx context.Context, tx bun.Tx, project lathe.Project, name string, number int) error {
	versions := tx.NewDelete().Model((*modelVersionRow)(nil)).Where("project = ?", project).Where("model = ?", name)
	aliases := tx.NewDelete().Model((*aliasRow)(nil)).Where("project = ?", project).Where("model = ?", name)
	if number != 0 {
		versions, aliases = versions.Where("number = ?", number), aliases.Where("number = ?", number)
	}
	n, err := changed(versions.Exec(ctx))
	if err != nil {
		return err
	}
	if n == 0 {
		return unknown("model version", name+"@"+strconv.Itoa(number))
	}
	_, err = aliases.Exec(ctx)
	return err
}

// unused refuses while an endpoint routes to the version, or with number 0 to any.
func unused(ctx context.Context, tx bun.Tx, project lathe.Project, name string, number int) error {
	model, err := findModel(ctx, tx, project, name)
	if err != nil {
		return err
	}
	var routes []routeRow
	err = tx.NewSelect().Model(&routes).Where("project = ?", project).Where("model = ?", name).OrderExpr("endpoint, ordinal").Scan(ctx)
	if err != nil {
		return err
	}
	for _, r := range routes {
		target := r.Version
		if r.Alias != "" {
			target = model.Aliases[r.Alias]
		}
		if number == 0 || target == number {
			return lathe.Errorf(lathe.CodeConflict, "endpoint %s routes to %s", quote(r.Endpoint), quote(name+"@"+strconv.Itoa(target))).
				WithHint("route the endpoint elsewhere or remove it first: lathe endpoints rm %s", r.Endpoint)
		}
	}
	return nil
}
