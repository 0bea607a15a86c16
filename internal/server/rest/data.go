package rest

import (
	"context"
	"net/http"

	"lathe"
	"lathe/internal/guard"
)

// uploadBody caps what is streamed in: data, packages, archives.
const uploadBody = 64 << 30

// packageBody caps a package: it is read into memory.
const packageBody = 1 << 30

// list is one part of a longer list.
type list[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty" doc:"Give it as ?after= for the part that follows; absent at the end"`
}

// newList makes an empty list [], never null.
func newList[T any](items []T, next string) list[T] {
	if items == nil {
		items = []T{}
	}
	return list[T]{items, next}
}

// pageParams are the query of every list.
type pageParams struct {
	After string `query:"after" maxLength:"1024" doc:"Cursor: next of the part before"`
	Limit int    `query:"limit" minimum:"0" maximum:"1000" doc:"At most so many; 0 means 100"`
}

func (p pageParams) page() lathe.Page { return lathe.Page{After: p.After, Limit: p.Limit} }

type dataParams struct {
	Name string `path:"name"`
}

type versionParams struct {
	Name    string `path:"name"`
	Version int    `query:"version" minimum:"0" doc:"0: the newest"`
}

type rowParams struct {
	Name    string `path:"name"`
	Version int    `query:"version" minimum:"0" doc:"0: the newest"`
	From    int64  `query:"from" minimum:"0"`
	N       int    `query:"n" minimum:"0" maximum:"1000" doc:"0 means 100"`
}

// datasetAnswer is a dataset with its versions, their profiles left out.
type datasetAnswer struct {
	Dataset  lathe.Dataset          `json:"dataset"`
	Versions []lathe.DatasetVersion `json:"versions"`
}

// rowsAnswer is a piece of a version; missing values are null.
type rowsAnswer struct {
	Columns []string `json:"columns"`
	Rows    [][]any  `json:"rows"`
}

func (s *server) registerData() {
	const base = "/api/v1/datasets"
	read, write := guard.Need{Verb: lathe.VerbRead, Name: "name"}, guard.Need{Verb: lathe.VerbWriteData, Name: "name"}
	upload := guard.Need{Verb: lathe.VerbWriteData, Name: "name", Body: uploadBody, Stream: true}
	s.raw(route{method: "POST", path: base + "/{name}", summary: "Upload rows", need: upload, status: 201, tag: "datasets"},
		media{takes: "text/csv application/octet-stream", gives: "application/json", query: []string{"append", "file", "delimiter", "header"}}, s.addDataset)
	add(s, route{method: "GET", path: base, summary: "List datasets", need: guard.Need{Verb: lathe.VerbRead}, tag: "datasets"}, s.findDatasets)
	add(s, route{method: "GET", path: base + "/{name}", summary: "Show a dataset and its versions", need: read, tag: "datasets"}, s.findDataset)
	add(s, route{method: "GET", path: base + "/{name}/profile", summary: "Show what a version holds", need: read, tag: "datasets"}, s.findProfile)
	add(s, route{method: "GET", path: base + "/{name}/rows", summary: "Show rows", need: guard.Need{Verb: lathe.VerbReadData, Name: "name"}, tag: "datasets"}, s.readRows)
	add(s, route{method: "POST", path: base + "/{name}/clean", summary: "Make a cleaned dataset", need: write, status: 201, tag: "datasets"}, s.cleanDataset)
	add(s, route{method: "POST", path: base + "/{name}/split", summary: "Mark rows as train, validation or test", need: write, status: 201, tag: "datasets"}, s.splitDataset)
	add(s, route{method: "POST", path: base + "/{name}/erasures", summary: "Erase rows, in old versions too", need: write, status: 201, tag: "datasets"}, s.eraseRows)
	add(s, route{method: "DELETE", path: base + "/{name}", summary: "Delete a dataset", need: write, status: 204, tag: "datasets"}, s.deleteDataset)
}

// addDataset streams an upload into a new version.
func (s *server) addDataset(w http.ResponseWriter, r *http.Request) error {
	if _, err := guard.CheckContentType(r, "text/csv", "application/octet-stream"); err != nil {
		return err
	}
	if err := guard.CheckEncoding(r); err != nil {
		return err
	}
	appending, err := boolQuery(r, "append")
	if err != nil {
		return err
	}
	query := r.URL.Query()
	version, err := s.Data.AddDataset(r.Context(), project(r), lathe.AddDataset{
		Name: r.PathValue("name"), Append: appending, File: cut(query.Get("file")), Delimiter: query.Get("delimiter"), Header: query.Get("header"),
	}, r.Body)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusCreated, version)
}

func (s *server) findDatasets(ctx context.Context, p *lathe.Principal, in *pageParams, _ *none) (list[lathe.Dataset], error) {
	items, next, err := s.Data.FindDatasets(ctx, p.Project, in.page())
	visible := make([]lathe.Dataset, 0, len(items))
	for _, d := range items {
		if p.May(lathe.VerbRead, d.Name) {
			visible = append(visible, d)
		}
	}
	return newList(visible, next), err
}

func (s *server) findDataset(ctx context.Context, p *lathe.Principal, in *dataParams, _ *none) (out datasetAnswer, err error) {
	if out.Dataset, err = s.Data.FindDataset(ctx, p.Project, in.Name); err != nil {
		return out, err
	}
	out.Versions, err = s.Data.FindDatasetVersions(ctx, p.Project, in.Name)
	out.Versions = append([]lathe.DatasetVersion{}, out.Versions...)
	for i := range out.Versions {
		out.Versions[i].Profile = nil
	}
	return out, err
}

func (s *server) findProfile(ctx context.Context, p *lathe.Principal, in *versionParams, _ *none) (lathe.DatasetVersion, error) {
	return s.Data.FindDatasetVersion(ctx, p.Project, in.Name, in.Version)
}

func (s *server) readRows(ctx context.Context, p *lathe.Principal, in *rowParams, _ *none) (rowsAnswer, error) {
	if in.N == 0 {
		in.N = 100
	}
	batch, err := s.Data.ReadRows(ctx, p.Project, in.Name, in.Version, in.From, in.N)
	if err != nil {
		return rowsAnswer{}, err
	}
	return rowsOf(batch), nil
}

func (s *server) cleanDataset(ctx context.Context, p *lathe.Principal, in *versionParams, spec *lathe.CleanSpec) (lathe.DatasetVersion, error) {
	return s.Data.CleanDataset(ctx, p.Project, in.Name, in.Version, *spec)
}

func (s *server) splitDataset(ctx context.Context, p *lathe.Principal, in *versionParams, spec *lathe.SplitSpec) (lathe.DatasetVersion, error) {
	return s.Data.SplitDataset(ctx, p.Project, in.Name, in.Version, *spec)
}

func (s *server) eraseRows(ctx context.Context, p *lathe.Principal, in *dataParams, spec *lathe.EraseSpec) (lathe.DatasetVersion, error) {
	return s.Data.EraseRows(ctx, p.Project, in.Name, *spec)
}

func (s *server) deleteDataset(ctx context.Context, p *lathe.Principal, in *dataParams, _ *none) (none, error) {
	return none{}, s.Data.DeleteDataset(ctx, p.Project, in.Name)
}
