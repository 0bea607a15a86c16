package store

import (
	"context"

	"lathe"
)

// BlobReference is a blob that some row names.
type BlobReference struct {
	Project lathe.Project
	Name    lathe.BlobName
}

// blobReferences lists every column that names a blob. A new one must be added here, or its objects are collected; a
// test compares this with the columns of the schema.
const blobReferences = `
	SELECT project, blob_name FROM dataset_segment
	UNION SELECT project, blob_name FROM model_version
	UNION SELECT project, checkpoint_name FROM run WHERE checkpoint_name <> ''`

// FindBlobReferences gives every blob of every project that a row names, for the collector of the others. An object
// that is written but not named yet is not among them: the collector's grace period covers it.
func (s *Store) FindBlobReferences(ctx context.Context) (map[BlobReference]struct{}, error) {
	var rows []struct {
		Project  string
		BlobName string
	}
	if err := s.r.NewRaw(blobReferences).Scan(ctx, &rows); err != nil {
		return nil, s.fail("find blob references", err)
	}
	out := make(map[BlobReference]struct{}, len(rows))
	for _, r := range rows {
		name, err := lathe.ParseBlobName(r.BlobName)
		if err != nil {
			return nil, lathe.Errorf(lathe.CodeCorrupt, "store: blob references: %w", err)
		}
		out[BlobReference{lathe.Project(r.Project), name}] = struct{}{}
	}
	return out, nil
}

// rootTables are those whose rows stand by themselves; the others' rows hang on them and tell no more projects.
var rootTables = []string{"api_key", "dataset", "endpoint", "model", "reply", "run", "secret", "usage_record"}

// partTables are the others, but for schema_version. A test compares both with the schema.
var partTables = []string{"dataset_erasure", "dataset_segment", "dataset_version", "endpoint_route", "model_alias", "model_version", "run_event"}

// EachProject calls each for every project that has a record, in order, until it returns an error. The owner's
// lathe.AllProjects is none, and lathe.DefaultProject always is one.
func (s *Store) EachProject(ctx context.Context, each func(lathe.Project) error) error {
	seen := []string{}
	query := s.r.NewSelect().ColumnExpr("? AS project", lathe.DefaultProject)
	for _, table := range rootTables {
		query = query.Union(s.r.NewSelect().Table(table).Column("project"))
	}
	err := s.r.NewSelect().TableExpr("(?) AS p", query).Column("project").Where("project <> ?", lathe.AllProjects).
		OrderExpr("project").Scan(ctx, &seen)
	if err != nil {
		return s.fail("each project", err)
	}
	for _, project := range seen {
		if err := each(lathe.Project(project)); err != nil {
			return err
		}
	}
	return nil
}
