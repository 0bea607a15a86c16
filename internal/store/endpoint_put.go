package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/uptrace/bun"

	"lathe"
)

// maxRoutes bounds an endpoint's routes.
const maxRoutes = 100

// PutEndpoint implements lathe.EndpointStore. Where the given Revision is not 0 it must be the stored one, so that a
// change made from an old reading is CodeConflict. Default is not read: SetDefaultEndpoint sets it.
func (s *Store) PutEndpoint(ctx context.Context, project lathe.Project, endpoint lathe.Endpoint) (lathe.Endpoint, error) {
	if err := first(checkNames(project, "name", endpoint.Name), checkRoutes(endpoint.Routes)); err != nil {
		return lathe.Endpoint{}, err
	}
	var stored lathe.Endpoint
	err := s.write(ctx, "put endpoint", func(ctx context.Context, tx bun.Tx) (err error) {
		if err := s.putEndpoint(ctx, tx, project, &endpoint); err != nil {
			return err
		}
		stored, err = findEndpoint(ctx, tx, project, endpoint.Name)
		return err
	})
	return stored, err
}

// checkRoutes refuses routes that do not say where each request goes.
func checkRoutes(routes []lathe.Route) error {
	if len(routes) == 0 || len(routes) > maxRoutes {
		return lathe.Errorf(lathe.CodeInvalid, "an endpoint has 1 to %d routes, not %d", maxRoutes, len(routes)).WithField("routes")
	}
	total := 0
	for i, r := range routes {
		field := fmt.Sprintf("routes[%d]", i)
		switch {
		case (r.Version != 0) == (r.Alias != "") || r.Version < 0:
			return lathe.Errorf(lathe.CodeInvalid, "a route needs either a version or an alias").WithField(field)
		case r.Share < 0 || r.Share > 100:
			return lathe.Errorf(lathe.CodeInvalid, "share %d is not a percentage", r.Share).WithField(field + ".share")
		}
		total += r.Share
	}
	if total != 100 {
		return lathe.Errorf(lathe.CodeInvalid, "the shares add up to %d percent, not 100", total).WithField("routes")
	}
	return nil
}

func (s *Store) putEndpoint(ctx context.Context, tx bun.Tx, project lathe.Project, e *lathe.Endpoint) error {
	row, err := s.endpointForPut(ctx, tx, project, e)
	if err != nil {
		return err
	}
	if err := checkTargets(ctx, tx, project, e.Routes); err != nil {
		return err
	}
	_, err = tx.NewInsert().Model(&row).On("CONFLICT (project, name) DO UPDATE").
		Set("revision = EXCLUDED.revision").Set("updated_at = EXCLUDED.updated_at").Exec(ctx)
	if err != nil {
		return err
	}
	if err := deleteRoutes(ctx, tx, project, e.Name); err != nil {
		return err
	}
	routes := make([]routeRow, len(e.Routes))
	for i, r := range e.Routes {
		routes[i] = routeRow{
			Project: string(project), Endpoint: e.Name, Ordinal: i, Model: r.Model, Version: r.Version,
			Alias: r.Alias, Share: r.Share,
		}
	}
	_, err = tx.NewInsert().Model(&routes).Exec(ctx)
	return err
}

// endpointForPut gives the row as it will be. The first endpoint of a project is its default.
func (s *Store) endpointForPut(ctx context.Context, tx bun.Tx, project lathe.Project, e *lathe.Endpoint) (endpointRow, error) {
	var row endpointRow
	err := tx.NewSelect().Model(&row).Where("project = ?", project).Where("name = ?", e.Name).Scan(ctx)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return row, err
	}
	if e.Revision != 0 && e.Revision != row.Revision {
		return row, lathe.Errorf(lathe.CodeConflict, "endpoint %s is at revision %d, the change was made from revision %d", quote(e.Name), row.Revision, e.Revision).
			WithHint("read the endpoint and make the change again")
	}
	now := toMicro(s.now())
	if err != nil {
		others, err := tx.NewSelect().Model((*endpointRow)(nil)).Where("project = ?", project).Count(ctx)
		if err != nil {
			return row, err
		}
		row = endpointRow{Project: string(project), Name: e.Name, IsDefault: others == 0, CreatedAt: now}
	}
	row.Revision++
	row.UpdatedAt = now
	return row, nil
}

// checkTargets refuses a route to what is not there.
func checkTargets(ctx context.Context, tx bun.Tx, project lathe.Project, routes []lathe.Route) error {
	for _, r := range routes {
		model, err := findModel(ctx, tx, project, r.Model)
		if err != nil {
			return err
		}
		if r.Alias != "" {
			if _, ok := model.Aliases[r.Alias]; !ok {
				return unknown("model version", r.Model+"@"+r.Alias)
			}
			continue
		}
		if _, err := findModelVersion(ctx, tx, project, r.Model, r.Version); err != nil {
			return err
		}
	}
	return nil
}
