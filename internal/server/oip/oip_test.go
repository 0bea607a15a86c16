package oip

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"lathe"
	"lathe/internal/server/row"
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
		if !strings.Contains(rt.Path, "{model}") && !rt.Need.Open {
			continue // names nothing of a project; below
		}
		path := strings.NewReplacer("{model}", "numbers", "{version}", "3").Replace(rt.Path)
		w.Refused(t, rt, path, `{"inputs":[{"name":"x0","shape":[1],"datatype":"FP64","data":[1]}]}`)
	}
	for _, path := range []string{"GET /v2", "POST /v2/repository/index"} {
		method, route, _ := strings.Cut(path, " ")
		if rec := w.Do(method, route, "", ""); rec.Code != 401 || !strings.HasPrefix(rec.Body.String(), `{"error":`) {
			t.Errorf("%s: %d %s", path, rec.Code, rec.Body)
		}
	}
}

func TestLook(t *testing.T) {
	w := newWorld(t)
	reader := w.Key(t, "default", nil, lathe.Scope{Verb: lathe.VerbRead, Model: "mixed"})
	for path, want := range map[string]string{
		"GET /v2":                         `"extensions":["binary_tensor_data","model_repository"]`,
		"GET /v2/models/mixed":            `"inputs":[{"name":"age","datatype":"INT64","shape":[-1]},{"name":"charge","datatype":"FP64","shape":[-1]},{"name":"plan","datatype":"BYTES","shape":[-1]},{"name":"active","datatype":"BOOL","shape":[-1]}],"outputs":[{"name":"prediction","datatype":"BYTES","shape":[-1]},`,
		"GET /v2/models/mixed/ready":      `{"name":"mixed","ready":true}`,
		"POST /v2/repository/index":       `[{"name":"mixed","version":"3","state":"READY","reason":""}]`,
		"GET /v2/models/mixed/versions/3": `"versions":["3"],"platform":"lathe_native"`,
	} {
		method, route, _ := strings.Cut(path, " ")
		if rec := w.Do(method, route, reader, ""); rec.Code != 200 || !strings.Contains(rec.Body.String(), want) || !json.Valid(rec.Body.Bytes()) {
			t.Errorf("%s: %d %s", path, rec.Code, rec.Body)
		}
	}
	if rec := w.Do("POST", "/v2/repository/index", w.Owner, "{}"); !strings.Contains(rec.Body.String(), `{"name":"numbers","state":"READY"`) {
		t.Errorf("second page: %s", rec.Body)
	}
}

func (a answer) output(name string) *output {
	for i := range a.Outputs {
		if a.Outputs[i].Name == name {
			return &a.Outputs[i]
		}
	}
	return &output{}
}

type answer struct {
	Name    string   `json:"model_name"`
	Version string   `json:"model_version"`
	ID      string   `json:"id"`
	Outputs []output `json:"outputs"`
	Error   string   `json:"error"`
}

type output struct {
	Name       string         `json:"name"`
	Datatype   string         `json:"datatype"`
	Shape      []int          `json:"shape"`
	Parameters map[string]int `json:"parameters"`
	Data       []any          `json:"data"`
}

// infer sends a header and the binary data after it.
func infer(t testing.TB, w *rowtest.World, model, header, blob string, more ...string) (*httptest.ResponseRecorder, answer, []byte) {
	t.Helper()
	if blob != "" {
		more = append(more, LengthHeader, strconv.Itoa(len(header)), "Content-Type", "application/octet-stream")
	}
	rec := w.Do("POST", "/v2/models/"+model+"/infer", w.Owner, header+blob, more...)
	body := rec.Body.Bytes()
	if n, err := strconv.Atoi(rec.Header().Get(LengthHeader)); err == nil {
		blob, body = string(body[n:]), body[:n]
	}
	var a answer
	if err := json.Unmarshal(body, &a); err != nil {
		t.Fatalf("%d %q: %v", rec.Code, body, err)
	}
	return rec, a, []byte(blob)
}

func TestJSON(t *testing.T) {
	w := newWorld(t)
	rec, a, _ := infer(t, w, "mixed", `{"id":"q1","parameters":{"priority":1},"inputs":[
		{"name":"plan","shape":[2],"datatype":"BYTES","data":["a","b"]},
		{"name":"age","shape":[2,1],"datatype":"INT32","data":[[30],[null]]},
		{"name":"charge","shape":[2],"datatype":"FP32","data":[0.1,2.5]},
		{"name":"active","shape":[2],"datatype":"BOOL","data":[true,0]}]}`, "")
	if rec.Code != 200 || a.Name != "mixed" || a.Version != "3" || a.ID != "q1" || len(a.Outputs) != 3 {
		t.Fatalf("%d %s", rec.Code, rec.Body)
	}
	if out := a.output("prediction"); out.Datatype != "BYTES" || out.Shape[0] != 2 || out.Data[1] != "no" {
		t.Errorf("%+v", out)
	}
	if out := a.output("probability_yes"); out.Datatype != "FP64" || out.Data[1] != 0.002 {
		t.Errorf("%+v", out)
	}
	b := w.Models["mixed"].Last
	if b.Columns[0].Ints[0] != 30 || !b.Columns[0].IsMissing(1) || b.Columns[1].Floats[0] != float64(float32(0.1)) || b.Columns[2].Strings[1] != "b" || !b.Columns[3].Bools[0] || b.Columns[3].Bools[1] {
		t.Errorf("%+v", b)
	}
	_, a, _ = infer(t, w, "numbers", `{"inputs":[{"name":"input-0","shape":[2,3],"datatype":"FP64","data":[[1,2,3],[4,5,6]]}],"outputs":[{"name":"probability_yes"}]}`, "")
	b = w.Models["numbers"].Last
	if len(a.Outputs) != 1 || b.Rows != 2 || b.Columns[2].Floats[1] != 6 || b.Columns[0].Floats[1] != 4 {
		t.Errorf("matrix: %+v %+v", a, b)
	}
}

// TestBinary: what Triton's client sends by default comes back to the bit.
func TestBinary(t *testing.T) {
	w := newWorld(t)
	values := []float64{0.1, math.Copysign(0, -1), 5e-324, math.MaxFloat64, 1, 2}
	var blob []byte
	for _, v := range values {
		blob = binary.LittleEndian.AppendUint64(blob, math.Float64bits(v))
	}
	header := `{"parameters":{"binary_data_output":true},"inputs":[{"name":"x","shape":[2,3],"datatype":"FP64","parameters":{"binary_data_size":48}}]}`
	rec, a, out := infer(t, w, "numbers", header, string(blob))
	if rec.Code != 200 || rec.Header().Get("Content-Type") != "application/octet-stream" {
		t.Fatalf("%d %s", rec.Code, rec.Body)
	}
	b := w.Models["numbers"].Last
	for i, v := range values {
		if math.Float64bits(b.Columns[i%3].Floats[i/3]) != math.Float64bits(v) {
			t.Errorf("value %d: %v", i, b.Columns[i%3].Floats[i/3])
		}
	}
	if p := a.output("prediction"); p.Parameters["binary_data_size"] != 12 || string(out[:12]) != "\x02\x00\x00\x00no\x02\x00\x00\x00no" {
		t.Errorf("%+v %q", p, out)
	}
	if got := math.Float64frombits(binary.LittleEndian.Uint64(out[12+16+8:])); got != 0.002 || len(out) != 12+32 {
		t.Errorf("%v of %d bytes", got, len(out))
	}
	header = `{"inputs":[{"name":"plan","shape":[2],"datatype":"BYTES","parameters":{"binary_data_size":10}},{"name":"age","shape":[2],"datatype":"INT16","data":[1,2]},
		{"name":"active","shape":[2],"datatype":"BOOL","parameters":{"binary_data_size":2}}],
		"outputs":[{"name":"probability_no","parameters":{"binary_data":true}},{"name":"prediction","parameters":{"binary_data":false}}]}`
	rec, a, out = infer(t, w, "mixed", header, "\x01\x00\x00\x00a\x01\x00\x00\x00b\x01\x00")
	if rec.Code != 200 || len(out) != 16 || a.Outputs[1].Data[0] != "no" || w.Models["mixed"].Last.Columns[2].Strings[1] != "b" {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
}

// TestDatatypes: each type's ends are read exactly, in both forms, and what is beyond is refused.
func TestDatatypes(t *testing.T) {
	w := newWorld(t)
	le := func(u uint64, size int) string { return string(binary.LittleEndian.AppendUint64(nil, u)[:size]) }
	for _, c := range []struct {
		datatype, text string // "" where JSON cannot say it
		bytes          string
		want           float64
		beyond         string
	}{
		{"INT8", "-128", le(0x80, 1), -128, "-129"},
		{"INT8", "127", le(0x7f, 1), 127, "128"},
		{"INT16", "-32768", le(0x8000, 2), -32768, "32768"},
		{"INT32", "-2147483648", le(0x80000000, 4), -0x1p31, "2147483648"},
		{"INT64", "-9223372036854775808", le(1<<63, 8), -0x1p63, "-9223372036854777856"},
		{"INT64", "9223372036854775807", le(1<<63-1, 8), 0x1p63, "9223372036854775808"},
		{"UINT8", "255", le(255, 1), 255, "256"},
		{"UINT16", "65535", le(65535, 2), 65535, "-1"},
		{"UINT32", "4294967295", le(1<<32-1, 4), 1<<32 - 1, "4294967296"},
		{"UINT64", "18446744073709551615", le(math.MaxUint64, 8), 0x1p64, "18446744073709551616"},
		{"UINT64", "9007199254740993", le(9007199254740993, 8), 9007199254740992, "-1"},
		{"INT32", "3.0", le(3, 4), 3, "3.5"},
		{"FP16", "0.1", le(0x2e66, 2), 0.0999755859375, "65520"},
		{"FP16", "65504", le(0x7bff, 2), 65504, "1e999"},
		{"FP16", "5.960464477539063e-8", le(1, 2), 0x1p-24, "true"},
		{"FP16", "-1", le(0xbc00, 2), -1, `"1"`},
		{"FP32", "0.1", le(uint64(math.Float32bits(0.1)), 4), float64(float32(0.1)), "3.5e38"},
		{"FP64", "0.1", le(math.Float64bits(0.1), 8), 0.1, "1e999"},
	} {
		check := func(form, header, blob string) {
			t.Helper()
			rec, _, _ := infer(t, w, "numbers", header, blob)
			if rec.Code != 200 || w.Models["numbers"].Last.Columns[0].Floats[0] != c.want {
				t.Errorf("%s %s %s: %d %s", c.datatype, form, c.text, rec.Code, rec.Body)
			}
		}
		tensor := `{"inputs":[{"name":"x0","shape":[1],"datatype":"` + c.datatype + `",`
		check("JSON", tensor+`"data":[`+c.text+`]}]}`, "")
		check("binary", tensor+fmt.Sprintf(`"parameters":{"binary_data_size":%d}}]}`, len(c.bytes)), c.bytes)
		if rec, a, _ := infer(t, w, "numbers", tensor+`"data":[`+c.beyond+`]}]}`, ""); rec.Code != 400 {
			t.Errorf("%s %s: %d %s", c.datatype, c.beyond, rec.Code, a.Error)
		}
	}
	for _, bits := range []uint64{0x7c00, 0xfc00, 0x7e00} { // infinities and NaN of FP16
		rec, _, _ := infer(t, w, "numbers", `{"inputs":[{"name":"x0","shape":[1],"datatype":"FP16","parameters":{"binary_data_size":2}}]}`, le(bits, 2))
		if rec.Code != 400 {
			t.Errorf("%x: %d", bits, rec.Code)
		}
	}
}

// TestHalf: all 65,536 halves are what rounding them again gives.
func TestHalf(t *testing.T) {
	for u := range 1 << 16 {
		v := half(uint16(u))
		if v-v != 0 {
			continue
		}
		if got := roundHalf(v); got != v {
			t.Fatalf("%04x: %v rounds to %v", u, v, got)
		}
		if u&0x7fff != 0 && u&0x7fff < 0x7bff { // halfway to the next goes to the even one
			next := half(uint16(u) + 1)
			want := v
			if u&1 == 1 {
				want = next
			}
			if got := roundHalf((v + next) / 2); got != want {
				t.Fatalf("%04x: halfway to %v gives %v, want %v", u, next, got, want)
			}
		}
	}
}

func TestHostile(t *testing.T) {
	w := newWorld(t)
	tensor := func(members string) string { return `{"inputs":[{"name":"x0",` + members + `}]}` }
	for _, c := range []struct{ name, model, header, blob, says string }{
		{"no inputs", "numbers", `{}`, "", "no inputs"},
		{"null", "numbers", `null`, "", "the body is null"},
		{"product wraps", "numbers", tensor(`"shape":[4294967296,4294967296],"datatype":"FP64","data":[]`), "", "too many values"},
		{"product is huge", "numbers", tensor(`"shape":[9223372036854775807],"datatype":"FP64","data":[]`), "", "too many values"},
		{"negative", "numbers", tensor(`"shape":[-1],"datatype":"FP64","data":[]`), "", "whole number from 0"},
		{"fraction", "numbers", tensor(`"shape":[1.5],"datatype":"FP64","data":[]`), "", "whole number from 0"},
		{"many dimensions", "numbers", tensor(`"shape":[1,1,1,1,1,1,1,1,1],"datatype":"FP64","data":[1]`), "", "dimensions"},
		{"no shape", "numbers", tensor(`"datatype":"FP64","data":[1]`), "", "has the shape []"},
		{"wrong width", "numbers", `{"inputs":[{"name":"input","shape":[1,2],"datatype":"FP64","data":[1,2]}]}`, "", "and it is [n 3]"},
		{"fewer values", "numbers", tensor(`"shape":[2],"datatype":"FP64","data":[1]`), "", "fewer values"},
		{"more values", "numbers", tensor(`"shape":[1],"datatype":"FP64","data":[1,2]`), "", "more values"},
		{"short binary", "numbers", tensor(`"shape":[2],"datatype":"FP64","parameters":{"binary_data_size":8}`), "12345678", "has 8 bytes, and its shape needs 16"},
		{"size beyond", "numbers", tensor(`"shape":[1],"datatype":"FP64","parameters":{"binary_data_size":9}`), "12345678", "8 bytes are left"},
		{"negative size", "numbers", tensor(`"shape":[1],"datatype":"FP64","parameters":{"binary_data_size":-8}`), "12345678", "whole number from 0"},
		{"left over", "numbers", tensor(`"shape":[1],"datatype":"FP64","parameters":{"binary_data_size":8}`), "123456789", "1 bytes follow"},
		{"both forms", "numbers", tensor(`"shape":[1],"datatype":"FP64","data":[1],"parameters":{"binary_data_size":8}`), "12345678", "both data and binary"},
		{"neither form", "numbers", tensor(`"shape":[1],"datatype":"FP64"`), "", "or neither"},
		{"hostile string", "mixed", `{"inputs":[{"name":"plan","shape":[1],"datatype":"BYTES","parameters":{"binary_data_size":8}}]}`, "\xff\xff\xff\xffabcd", "4294967295 bytes"},
		{"short string", "mixed", `{"inputs":[{"name":"plan","shape":[1],"datatype":"BYTES","parameters":{"binary_data_size":3}}]}`, "abc", "ends within value 0"},
		{"long string", "mixed", `{"inputs":[{"name":"plan","shape":[1],"datatype":"BYTES","parameters":{"binary_data_size":6}}]}`, "\x01\x00\x00\x00ab", "after its last value"},
		{"bad UTF-8", "mixed", `{"inputs":[{"name":"plan","shape":[1],"datatype":"BYTES","parameters":{"binary_data_size":5}}]}`, "\x01\x00\x00\x00\xff", "not UTF-8"},
		{"bad bool", "mixed", `{"inputs":[{"name":"active","shape":[1],"datatype":"BOOL","parameters":{"binary_data_size":1}}]}`, "\x02", "BOOL is 0 or 1"},
		{"datatype", "numbers", tensor(`"shape":[1],"datatype":"FP128","data":[1]`), "", `datatype "FP128"`},
		{"string as number", "numbers", tensor(`"shape":[1],"datatype":"BYTES","data":["1"]`), "", "is the string"},
		{"unknown input", "numbers", `{"inputs":[{"name":"y","shape":[1],"datatype":"FP64","data":[1]}]}`, "", `"y" is not an input`},
		{"twice", "numbers", `{"inputs":[{"name":"x0","shape":[1],"datatype":"FP64","data":[1]},{"name":"x0","shape":[1],"datatype":"FP64","data":[1]}]}`, "", "comes twice"},
		{"lengths differ", "numbers", `{"inputs":[{"name":"x0","shape":[1],"datatype":"FP64","data":[1]},{"name":"x1","shape":[2],"datatype":"FP64","data":[1,2]}]}`, "", "has 2 rows where another has 1"},
		{"needed one missing", "mixed", `{"inputs":[{"name":"age","shape":[1],"datatype":"INT64","data":[1]}]}`, "", `"plan" is missing`},
		{"matrix of strings", "mixed", `{"inputs":[{"name":"all","shape":[1,4],"datatype":"FP64","data":[1,2,3,4]}]}`, "", "numeric columns"},
		{"unknown output", "numbers", `{"inputs":[{"name":"x0","shape":[1],"datatype":"FP64","data":[1]}],"outputs":[{"name":"y"}]}`, "", `no output "y"`},
		{"classification", "numbers", `{"inputs":[],"outputs":[{"name":"y","parameters":{"classification":3}}]}`, "", `"classification" is not supported`},
		{"shared memory", "numbers", tensor(`"shape":[1],"datatype":"FP64","parameters":{"shared_memory_region":"r"}`), "", `"shared_memory_region" is not supported`},
		{"sequence", "numbers", `{"parameters":{"sequence_id":5},"inputs":[]}`, "", "sequence_id is not supported"},
		{"unknown member", "numbers", `{"input":[]}`, "", `"input" is not a field`},
		{"NaN", "numbers", tensor(`"shape":[1],"datatype":"FP64","parameters":{"binary_data_size":8}`), "\x00\x00\x00\x00\x00\x00\xf8\x7f", `"x0" is NaN`},
		{"deep", "numbers", tensor(`"shape":[1],"datatype":"FP64","data":` + strings.Repeat("[", 100_000)), "", "nested deeper"},
		{"nested data", "numbers", tensor(`"shape":[1],"datatype":"FP64","data":[[[[[[[[[[1]]]]]]]]]]`), "", "it is a value"},
	} {
		t.Run(c.name, func(t *testing.T) {
			rec, a, _ := infer(t, w, c.model, c.header, c.blob)
			if rec.Code != 400 || !strings.Contains(a.Error, c.says) {
				t.Errorf("%d %s", rec.Code, rec.Body)
			}
		})
	}
	for header, status := range map[string]int{"-1": 400, "x": 400, "99999": 400, "18446744073709551615": 400} {
		if rec := w.Do("POST", "/v2/models/numbers/infer", w.Owner, `{}`, LengthHeader, header); rec.Code != status {
			t.Errorf("%s %s: %d", LengthHeader, header, rec.Code)
		}
	}
	big := fmt.Sprintf(`{"inputs":[{"name":"x0","shape":[%d],"datatype":"FP64","data":[]}]}`, row.MaxRows+1)
	if rec, _, _ := infer(t, w, "numbers", big, ""); rec.Code != 413 {
		t.Errorf("too many rows: %d", rec.Code)
	}
	if rec := w.Do("POST", "/v2/models/nothing/infer", w.Owner, `{}`); rec.Code != http.StatusNotFound {
		t.Errorf("unknown model: %d", rec.Code)
	}
	if w.Resolved != w.Released {
		t.Errorf("%d resolved, %d released", w.Resolved, w.Released)
	}
}

func FuzzInfer(f *testing.F) {
	f.Add(`{"inputs":[{"name":"x0","shape":[1],"datatype":"FP64","data":[1]}]}`, "", "numbers")
	f.Add(`{"inputs":[{"name":"x","shape":[1,3],"datatype":"FP32","parameters":{"binary_data_size":12}}],"outputs":[{"name":"prediction","parameters":{"binary_data":true}}]}`, "123456789012", "numbers")
	f.Add(`{"inputs":[{"name":"plan","shape":[1],"datatype":"BYTES","parameters":{"binary_data_size":5}}]}`, "\x01\x00\x00\x00a", "mixed")
	w := newWorld(f)
	f.Fuzz(func(t *testing.T, header, blob, model string) {
		if model != "mixed" {
			model = "numbers"
		}
		rec, _, _ := infer(t, w, model, header, blob)
		if rec.Code != 200 && rec.Code != 400 && rec.Code != 413 {
			t.Errorf("%d %s", rec.Code, rec.Body)
		}
	})
}
