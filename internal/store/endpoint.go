package store

import (
	"context"

	"github.com/uptrace/bun"

	"lathe"
)

type endpointRow struct {
	bun.BaseModel `bun:"table:endpoint,alias:endpoint"`
	Project       string
	Name          string
	IsDefault     bool
	Revision      int
	CreatedAt     int64
	UpdatedAt     int64
}

type routeRow struct {
	bun.BaseModel `bun:"table:endpoint_route,alias:endpoint_route"`
	Project       string
	Endpoint      string
	Ordinal       int
	Model         string
	Version       int
	Alias         string
	Share         int
}

// record adds the routes to an endpoint.
func (r *endpointRow) record(ctx context.Context, db bun.IDB) (lathe.Endpoint, error) {
	e := lathe.Endpoint{
		Project: lathe.Project(r.Project), Name: r.Name, Default: r.IsDefault, Revision: r.Revision,
		CreatedAt: fromMicro(r.CreatedAt), UpdatedAt: fromMicro(r.UpdatedAt),
	}
	var routes []routeRow
	err := db.NewSelect().Model(&routes).Where("project = ?", r.Project).Where("endpoint = ?", r.Name).OrderExpr("ordinal").Scan(ctx)
	e.Routes = mapRows(routes, func(r *routeRow) lathe.Route {
		return lathe.Route{Model: r.Model, Version: r.Version, Alias: r.Alias, Share: r.Share}
	})
	return e, err
}

// FindEndpoint implements lathe.EndpointStore.
func (s *Store) FindEndpoint(ctx context.Context, project lathe.Project, name string) (lathe.Endpoint, error) {
	var endpoint lathe.Endpoint
	err := s.read(ctx, "find endpoint", func(ctx context.Context, tx bun.Tx) (err error) {
		endpoint, err = findEndpoint(ctx, tx, project, name)
		return err
	})
	return endpoint, err
}

func findEndpoint(ctx context.Context, db bun.IDB, project lathe.Project, name string) (lathe.Endpoint, error) {
	var row endpointRow
	err := db.NewSelect().Model(&row).Where("project = ?", project).Where("name = ?", name).Scan(ctx)
	if err != nil {
		return lathe.Endpoint{}, noRow(err, "endpoint", name)
	}
	return row.record(ctx, db)
}

// FindEndpoints implements lathe.EndpointStore, by name.
func (s *Store) FindEndpoints(ctx context.Context, project lathe.Project, page lathe.Page) ([]lathe.Endpoint, string, error) {
	var out []lathe.Endpoint
	var next string
	err := s.read(ctx, "find endpoints", func(ctx context.Context, tx bun.Tx) error {
		var rows []endpointRow
		q, limit, err := pageQuery(tx.NewSelect().Model(&rows).Where("project = ?", project), page, "name", false)
		if err != nil {
			return err
		}
		if err := q.Scan(ctx); err != nil {
			return err
		}
		rows, next = cutPage(rows, limit, func(r *endpointRow) string { return r.Name })
		out = make([]lathe.Endpoint, len(rows))
		for i := range rows {
			if out[i], err = rows[i].record(ctx, tx); err != nil {
				return err
			}
		}
		return nil
	})
	return out, next, err
}

// SetDefaultEndpoint implements lathe.EndpointStore. The endpoint that becomes the default and the one that was it get
// a new revision.
func (s *Store) SetDefaultEndpoint(ctx context.Context, project lathe.Project, name string) (lathe.Endpoint, error) {
	var endpoint lathe.Endpoint
	err := s.write(ctx, "set default endpoint", func(ctx context.Context, tx bun.Tx) (err error) {
		if endpoint, err = findEndpoint(ctx, tx, project, name); err != nil || endpoint.Default {
			return err
		}
		_, err = tx.NewUpdate().Model((*endpointRow)(nil)).Set("is_default = (name = ?)", name).
			Set("revision = revision + 1").Set("updated_at = ?", toMicro(s.now())).
			Where("project = ?", project).Where("(is_default OR name = ?)", name).Exec(ctx)
		if err != nil {
			return err
		}
		endpoint, err = findEndpoint(ctx, tx, project, name)
		return err
	})
	return endpoint, err
}

// DeleteEndpoint implements lathe.EndpointStore. Without its default a project has none until one is set.
func (s *Store) DeleteEndpoint(ctx context.Context, project lathe.Project, name string) error {
	return s.write(ctx, "delete endpoint", func(ctx context.Context, tx bun.Tx) error {
		n, err := changed(tx.NewDelete().Model((*endpointRow)(nil)).Where("project = ?", project).Where("name = ?", name).Exec(ctx))
		if err != nil {
			return err
		}
		if n == 0 {
			return unknown("endpoint", name)
		}
		return deleteRoutes(ctx, tx, project, name)
	})
}

func deleteRoutes(ctx context.Context, tx bun.Tx, project lathe.Project, endpoint string) error {
	_, err := tx.NewDelete().Model((*routeRow)(nil)).Where("project = ?", project).Where("endpoint = ?", endpoint).Exec(ctx)
	return err
}
