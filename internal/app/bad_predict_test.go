package app

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"lathe"
	"lathe/internal/guard"
)

// badRow is the sample's row with one piece in another's place.
func badRow(old, now string) string { return strings.Replace(penguin, old, now, 1) }

func header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

// TestBadPredictions sends what must be refused, and sees the code, the field and the message.
func TestBadPredictions(t *testing.T) {
	home, _ := sampleHome(t)
	s := startIn(t, home, overTCP)
	const path = "/predict/penguins"
	for _, c := range []struct {
		name, path, body string
		edit             func(*http.Request)
		status           int
		code             lathe.Code
		field, says      string
	}{
		{"extra field", path, badRow(`{`, `{"age":3,`), nil, 400, lathe.CodeInvalid, "age", `row 0: "age" is not an input of the model`},
		{"word for a number", path, badRow("221", `"tall"`), nil, 400, lathe.CodeInvalid, "flipper_length_mm", `the string "tall"`},
		{"number as text", path, badRow("5100", `"5,100"`), nil, 400, lathe.CodeInvalid, "body_mass_g", `the string "5,100"`},
		{"truth for a number", path, badRow("221", "true"), nil, 400, lathe.CodeInvalid, "flipper_length_mm", "is true"},
		{"number for a word", path, badRow(`"male"`, "7"), nil, 400, lathe.CodeInvalid, "sex", "is 7, and it is a string"},
		{"list for a number", path, badRow("221", "[221]"), nil, 400, lathe.CodeInvalid, "flipper_length_mm", "is a list"},
		{"too few values", path, `[["Biscoe"]]`, nil, 400, lathe.CodeInvalid, "", "row 0 has fewer values than the 7"},
		{"too many values", path, `[["Biscoe",49.1,14.7,221,5100,"male",2009,1]]`, nil, 400, lathe.CodeInvalid, "", "row 0 has more values than the 7"},
		{"second row", path, strings.TrimSuffix(penguin, "]") + `,["Biscoe"]]`, nil, 400, lathe.CodeInvalid, "", "row 1 has fewer"},
		{"NaN", path, badRow("221", "NaN"), nil, 400, lathe.CodeInvalid, "flipper_length_mm", "is NaN"},
		{"infinity", path, badRow("49.1", "-Infinity"), nil, 400, lathe.CodeInvalid, "bill_length_mm", "is -Infinity"},
		{"1e999", path, badRow("49.1", "1e999"), nil, 400, lathe.CodeInvalid, "bill_length_mm", "is 1e999"},
		{"beyond the model", path, badRow("49.1", "1e300"), nil, 400, lathe.CodeInvalid, "bill_length_mm", "1e+300"},
		{"hexadecimal", path, badRow("221", "0x10"), nil, 400, lathe.CodeInvalid, "", "json: "},
		{"duplicate name", path, badRow("{", `{"sex":"male",`), nil, 400, lathe.CodeInvalid, "sex", `"sex" comes twice`},
		{"duplicate escaped name", path, badRow("{", `{"\u0073ex":"male",`), nil, 400, lathe.CodeInvalid, "sex", `"sex" comes twice`},
		{"deep list", path, strings.Repeat("[", 100_000), nil, 400, lathe.CodeInvalid, "island", "is a list"},
		{"deep object", path, "[" + strings.Repeat(`{"island":`, 100_000), nil, 400, lathe.CodeInvalid, "island", "is an object"},
		{"bad UTF-8", path, badRow("Biscoe", "\xff"), nil, 400, lathe.CodeInvalid, "", "json: "},
		{"no JSON", path, "island=Biscoe", nil, 400, lathe.CodeInvalid, "", "json: "},
		{"half", path, penguin[:40], nil, 400, lathe.CodeInvalid, "", "json: "},
		{"something after", path, penguin + "x", nil, 400, lathe.CodeInvalid, "", "something follows the end"},
		{"empty", path, "", nil, 400, lathe.CodeInvalid, "", "ends too early at byte 0"},
		{"object", path, "{}", nil, 400, lathe.CodeInvalid, "", "is an object, and it is a list"},
		{"null", path, "[null]", nil, 400, lathe.CodeInvalid, "", "row 0 is null"},
		{"100 MB", path, strings.Repeat(" ", 100<<20), nil, 413, lathe.CodeTooLarge, "", "larger than the 33554432 bytes"},
		{"100 MB in chunks", path, strings.Repeat(" ", 100<<20), func(r *http.Request) { r.ContentLength = -1 }, 413, lathe.CodeTooLarge, "", "larger than the 33554432 bytes"},
		{"content type", path, penguin, header("Content-Type", "text/xml"), 415, lathe.CodeUnsupported, "Content-Type", `"text/xml"`},
		{"charset", path, penguin, header("Content-Type", "application/json; charset=utf-16"), 415, lathe.CodeUnsupported, "Content-Type", "utf-16"},
		{"compressed", path, penguin, header("Content-Encoding", "gzip"), 415, lathe.CodeUnsupported, "Content-Encoding", `"gzip"`},
		{"unknown endpoint", "/predict/nothing", penguin, nil, 404, lathe.CodeNotFound, "", `"nothing" is not there`},
		{"endpoint that is a path", "/predict/..%2f..%2fetc", penguin, nil, 400, lathe.CodeInvalid, "endpoint", "not a valid name"},
		{"unknown parameter", path + "?colour=blue", penguin, nil, 400, lathe.CodeInvalid, "colour", `"colour" is not a parameter`},
		{"bad parameter", path + "?detail=perhaps", penguin, nil, 400, lathe.CodeInvalid, "detail", "neither 0 nor 1"},
		{"method", path, "", func(r *http.Request) { r.Method = http.MethodGet }, 405, lathe.CodeInvalid, "", `"GET" is not a method`},
		{"unknown path", "/forecast", penguin, nil, 404, lathe.CodeNotFound, "", "/forecast"},
	} {
		answer, data := s.ask(http.MethodPost, c.path, s.owner(), c.body, c.edit)
		var p guard.Problem
		if err := json.Unmarshal(data, &p); err != nil {
			t.Errorf("%s: %d %s", c.name, answer.StatusCode, data)
			continue
		}
		if answer.StatusCode != c.status || p.Code != c.code || p.Field != c.field || !strings.Contains(p.Detail, c.says) || p.RequestID == "" {
			t.Errorf("%s: %d, %+v", c.name, answer.StatusCode, p)
		}
	}
	s.stop()
}

// TestOddPredictions sends what is defined behaviour: missing fields are imputed, unseen categories have a place, and
// the protocols say the same in their own words.
func TestOddPredictions(t *testing.T) {
	home, _ := sampleHome(t)
	s := startIn(t, home, overTCP)
	for _, c := range []struct {
		name, path, body string
		status           int
		says             string
	}{
		{"no rows", "/predict/penguins", "[]", 200, "[]"},
		{"missing number", "/predict/penguins", badRow(`"body_mass_g":5100,`, ""), 200, "[["},
		{"missing as null", "/predict/penguins", badRow("5100", "null"), 200, "[["},
		{"missing all", "/predict/penguins", "[{}]", 200, "[["},
		{"unseen category", "/predict/penguins", badRow("Biscoe", "Atlantis"), 200, "[["},
		{"huge number", "/predict/penguins", badRow("49.1", "1e30"), 200, "[["},
		{"tfserving: wrong type", "/v1/models/penguins:predict", `{"instances":` + badRow("221", `"tall"`) + "}", 400, `{"error":"rows: row 0: \"flipper_length_mm\" is the string`},
		{"tfserving: unknown", "/v1/models/nothing:predict", `{"instances":[]}`, 404, `{"error":"endpoint \"nothing\" is not there`},
		{"mlflow: wrong type", "/endpoints/penguins/invocations", `{"dataframe_records":` + badRow("221", `"tall"`) + "}", 400, `{"error_code":"BAD_REQUEST","message":"rows: row 0: \"flipper_length_mm\"`},
		{"mlflow: unknown", "/endpoints/nothing/invocations", `{"dataframe_records":[]}`, 404, `{"error_code":"RESOURCE_DOES_NOT_EXIST"`},
		{"oip: wrong type", "/v2/models/penguins/infer", `{"inputs":[{"name":"island","shape":[1],"datatype":"FP32","data":["x"]}]}`, 400, `{"error":"oip: `},
		{"oip: unknown", "/v2/models/nothing/infer", `{"inputs":[]}`, 404, `{"error":"endpoint \"nothing\" is not there`},
	} {
		answer, data := s.ask(http.MethodPost, c.path, s.owner(), c.body, nil)
		if answer.StatusCode != c.status || !strings.HasPrefix(string(data), c.says) || strings.Contains(string(data), "NaN") {
			t.Errorf("%s: %d %s", c.name, answer.StatusCode, data)
		}
	}
	s.stop()
}
