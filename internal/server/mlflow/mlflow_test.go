package mlflow

import (
	"encoding/json"
	"strings"
	"testing"

	"lathe/internal/server/row/rowtest"
)

func newWorld(t testing.TB) *rowtest.World {
	w := rowtest.New(t)
	w.Default = "numbers"
	Register(w.Gate, w, w.Limiter)
	return w
}

func TestRoutesRefuse(t *testing.T) {
	w := newWorld(t)
	for _, rt := range w.Gate.Routes() {
		if rt.Path == "/version" {
			continue // names nothing of a project
		}
		w.Refused(t, rt, strings.ReplaceAll(rt.Path, "{endpoint}", "numbers"), `{"instances":[[1,2,3]]}`)
	}
	if rec := w.Do("GET", "/version", "", ""); rec.Code != 401 || !strings.Contains(rec.Body.String(), `"error_code":"UNAUTHENTICATED"`) {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
	if rec := w.Do("GET", "/version", w.Owner, ""); rec.Code != 200 || rec.Body.Len() == 0 {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
}

const answer = `{"predictions":[{"prediction":"no","probability_no":0.999,"probability_yes":0.001}]}`

func TestForms(t *testing.T) {
	w := newWorld(t)
	for _, body := range []string{
		`{"dataframe_split":{"columns":["x2","x0","x1"],"data":[[3,1,2]],"index":[0]}}`,
		`{"dataframe_split":{"index":[{"a":[1]}],"data":[[3,1,2]],"columns":["x2","x0","x1"]},"params":{}}`,
		`{"dataframe_records":[{"x1":2,"x0":1,"x2":3}],"params":null}`,
		`{"instances":[[1,2,3]]}`,
		`{"inputs":{"x0":[1],"x1":[2],"x2":[3]}}`,
		`{"inputs":[[1,2,3]]}`,
	} {
		rec := w.Do("POST", "/invocations", w.Owner, body, "Content-Type", "application/json")
		b := w.Models["numbers"].Last
		if rec.Code != 200 || rec.Body.String() != answer || b.Columns[0].Floats[0] != 1 || b.Columns[1].Floats[0] != 2 || b.Columns[2].Floats[0] != 3 {
			t.Errorf("%s: %d %s", body, rec.Code, rec.Body)
		}
	}
	rec := w.Do("POST", "/endpoints/numbers/invocations", w.Owner, "x1,x0,x2\n2,1,3\n", "Content-Type", "text/csv")
	if rec.Code != 200 || rec.Body.String() != answer || w.Models["numbers"].Last.Columns[0].Floats[0] != 1 {
		t.Errorf("csv: %d %s", rec.Code, rec.Body)
	}
	rec = w.Do("POST", "/invocations", w.Owner, `{"dataframe_split":{"columns":["x1"],"data":[[2],[null]]}}`)
	b := w.Models["numbers"].Last
	if rec.Code != 200 || b.Rows != 2 || !b.Columns[0].IsMissing(0) || b.Columns[1].IsMissing(0) || !b.Columns[1].IsMissing(1) {
		t.Errorf("missing column: %d %s %+v", rec.Code, rec.Body, b)
	}
}

func TestBadForms(t *testing.T) {
	w := newWorld(t)
	for body, says := range map[string]string{
		`{}`:                                     "there is no data",
		``:                                       "too early",
		`[]`:                                     "the body is a list",
		`{"dataframe_split":{"data":[[1]]}}`:     "lacks columns or data",
		`{"dataframe_split":{"columns":["x0"]}}`: "lacks columns or data",
		`{"dataframe_split":{"columns":["x0"],"data":[[1,2]]}}`:                   "row 0 has 2 values for 1 columns",
		`{"dataframe_split":{"columns":["x0","x1"],"data":[[1]]}}`:                "row 0 has 1 values for 2 columns",
		`{"dataframe_split":{"columns":["x0","x0"],"data":[[1,2]]}}`:              `column \"x0\" comes twice`,
		`{"dataframe_split":{"columns":["y"],"data":[[1]]}}`:                      `\"y\" is not an input`,
		`{"dataframe_split":{"columns":["x0"],"data":[[1}]}}`:                     "byte",
		`{"dataframe_split":{"columns":[1],"data":[[1]]}}`:                        "columns is a number",
		`{"dataframe_split":{"columns":["x0"],"data":[[1]],"x":1}}`:               `\"x\" is not a field of dataframe_split`,
		`{"dataframe_split":` + strings.Repeat(`{"a":`, 100):                      `\"a\" is not a field`,
		`{"dataframe_split":{"columns":["x0"],"data":` + strings.Repeat("[", 100): "nested deeper",
		`{"instances":[[1,2,3]],"inputs":[[1,2,3]]}`:                              "exclude each other",
		`{"instances":[[1,2,3]],"params":{"temperature":1}}`:                      `no parameter \"temperature\"`,
		`{"predict":[[1]]}`:              `\"predict\" is not a field`,
		`{"instances":[[1,2,NaN]]}`:      `\"x2\" is NaN`,
		`{"inputs":{"x0":[1],"x0":[1]}}`: `\"x0\" comes twice`,
	} {
		rec := w.Do("POST", "/invocations", w.Owner, body)
		if rec.Code != 400 || !strings.Contains(rec.Body.String(), says) || !strings.HasPrefix(rec.Body.String(), `{"error_code":"BAD_REQUEST","message":"`) || !json.Valid(rec.Body.Bytes()) {
			t.Errorf("%.80s: %d %s", body, rec.Code, rec.Body)
		}
	}
	if rec := w.Do("POST", "/invocations", w.Owner, "x", "Content-Type", "application/x-parquet"); rec.Code != 415 {
		t.Errorf("parquet: %d", rec.Code)
	}
	w.Default = ""
	if rec := w.Do("POST", "/invocations", w.Owner, "{}"); rec.Code != 409 || !strings.Contains(rec.Body.String(), "mixed, numbers") {
		t.Errorf("no default: %d %s", rec.Code, rec.Body)
	}
	if w.Resolved != w.Released {
		t.Errorf("%d resolved, %d released", w.Resolved, w.Released)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`{"dataframe_split":{"columns":["age"],"data":[[3]]}}`, `{"dataframe_records":[{"plan":"a"}],"params":null}`, `{"inputs":{"plan":["a","b"],"active":[true,null]}}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		b, err := parse([]byte(body), rowtest.Inputs())
		if err == nil && (b.Check() != nil || !json.Valid([]byte(body))) {
			t.Errorf("%q: %v", body, b.Check())
		}
	})
}
