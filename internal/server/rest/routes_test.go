package rest

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"lathe"
	"lathe/internal/guard"
)

// bodies are fitting requests for the routes that read one.
var bodies = map[string][2]string{
	"POST /api/v1/datasets/{name}":                           {"text/csv", "a,b\n1,2\n"},
	"POST /api/v1/datasets/{name}/clean":                     {"application/json", `{"as":"x"}`},
	"POST /api/v1/datasets/{name}/split":                     {"application/json", `{"as":"x","ratio":"0.8/0/0.2"}`},
	"POST /api/v1/datasets/{name}/erasures":                  {"application/json", `{"column":"a","equals":"b"}`},
	"POST /api/v1/runs":                                      {"application/json", `{"kind":"train","train":{"dataset":"churn","target":"y"}}`},
	"POST /api/v1/models/{model}/package":                    {"application/vnd.lathe.package", "zip"},
	"POST /api/v1/models/{model}/versions/{ref}/predictions": {"text/csv", "a\n1\n"},
	"POST /api/v1/models/{model}/versions/{ref}/evaluations": {"text/csv", "a\n1\n"},
	"PUT /api/v1/models/{model}/aliases/{alias}":             {"application/json", `{"version":1}`},
	"PUT /api/v1/endpoints/{endpoint}":                       {"application/json", `{"model":"churn"}`},
	"POST /api/v1/keys":                                      {"application/json", `{"name":"n","scopes":[{"verb":"read"}]}`},
	"PUT /api/v1/secrets/{name}":                             {"application/octet-stream", "value"},
	"POST /api/v1/restores":                                  {"application/vnd.lathe.backup", "archive"},
	"POST /api/v1/backups":                                   {"", ""},
}

// fill puts names that exist in project default into a path.
func fill(path string) string {
	return strings.NewReplacer("{name}", "churn", "{model}", "churn", "{endpoint}", "churn", "{ref}", "1", "{alias}", "champion", "{id}", "r1").Replace(path)
}

func (w *world) ask(rt guard.Route, secret string, edit func(*http.Request)) *httptest.ResponseRecorder {
	body := bodies[rt.Method+" "+rt.Path]
	r := newRequest(rt.Method, fill(rt.Path), secret, body[1])
	if body[0] != "" {
		r.Header.Set("Content-Type", body[0])
	}
	if edit != nil {
		edit(r)
	}
	rec := httptest.NewRecorder()
	w.gate.ServeHTTP(rec, r)
	return rec
}

// TestEveryRoute asks each route that the gate knows in each way that must not work.
func TestEveryRoute(t *testing.T) {
	w := newWorld(t)
	close(w.runs.live)
	other := w.key(t, "other", nil, lathe.Scope{Verb: "*"})
	weak := w.key(t, "default", nil, lathe.Scope{Verb: lathe.VerbPredict, Model: "nothing"})
	for _, rt := range w.gate.Routes() {
		t.Run(rt.Method+" "+rt.Path, func(t *testing.T) {
			expect := func(what string, rec *httptest.ResponseRecorder, status int, code lathe.Code) {
				t.Helper()
				if rec.Code != status || as[guard.Problem](t, rec).Code != code {
					t.Errorf("%s: status %d, %s", what, rec.Code, rec.Body)
				}
			}
			set := func(name, value string) func(*http.Request) {
				return func(r *http.Request) { r.Header.Set(name, value) }
			}
			expect("foreign host", w.ask(rt, w.owner, func(r *http.Request) { r.Host = "evil.example" }), 403, lathe.CodeForbidden)
			expect("foreign origin", w.ask(rt, w.owner, set("Origin", "http://evil.example")), 403, lathe.CodeForbidden)
			expect("key in query", w.ask(rt, w.owner, func(r *http.Request) { r.URL.RawQuery = "k=" + w.owner }), 401, lathe.CodeUnauthenticated)
			if rt.Need.Open {
				if rec := w.ask(rt, "", nil); rec.Code != 200 {
					t.Errorf("open: %d", rec.Code)
				}
				return
			}
			expect("no key", w.ask(rt, "", nil), 401, lathe.CodeUnauthenticated)
			expect("wrong key", w.ask(rt, guard.MintKey(lathe.KindOwner), nil), 401, lathe.CodeUnauthenticated)
			expect("two keys", w.ask(rt, w.owner, set("X-Api-Key", other)), 401, lathe.CodeUnauthenticated)
			expect("weak key", w.ask(rt, weak, nil), 403, lathe.CodeForbidden)
			expect("other project's name", w.ask(rt, other, set("X-Lathe-Project", "default")), 404, lathe.CodeNotFound)
			if rec := w.ask(rt, "", set("X-Api-Key", w.owner)); rec.Code >= 300 && !takesOther(rt) {
				t.Errorf("x-api-key: %d %s", rec.Code, rec.Body)
			}
			w.checkOtherProject(t, rt, other)
		})
	}
}

// takesOther tells routes that answer a good request with something else than success here.
func takesOther(rt guard.Route) bool {
	return rt.Path == "/api/v1/secrets/{name}" && rt.Method == http.MethodDelete || rt.Path == "/api/v1/keys/{id}"
}

// checkOtherProject: what is named in the path is another project's, and so as unknown as what never was.
func (w *world) checkOtherProject(t *testing.T, rt guard.Route, other string) {
	t.Helper()
	clear(w.store.secrets) // of an earlier route
	rec := w.ask(rt, other, nil)
	creates := rt.Method == http.MethodPut && rt.Path == "/api/v1/secrets/{name}" ||
		rt.Method == http.MethodPost && (rt.Path == "/api/v1/datasets/{name}" || rt.Path == "/api/v1/models/{model}/package")
	switch {
	case strings.Contains(rt.Path, "{") && !creates:
		if rec.Code != 404 || as[guard.Problem](t, rec).Code != lathe.CodeNotFound {
			t.Errorf("other project: %d %s", rec.Code, rec.Body)
		}
	case strings.HasSuffix(rt.Path, "backups"), strings.HasSuffix(rt.Path, "restores"):
		if rec.Code != 403 {
			t.Errorf("other project: %d %s", rec.Code, rec.Body)
		}
	case rt.Method == http.MethodGet && strings.Contains(rec.Body.String(), `"churn"`):
		t.Errorf("other project sees %s", rec.Body)
	}
}

// TestDocument: the OpenAPI document and the gate know the same routes.
func TestDocument(t *testing.T) {
	w := newWorld(t)
	type operation struct {
		Responses map[string]any `json:"responses"`
	}
	doc := as[struct {
		OpenAPI string                          `json:"openapi"`
		Paths   map[string]map[string]operation `json:"paths"`
	}](t, w.do("GET", "/openapi.json", w.owner, ""))
	if doc.OpenAPI != "3.1.0" {
		t.Errorf("version %s", doc.OpenAPI)
	}
	count := 0
	for _, operations := range doc.Paths {
		count += len(operations)
	}
	routes := w.gate.Routes()
	if count != len(routes) || count < 40 {
		t.Errorf("%d operations in the document, %d routes", count, len(routes))
	}
	for _, rt := range routes {
		op, ok := doc.Paths[rt.Path][strings.ToLower(rt.Method)]
		if !ok || op.Responses["default"] == nil {
			t.Errorf("%s %s is not in the document with its errors", rt.Method, rt.Path)
		}
	}
}
