package feature

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"reflect"
	"strings"
	"testing"

	"lathe"
	"lathe/internal/data/table"
)

// TestScikitLearn compares with what scikit-learn makes of people.csv; testdata/make.py made both.
func TestScikitLearn(t *testing.T) {
	type learnt struct {
		Mean, Scale []float64
		Rows        [][]float64
	}
	var want struct {
		Median, Mean learnt
		Classes      []string
		Labels       []int32
	}
	data, err := os.ReadFile("testdata/sklearn.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &want); err != nil {
		t.Fatal(err)
	}
	people, err := os.ReadFile("testdata/people.csv")
	if err != nil {
		t.Fatal(err)
	}
	b, schema := read(t, string(people), nil)
	schema.Column("constantish").Type = table.Float // scikit-learn keeps it; its spread is one of rounding
	train, rest := b.Slice(0, 80), b.Slice(80, b.Rows).Take(count(b.Rows-80))
	city := rest.Column("city")
	city.Strings[0] = "unseen"
	if city.Missing != nil {
		city.Missing[0] = false
	}
	for impute, w := range map[string]learnt{ImputeMedian: want.Median, ImputeMean: want.Mean} {
		p, err := Fit(train, schema, Options{Impute: impute, Exclude: []string{"label"}})
		if err != nil {
			t.Fatal(err)
		}
		for i := range w.Mean {
			n := p.inputs[i].Numeric
			if math.Abs(n.Mean-w.Mean[i]) > 1e-12*math.Abs(w.Mean[i]) || math.Abs(n.Std-w.Scale[i]) > 1e-12*w.Scale[i] {
				t.Errorf("%s, %s: mean %v, std %v; scikit-learn %v, %v", impute, p.inputs[i].Name, n.Mean, n.Std, w.Mean[i], w.Scale[i])
			}
		}
		got := transform(t, p, rest)
		if len(got) != len(w.Rows)*len(w.Rows[0]) {
			t.Fatalf("%s: %d values, want [%d %d]", impute, len(got), len(w.Rows), len(w.Rows[0]))
		}
		for r, row := range w.Rows {
			for k, v := range row {
				if g := got[r*len(row)+k]; math.Abs(float64(g)-v) > 1e-6 {
					t.Errorf("%s: row %d, %s: %v, scikit-learn %v", impute, r, p.Names()[k], g, v)
				}
			}
		}
	}
	target, err := FitTarget(b.Column("label"), table.Multiclass)
	if err != nil {
		t.Fatal(err)
	}
	labels := make([]int32, b.Rows)
	if err := target.Labels(labels, b.Column("label")); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(target.Classes, want.Classes) || !reflect.DeepEqual(labels, want.Labels) {
		t.Errorf("classes %v, labels %v; scikit-learn %v, %v", target.Classes, labels, want.Classes, want.Labels)
	}
}

func count(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}

// sample learns a pipeline with every kind of input and a target beside it.
func sample(t testing.TB) (*Preprocess, *lathe.Batch) {
	text := "age,zip,city,member,joined,id,y\n"
	for i := range 40 {
		gap := map[bool]string{true: "", false: fmt.Sprintf("%d.%d", i*i, i)}[i%9 == 0]
		text += fmt.Sprintf("%s,%d,%s,%t,2026-01-%02d 1%d:00:00,k%d,%d\n", gap, i%3, []string{"Bonn", "Rome", "", "Oslo"}[i%4], i%2 == 0, i%28+1, i%10, i, i%3)
	}
	b, schema := read(t, text, nil)
	schema.Column("zip").Type = table.Category // as a user may say
	p, err := Fit(b, schema, Options{Exclude: []string{"y"}, Indicator: true, Cyclic: true, MaxLevels: 2})
	if err != nil {
		t.Fatal(err)
	}
	target, err := FitTarget(b.Column("y"), table.Multiclass)
	if err != nil {
		t.Fatal(err)
	}
	return &Preprocess{Pipeline: p, Target: target}, b
}

func encode(t testing.TB, p *Preprocess) []byte {
	t.Helper()
	data, err := p.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestPreprocessRoundTrip(t *testing.T) {
	p, b := sample(t)
	data := encode(t, p)
	again, err := Decode(data)
	if err != nil {
		t.Fatalf("%v in\n%s", err, data)
	}
	want, got := transform(t, p.Pipeline, b), transform(t, again.Pipeline, b)
	for i := range want {
		if math.Float32bits(want[i]) != math.Float32bits(got[i]) {
			t.Fatalf("value %d is %v, was %v", i, got[i], want[i])
		}
	}
	if !bytes.Equal(encode(t, again), data) {
		t.Error("encoded again, the bytes differ")
	}
	if !reflect.DeepEqual(again.Pipeline.Inputs(), p.Pipeline.Inputs()) || !reflect.DeepEqual(again.Pipeline.Dropped(), p.Pipeline.Dropped()) {
		t.Error("another signature")
	}
	labels := make([]int32, b.Rows)
	if err := again.Target.Labels(labels, b.Column("y")); err != nil || labels[5] != 2 {
		t.Errorf("labels %v, %v", labels, err)
	}
}

// TestDecodeFormat1 reads a file of the first format: it must open for ever.
func TestDecodeFormat1(t *testing.T) {
	data, err := os.ReadFile("testdata/format1.json")
	if err != nil {
		t.Fatal(err)
	}
	p, err := Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	if p.Pipeline.Width() != 22 || p.Target.Task != table.Multiclass || len(p.Pipeline.Dropped()) != 1 {
		t.Errorf("width %d, target %+v, dropped %v", p.Pipeline.Width(), p.Target, p.Pipeline.Dropped())
	}
}

func TestDecodeRefuses(t *testing.T) {
	p, _ := sample(t)
	good := string(encode(t, p))
	tests := []struct{ name, old, new, message string }{
		{"no JSON", good, "x", "invalid character"},
		{"empty", good, "", "EOF"},
		{"format", `"format": 1`, `"format": 2`, "format 2 is not known"},
		{"unknown member", `"format": 1`, `"format": 1, "code": "x"`, "unknown object member name"},
		{"duplicate member", `"format": 1`, `"format": 1, "format": 1`, "duplicate"},
		{"no inputs", good, `{"format": 1}`, "0 inputs"},
		{"no name", `"name": "age"`, `"name": ""`, "name of 0 bytes"},
		{"name twice", `"name": "age"`, `"name": "zip"`, "appears twice"},
		{"dropped input", `"name": "id"`, `"name": "age"`, "appears twice"},
		{"missing", `"missing": "impute"`, `"missing": "guess"`, "neither impute nor refuse"},
		{"kind", `"kind": "float64"`, `"kind": "bool"`, "does not fit"},
		{"unknown kind", `"kind": "float64"`, `"kind": "float16"`, "float16"},
		{"type", `"type": "float"`, `"type": "text"`, "does not fit"},
		{"two parts", `"numeric": {`, `"boolean": {"fill": true, "indicator": false}, "numeric": {`, "has 2 of"},
		{"NaN", `"fill": 400.2`, `"fill": NaN`, "invalid"},
		{"huge", `"fill": 400.2`, `"fill": 1e999`, "1e999"},
		{"std 0", `"std": `, `"std": -`, "not above 0"},
		{"tiny std", `"std": 435.5737147174402`, `"std": 1e-320`, "not above 0"},
		{"levels sorted", `"0",`, `"9",`, "not sorted"},
		{"levels that are no numbers", `"0",`, `"+0",`, "does not fit"},
		{"top", `"top": "Bonn"`, `"top": "Paris"`, "none of the levels"},
		{"class twice", "\"0\",\n   \"1\"", "\"1\",\n   \"1\"", "appears twice"},
		{"class", "\"1\",\n   \"2\"", "\"1\",\n   \"two\"", "class 2 is no int64"},
		{"task", `"task": "multiclass"`, `"task": "binary"`, "a binary target has 3 classes"},
		{"unknown task", `"task": "multiclass"`, `"task": "rank"`, "is not known"},
		{"target an input", `"name": "y"`, `"name": "age"`, "an input too"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			bad := strings.Replace(good, test.old, test.new, 1)
			if bad == good {
				t.Fatalf("no %s in\n%s", test.old, good)
			}
			_, err := Decode([]byte(bad))
			if code := lathe.CodeOf(err); code != lathe.CodeCorrupt && code != lathe.CodeUnsupported {
				t.Fatalf("got %v", err)
			}
			if !strings.Contains(err.Error(), test.message) {
				t.Errorf("got %q, want %q", err, test.message)
			}
		})
	}
}

// TestDecodeParts covers lengths that JSON alone cannot hold together.
func TestDecodeParts(t *testing.T) {
	tests := []struct {
		message string
		change  func(f *file)
	}{
		{"5 means and 6 stds", func(f *file) { f.part("joined").Time.Mean = f.part("joined").Time.Mean[:5] }},
		{"0 levels", func(f *file) { f.part("city").Category.Levels = nil }},
		{"allowed are 1 to 10000", func(f *file) { f.part("city").Category.Levels = make([]string, maxLevels+1) }},
		{"more than 1048576", func(f *file) { f.part("city").Category.Levels = []string{strings.Repeat("x", maxLevelBytes+1)} }},
		{"has 0 of", func(f *file) { f.part("age").Numeric = nil }},
		{"10001 inputs", func(f *file) { f.Inputs = make([]input, maxInputs+1) }},
		{"allowed are 2 to", func(f *file) { f.Target.Classes = f.Target.Classes[:1] }},
		{"regression target has 3 classes", func(f *file) { f.Target.Task = table.Regression }},
		{"std 0 is not above", func(f *file) { f.Target.Std = 0 }},
	}
	for _, test := range tests {
		p, _ := sample(t)
		f := file{Inputs: p.Pipeline.inputs, Dropped: p.Pipeline.dropped, Target: p.Target}
		test.change(&f)
		if err := f.check(); err == nil || !strings.Contains(err.Error(), test.message) {
			t.Errorf("got %v, want %q", err, test.message)
		}
	}
}

func (f *file) part(name string) *input {
	for i := range f.Inputs {
		if f.Inputs[i].Name == name {
			return &f.Inputs[i]
		}
	}
	return nil
}

// TestDecodeWidth checks that small JSON cannot ask for a huge matrix.
func TestDecodeWidth(t *testing.T) {
	f := file{Format: formatVersion}
	for i := range 120 {
		levels := make([]string, maxLevels)
		for k := range levels {
			levels[k] = fmt.Sprintf("%05d", k)
		}
		f.Inputs = append(f.Inputs, input{Name: fmt.Sprint(i), Kind: lathe.String, Type: table.Category, Missing: MissingImpute, Category: &category{Levels: levels, Top: levels[0]}})
	}
	p := &Pipeline{inputs: f.Inputs}
	if err := p.finish(); lathe.CodeOf(err) != lathe.CodeTooLarge {
		t.Errorf("got %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	p, b := sample(f)
	f.Add(encode(f, p))
	f.Add([]byte(`{"format":1,"inputs":[{"name":"a","kind":"float64","type":"float","missing":"impute","numeric":{"fill":0,"mean":0,"std":1e-300,"indicator":true}}],"dropped":null,"target":null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := Decode(data)
		if err != nil {
			if code := lathe.CodeOf(err); code != lathe.CodeCorrupt && code != lathe.CodeUnsupported {
				t.Fatalf("%v", err)
			}
			return
		}
		again, err := Decode(encode(t, got))
		if err != nil || !reflect.DeepEqual(again.Pipeline.Names(), got.Pipeline.Names()) {
			t.Fatalf("does not encode to what it is: %v", err)
		}
		got.Pipeline.Inputs()
		if got.Pipeline.Width() > 10_000 {
			return
		}
		dst := make([]float32, b.Rows*got.Pipeline.Width())
		if err := got.Pipeline.Transform(dst, b); err != nil && lathe.CodeOf(err) != lathe.CodeInvalid {
			t.Fatal(err)
		}
		for i, v := range dst {
			if v-v != 0 {
				t.Fatalf("value %d is %v", i, v)
			}
		}
	})
}
