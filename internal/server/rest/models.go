package rest

import (
	"context"
	"strconv"

	"lathe"
	"lathe/internal/guard"
)

type modelParams struct {
	Model string `path:"model"`
}

type modelVersionParams struct {
	Model string `path:"model"`
	Ref   string `path:"ref" doc:"A number or an alias"`
}

type aliasParams struct {
	Model string `path:"model"`
	Alias string `path:"alias"`
}

type deleteModelParams struct {
	Model   string `path:"model"`
	Version int    `query:"version" minimum:"0" doc:"0: the whole model"`
}

// modelAnswer is a model with its versions.
type modelAnswer struct {
	Model    lathe.Model          `json:"model"`
	Versions []lathe.ModelVersion `json:"versions"`
}

// newAlias moves an alias; force passes the gates.
type newAlias struct {
	Version int  `json:"version"`
	Force   bool `json:"force,omitempty"`
}

func (s *server) registerModels() {
	const base = "/api/v1/models"
	read, deploy := guard.Need{Verb: lathe.VerbRead, Name: "model"}, guard.Need{Verb: lathe.VerbDeploy, Name: "model"}
	add(s, route{method: "GET", path: base, summary: "List models", need: guard.Need{Verb: lathe.VerbRead}, tag: "models"}, s.findModels)
	add(s, route{method: "GET", path: base + "/{model}", summary: "Show a model and its versions", need: read, tag: "models"}, s.findModel)
	add(s, route{method: "GET", path: base + "/{model}/versions/{ref}", summary: "Show a version", need: read, tag: "models"}, s.findModelVersion)
	add(s, route{method: "PUT", path: base + "/{model}/aliases/{alias}", summary: "Move an alias", need: deploy, tag: "models"}, s.setAlias)
	add(s, route{method: "POST", path: base + "/{model}/rollback", summary: "Make the champion before the champion again", need: deploy, tag: "models"}, s.rollbackModel)
	add(s, route{method: "DELETE", path: base + "/{model}", summary: "Delete a version, or the model", need: deploy, status: 204, tag: "models"}, s.deleteModel)
	s.registerPackages()
	s.registerTables()
}

func (s *server) findModels(ctx context.Context, p *lathe.Principal, in *pageParams, _ *none) (list[lathe.Model], error) {
	items, next, err := s.Models.FindModels(ctx, p.Project, in.page())
	visible := make([]lathe.Model, 0, len(items))
	for _, m := range items {
		if p.May(lathe.VerbRead, m.Name) {
			visible = append(visible, m)
		}
	}
	return newList(visible, next), err
}

func (s *server) findModel(ctx context.Context, p *lathe.Principal, in *modelParams, _ *none) (out modelAnswer, err error) {
	if out.Model, err = s.Models.FindModel(ctx, p.Project, in.Model); err != nil {
		return out, err
	}
	out.Versions, err = s.Models.FindModelVersions(ctx, p.Project, in.Model)
	out.Versions = append([]lathe.ModelVersion{}, out.Versions...)
	return out, err
}

func (s *server) findModelVersion(ctx context.Context, p *lathe.Principal, in *modelVersionParams, _ *none) (lathe.ModelVersion, error) {
	if err := checkRef(in.Ref); err != nil {
		return lathe.ModelVersion{}, err
	}
	return s.Models.FindModelVersion(ctx, p.Project, in.Model, in.Ref)
}

// checkRef accepts a version number or an alias's name.
func checkRef(ref string) error {
	if n, err := strconv.Atoi(ref); err == nil && n > 0 {
		return nil
	}
	return lathe.CheckName("ref", ref)
}

func (s *server) setAlias(ctx context.Context, p *lathe.Principal, in *aliasParams, body *newAlias) (lathe.Model, error) {
	if err := lathe.CheckName("alias", in.Alias); err != nil {
		return lathe.Model{}, err
	}
	if body.Version < 1 {
		return lathe.Model{}, lathe.Errorf(lathe.CodeInvalid, "rest: models: version %d is not one", body.Version).WithField("version").WithHint("give the number of a version, from 1")
	}
	return s.Models.PromoteModel(ctx, p.Project, in.Model, in.Alias, body.Version, body.Force)
}

func (s *server) rollbackModel(ctx context.Context, p *lathe.Principal, in *modelParams, _ *none) (lathe.Model, error) {
	return s.Models.RollbackModel(ctx, p.Project, in.Model)
}

func (s *server) deleteModel(ctx context.Context, p *lathe.Principal, in *deleteModelParams, _ *none) (none, error) {
	return none{}, s.Models.DeleteModelVersion(ctx, p.Project, in.Model, in.Version)
}
