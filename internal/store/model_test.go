package store_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"lathe"
)

func (e *env) createVersion(t testing.TB, model string) lathe.ModelVersion {
	t.Helper()
	return value[lathe.ModelVersion](t)(e.CreateModelVersion(ctx, e.p, lathe.ModelVersion{
		Model: model, Package: blobOf(model), Digest: "abc", Task: "binary", Recipe: "mlp",
		Manifest: json.RawMessage(`{"levels":["O'Hara"]}`), Evaluation: json.RawMessage(`{"auc":0.9}`),
	}))
}

// deploy routes an endpoint to routes.
func (e *env) deploy(t testing.TB, name string, routes ...lathe.Route) lathe.Endpoint {
	t.Helper()
	return value[lathe.Endpoint](t)(e.PutEndpoint(ctx, e.p, lathe.Endpoint{Name: name, Routes: routes}))
}

func TestModelVersions(t *testing.T) {
	each(t, func(t *testing.T, e *env) {
		first := e.createVersion(t, "churn")
		want := lathe.ModelVersion{
			Project: a, Model: "churn", Number: 1, Package: blobOf("churn"), Digest: "abc", Task: "binary", Recipe: "mlp",
			Manifest: json.RawMessage(`{"levels":["O'Hara"]}`), Evaluation: json.RawMessage(`{"auc":0.9}`), CreatedAt: e.clock.Now(),
		}
		if !reflect.DeepEqual(first, want) {
			t.Errorf("created\n%+v, want\n%+v", first, want)
		}
		e.clock.add(time.Hour)
		e.createVersion(t, "churn")
		e.createVersion(t, "churn")
		model := value[lathe.Model](t)(e.FindModel(ctx, a, "churn"))
		if model.Version != 3 || model.Task != "binary" || len(model.Aliases) != 0 || model.Aliases == nil || !model.UpdatedAt.Equal(e.clock.Now()) {
			t.Errorf("model %+v", model)
		}
		if all := value[[]lathe.ModelVersion](t)(e.FindModelVersions(ctx, a, "churn")); len(all) != 3 || !reflect.DeepEqual(all[0], first) {
			t.Errorf("versions %+v", all)
		}
		must1(t)(e.SetAlias(ctx, a, "churn", "canary", 2))
		e.wantRefs(t, map[string]int{"": 3, "1": 1, "canary": 2, "champion": 0, "4": 0, "0": 0, "01": 0, "+1": 0, "x": 0})
		must1(t)(e.SetAlias(ctx, a, "churn", lathe.AliasChampion, 1))
		e.wantRefs(t, map[string]int{"": 1, "champion": 1})
	})
}

// wantRefs resolves references of churn; 0 means that there is none.
func (e *env) wantRefs(t *testing.T, refs map[string]int) {
	t.Helper()
	for ref, want := range refs {
		v, err := e.FindModelVersion(ctx, a, "churn", ref)
		if want == 0 {
			wantCode(t, lathe.CodeNotFound, err)
		} else if must(t, err); v.Number != want {
			t.Errorf("%q is version %d, want %d", ref, v.Number, want)
		}
	}
}

func TestAliases(t *testing.T) {
	each(t, func(t *testing.T, e *env) {
		for range 3 {
			e.createVersion(t, "churn")
		}
		_, err := e.RollbackModel(ctx, a, "churn")
		wantCode(t, lathe.CodeConflict, err)
		steps := []struct {
			number             int // 0 rolls back
			champion, previous int
		}{{1, 1, 0}, {1, 1, 0}, {2, 2, 1}, {3, 3, 2}, {0, 2, 3}, {0, 3, 2}, {3, 3, 2}}
		for i, s := range steps {
			var model lathe.Model
			if s.number == 0 {
				model, err = e.RollbackModel(ctx, a, "churn")
			} else {
				model, err = e.SetAlias(ctx, a, "churn", lathe.AliasChampion, s.number)
			}
			must(t, err)
			if model.Aliases["champion"] != s.champion || model.Aliases["previous"] != s.previous {
				t.Errorf("step %d: %v, want %+v", i, model.Aliases, s)
			}
		}
		for alias, code := range map[string]lathe.Code{"7": lathe.CodeInvalid, "a b": lathe.CodeInvalid, "": lathe.CodeInvalid} {
			_, err := e.SetAlias(ctx, a, "churn", alias, 1)
			wantCode(t, code, err)
		}
		for _, number := range []int{0, 4, -1} {
			_, err := e.SetAlias(ctx, a, "churn", "canary", number)
			wantCode(t, lathe.CodeNotFound, err)
		}
	})
}

func TestDeleteModelVersion(t *testing.T) {
	each(t, func(t *testing.T, e *env) {
		for _, e.p = range []lathe.Project{b, a} { // the other keeps its model
			for range 4 {
				e.createVersion(t, "churn")
			}
		}
		must1(t)(e.SetAlias(ctx, a, "churn", "canary", 2))
		must1(t)(e.SetAlias(ctx, a, "churn", "old", 3))
		e.deploy(t, "one", lathe.Route{Model: "churn", Version: 1, Share: 90}, lathe.Route{Model: "churn", Alias: "canary", Share: 10})
		for number, code := range map[int]lathe.Code{1: lathe.CodeConflict, 2: lathe.CodeConflict, 0: lathe.CodeConflict, 5: lathe.CodeNotFound} {
			wantCode(t, code, e.DeleteModelVersion(ctx, a, "churn", number))
		}
		must(t, e.DeleteModelVersion(ctx, a, "churn", 3))
		must(t, e.DeleteModelVersion(ctx, a, "churn", 4))
		model := value[lathe.Model](t)(e.FindModel(ctx, a, "churn"))
		if want := map[string]int{"canary": 2}; model.Version != 2 || !reflect.DeepEqual(model.Aliases, want) {
			t.Errorf("model %+v", model)
		}
		if v := e.createVersion(t, "churn"); v.Number != 5 {
			t.Errorf("a number was given again: %d", v.Number)
		}
		must1(t)(e.SetAlias(ctx, a, "churn", "canary", 5)) // moves the endpoint, so 2 is free
		must(t, e.DeleteModelVersion(ctx, a, "churn", 2))
		must(t, e.DeleteEndpoint(ctx, a, "one"))
		must(t, e.DeleteModelVersion(ctx, a, "churn", 1))
		must(t, e.DeleteModelVersion(ctx, a, "churn", 5))
		_, err := e.FindModel(ctx, a, "churn") // gone with its last version
		wantCode(t, lathe.CodeNotFound, err)
		e.createVersion(t, "churn")
		must(t, e.DeleteModelVersion(ctx, a, "churn", 0))
		wantCode(t, lathe.CodeNotFound, e.DeleteModelVersion(ctx, a, "churn", 0))
		if all := value[[]lathe.ModelVersion](t)(e.FindModelVersions(ctx, b, "churn")); len(all) != 4 {
			t.Errorf("the other project has %d versions left", len(all))
		}
		must1(t)(e.FindModel(ctx, b, "churn"))
	})
}

func TestModelRefusals(t *testing.T) {
	each(t, func(t *testing.T, e *env) {
		cases := map[string]struct {
			change func(*lathe.ModelVersion)
			code   lathe.Code
		}{
			"name":       {func(v *lathe.ModelVersion) { v.Model = "NUL" }, lathe.CodeInvalid},
			"package":    {func(v *lathe.ModelVersion) { v.Package = lathe.Blob{} }, lathe.CodeInvalid},
			"manifest":   {func(v *lathe.ModelVersion) { v.Manifest = json.RawMessage("nul") }, lathe.CodeInvalid},
			"evaluation": {func(v *lathe.ModelVersion) { v.Evaluation = json.RawMessage("{]") }, lathe.CodeInvalid},
			"digest":     {func(v *lathe.ModelVersion) { v.Digest = "a\x00b" }, lathe.CodeInvalid},
			"task":       {func(v *lathe.ModelVersion) { v.Task = strings.Repeat("x", 65) }, lathe.CodeTooLarge},
			"large": {func(v *lathe.ModelVersion) {
				v.Manifest = json.RawMessage(`"` + strings.Repeat("x", 32<<20) + `"`)
			}, lathe.CodeTooLarge},
		}
		for name, c := range cases {
			v := lathe.ModelVersion{Model: "churn", Package: blobOf("churn")}
			c.change(&v)
			if _, err := e.CreateModelVersion(ctx, a, v); lathe.CodeOf(err) != c.code {
				t.Errorf("%s: %v, want %s", name, err, c.code)
			}
		}
		if models, _, err := e.FindModels(ctx, a, lathe.Page{}); err != nil || len(models) != 0 {
			t.Errorf("refused versions left %v, %v", models, err)
		}
	})
}

func TestManyVersions(t *testing.T) {
	each(t, func(t *testing.T, e *env) {
		together(20, func(int) {
			if _, err := e.CreateModelVersion(ctx, a, lathe.ModelVersion{Model: "churn", Package: blobOf("x")}); err != nil {
				t.Error(err)
			}
		})
		for i, v := range value[[]lathe.ModelVersion](t)(e.FindModelVersions(ctx, a, "churn")) {
			if v.Number != i+1 {
				t.Errorf("version %d has number %d", i, v.Number)
			}
		}
	})
}
