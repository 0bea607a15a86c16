package predict

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strings"
	"testing"

	"lathe"
	"lathe/internal/guard"
	"lathe/internal/server/row/rowtest"
)

func newWorld(t testing.TB) *rowtest.World {
	w := rowtest.New(t)
	Register(w.Gate, w, w.Limiter)
	return w
}

func TestRoutesRefuse(t *testing.T) {
	w := newWorld(t)
	w.Default = "numbers"
	for _, rt := range w.Gate.Routes() {
		w.Refused(t, rt, strings.ReplaceAll(rt.Path, "{endpoint}", "numbers"), `[[1,2,3]]`)
	}
}

// TestAnswers: what comes back is what model.predict gives, and the batch holds what was sent.
func TestAnswers(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct{ path, body, want string }{
		{"/predict/numbers", `[[1,2,3]]`, `[[0.001]]`},
		{"/predict/numbers", ` [ [1, 2,3] , {"x2":1,"x0":2,"x1":3}, {} ] `, `[[0.001],[0.002],[0.003]]`},
		{"/predict/numbers", `[]`, `[]`},
		{"/predict/numbers?detail=1", `[[1,2,3]]`, `{"model":"m","version":3,"predictions":[{"prediction":"no","probabilities":{"no":0.999,"yes":0.001}}]}`},
		{"/predict/numbers?detail=0", `[[1,2,3]]`, `[[0.001]]`},
		{"/predict/mixed", `[[30,1.5,"a",true],[null,null,"b",null]]`, `[[0.001],[0.002]]`},
		{"/predict/mixed", `[{"plan":"a"}]`, `[[0.001]]`},
	} {
		rec := w.Do("POST", c.path, w.Owner, c.body, "Content-Type", "application/json")
		if rec.Code != 200 || strings.TrimSpace(rec.Body.String()) != c.want || rec.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%s %s: %d %s", c.path, c.body, rec.Code, rec.Body)
		}
	}
	if w.Resolved != w.Released || w.Resolved == 0 {
		t.Errorf("%d resolved, %d released", w.Resolved, w.Released)
	}
}

func TestBatch(t *testing.T) {
	w := newWorld(t)
	rec := w.Do("POST", "/predict/mixed", w.Owner, `[{"active":false,"plan":"\u00e4\n","charge":1e-7,"age":-3},[4,0.1,"b",1],{"plan":"b"}]`)
	if rec.Code != 200 {
		t.Fatal(rec.Body)
	}
	b := w.Models["mixed"].Last
	age, charge, plan, active := b.Columns[0], b.Columns[1], b.Columns[2], b.Columns[3]
	if b.Rows != 3 || age.Kind != lathe.Int64 || age.Ints[0] != -3 || age.Ints[1] != 4 || !age.IsMissing(2) || age.IsMissing(0) {
		t.Errorf("age %+v", age)
	}
	if charge.Floats[0] != 1e-7 || charge.Floats[1] != 0.1 || !charge.IsMissing(2) || plan.Strings[0] != "ä\n" || plan.Missing != nil {
		t.Errorf("charge %+v, plan %+v", charge, plan)
	}
	if active.Bools[0] || !active.Bools[1] || !active.IsMissing(2) {
		t.Errorf("active %+v", active)
	}
}

// TestFractionOfWhole: a model that saw whole numbers in training takes a fraction too, without losing a bit.
func TestFractionOfWhole(t *testing.T) {
	w := newWorld(t)
	if rec := w.Do("POST", "/predict/mixed", w.Owner, `[[3,1,"a",true],[null,1,"a",true],[35.25,1,"a",true],[7,1,"a",true]]`); rec.Code != 200 {
		t.Fatal(rec.Body)
	}
	age := w.Models["mixed"].Last.Columns[0]
	if age.Kind != lathe.Float64 || age.Floats[0] != 3 || !age.IsMissing(1) || age.Floats[2] != 35.25 || age.Floats[3] != 7 {
		t.Errorf("%+v", age)
	}
}

// TestBadInputs is the table of what bad input gets: a code, the field and the row.
func TestBadInputs(t *testing.T) {
	w := newWorld(t)
	deep := strings.Repeat("[", 100_000)
	for _, c := range []struct {
		name, path, body string
		code             lathe.Code
		field, says      string
	}{
		{"missing field", "mixed", `[{"plan":"a"},{"age":3}]`, lathe.CodeInvalid, "plan", `row 1: "plan" is missing`},
		{"null where needed", "mixed", `[[1,2,null,true]]`, lathe.CodeInvalid, "plan", `row 0: "plan" is missing`},
		{"extra field", "mixed", `[{"plan":"a","extra":1}]`, lathe.CodeInvalid, "extra", `row 0: "extra" is not an input`},
		{"string for number", "mixed", `[[1,"1,234","a",true]]`, lathe.CodeInvalid, "charge", `row 0: "charge" is the string "1,234", and it is a number`},
		{"number for string", "mixed", `[[1,2,3,true]]`, lathe.CodeInvalid, "plan", `"plan" is 3, and it is a string`},
		{"bool for number", "mixed", `[[true,2,"a",true]]`, lathe.CodeInvalid, "age", `"age" is true, and it is a whole number`},
		{"two for bool", "mixed", `[[1,2,"a",2]]`, lathe.CodeInvalid, "active", `"active" is 2, and it is true or false`},
		{"list for number", "mixed", `[[1,[2],"a",true]]`, lathe.CodeInvalid, "charge", `"charge" is a list`},
		{"object for number", "mixed", `[{"charge":{}}]`, lathe.CodeInvalid, "charge", `"charge" is an object`},
		{"too few", "numbers", `[[1,2,3],[1,2]]`, lathe.CodeInvalid, "", "row 1 has fewer values than the 3"},
		{"too many", "numbers", `[[1,2,3,4]]`, lathe.CodeInvalid, "", "row 0 has more values than the 3"},
		{"none", "numbers", `[[]]`, lathe.CodeInvalid, "", "row 0 has fewer values"},
		{"flat", "numbers", `[1,2,3]`, lathe.CodeInvalid, "", "row 0 is a number"},
		{"object", "numbers", `{"x0":1}`, lathe.CodeInvalid, "", "rows is an object, and it is a list"},
		{"null", "numbers", `null`, lathe.CodeInvalid, "", "rows is null"},
		{"NaN", "numbers", `[[1,NaN,3]]`, lathe.CodeInvalid, "x1", `"x1" is NaN`},
		{"Infinity", "numbers", `[[1,-Infinity,3]]`, lathe.CodeInvalid, "x1", `"x1" is -Infinity`},
		{"1e999", "numbers", `[[1,2,1e999]]`, lathe.CodeInvalid, "x2", `"x2" is 1e999`},
		{"leading zero", "numbers", `[[01,2,3]]`, lathe.CodeInvalid, "", "no JSON value"},
		{"plus", "numbers", `[[+1,2,3]]`, lathe.CodeInvalid, "", "no JSON value"},
		{"hex", "numbers", `[[0x10,2,3]]`, lathe.CodeInvalid, "", "a row goes on with"},
		{"underscore", "numbers", `[[1_0,2,3]]`, lathe.CodeInvalid, "", "a row goes on with"},
		{"duplicate key", "numbers", `[{"x0":1,"x0":2}]`, lathe.CodeInvalid, "x0", `"x0" comes twice`},
		{"escaped duplicate", "numbers", `[{"x0":1,"\u0078\u0030":2}]`, lathe.CodeInvalid, "x0", `"x0" comes twice`},
		{"cut off", "numbers", `[[1,2,3]`, lathe.CodeInvalid, "", "ends too early"},
		{"cut off string", "mixed", `[[1,2,"a`, lathe.CodeInvalid, "", "ends too early"},
		{"something after", "numbers", `[[1,2,3]] x`, lathe.CodeInvalid, "", "follows the end"},
		{"trailing comma", "numbers", `[[1,2,3],]`, lathe.CodeInvalid, "", "no JSON value"},
		{"empty", "numbers", ``, lathe.CodeInvalid, "", "too early"},
		{"deep", "numbers", deep, lathe.CodeInvalid, "x0", "is a list"},
		{"invalid UTF-8", "mixed", "[[1,2,\"\xff\",true]]", lathe.CodeInvalid, "", "not valid"},
		{"lone surrogate", "mixed", `[[1,2,"\ud800",true]]`, lathe.CodeInvalid, "", "not valid"},
		{"control character", "mixed", "[[1,2,\"\x01\",true]]", lathe.CodeInvalid, "", "not valid"},
		{"fake number", "numbers", `[[1,2,-]]`, lathe.CodeInvalid, "", "no JSON value"},
		{"no exponent", "numbers", `[[1,2,1e]]`, lathe.CodeInvalid, "", "no JSON value"},
		{"unknown endpoint", "nothing", `[[1]]`, lathe.CodeNotFound, "", "nothing"},
		{"bad name", "..%2fx", `[[1]]`, lathe.CodeInvalid, "endpoint", "not a valid name"},
		{"unknown parameter", "numbers?x=1", `[[1,2,3]]`, lathe.CodeInvalid, "x", `"x" is not a parameter`},
		{"bad parameter", "numbers?detail=2", `[[1,2,3]]`, lathe.CodeInvalid, "detail", "detail"},
		{"too many rows", "numbers", "[" + strings.Repeat("{},", 100_000) + "{}]", lathe.CodeTooLarge, "", "more than 100000 rows"},
	} {
		t.Run(c.name, func(t *testing.T) {
			rec := w.Do("POST", "/predict/"+c.path, w.Owner, c.body, "Content-Type", "application/json")
			var p guard.Problem
			if err := json.Unmarshal(rec.Body.Bytes(), &p); err != nil {
				t.Fatalf("%d %s", rec.Code, rec.Body)
			}
			if p.Code != c.code || rec.Code != guard.Status(c.code) || p.Field != c.field || !strings.Contains(p.Detail, c.says) {
				t.Errorf("%d %+v", rec.Code, p)
			}
			if len(rec.Body.String()) > 1500 {
				t.Errorf("an answer of %d bytes", rec.Body.Len())
			}
		})
	}
	if w.Resolved != w.Released {
		t.Errorf("%d resolved, %d released", w.Resolved, w.Released)
	}
}

func TestHeadersAndSizes(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		name   string
		body   string
		header []string
		status int
	}{
		{"no content type", `[[1,2,3]]`, nil, 200},
		{"charset", `[[1,2,3]]`, []string{"Content-Type", "application/json; charset=UTF-8"}, 200},
		{"form", `[[1,2,3]]`, []string{"Content-Type", "application/x-www-form-urlencoded"}, 415},
		{"latin", `[[1,2,3]]`, []string{"Content-Type", "application/json; charset=latin1"}, 415},
		{"gzip", "\x1f\x8b", []string{"Content-Encoding", "gzip"}, 415},
		{"100 MB", strings.Repeat(" ", 100<<20), []string{"Content-Type", "application/json"}, 413},
	} {
		if rec := w.Do("POST", "/predict/numbers", w.Owner, c.body, c.header...); rec.Code != c.status {
			t.Errorf("%s: %d %s", c.name, rec.Code, rec.Body)
		}
	}
}

func TestNoDefault(t *testing.T) {
	w := newWorld(t)
	rec := w.Do("POST", "/predict", w.Owner, `[[1,2,3]]`)
	if rec.Code != http.StatusConflict || !strings.Contains(rec.Body.String(), "mixed, numbers") {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
}

// TestScopeOfDefault: the default endpoint is no way around a scope.
func TestScopeOfDefault(t *testing.T) {
	w := newWorld(t)
	w.Default = "numbers"
	key := w.Key(t, "default", nil, lathe.Scope{Verb: lathe.VerbPredict, Model: "mixed"})
	if rec := w.Do("POST", "/predict", key, `[[1,2,3]]`); rec.Code != 403 {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
	if w.Resolved != w.Released {
		t.Error("not released")
	}
}

func TestRowLimit(t *testing.T) {
	w := newWorld(t)
	key := w.Key(t, "default", []lathe.Limit{{Unit: lathe.UnitRows, Max: 5, Window: lathe.WindowTotal}}, lathe.Scope{Verb: lathe.VerbPredict})
	ask := func(rows int) int {
		return w.Do("POST", "/predict/numbers", key, "["+strings.Repeat("[1,2,3],", rows-1)+"[1,2,3]]").Code
	}
	w.Models["numbers"].Fail = errors.New("broken")
	if got := ask(4); got != 500 {
		t.Errorf("broken: %d", got)
	}
	w.Models["numbers"].Fail = nil
	for i, want := range []int{200, 429, 200, 429} { // 3, then 3 too many, then the 2 that are left, then none
		if got := ask([]int{3, 3, 2, 1}[i]); got != want {
			t.Errorf("request %d: %d, want %d", i, got, want)
		}
	}
}

func TestTasks(t *testing.T) {
	w := newWorld(t)
	m := w.Models["numbers"]
	m.Info.Task, m.Info.Classes, m.Info.Outputs = "regression", nil, []lathe.Output{{Name: "prediction"}}
	if rec := w.Do("POST", "/predict/numbers", w.Owner, `[[1,2,3]]`); rec.Body.String() != "[[0.001]]\n" {
		t.Error(rec.Body)
	}
	if rec := w.Do("POST", "/predict/numbers?detail=1", w.Owner, `[[1,2,3]]`); !strings.Contains(rec.Body.String(), `[{"prediction":0.001}]`) {
		t.Error(rec.Body)
	}
	m.Info.Task, m.Info.Classes = "multiclass", []string{"a", "b\"", "c"}
	m.Info.Outputs = []lathe.Output{{Name: "prediction", Kind: lathe.String}, {Name: "probability_a"}, {Name: "probability_b"}, {Name: "probability_c"}}
	if rec := w.Do("POST", "/predict/numbers", w.Owner, `[[1,2,3]]`); rec.Body.String() != "[[0.999,0.001,0.0]]\n" {
		t.Error(rec.Body)
	}
	rec := w.Do("POST", "/predict/numbers?detail=1", w.Owner, `[[1,2,3]]`)
	if !strings.Contains(rec.Body.String(), `{"a":0.999,"b\"":0.001,"c":0.0}`) {
		t.Error(rec.Body)
	}
}

// FuzzPredict: whatever is sent, the answer is 200 or a clean refusal, and what was read is what encoding/json reads.
func FuzzPredict(f *testing.F) {
	for _, seed := range []string{`[[1,2,3]]`, `[{"x0":1,"x2":null}]`, `[[1e5,-0,0.1],[1E+2,2e-3,9007199254740993]]`, `[[1,2`, `[{}]`, `[[null,null,null]]`, "[[1,2,\"\xff\"]]"} {
		f.Add(seed)
	}
	w := newWorld(f)
	f.Fuzz(func(t *testing.T, body string) {
		w.Models["numbers"].Last = nil
		rec := w.Do("POST", "/predict/numbers", w.Owner, body)
		if rec.Code != 200 && rec.Code != 400 && rec.Code != 413 {
			t.Fatalf("%q: %d %s", body, rec.Code, rec.Body)
		}
		if last := w.Models["numbers"].Last; rec.Code == 200 && last != nil {
			compare(t, body, last)
		}
	})
}

// compare checks a batch against the standard library's reading of the same rows.
func compare(t *testing.T, body string, got *lathe.Batch) {
	t.Helper()
	var rows []json.RawMessage
	if err := json.Unmarshal([]byte(body), &rows); err != nil || len(rows) != got.Rows {
		t.Fatalf("%q: %d rows, %v", body, got.Rows, err)
	}
	for i, raw := range rows {
		values := make([]*float64, 3)
		if bytes.HasPrefix(bytes.TrimSpace(raw), []byte("[")) {
			if err := json.Unmarshal(raw, &values); err != nil || len(values) != 3 {
				t.Fatalf("%q: %v", body, err)
			}
		} else {
			var object map[string]*float64
			if err := json.Unmarshal(raw, &object); err != nil {
				t.Fatalf("%q: %v", body, err)
			}
			values[0], values[1], values[2] = object["x0"], object["x1"], object["x2"]
		}
		for c, v := range values {
			if got.Columns[c].IsMissing(i) != (v == nil) || v != nil && math.Float64bits(*v) != math.Float64bits(got.Columns[c].Floats[i]) {
				t.Fatalf("%q: row %d, column %d: %v", body, i, c, got.Columns[c].Floats[i])
			}
		}
	}
}
