package lathe

import (
	"context"
	"time"
)

// Endpoint is what callers use, and all that a protocol's "model" names: a name routed to one or more versions.
type Endpoint struct {
	Project   Project   `json:"project"`
	Name      string    `json:"name"`
	Default   bool      `json:"default"` // answers POST /predict
	Routes    []Route   `json:"routes"`
	Revision  int       `json:"revision"` // rises with every change
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

// Route sends a share of an endpoint's requests to a version. Shares are in percent and add up to 100. A route by alias
// follows the alias; one by number stays.
type Route struct {
	Model   string `json:"model"`
	Version int    `json:"version,omitempty"`
	Alias   string `json:"alias,omitempty"`
	Share   int    `json:"share"`
}

// EndpointStore keeps endpoints.
type EndpointStore interface {
	// PutEndpoint replaces the endpoint's routes, all or nothing. The first endpoint of a project becomes its default.
	PutEndpoint(ctx context.Context, project Project, endpoint Endpoint) (Endpoint, error)
	FindEndpoint(ctx context.Context, project Project, name string) (Endpoint, error)
	FindEndpoints(ctx context.Context, project Project, page Page) ([]Endpoint, string, error)
	SetDefaultEndpoint(ctx context.Context, project Project, name string) (Endpoint, error)
	DeleteEndpoint(ctx context.Context, project Project, name string) error
}

// DeploySpec routes an endpoint to a model. Ref is "", a number or an alias, as in ModelStore.
type DeploySpec struct {
	Endpoint string `json:"endpoint"` // the model's name where empty
	Model    string `json:"model"`
	Ref      string `json:"ref,omitempty"`
	Share    int    `json:"share,omitempty"` // percent that goes to it, the rest stays as it was; 0 means 100
}

// Target is an endpoint resolved for one request: which version answers, ready in memory. Release lets the runtime be
// closed once nobody uses it; call it once.
type Target struct {
	Endpoint string
	Model    string
	Version  int
	Info     *Description
	Runtime  Runtime
	Release  func()
}

// ServeService is the serving part of the product.
type ServeService interface {
	EndpointStore
	Deploy(ctx context.Context, project Project, spec DeploySpec) (Endpoint, error)
	// Resolve finds who answers: endpoint "" is the project's default, CodeConflict listing the names where none is set;
	// version "" follows the routes, otherwise it must be one that the endpoint routes to. key chooses among shares: the
	// same key goes to the same version.
	Resolve(ctx context.Context, project Project, endpoint, version, key string) (Target, error)
}
