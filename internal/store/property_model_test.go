package store_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"lathe"
)

// oracle is what models and endpoints of a project should be.
type oracle struct {
	models    map[string]*oracleModel
	endpoints map[string][]lathe.Route
	standard  string // the default endpoint
}

type oracleModel struct {
	last     int
	versions map[int]bool
	aliases  map[string]int
}

// uses tells whether an endpoint routes to a version of a model; number 0 asks for any.
func (o *oracle) uses(model string, number int) bool {
	for _, routes := range o.endpoints {
		for _, r := range routes {
			target := r.Version
			if r.Alias != "" {
				target = o.models[model].aliases[r.Alias]
			}
			if r.Model == model && (number == 0 || target == number) {
				return true
			}
		}
	}
	return false
}

// modelMachine does random things to models and endpoints of two projects, and to their oracles the same.
type modelMachine struct {
	t       *testing.T
	e       *env
	rand    *rand.Rand
	oracles map[lathe.Project]*oracle
	step    int
}

// TestRandomModels compares random sequences of operations with the oracle, after every step.
func TestRandomModels(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			each(t, func(t *testing.T, e *env) {
				m := &modelMachine{t: t, e: e, rand: rand.New(rand.NewPCG(seed, 2)), oracles: map[lathe.Project]*oracle{}}
				for _, p := range []lathe.Project{a, b} {
					m.oracles[p] = &oracle{models: map[string]*oracleModel{}, endpoints: map[string][]lathe.Route{}}
				}
				for m.step = range 100 {
					p := m.pick("alpha", "beta")
					m.turn(lathe.Project(p), m.oracles[lathe.Project(p)])
					m.compare(lathe.Project(p), m.oracles[lathe.Project(p)])
				}
			})
		})
	}
}

func (m *modelMachine) pick(from ...string) string { return from[m.rand.IntN(len(from))] }

func (m *modelMachine) want(what string, code lathe.Code, err error) bool {
	m.t.Helper()
	if lathe.CodeOf(err) != code {
		m.t.Fatalf("step %d: %s gave %v, want code %q", m.step, what, err, code)
	}
	return code == ""
}

func (m *modelMachine) turn(p lathe.Project, o *oracle) {
	model := m.pick("m1", "m2")
	switch m.rand.IntN(8) {
	case 0, 1:
		m.create(p, o, model)
	case 2, 3:
		m.alias(p, o, model)
	case 4:
		m.remove(p, o, model)
	case 5, 6:
		m.put(p, o)
	case 7:
		m.endpoint(p, o)
	}
}

func (m *modelMachine) create(p lathe.Project, o *oracle, name string) {
	v, err := m.e.CreateModelVersion(ctx, p, lathe.ModelVersion{Model: name, Package: blobOf("x")})
	must(m.t, err)
	if o.models[name] == nil {
		o.models[name] = &oracleModel{versions: map[int]bool{}, aliases: map[string]int{}}
	}
	model := o.models[name]
	model.last++
	model.versions[model.last] = true
	if v.Number != model.last {
		m.t.Fatalf("step %d: version %d, want %d", m.step, v.Number, model.last)
	}
}

func (m *modelMachine) alias(p lathe.Project, o *oracle, name string) {
	model, alias, number := o.models[name], m.pick("champion", "champion", "canary"), 1+m.rand.IntN(4)
	if m.rand.IntN(4) == 0 {
		m.rollback(p, name, model)
		return
	}
	_, err := m.e.SetAlias(ctx, p, name, alias, number)
	if model == nil || !model.versions[number] {
		m.want("alias", lathe.CodeNotFound, err)
		return
	}
	m.want("alias", "", err)
	if old, ok := model.aliases["champion"]; ok && alias == "champion" && old != number {
		model.aliases["previous"] = old
	}
	model.aliases[alias] = number
}

func (m *modelMachine) rollback(p lathe.Project, name string, model *oracleModel) {
	_, err := m.e.RollbackModel(ctx, p, name)
	switch {
	case model == nil:
		m.want("rollback", lathe.CodeNotFound, err)
	case model.aliases["champion"] == 0 || model.aliases["previous"] == 0:
		m.want("rollback", lathe.CodeConflict, err)
	default:
		m.want("rollback", "", err)
		model.aliases["champion"], model.aliases["previous"] = model.aliases["previous"], model.aliases["champion"]
	}
}

func (m *modelMachine) remove(p lathe.Project, o *oracle, name string) {
	number, model := m.rand.IntN(5), o.models[name]
	err := m.e.DeleteModelVersion(ctx, p, name, number)
	switch {
	case model == nil:
		m.want("delete", lathe.CodeNotFound, err)
	case number != 0 && !model.versions[number]:
		m.want("delete", lathe.CodeNotFound, err)
	case o.uses(name, number):
		m.want("delete", lathe.CodeConflict, err)
	default:
		m.want("delete", "", err)
		delete(model.versions, number)
		maps.DeleteFunc(model.aliases, func(_ string, n int) bool { return n == number })
		if number == 0 || len(model.versions) == 0 {
			delete(o.models, name)
		}
	}
}

func (m *modelMachine) put(p lathe.Project, o *oracle) {
	name, share := m.pick("e1", "e2", "e3"), 1+m.rand.IntN(99)
	routes := []lathe.Route{{Model: m.pick("m1", "m2"), Version: 1 + m.rand.IntN(4), Share: share}, {Model: m.pick("m1", "m2"), Alias: m.pick("champion", "canary"), Share: 100 - share}}
	_, err := m.e.PutEndpoint(ctx, p, lathe.Endpoint{Name: name, Routes: routes})
	for _, r := range routes {
		model := o.models[r.Model]
		if model == nil || r.Version != 0 && !model.versions[r.Version] || r.Alias != "" && model.aliases[r.Alias] == 0 {
			m.want("put", lathe.CodeNotFound, err)
			return
		}
	}
	m.want("put", "", err)
	if len(o.endpoints) == 0 {
		o.standard = name
	}
	o.endpoints[name] = routes
}

// endpoint makes one the default, or deletes it.
func (m *modelMachine) endpoint(p lathe.Project, o *oracle) {
	name := m.pick("e1", "e2", "e3")
	code := lathe.CodeNotFound
	if o.endpoints[name] != nil {
		code = ""
	}
	if m.rand.IntN(2) == 0 {
		if m.want("delete endpoint", code, m.e.DeleteEndpoint(ctx, p, name)) {
			delete(o.endpoints, name)
			if o.standard == name {
				o.standard = ""
			}
		}
		return
	}
	_, err := m.e.SetDefaultEndpoint(ctx, p, name)
	if m.want("default", code, err) {
		o.standard = name
	}
}

// compare reads all models and endpoints of a project.
func (m *modelMachine) compare(p lathe.Project, o *oracle) {
	m.t.Helper()
	models, _, err := m.e.FindModels(ctx, p, lathe.Page{})
	must(m.t, err)
	if len(models) != len(o.models) {
		m.t.Fatalf("step %d: %d models, want %d", m.step, len(models), len(o.models))
	}
	for _, got := range models {
		want := o.models[got.Name]
		if newest := slices.Max(slices.Collect(maps.Keys(want.versions))); got.Version != newest || !maps.Equal(got.Aliases, want.aliases) {
			m.t.Fatalf("step %d: model %+v, want newest %d and %v", m.step, got, newest, want.aliases)
		}
	}
	endpoints, _, err := m.e.FindEndpoints(ctx, p, lathe.Page{})
	must(m.t, err)
	if len(endpoints) != len(o.endpoints) {
		m.t.Fatalf("step %d: %d endpoints, want %d", m.step, len(endpoints), len(o.endpoints))
	}
	for _, got := range endpoints {
		if !reflect.DeepEqual(got.Routes, o.endpoints[got.Name]) || got.Default != (got.Name == o.standard) {
			m.t.Fatalf("step %d: endpoint %+v, want %v and default %q", m.step, got, o.endpoints[got.Name], o.standard)
		}
	}
}
