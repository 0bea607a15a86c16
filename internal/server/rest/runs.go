package rest

import (
	"context"
	"encoding/json"

	"lathe"
	"lathe/internal/guard"
)

type runParams struct {
	ID string `path:"id" maxLength:"64"`
}

// newRun asks for a run. The kind says which of the members holds its spec.
type newRun struct {
	Kind   string           `json:"kind" doc:"train or verify"`
	Train  *lathe.TrainSpec `json:"train,omitempty"`
	Verify *newVerify       `json:"verify,omitempty"`
}

// newVerify names the version to train again.
type newVerify struct {
	Model string `json:"model"`
	Ref   string `json:"ref,omitempty" doc:"A number or an alias; what deploy would take by default"`
}

const runHint = `send {"kind": "train", "train": {"dataset": ..., "target": ...}} or {"kind": "verify", "verify": {"model": ...}}`

func (s *server) registerRuns() {
	const base = "/api/v1/runs"
	train, read := guard.Need{Verb: lathe.VerbTrain}, guard.Need{Verb: lathe.VerbRead}
	add(s, route{method: "POST", path: base, summary: "Start a run", need: train, status: 202, tag: "runs"}, s.startRun)
	add(s, route{method: "GET", path: base, summary: "List runs, the newest first", need: read, tag: "runs"}, s.findRuns)
	add(s, route{method: "GET", path: base + "/{id}", summary: "Show a run", need: read, tag: "runs"}, s.findRun)
	add(s, route{method: "POST", path: base + "/{id}/stop", summary: "Stop a run at its next checkpoint", need: train, tag: "runs"}, s.stopRun)
	add(s, route{method: "POST", path: base + "/{id}/resume", summary: "Go on from the checkpoint", need: train, tag: "runs"}, s.resumeRun)
	s.registerEvents()
}

func (s *server) startRun(ctx context.Context, p *lathe.Principal, _ *struct{}, body *newRun) (lathe.Run, error) {
	switch {
	case body.Kind == lathe.RunTrain && body.Train != nil:
		if err := guard.Require(ctx, lathe.VerbTrain, modelOf(*body.Train)); err != nil {
			return lathe.Run{}, err
		}
		return s.Runs.Train(ctx, p.Project, *body.Train)
	case body.Kind == lathe.RunVerify && body.Verify != nil:
		if err := guard.Require(ctx, lathe.VerbTrain, body.Verify.Model); err != nil {
			return lathe.Run{}, err
		}
		return s.Runs.Verify(ctx, p.Project, body.Verify.Model, body.Verify.Ref)
	case body.Kind == lathe.RunTrain || body.Kind == lathe.RunVerify:
		return lathe.Run{}, lathe.Errorf(lathe.CodeInvalid, "rest: runs: %s is missing", body.Kind).WithField(body.Kind).WithHint("%s", runHint)
	default:
		return lathe.Run{}, lathe.Errorf(lathe.CodeInvalid, "rest: runs: kind is neither train nor verify").WithField("kind").WithHint("%s", runHint)
	}
}

// modelOf names the model that a training run makes, which a key's scopes may be limited to.
func modelOf(spec lathe.TrainSpec) string {
	if spec.Name != "" {
		return spec.Name
	}
	return spec.Dataset
}

// findRuns leaves out runs of models that the key may not see.
func (s *server) findRuns(ctx context.Context, p *lathe.Principal, in *pageParams, _ *none) (list[lathe.Run], error) {
	items, next, err := s.Runs.FindRuns(ctx, p.Project, in.page())
	visible := make([]lathe.Run, 0, len(items))
	for _, run := range items {
		if requireRun(ctx, lathe.VerbRead, run) == nil {
			visible = append(visible, run)
		}
	}
	return newList(visible, next), err
}

func (s *server) findRun(ctx context.Context, p *lathe.Principal, in *runParams, _ *none) (lathe.Run, error) {
	return s.runFor(ctx, p, lathe.VerbRead, in.ID)
}

func (s *server) stopRun(ctx context.Context, p *lathe.Principal, in *runParams, _ *none) (lathe.Run, error) {
	if run, err := s.runFor(ctx, p, lathe.VerbTrain, in.ID); err != nil {
		return run, err
	}
	return s.Runs.StopRun(ctx, p.Project, in.ID)
}

func (s *server) resumeRun(ctx context.Context, p *lathe.Principal, in *runParams, _ *none) (lathe.Run, error) {
	if run, err := s.runFor(ctx, p, lathe.VerbTrain, in.ID); err != nil {
		return run, err
	}
	return s.Runs.ResumeRun(ctx, p.Project, in.ID)
}

// runFor finds a run and checks the scope on the model that it makes.
func (s *server) runFor(ctx context.Context, p *lathe.Principal, verb lathe.Verb, id string) (lathe.Run, error) {
	run, err := s.Runs.FindRun(ctx, p.Project, id)
	if err == nil {
		err = requireRun(ctx, verb, run)
	}
	if err != nil {
		return lathe.Run{}, err
	}
	return run, nil
}

func requireRun(ctx context.Context, verb lathe.Verb, run lathe.Run) error {
	if run.Kind == lathe.RunVerify {
		var spec lathe.VerifySpec
		if err := json.Unmarshal(run.Spec, &spec); err != nil {
			return err
		}
		return guard.Require(ctx, verb, spec.Model)
	}
	var spec lathe.TrainSpec
	if err := json.Unmarshal(run.Spec, &spec); err != nil {
		return err
	}
	return guard.Require(ctx, verb, modelOf(spec))
}
