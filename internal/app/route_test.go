package app

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"lathe"
	"lathe/internal/client"
	"lathe/internal/guard"
)

// bodies are requests that fit, for the routes that read one: content type and body.
var bodies = map[string][2]string{
	"POST /api/v1/datasets/{name}":                           {"text/csv", "a,b\n1,2\n"},
	"POST /api/v1/datasets/{name}/clean":                     {"application/json", `{"as":"x"}`},
	"POST /api/v1/datasets/{name}/split":                     {"application/json", `{"as":"x","ratio":"0.8/0/0.2"}`},
	"POST /api/v1/datasets/{name}/erasures":                  {"application/json", `{"column":"name","equals":"Ada"}`},
	"POST /api/v1/runs":                                      {"application/json", `{"kind":"train","train":{"dataset":"penguins","target":"species"}}`},
	"POST /api/v1/models/{model}/package":                    {"application/vnd.lathe.package", "no package"},
	"POST /api/v1/models/{model}/versions/{ref}/predictions": {"text/csv", "island\nBiscoe\n"},
	"POST /api/v1/models/{model}/versions/{ref}/evaluations": {"text/csv", "island,species\nBiscoe,Gentoo\n"},
	"PUT /api/v1/models/{model}/aliases/{alias}":             {"application/json", `{"version":1}`},
	"PUT /api/v1/endpoints/{endpoint}":                       {"application/json", `{"model":"penguins"}`},
	"POST /api/v1/keys":                                      {"application/json", `{"name":"n","scopes":[{"verb":"read"}]}`},
	"PUT /api/v1/secrets/{name}":                             {"application/octet-stream", "value"},
	"POST /api/v1/restores":                                  {"application/vnd.lathe.backup", "no archive"},
	"POST /predict":                                          {"application/json", penguin},
	"POST /predict/{endpoint}":                               {"application/json", penguin},
	"POST /v1/models/{rest...}":                              {"application/json", `{"instances":` + penguin + `}`},
	"POST /v2/models/{model}/infer":                          {"application/json", `{"inputs":[]}`},
	"POST /v2/models/{model}/versions/{version}/infer":       {"application/json", `{"inputs":[]}`},
	"POST /invocations":                                      {"application/json", `{"dataframe_records":` + penguin + `}`},
	"POST /endpoints/{endpoint}/invocations":                 {"application/json", `{"dataframe_records":` + penguin + `}`},
}

// names are what the wildcards of paths stand for.
type names struct{ dataset, model, run, key, secret string }

// fill puts names into a route's path.
func (n names) fill(rt guard.Route) string {
	id := n.run
	if strings.Contains(rt.Path, "/keys/") {
		id = n.key
	}
	name := n.dataset
	if strings.Contains(rt.Path, "/secrets/") {
		name = n.secret
	}
	rest := n.model
	if rt.Method == http.MethodPost {
		rest += ":predict"
	}
	return strings.NewReplacer("{name}", name, "{model}", n.model, "{endpoint}", n.model, "{ref}", "1", "{version}", "1",
		"{alias}", "champion", "{id}", id, "{rest...}", rest).Replace(rt.Path)
}

// call asks a route with a body that fits.
func (s *service) call(rt guard.Route, path, key string, edit func(*http.Request)) (*http.Response, []byte) {
	s.t.Helper()
	body := bodies[rt.Method+" "+rt.Path]
	return s.ask(rt.Method, path, key, body[1], func(r *http.Request) {
		if body[0] != "" {
			r.Header.Set("Content-Type", body[0])
		}
		if edit != nil {
			edit(r)
		}
	})
}

// TestRoutesRefuse asks every route of the running service in each way that must not work, and looks whether anything
// was changed by it.
func TestRoutesRefuse(t *testing.T) {
	home, _ := sampleHome(t)
	clock := newClock()
	s := startIn(t, home, func(o *Options) { overTCP(o); o.Clock = clock.now })
	there := s.names()
	_, expired := s.newKey(map[string]any{"name": "expired", "scopes": []lathe.Scope{{Verb: "*"}}, "expires_in": "1h"})
	made, revoked := s.newKey(map[string]any{"name": "gone", "scopes": []lathe.Scope{{Verb: "*"}}})
	s.do(http.MethodDelete, client.Path("keys", made.ID), nil, nil)
	clock.advance(2 * time.Hour)
	before := s.view()
	routes := s.gate.Routes()
	for _, rt := range routes {
		path := there.fill(rt)
		refuse := func(what, key string, status int, edit func(*http.Request)) {
			t.Helper()
			if answer, data := s.call(rt, path, key, edit); answer.StatusCode != status {
				t.Errorf("%s %s: %s: %d %s", rt.Method, path, what, answer.StatusCode, data)
			}
		}
		set := func(name, value string) func(*http.Request) {
			return func(r *http.Request) { r.Header.Set(name, value) }
		}
		owner := s.owner()
		for _, host := range []string{"evil.example", "127.0.0.1.evil.example", "localhost.evil.example:7411"} {
			refuse("host "+host, owner, 403, func(r *http.Request) { r.Host = host })
		}
		for _, origin := range []string{"http://evil.example", "null", "http://127.0.0.1:1"} {
			refuse("origin "+origin, owner, 403, set("Origin", origin))
		}
		for _, name := range []string{"key", "api_key", "anything"} {
			refuse("key in the query", "", 401, func(r *http.Request) { r.URL.RawQuery = url.Values{name: {owner}}.Encode() })
		}
		if rt.Need.Open {
			refuse("no key", "", 200, nil)
			continue
		}
		refuse("no key", "", 401, nil)
		refuse("wrong key", guard.MintKey(lathe.KindOwner), 401, nil)
		refuse("malformed key", "' OR '1'='1", 401, nil)
		refuse("basic authorisation", "", 401, set("Authorization", "Basic bGF0aGU6bGF0aGU="))
		refuse("expired key", expired, 401, nil)
		refuse("revoked key", revoked, 401, nil)
		refuse("two keys", owner, 401, set("X-Api-Key", expired))
		refuse("unknown project", expired, 401, set("X-Lathe-Project", "default"))
	}
	if len(routes) < 60 {
		t.Errorf("only %d routes", len(routes))
	}
	clock.advance(-90 * time.Minute)
	if answer, data := s.ask(http.MethodGet, "/api/v1/models", expired, "", nil); answer.StatusCode != http.StatusUnauthorized {
		t.Errorf("an expired key with the clock set back: %d %s", answer.StatusCode, data)
	}
	if after := s.view(); after != before {
		t.Errorf("something was changed:\n%s\nwas\n%s", after, before)
	}
	s.stop()
}

// names gives what is there in the sample.
func (s *service) names() names {
	s.t.Helper()
	keys, err := client.All[lathe.Key](s.t.Context(), s.Client, client.Path("keys"))
	must(s.t, err)
	return names{"people", "penguins", s.stoppedRun().ID, keys[0].ID, "cloud"}
}

// unknown are names that never were, as long as those that are.
func (n names) unknown() names {
	return names{"nobody", "unknowns", strings.Repeat("0", len(n.run)), strings.Repeat("1", len(n.key)), "cirrus"}
}

var requestID = regexp.MustCompile(`[0-9a-f]{12}-[0-9a-z]+`)

// mask puts words in the place of names, so that answers about different names compare.
func (n names) mask(text string) string {
	text = strings.NewReplacer(n.dataset, "DATASET", n.model, "MODEL", n.run, "RUN", n.key, "KEY", n.secret, "SECRET").Replace(text)
	return requestID.ReplaceAllString(text, "REQUEST")
}

// TestRoutesOfAnotherProject asks every route with another project's key, once for what is there in the project default
// and once for what never was: the answers are the same, and nothing of the project shows or changes.
func TestRoutesOfAnotherProject(t *testing.T) {
	home, _ := sampleHome(t)
	s := startIn(t, home, overTCP)
	there := s.names()
	unknown := there.unknown()
	mask := func(data []byte) string { return there.mask(unknown.mask(string(data))) }
	before := s.view()
	key := s.neighbour()
	for _, rt := range s.gate.Routes() {
		what := rt.Method + " " + rt.Path
		if rt.Need.Open || creates[what] {
			continue
		}
		answer, data := s.call(rt, there.fill(rt), key, nil)
		if !strings.Contains(rt.Path, "{") {
			if leaks(there, string(data)) {
				t.Errorf("%s shows another project: %s", what, data)
			}
			continue
		}
		other, otherData := s.call(rt, unknown.fill(rt), key, nil)
		if answer.StatusCode != other.StatusCode || mask(data) != mask(otherData) {
			t.Errorf("%s: %d %s\nunknown: %d %s", what, answer.StatusCode, data, other.StatusCode, otherData)
		}
		if answer.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d %s", what, answer.StatusCode, data)
		}
	}
	for _, rt := range s.gate.Routes() {
		if creates[rt.Method+" "+rt.Path] {
			if answer, data := s.call(rt, there.fill(rt), key, nil); answer.StatusCode >= 500 {
				t.Errorf("%s: %d %s", rt.Path, answer.StatusCode, data)
			}
		}
	}
	if after := s.view(); after != before {
		t.Errorf("something was changed:\n%s\nwas\n%s", after, before)
	}
	s.stop()
}

// creates are routes that make a thing of the name in the path where there is none: here in the neighbour's own project.
var creates = map[string]bool{
	"POST /api/v1/datasets/{name}": true, "PUT /api/v1/secrets/{name}": true, "POST /api/v1/models/{model}/package": true,
}

// leaks tells whether an answer names what is in the project default.
func leaks(there names, text string) bool {
	for _, name := range []string{there.dataset, there.run, there.key, there.secret, `"penguins"`, `"other"`} {
		if strings.Contains(text, name) && !strings.Contains(text, "has no") && !strings.Contains(text, "no dataset") {
			return true
		}
	}
	return false
}

// neighbour makes a key that may do everything, in another project.
func (s *service) neighbour() string {
	s.t.Helper()
	answer, data := s.ask(http.MethodPost, "/api/v1/keys", s.owner(), `{"name":"all","scopes":[{"verb":"*"}]}`, func(r *http.Request) {
		r.Header.Set("X-Lathe-Project", "neighbour")
	})
	_, secret, ok := strings.Cut(string(data), `"secret":"`)
	if answer.StatusCode != http.StatusCreated || !ok {
		s.t.Fatalf("%d %s", answer.StatusCode, data)
	}
	secret, _, _ = strings.Cut(secret, `"`)
	return secret
}
