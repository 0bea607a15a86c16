package tfserving

import (
	"encoding/json"
	"strings"
	"testing"

	"lathe"
	"lathe/internal/server/row/rowtest"
)

func newWorld(t testing.TB) *rowtest.World {
	w := rowtest.New(t)
	Register(w.Gate, w, w.Limiter)
	return w
}

func TestRoutesRefuse(t *testing.T) {
	w := newWorld(t)
	for _, rt := range w.Gate.Routes() {
		rest := "numbers"
		if rt.Method == "POST" {
			rest = "numbers:predict"
		}
		w.Refused(t, rt, strings.ReplaceAll(rt.Path, "{rest...}", rest), `{"instances":[[1,2,3]]}`)
	}
}

func TestPredict(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		path, body string
		status     int
		want       string
	}{
		{"numbers:predict", `{"instances":[[1,2,3],[4,5,6]]}`, 200, `{"predictions":[[0.001],[0.002]]}`},
		{"numbers:predict", `{"signature_name":"serving_default","instances":[{"x0":1,"x1":2,"x2":3}]}`, 200, `{"predictions":[[0.001]]}`},
		{"numbers/versions/3:predict", `{"instances":[[1,2,3]]}`, 200, `{"predictions":[[0.001]]}`},
		{"numbers:predict", `{"inputs":{"x0":[1,2],"x1":[1,2]}}`, 200, `{"outputs":[[0.001],[0.002]]}`},
		{"numbers:predict", `{"inputs":[[1,2,3]]}`, 200, `{"outputs":[[0.001]]}`},
		{"numbers/versions/4:predict", `{"instances":[[1,2,3]]}`, 404, `{"error":"there is no endpoint`},
		{"nothing:predict", `{"instances":[[1,2,3]]}`, 404, `{"error":"there is no endpoint`},
		{"numbers:classify", `{"instances":[[1,2,3]]}`, 404, `verb \"classify\" is not served`},
		{"numbers", `{"instances":[[1,2,3]]}`, 404, `verb \"\" is not served`},
		{"a/b:predict", `{"instances":[[1,2,3]]}`, 404, `no such path`},
		{"numbers/versions/:predict", `{}`, 404, `no such path`},
		{"numbers:predict", `{}`, 400, `instances are missing`},
		{"numbers:predict", `[]`, 400, `the body is a list`},
		{"numbers:predict", `{"instances":[[1,2]]}`, 400, `row 0 has fewer values`},
		{"numbers:predict", `{"instances":[[1,2,3]],"inputs":[[1,2,3]]}`, 400, `exclude each other`},
		{"numbers:predict", `{"instances":[[1,2,3]],"instances":[[1,2,3]]}`, 400, `\"instances\" comes twice`},
		{"numbers:predict", `{"instances":[[1,2,3]],"signature_name":"other"}`, 400, `signature \"other\" is not served`},
		{"numbers:predict", `{"examples":[]}`, 400, `\"examples\" is not a field`},
		{"numbers:predict", `{"instances":[[1,2,3]]}}`, 400, `follows the end`},
		{"numbers:predict", `{"instances":` + strings.Repeat("[", 100_000), 400, `is a list`},
		{"numbers:predict", `{"instances":[[1,2,1e999]]}`, 400, `out of range`},
	} {
		rec := w.Do("POST", "/v1/models/"+c.path, w.Owner, c.body)
		if rec.Code != c.status || !strings.Contains(rec.Body.String(), c.want) || !json.Valid(rec.Body.Bytes()) {
			t.Errorf("%s %.60s: %d %s", c.path, c.body, rec.Code, rec.Body)
		}
	}
	if rec := w.Do("POST", "/v1/models/numbers:predict", w.Owner, "a,b", "Content-Type", "text/csv"); rec.Code != 415 {
		t.Errorf("text/csv: %d", rec.Code)
	}
	if w.Resolved != w.Released {
		t.Errorf("%d resolved, %d released", w.Resolved, w.Released)
	}
}

func TestStatus(t *testing.T) {
	w := newWorld(t)
	reader := w.Key(t, "default", nil, lathe.Scope{Verb: lathe.VerbRead, Model: "numbers"})
	for path, want := range map[string]string{
		"numbers":            `"model_version_status":[{"version":"3","state":"AVAILABLE"`,
		"numbers/versions/3": `"ready":true`,
		"numbers/metadata":   `"x2":{"dtype":"DT_DOUBLE"`,
	} {
		if rec := w.Do("GET", "/v1/models/"+path, reader, ""); rec.Code != 200 || !strings.Contains(rec.Body.String(), want) || !json.Valid(rec.Body.Bytes()) {
			t.Errorf("%s: %d %s", path, rec.Code, rec.Body)
		}
	}
	for path, status := range map[string]int{"nothing": 403, "mixed": 403, "": 404, "numbers:predict": 404, "numbers/versions/9": 404} {
		if rec := w.Do("GET", "/v1/models/"+path, reader, ""); rec.Code != status {
			t.Errorf("%s: %d %s", path, rec.Code, rec.Body)
		}
	}
	if rec := w.Do("POST", "/v1/models/numbers:predict", reader, `{"instances":[[1,2,3]]}`); rec.Code != 403 {
		t.Errorf("a reader predicts: %d", rec.Code)
	}
}

func FuzzPredict(f *testing.F) {
	f.Add("numbers:predict", `{"instances":[[1,2,3]]}`)
	f.Add("mixed/versions/3:predict", `{"inputs":{"plan":["a"],"age":[[1]]}}`)
	w := newWorld(f)
	f.Fuzz(func(t *testing.T, path, body string) {
		if strings.ContainsAny(path, " \r\n?#%") || strings.Contains(path, "..") || strings.Contains(path, "//") || strings.ContainsFunc(path, func(r rune) bool { return r < '!' || r > '~' }) {
			return
		}
		rec := w.Do("POST", "/v1/models/"+path, w.Owner, body)
		if rec.Code >= 500 || !json.Valid(rec.Body.Bytes()) && rec.Code != 307 {
			t.Errorf("%q %q: %d %s", path, body, rec.Code, rec.Body)
		}
	})
}
