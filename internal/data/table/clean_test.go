package table

import (
	"reflect"
	"strings"
	"testing"

	"lathe"
)

func TestClean(t *testing.T) {
	const text = "a,b,c,d\n1,x,0.5,true\n,y,1.5,\n4,,,true\n1,x,0.5,true\n"
	tests := []struct {
		name string
		spec lathe.CleanSpec
		want string
		done Cleaned
	}{
		{"drop missing", lathe.CleanSpec{DropMissing: true}, `a int64: 1 1 | b string: "x" "x" | c float64: 0.5 0.5 | d bool: true true`, Cleaned{MissingDropped: 2}},
		{"drop missing in one", lathe.CleanSpec{DropMissing: true, Columns: []string{"a"}}, `a int64: 1 4 1 | b string: "x" - "x" | c float64: 0.5 - 0.5 | d bool: true true true`, Cleaned{MissingDropped: 1}},
		{"mean", lathe.CleanSpec{Impute: "mean"}, `a int64: 1 2 4 1 | b string: "x" "y" - "x" | c float64: 0.5 1.5 0.8333333333333334 0.5 | d bool: true - true true`, Cleaned{Imputed: map[string]int{"a": 1, "c": 1}}},
		{"median", lathe.CleanSpec{Impute: "median", Columns: []string{"c"}}, `a int64: 1 - 4 1 | b string: "x" "y" - "x" | c float64: 0.5 1.5 0.5 0.5 | d bool: true - true true`, Cleaned{Imputed: map[string]int{"c": 1}}},
		{"mode", lathe.CleanSpec{Impute: "mode"}, `a int64: 1 1 4 1 | b string: "x" "y" "x" "x" | c float64: 0.5 1.5 0.5 0.5 | d bool: true true true true`, Cleaned{Imputed: map[string]int{"a": 1, "b": 1, "c": 1, "d": 1}}},
		{"constant", lathe.CleanSpec{Impute: "constant", Constant: "0"}, `a int64: 1 0 4 1 | b string: "x" "y" "0" "x" | c float64: 0.5 1.5 0 0.5 | d bool: true false true true`, Cleaned{Imputed: map[string]int{"a": 1, "b": 1, "c": 1, "d": 1}}},
		{"constant text", lathe.CleanSpec{Impute: "constant", Constant: "none"}, `a int64: 1 - 4 1 | b string: "x" "y" "none" "x" | c float64: 0.5 1.5 - 0.5 | d bool: true - true true`, Cleaned{Imputed: map[string]int{"b": 1}}},
		{"duplicates", lathe.CleanSpec{DropDuplicates: true}, `a int64: 1 - 4 | b string: "x" "y" - | c float64: 0.5 1.5 - | d bool: true - true`, Cleaned{DuplicatesDropped: 1}},
		{"duplicates in one", lathe.CleanSpec{DropDuplicates: true, Columns: []string{"d"}}, `a int64: 1 - | b string: "x" "y" | c float64: 0.5 1.5 | d bool: true -`, Cleaned{DuplicatesDropped: 2}},
		{"all steps", lathe.CleanSpec{DropColumns: []string{"b", "d"}, DropMissing: true, DropDuplicates: true}, `a int64: 1 | c float64: 0.5`, Cleaned{ColumnsDropped: 2, MissingDropped: 2, DuplicatesDropped: 1}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := mustRead(t, text, Options{}).Batch
			before := DigestOf(b)
			got, done, err := Clean(b, test.spec)
			if err != nil {
				t.Fatal(err)
			}
			var columns []string
			for i := range got.Columns {
				columns = append(columns, show(&got.Columns[i]))
			}
			if text := strings.Join(columns, " | "); text != test.want {
				t.Errorf("got  %s\nwant %s", text, test.want)
			}
			if test.done.Imputed == nil {
				test.done.Imputed = map[string]int{}
			}
			if !reflect.DeepEqual(done, test.done) {
				t.Errorf("counts %+v, want %+v", done, test.done)
			}
			if DigestOf(b) != before {
				t.Error("the table given was changed")
			}
		})
	}
}

func TestCleanMean(t *testing.T) {
	b := mustRead(t, "a,b\n1,1\n2,1\n,1\n", Options{}).Batch
	got, _, err := Clean(b, lathe.CleanSpec{Impute: "mean"})
	if err != nil || show(&got.Columns[0]) != "a float64: 1 2 1.5" {
		t.Errorf("got %s, %v", show(&got.Columns[0]), err)
	}
	b = mustRead(t, "a,b\n,1\n,2\n", Options{}).Batch
	got, _, err = Clean(b, lathe.CleanSpec{Impute: "constant", Constant: "new", Columns: []string{"a"}})
	if err != nil || show(&got.Columns[0]) != `a string: "new" "new"` {
		t.Errorf("got %s, %v", show(&got.Columns[0]), err)
	}
}

func TestCleanRefuses(t *testing.T) {
	tests := []struct {
		name          string
		spec          lathe.CleanSpec
		message, hint string
	}{
		{"no such column", lathe.CleanSpec{DropColumns: []string{"name"}}, `no column "name"`, `"names"`},
		{"all columns", lathe.CleanSpec{DropColumns: []string{"names", "x"}}, "no column is left", "at least one"},
		{"all rows", lathe.CleanSpec{DropMissing: true}, "no row is left", "impute"},
		{"mean of texts", lathe.CleanSpec{Impute: "mean", Columns: []string{"names"}}, `column "names" is string, which has no mean`, "mode"},
		{"a text for a number", lathe.CleanSpec{Impute: "constant", Constant: "many", Columns: []string{"x"}}, `constant "many" is no int64`, "kind"},
		{"unknown", lathe.CleanSpec{Impute: "guess"}, `impute "guess" is not known`, "median"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := mustRead(t, "names,x\nann,\n,2\n", Options{}).Batch
			_, _, err := Clean(b, test.spec)
			wantError(t, err, lathe.CodeInvalid, test.message, test.hint)
		})
	}
}

// TestRepeatsCollisions checks that rows are compared: once with their hashes, and once with one hash for all.
func TestRepeatsCollisions(t *testing.T) {
	b := mustRead(t, "a,b\n1,2\n2,1\n1,2\n,1\n1,\n,1\n-0.0,0\n0,-0.0\n2,1\n", Options{}).Batch
	want := []bool{false, false, true, false, false, true, false, true, true}
	if got := repeats(b, among(nil)); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := repeatsOf(b, make([]uint64, b.Rows), among(nil)); !reflect.DeepEqual(got, want) {
		t.Errorf("with one hash: got %v, want %v", got, want)
	}
}
