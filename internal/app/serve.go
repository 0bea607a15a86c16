package app

import (
	"context"
	"errors"
	"hash/fnv"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"lathe"
)

// serving is lathe.ServeService: it resolves endpoints to runtimes that are ready in memory. A resolved endpoint is
// kept as a plan until something changes in its project, so a request costs one look into a map.
type serving struct {
	lathe.EndpointStore
	models lathe.ModelStore
	loader *loader
	plans  sync.Map // planKey -> *plan
	mu     sync.Mutex
	epoch  atomic.Int64 // rises with every change, so that a plan made from older rows is not kept
}

type planKey struct {
	project  lathe.Project
	endpoint string
}

// plan is an endpoint with its versions loaded.
type plan struct {
	name   string
	routes []planned
}

type planned struct {
	model  string
	number int
	share  int
	held   *held
}

func newServing(endpoints lathe.EndpointStore, models lathe.ModelStore, loader *loader) *serving {
	return &serving{EndpointStore: endpoints, models: models, loader: loader}
}

// Deploy implements lathe.ServeService.
func (s *serving) Deploy(ctx context.Context, project lathe.Project, spec lathe.DeploySpec) (lathe.Endpoint, error) {
	if spec.Endpoint == "" {
		spec.Endpoint = spec.Model
	}
	if spec.Share < 0 || spec.Share > 100 {
		return lathe.Endpoint{}, lathe.Errorf(lathe.CodeInvalid, "app: deploy: share %d is no percentage", spec.Share).
			WithField("share").WithHint("give a whole number from 1 to 100")
	}
	version, err := s.models.FindModelVersion(ctx, project, spec.Model, spec.Ref)
	if err != nil {
		return lathe.Endpoint{}, err
	}
	// A version that cannot be opened is refused here, not at the first request.
	held, err := s.loader.acquire(ctx, project, version)
	if err != nil {
		return lathe.Endpoint{}, err
	}
	defer held.release()
	route := lathe.Route{Model: spec.Model, Version: version.Number, Share: 100}
	if _, err := strconv.Atoi(spec.Ref); err != nil && spec.Ref != "" {
		route.Version, route.Alias = 0, spec.Ref
	}
	routes, err := s.mix(ctx, project, spec, route)
	if err != nil {
		return lathe.Endpoint{}, err
	}
	return s.PutEndpoint(ctx, project, lathe.Endpoint{Name: spec.Endpoint, Routes: routes})
}

// mix gives the new route its share and scales what was there to the rest.
func (s *serving) mix(ctx context.Context, project lathe.Project, spec lathe.DeploySpec, route lathe.Route) ([]lathe.Route, error) {
	if spec.Share == 0 || spec.Share == 100 {
		return []lathe.Route{route}, nil
	}
	old, err := s.FindEndpoint(ctx, project, spec.Endpoint)
	if err != nil {
		return nil, err
	}
	rest := make([]lathe.Route, 0, len(old.Routes))
	total := 0
	for _, r := range old.Routes {
		if r.Model != route.Model || r.Version != route.Version || r.Alias != route.Alias {
			rest, total = append(rest, r), total+r.Share
		}
	}
	if total == 0 {
		return nil, lathe.Errorf(lathe.CodeConflict, "app: deploy: endpoint %q has nothing else to share with", spec.Endpoint).
			WithField("share").WithHint("leave out the share")
	}
	route.Share = spec.Share
	return append(scale(rest, total, 100-spec.Share), route), nil
}

// scale makes shares that added up to total add up to want; what rounding leaves over goes to the first.
func scale(routes []lathe.Route, total, want int) []lathe.Route {
	left := want
	for i := range routes {
		routes[i].Share = routes[i].Share * want / total
		left -= routes[i].Share
	}
	routes[0].Share += left
	kept := routes[:0]
	for _, r := range routes {
		if r.Share > 0 {
			kept = append(kept, r)
		}
	}
	return kept
}

// Resolve implements lathe.ServeService.
func (s *serving) Resolve(ctx context.Context, project lathe.Project, endpoint, version, key string) (lathe.Target, error) {
	for {
		p, err := s.plan(ctx, project, endpoint)
		if err != nil {
			return lathe.Target{}, err
		}
		r, err := p.choose(version, key)
		if err != nil {
			return lathe.Target{}, err
		}
		if r.held.retain() { // false: a deployment replaced the plan just now
			return lathe.Target{
				Endpoint: p.name, Model: r.model, Version: r.number,
				Info: r.held.info, Runtime: r.held.runtime, Release: r.held.drop,
			}, nil
		}
	}
}

// choose picks the route: by version, or by the share that the key falls into.
func (p *plan) choose(version, key string) (*planned, error) {
	if version != "" {
		for i := range p.routes {
			if strconv.Itoa(p.routes[i].number) == version {
				return &p.routes[i], nil
			}
		}
		return nil, lathe.Errorf(lathe.CodeNotFound, "app: endpoint %q does not serve version %q", p.name, version).
			WithField("version").WithHint("it serves %s", p.versions())
	}
	if len(p.routes) == 1 {
		return &p.routes[0], nil
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(key)) // a hash.Hash never fails
	point := int(h.Sum32() % 100)
	for i := range p.routes {
		if point -= p.routes[i].share; point < 0 {
			return &p.routes[i], nil
		}
	}
	return &p.routes[len(p.routes)-1], nil
}

func (p *plan) versions() string {
	list := make([]string, len(p.routes))
	for i, r := range p.routes {
		list[i] = strconv.Itoa(r.number)
	}
	return strings.Join(list, ", ")
}

// plan finds the endpoint's plan or makes it.
func (s *serving) plan(ctx context.Context, project lathe.Project, endpoint string) (*plan, error) {
	key := planKey{project, endpoint}
	if p, ok := s.plans.Load(key); ok {
		return p.(*plan), nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if p, ok := s.plans.Load(key); ok {
		return p.(*plan), nil
	}
	epoch := s.epoch.Load()
	p, err := s.load(ctx, project, endpoint)
	if err != nil {
		return nil, err
	}
	s.plans.Store(key, p)
	if s.epoch.Load() != epoch {
		s.forget(project)
	}
	return p, nil
}

func (s *serving) load(ctx context.Context, project lathe.Project, endpoint string) (*plan, error) {
	e, err := s.find(ctx, project, endpoint)
	if err != nil {
		return nil, err
	}
	p := &plan{name: e.Name}
	for _, r := range e.Routes {
		ref := r.Alias
		if ref == "" {
			ref = strconv.Itoa(r.Version)
		}
		version, err := s.models.FindModelVersion(ctx, project, r.Model, ref)
		if err == nil {
			var h *held
			if h, err = s.loader.acquire(ctx, project, version); err == nil {
				p.routes = append(p.routes, planned{r.Model, version.Number, r.Share, h})
			}
		}
		if err != nil {
			p.close()
			return nil, err
		}
	}
	return p, nil
}

// find finds an endpoint by name, or the default one.
func (s *serving) find(ctx context.Context, project lathe.Project, name string) (lathe.Endpoint, error) {
	if name != "" {
		return s.FindEndpoint(ctx, project, name)
	}
	list, _, err := s.FindEndpoints(ctx, project, lathe.Page{Limit: 1000})
	if err != nil {
		return lathe.Endpoint{}, err
	}
	names := make([]string, len(list))
	for i, e := range list {
		if e.Default {
			return e, nil
		}
		names[i] = e.Name
	}
	sort.Strings(names)
	hint := "deploy a model first: lathe deploy MODEL"
	if len(names) > 0 {
		hint = "name one of: " + strings.Join(names, ", ") + "; or set one: lathe endpoints default NAME"
	}
	return lathe.Endpoint{}, lathe.Errorf(lathe.CodeConflict, "app: the project has no default endpoint").WithHint("%s", hint)
}

func (p *plan) close() {
	for _, r := range p.routes {
		r.held.drop()
	}
}

// forget drops the plans of a project after something changed; requests in flight keep what they hold.
func (s *serving) forget(project lathe.Project) {
	s.epoch.Add(1)
	s.plans.Range(func(key, value any) bool {
		if key.(planKey).project == project {
			if s.plans.CompareAndDelete(key, value) {
				value.(*plan).close()
			}
		}
		return true
	})
}

// PutEndpoint implements lathe.EndpointStore.
func (s *serving) PutEndpoint(ctx context.Context, project lathe.Project, endpoint lathe.Endpoint) (lathe.Endpoint, error) {
	defer s.forget(project)
	return s.EndpointStore.PutEndpoint(ctx, project, endpoint)
}

// SetDefaultEndpoint implements lathe.EndpointStore.
func (s *serving) SetDefaultEndpoint(ctx context.Context, project lathe.Project, name string) (lathe.Endpoint, error) {
	defer s.forget(project)
	return s.EndpointStore.SetDefaultEndpoint(ctx, project, name)
}

// DeleteEndpoint implements lathe.EndpointStore.
func (s *serving) DeleteEndpoint(ctx context.Context, project lathe.Project, name string) error {
	defer s.forget(project)
	return s.EndpointStore.DeleteEndpoint(ctx, project, name)
}

// held is a runtime in memory with the number of its users; the loader counts as one while it keeps it.
type held struct {
	runtime lathe.Runtime
	info    *lathe.Description
	users   atomic.Int64
	drop    func() // release, bound once so that a request allocates nothing
}

// retain adds a user, unless the last one has left already.
func (h *held) retain() bool {
	for {
		n := h.users.Load()
		if n <= 0 {
			return false
		}
		if h.users.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// release takes a user away; the last one closes the runtime. Closing frees memory only, so its error concerns nobody
// who asked for a prediction.
func (h *held) release() {
	if h.users.Add(-1) == 0 {
		_ = h.runtime.Close()
	}
}

// loader opens packages, one runtime a package however many endpoints use it.
type loader struct {
	blobs    lathe.BlobStore
	runtimes lathe.Runtimes
	mu       sync.Mutex
	open     map[loadKey]*held
}

type loadKey struct {
	project lathe.Project
	blob    lathe.BlobName
}

func newLoader(blobs lathe.BlobStore, runtimes lathe.Runtimes) *loader {
	return &loader{blobs: blobs, runtimes: runtimes, open: map[loadKey]*held{}}
}

// acquire gives the version's runtime with one user added. Loading is serial: two first requests read a package once.
func (l *loader) acquire(ctx context.Context, project lathe.Project, version lathe.ModelVersion) (*held, error) {
	key := loadKey{project, version.Package.Name}
	l.mu.Lock()
	defer l.mu.Unlock()
	if h := l.open[key]; h != nil && h.retain() {
		return h, nil
	}
	file, err := readPackage(ctx, l.blobs, project, version)
	if err != nil {
		return nil, err
	}
	runtime, err := l.runtimes.Open(ctx, runtimeOf(version), file)
	if err != nil {
		return nil, err
	}
	h := &held{runtime: runtime, info: runtime.Describe()}
	h.users.Store(1)
	h.drop = h.release
	l.open[key] = h
	l.sweep()
	return h, nil
}

// sweep forgets runtimes that have closed.
func (l *loader) sweep() {
	for key, h := range l.open {
		if h.users.Load() <= 0 {
			delete(l.open, key)
		}
	}
}

// close drops every plan; runtimes close when their last request ends.
func (s *serving) close() {
	s.plans.Range(func(key, value any) bool {
		if s.plans.CompareAndDelete(key, value) {
			value.(*plan).close()
		}
		return true
	})
}

// corruptVersion names the version whose package is damaged.
func corruptVersion(version lathe.ModelVersion, err error) error {
	var e *lathe.Error
	if errors.As(err, &e) && (e.Code == lathe.CodeCorrupt || e.Code == lathe.CodeNotFound) {
		return lathe.Errorf(lathe.CodeCorrupt, "app: the package of model %q version %d is damaged or gone: %w", version.Model, version.Number, err).
			WithHint("deploy another version, or restore the home from a backup: lathe restore")
	}
	return err
}
