package rest

import (
	"context"

	"lathe"
	"lathe/internal/guard"
)

type endpointParams struct {
	Endpoint string `path:"endpoint"`
}

// newDeploy routes an endpoint to a model; the path names the endpoint.
type newDeploy struct {
	Model string `json:"model"`
	Ref   string `json:"ref,omitempty" doc:"A number or an alias; absent: the champion"`
	Share int    `json:"share,omitempty" doc:"Percent that goes to it; 0 means 100"`
}

func (s *server) registerEndpoints() {
	const base = "/api/v1/endpoints"
	read, deploy := guard.Need{Verb: lathe.VerbRead, Name: "endpoint"}, guard.Need{Verb: lathe.VerbDeploy, Name: "endpoint"}
	add(s, route{method: "GET", path: base, summary: "List endpoints", need: guard.Need{Verb: lathe.VerbRead}, tag: "endpoints"}, s.findEndpoints)
	add(s, route{method: "GET", path: base + "/{endpoint}", summary: "Show an endpoint", need: read, tag: "endpoints"}, s.findEndpoint)
	add(s, route{method: "PUT", path: base + "/{endpoint}", summary: "Route an endpoint to a model", need: deploy, tag: "endpoints"}, s.deploy)
	add(s, route{method: "POST", path: base + "/{endpoint}/default", summary: "Let POST /predict ask this endpoint", need: deploy, tag: "endpoints"}, s.setDefault)
	add(s, route{method: "DELETE", path: base + "/{endpoint}", summary: "Delete an endpoint", need: deploy, status: 204, tag: "endpoints"}, s.deleteEndpoint)
}

func (s *server) findEndpoints(ctx context.Context, p *lathe.Principal, in *pageParams, _ *none) (list[lathe.Endpoint], error) {
	items, next, err := s.Serve.FindEndpoints(ctx, p.Project, in.page())
	visible := make([]lathe.Endpoint, 0, len(items))
	for _, e := range items {
		if p.May(lathe.VerbRead, e.Name) {
			visible = append(visible, e)
		}
	}
	return newList(visible, next), err
}

func (s *server) findEndpoint(ctx context.Context, p *lathe.Principal, in *endpointParams, _ *none) (lathe.Endpoint, error) {
	return s.Serve.FindEndpoint(ctx, p.Project, in.Endpoint)
}

// deploy needs the scope on both names: else a key for one endpoint could serve any model through it.
func (s *server) deploy(ctx context.Context, p *lathe.Principal, in *endpointParams, body *newDeploy) (lathe.Endpoint, error) {
	if err := lathe.CheckName("model", body.Model); err != nil {
		return lathe.Endpoint{}, err
	}
	if err := guard.Require(ctx, lathe.VerbDeploy, body.Model); err != nil {
		return lathe.Endpoint{}, err
	}
	if body.Share < 0 || body.Share > 100 {
		return lathe.Endpoint{}, lathe.Errorf(lathe.CodeInvalid, "rest: endpoints: share is %d, and it is 1 to 100 percent", body.Share).WithField("share")
	}
	return s.Serve.Deploy(ctx, p.Project, lathe.DeploySpec{Endpoint: in.Endpoint, Model: body.Model, Ref: body.Ref, Share: body.Share})
}

func (s *server) setDefault(ctx context.Context, p *lathe.Principal, in *endpointParams, _ *none) (lathe.Endpoint, error) {
	return s.Serve.SetDefaultEndpoint(ctx, p.Project, in.Endpoint)
}

func (s *server) deleteEndpoint(ctx context.Context, p *lathe.Principal, in *endpointParams, _ *none) (none, error) {
	return none{}, s.Serve.DeleteEndpoint(ctx, p.Project, in.Endpoint)
}
