package rest

import (
	"encoding/json"
	"strings"
	"testing"

	"lathe"
	"lathe/internal/guard"
)

func TestData(t *testing.T) {
	w := newWorld(t)
	rec := w.do("POST", "/api/v1/datasets/new?append=true&file=churn.csv&delimiter=%3B&header=yes", w.owner, "a;b\n1;2\n", "Content-Type", "text/csv")
	want := lathe.AddDataset{Name: "new", Append: true, File: "churn.csv", Delimiter: ";", Header: "yes"}
	if rec.Code != 201 || w.data.uploaded != "a;b\n1;2\n" || w.data.add != want || as[lathe.DatasetVersion](t, rec).Number != 2 {
		t.Errorf("upload: %d %s, %+v", rec.Code, rec.Body, w.data.add)
	}
	shown := as[datasetAnswer](t, w.do("GET", "/api/v1/datasets/churn", w.owner, ""))
	if shown.Dataset.Name != "churn" || len(shown.Versions) != 1 || shown.Versions[0].Profile != nil {
		t.Errorf("show: %+v", shown)
	}
	if profile := as[lathe.DatasetVersion](t, w.do("GET", "/api/v1/datasets/churn/profile", w.owner, "")); string(profile.Profile) != `{"rows":1500}` || profile.Digest != "d1" {
		t.Errorf("profile: %+v", profile)
	}
	rows := as[rowsAnswer](t, w.do("GET", "/api/v1/datasets/churn/rows?from=1498&n=10", w.owner, ""))
	if len(rows.Rows) != 2 || rows.Columns[1] != "b,c" || rows.Rows[0][0] != 1498.5 || rows.Rows[1][0] != nil || rows.Rows[1][1] != `x"y` {
		t.Errorf("rows: %+v", rows)
	}
	if rec := w.do("DELETE", "/api/v1/datasets/churn", w.owner, ""); rec.Code != 204 || rec.Body.Len() != 0 {
		t.Errorf("delete: %d %s", rec.Code, rec.Body)
	}
}

// TestLists: cursors, empty lists that are no null, and only what the key may see.
func TestLists(t *testing.T) {
	w := newWorld(t)
	narrow := w.key(t, "default", nil, lathe.Scope{Verb: lathe.VerbRead, Model: "churn"})
	other := w.key(t, "other", nil, lathe.Scope{Verb: lathe.VerbRead})
	for _, noun := range []string{"datasets", "models", "endpoints"} {
		type named struct {
			Name string `json:"name"`
		}
		path := "/api/v1/" + noun
		if got := as[list[named]](t, w.do("GET", path+"?limit=5", w.owner, "")); len(got.Items) != 2 {
			t.Errorf("%s: %+v", noun, got)
		}
		if got := as[list[named]](t, w.do("GET", path, narrow, "")); len(got.Items) != 1 || got.Items[0].Name != "churn" {
			t.Errorf("%s of a narrow key: %+v", noun, got)
		}
		if rec := w.do("GET", path, other, ""); strings.TrimSpace(rec.Body.String()) != `{"items":[]}` {
			t.Errorf("%s of another project: %s", noun, rec.Body)
		}
	}
	if got := as[list[lathe.Dataset]](t, w.do("GET", "/api/v1/datasets", w.owner, "")); got.Next != "c1" {
		t.Errorf("next: %+v", got)
	}
	if got := as[list[lathe.Dataset]](t, w.do("GET", "/api/v1/datasets?after=c1", w.owner, "")); got.Next != "" || len(got.Items) != 0 {
		t.Errorf("after: %+v", got)
	}
	runs := w.key(t, "default", nil, lathe.Scope{Verb: lathe.VerbRead, Model: "fraud"})
	if got := as[list[lathe.Run]](t, w.do("GET", "/api/v1/runs", runs, "")); len(got.Items) != 0 {
		t.Errorf("runs of another model: %+v", got)
	}
	if rec := w.do("GET", "/api/v1/runs/r1", runs, ""); rec.Code != 403 {
		t.Errorf("run of another model: %d", rec.Code)
	}
}

// TestBadInputs is the table of what bad input gets.
func TestBadInputs(t *testing.T) {
	w := newWorld(t)
	narrow := w.key(t, "default", nil, lathe.Scope{Verb: lathe.VerbTrain, Model: "mine"}, lathe.Scope{Verb: lathe.VerbDeploy, Model: "mine"})
	const jsonType = "application/json"
	for _, c := range []struct {
		name, request, key, media, body string
		code                            lathe.Code
		field                           string
	}{
		{"form upload", "POST /api/v1/datasets/a", w.owner, "application/x-www-form-urlencoded", "a", lathe.CodeUnsupported, "Content-Type"},
		{"bad flag", "POST /api/v1/datasets/a?append=maybe", w.owner, "text/csv", "a", lathe.CodeInvalid, "append"},
		{"unknown parameter", "POST /api/v1/datasets/a?replace=1", w.owner, "text/csv", "a", lathe.CodeInvalid, "replace"},
		{"parameter twice", "POST /api/v1/datasets/a?file=a&file=b", w.owner, "text/csv", "a", lathe.CodeInvalid, "file"},
		{"bad name", "POST /api/v1/datasets/..%2fa", w.owner, "text/csv", "a", lathe.CodeInvalid, "name"},
		{"device name", "POST /api/v1/datasets/CON", w.owner, "text/csv", "a", lathe.CodeInvalid, "name"},
		{"too many rows", "GET /api/v1/datasets/churn/rows?n=1001", w.owner, "", "", lathe.CodeInvalid, "n"},
		{"negative from", "GET /api/v1/datasets/churn/rows?from=-1", w.owner, "", "", lathe.CodeInvalid, "from"},
		{"huge number", "GET /api/v1/datasets/churn/rows?from=99999999999999999999", w.owner, "", "", lathe.CodeInvalid, "from"},
		{"unknown query", "GET /api/v1/models?page=2", w.owner, "", "", lathe.CodeInvalid, "page"},
		{"no body", "POST /api/v1/runs", w.owner, jsonType, "", lathe.CodeInvalid, ""},
		{"wrong type", "POST /api/v1/runs", w.owner, "text/plain", "{}", lathe.CodeUnsupported, "Content-Type"},
		{"other kind", "POST /api/v1/runs", w.owner, jsonType, `{"kind":"bake"}`, lathe.CodeInvalid, "kind"},
		{"no spec", "POST /api/v1/runs", w.owner, jsonType, `{"kind":"train"}`, lathe.CodeInvalid, "train"},
		{"unknown field", "POST /api/v1/runs", w.owner, jsonType, `{"kind":"train","train":{"dataset":"d","epoch":1}}`, lathe.CodeInvalid, "train.epoch"},
		{"wrong field", "POST /api/v1/runs", w.owner, jsonType, `{"kind":"train","train":{"epochs":1e999}}`, lathe.CodeInvalid, "train.epochs"},
		{"field twice", "POST /api/v1/runs", w.owner, jsonType, `{"kind":"train","kind":"train"}`, lathe.CodeInvalid, "kind"},
		{"deep", "POST /api/v1/runs", w.owner, jsonType, strings.Repeat("[", 1000), lathe.CodeInvalid, ""},
		{"large", "POST /api/v1/runs", w.owner, jsonType, strings.Repeat(" ", 2<<20), lathe.CodeTooLarge, ""},
		{"another model's run", "POST /api/v1/runs", narrow, jsonType, `{"kind":"train","train":{"dataset":"d","name":"theirs"}}`, lathe.CodeForbidden, ""},
		{"another model's stop", "POST /api/v1/runs/r1/stop", narrow, "", "", lathe.CodeForbidden, ""},
		{"another model served", "PUT /api/v1/endpoints/mine", narrow, jsonType, `{"model":"churn"}`, lathe.CodeForbidden, ""},
		{"share", "PUT /api/v1/endpoints/mine", w.owner, jsonType, `{"model":"churn","share":101}`, lathe.CodeInvalid, "share"},
		{"no model", "PUT /api/v1/endpoints/mine", w.owner, jsonType, `{}`, lathe.CodeInvalid, "model"},
		{"endpoint twice", "PUT /api/v1/endpoints/mine", w.owner, jsonType, `{"model":"churn","endpoint":"x"}`, lathe.CodeInvalid, "endpoint"},
		{"no version", "PUT /api/v1/models/churn/aliases/champion", w.owner, jsonType, `{}`, lathe.CodeInvalid, "version"},
		{"bad alias", "PUT /api/v1/models/churn/aliases/a%20b", w.owner, jsonType, `{"version":1}`, lathe.CodeInvalid, "alias"},
		{"gate of promotion", "PUT /api/v1/models/churn/aliases/champion", w.owner, jsonType, `{"version":9}`, lathe.CodeConflict, ""},
		{"bad ref", "GET /api/v1/models/churn/versions/a%2fb", w.owner, "", "", lathe.CodeInvalid, "ref"},
		{"bad duration", "POST /api/v1/keys", w.owner, jsonType, `{"name":"n","scopes":[{"verb":"read"}],"expires_in":"soon"}`, lathe.CodeInvalid, "expires_in"},
		{"no time", "POST /api/v1/keys", w.owner, jsonType, `{"name":"n","scopes":[{"verb":"read"}],"expires_in":"0s"}`, lathe.CodeInvalid, "expires_in"},
		{"unknown verb", "POST /api/v1/keys", w.owner, jsonType, `{"name":"n","scopes":[{"verb":"fly"}]}`, lathe.CodeInvalid, "scopes"},
		{"empty secret", "PUT /api/v1/secrets/s", w.owner, "", "", lathe.CodeInvalid, ""},
		{"large secret", "PUT /api/v1/secrets/s", w.owner, "", strings.Repeat("x", secretBody+1), lathe.CodeTooLarge, ""},
		{"bad secret name", "PUT /api/v1/secrets/a%00b", w.owner, "", "x", lathe.CodeInvalid, "name"},
		{"bad event id", "GET /api/v1/runs/r1/events?after=x", w.owner, "", "", lathe.CodeInvalid, "after"},
		{"evaluation of what", "POST /api/v1/models/churn/versions/1/evaluations", w.owner, jsonType, `{}`, lathe.CodeInvalid, "dataset"},
		{"large name of data", "POST /api/v1/models/churn/versions/1/evaluations", w.owner, jsonType, strings.Repeat(" ", jsonBody+1), lathe.CodeTooLarge, ""},
		{"compressed table", "POST /api/v1/models/churn/versions/1/predictions", w.owner, "text/html", "a", lathe.CodeUnsupported, "Content-Type"},
	} {
		t.Run(c.name, func(t *testing.T) {
			method, path, _ := strings.Cut(c.request, " ")
			var headers []string
			if c.media != "" {
				headers = []string{"Content-Type", c.media}
			}
			rec := w.do(method, path, c.key, c.body, headers...)
			p := as[guard.Problem](t, rec)
			if p.Code != c.code || rec.Code != guard.Status(c.code) || p.Field != c.field || p.Detail == "" || p.RequestID == "" || rec.Header().Get("Content-Type") != "application/problem+json" {
				t.Errorf("%d %s", rec.Code, rec.Body)
			}
		})
	}
}

func TestKeys(t *testing.T) {
	w := newWorld(t)
	body := `{"name":"app","kind":"caller","scopes":[{"verb":"read"}],"limits":[{"unit":"requests","max":5,"window":"day"}],"expires_in":"720h"}`
	made := as[keyAnswer](t, w.do("POST", "/api/v1/keys", w.owner, body))
	if !strings.HasPrefix(made.Secret, "lathe_caller_") || made.Key.ExpiresAt == nil || !made.Key.ExpiresAt.Equal(w.now.Add(720*3600e9)) {
		t.Fatalf("%+v", made)
	}
	if rec := w.do("GET", "/api/v1/keys", w.owner, ""); strings.Contains(rec.Body.String(), made.Secret) || strings.Contains(rec.Body.String(), "hash") {
		t.Errorf("list: %s", rec.Body)
	}
	own := as[list[lathe.Usage]](t, w.do("GET", "/api/v1/usage", made.Secret, ""))
	if len(own.Items) != 1 || own.Items[0].Used != 1 || own.Items[0].Resets == nil {
		t.Errorf("own usage: %+v", own)
	}
	if rec := w.do("GET", "/api/v1/usage?key=ka", made.Secret, ""); rec.Code != 403 {
		t.Errorf("another's usage: %d", rec.Code)
	}
	if got := as[list[lathe.Usage]](t, w.do("GET", "/api/v1/usage?key="+made.Key.ID, w.owner, "")); len(got.Items) != 1 || got.Items[0].Used != 2 {
		t.Errorf("usage for who operates: %+v", got)
	}
	operator := w.key(t, "default", nil, lathe.Scope{Verb: lathe.VerbOperate})
	if rec := w.do("GET", "/api/v1/usage?key="+made.Key.ID, operator, ""); rec.Code != 200 {
		t.Errorf("usage for an operator: %d", rec.Code)
	}
	if rec := w.do("DELETE", "/api/v1/keys/"+made.Key.ID, w.owner, ""); rec.Code != 200 || as[lathe.Key](t, rec).RevokedAt == nil {
		t.Errorf("revoke: %d %s", rec.Code, rec.Body)
	}
	if rec := w.do("GET", "/api/v1/usage", made.Secret, ""); rec.Code != 401 {
		t.Errorf("after revoking: %d", rec.Code)
	}
	if rec := w.do("DELETE", "/api/v1/keys/ka", w.key(t, "other", nil, lathe.Scope{Verb: "*"}), ""); rec.Code != 404 {
		t.Errorf("the owner's key from a project: %d", rec.Code)
	}
}

func TestSecrets(t *testing.T) {
	w := newWorld(t)
	if rec := w.do("PUT", "/api/v1/secrets/openai", w.owner, "sk-1"); rec.Code != 204 || w.store.secrets["default/openai"] != "sk-1" {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
	if rec := w.do("GET", "/api/v1/secrets/openai", w.owner, ""); rec.Code != 405 {
		t.Errorf("a secret can be asked for: %d", rec.Code)
	}
	for _, want := range []int{204, 404} {
		if rec := w.do("DELETE", "/api/v1/secrets/openai", w.owner, ""); rec.Code != want {
			t.Errorf("delete: %d", rec.Code)
		}
	}
}

func TestDocumentIsJSON(t *testing.T) {
	w := newWorld(t)
	rec := w.do("GET", "/openapi.json", w.owner, "")
	var doc map[string]any
	if err := json.Unmarshal(rec.Body.Bytes(), &doc); err != nil || rec.Header().Get("Content-Type") != "application/openapi+json" {
		t.Errorf("%v, %s", err, rec.Header())
	}
	schemas := doc["components"].(map[string]any)["schemas"].(map[string]any)
	for _, name := range []string{"ErrorDocument", "Problem", "TrainSpec", "Run", "ModelVersion", "Key", "ListDataset"} {
		if schemas[name] == nil {
			t.Errorf("no schema %s", name)
		}
	}
}
