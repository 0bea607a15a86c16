package store_test

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"lathe"
)

func TestEndpoints(t *testing.T) {
	each(t, func(t *testing.T, e *env) {
		e.createVersion(t, "churn")
		e.createVersion(t, "churn")
		to := func(version, share int) lathe.Route {
			return lathe.Route{Model: "churn", Version: version, Share: share}
		}
		one := e.deploy(t, "one", to(1, 100))
		want := lathe.Endpoint{
			Project: a, Name: "one", Default: true, Routes: []lathe.Route{to(1, 100)}, Revision: 1,
			CreatedAt: e.clock.Now(), UpdatedAt: e.clock.Now(),
		}
		if !reflect.DeepEqual(one, want) {
			t.Errorf("put\n%+v, want\n%+v", one, want)
		}
		e.clock.add(time.Minute)
		two := e.deploy(t, "two", to(2, 0), to(1, 100))
		changed := e.deploy(t, "one", to(2, 10), to(1, 90))
		if two.Default || two.Routes[0] != to(2, 0) || changed.Revision != 2 || !changed.Default || !changed.CreatedAt.Equal(one.CreatedAt) || changed.UpdatedAt.Equal(one.UpdatedAt) {
			t.Errorf("two is %+v, one is %+v", two, changed)
		}
		if got := value[lathe.Endpoint](t)(e.FindEndpoint(ctx, a, "one")); !reflect.DeepEqual(got, changed) {
			t.Errorf("found %+v, want %+v", got, changed)
		}
		if set := value[lathe.Endpoint](t)(e.SetDefaultEndpoint(ctx, a, "two")); !set.Default || set.Revision != 2 {
			t.Errorf("default %+v", set)
		}
		if again := value[lathe.Endpoint](t)(e.SetDefaultEndpoint(ctx, a, "two")); again.Revision != 2 {
			t.Errorf("the default it is already changed it: %+v", again)
		}
		wantDefaults(t, e, "two")
		must(t, e.DeleteEndpoint(ctx, a, "two"))
		e.deploy(t, "three", to(1, 100))
		wantDefaults(t, e) // one and three, none the default
	})
}

// TestFirstEndpoint: the first endpoint of a project is its default whatever others have.
func TestFirstEndpoint(t *testing.T) {
	each(t, func(t *testing.T, e *env) {
		for _, e.p = range []lathe.Project{a, b} {
			e.createVersion(t, "churn")
			if first := e.deploy(t, "one", lathe.Route{Model: "churn", Version: 1, Share: 100}); !first.Default {
				t.Errorf("the first endpoint of %s is not its default", e.p)
			}
		}
	})
}

func wantDefaults(t *testing.T, e *env, want ...string) {
	t.Helper()
	all, _, err := e.FindEndpoints(ctx, a, lathe.Page{})
	must(t, err)
	var got []string
	for _, endpoint := range all {
		if endpoint.Default {
			got = append(got, endpoint.Name)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("defaults %v, want %v", got, want)
	}
}

func TestEndpointRefusals(t *testing.T) {
	each(t, func(t *testing.T, e *env) {
		e.createVersion(t, "churn")
		good := lathe.Route{Model: "churn", Version: 1, Share: 100}
		before := e.deploy(t, "one", good)
		half := lathe.Route{Model: "churn", Version: 1, Share: 50}
		cases := map[string]struct {
			routes []lathe.Route
			code   lathe.Code
		}{
			"none":            {nil, lathe.CodeInvalid},
			"many":            {slices.Repeat([]lathe.Route{good}, 101), lathe.CodeInvalid},
			"half":            {[]lathe.Route{half}, lathe.CodeInvalid},
			"more than all":   {[]lathe.Route{good, half}, lathe.CodeInvalid},
			"negative":        {[]lathe.Route{{Model: "churn", Version: 1, Share: -50}, good, half}, lathe.CodeInvalid},
			"neither":         {[]lathe.Route{{Model: "churn", Share: 100}}, lathe.CodeInvalid},
			"both":            {[]lathe.Route{{Model: "churn", Version: 1, Alias: "x", Share: 100}}, lathe.CodeInvalid},
			"unknown model":   {[]lathe.Route{half, {Model: "x", Version: 1, Share: 50}}, lathe.CodeNotFound},
			"unknown version": {[]lathe.Route{half, {Model: "churn", Version: 2, Share: 50}}, lathe.CodeNotFound},
			"unknown alias":   {[]lathe.Route{half, {Model: "churn", Alias: "champion", Share: 50}}, lathe.CodeNotFound},
		}
		for name, c := range cases {
			_, err := e.PutEndpoint(ctx, a, lathe.Endpoint{Name: "one", Routes: c.routes})
			if lathe.CodeOf(err) != c.code {
				t.Errorf("%s: %v, want %s", name, err, c.code)
			}
		}
		_, err := e.PutEndpoint(ctx, a, lathe.Endpoint{Name: "a/b", Routes: []lathe.Route{good}})
		wantCode(t, lathe.CodeInvalid, err)
		if after := value[lathe.Endpoint](t)(e.FindEndpoint(ctx, a, "one")); !reflect.DeepEqual(after, before) {
			t.Errorf("a refused change left %+v", after)
		}
	})
}

// TestRevisions: of many who change an endpoint from the same reading, one does.
func TestRevisions(t *testing.T) {
	each(t, func(t *testing.T, e *env) {
		e.createVersion(t, "churn")
		read := e.deploy(t, "one", lathe.Route{Model: "churn", Version: 1, Share: 100})
		won := make(chan int, 16)
		together(16, func(i int) {
			if _, err := e.PutEndpoint(ctx, a, read); err == nil {
				won <- i
			} else if lathe.CodeOf(err) != lathe.CodeConflict {
				t.Error(err)
			}
		})
		if len(won) != 1 {
			t.Errorf("%d changes from one reading", len(won))
		}
		read.Name = "new"
		_, err := e.PutEndpoint(ctx, a, read)
		wantCode(t, lathe.CodeConflict, err)
	})
}
