package feature

import (
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"lathe"
	"lathe/internal/data/table"
)

func TestFitTarget(t *testing.T) {
	tests := []struct {
		cells, classes, labels string
	}{
		{"b a c a", "[a b c]", "[1 0 2 0]"},
		{"true false true", "[false true]", "[1 0 1]"},
		{"10 9 -1 10", "[-1 9 10]", "[2 1 0 2]"},
		{"1.5 -0.0 0.0 1.5", "[0 1.5]", "[1 0 0 1]"},
		{"9007199254740993 9007199254740992 9007199254740993", "[9007199254740992 9007199254740993]", "[1 0 1]"},
		{"北京 Ålesund bonn Bonn", "[Bonn bonn Ålesund 北京]", "[3 2 1 0]"},
	}
	for _, test := range tests {
		b, _ := read(t, "y,x\n"+strings.ReplaceAll(test.cells, " ", ",1\n")+",1\n", nil)
		target, err := FitTarget(&b.Columns[0], table.Multiclass)
		if err != nil {
			t.Fatal(err)
		}
		labels := make([]int32, b.Rows)
		if err := target.Labels(labels, &b.Columns[0]); err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(target.Classes) != test.classes || fmt.Sprint(labels) != test.labels {
			t.Errorf("%s: classes %v, labels %v; want %s, %s", test.cells, target.Classes, labels, test.classes, test.labels)
		}
		back := target.Column("prediction", labels)
		if again := make([]int32, b.Rows); target.Labels(again, &back) != nil || !reflect.DeepEqual(again, labels) || back.Kind != b.Columns[0].Kind || back.Name != "prediction" {
			t.Errorf("%s: %+v", test.cells, back)
		}
	}
}

// TestTargetKinds checks that 1 and 1.0 are one class, and that a text "1" is another thing.
func TestTargetKinds(t *testing.T) {
	ints := lathe.Column{Name: "y", Kind: lathe.Int64, Ints: []int64{0, 1, 1}}
	target, err := FitTarget(&ints, table.Binary)
	if err != nil {
		t.Fatal(err)
	}
	dst := make([]float32, 3)
	if err := target.Floats(dst, &lathe.Column{Name: "y", Kind: lathe.Float64, Floats: []float64{1, 0, 1}}); err != nil || !reflect.DeepEqual(dst, []float32{1, 0, 1}) {
		t.Errorf("got %v, %v", dst, err)
	}
	for _, test := range []struct {
		column  lathe.Column
		message string
	}{
		{lathe.Column{Kind: lathe.String, Strings: []string{"0", "1", "1"}}, `y is "0" in row 0`},
		{lathe.Column{Kind: lathe.Int64, Ints: []int64{0, 1, 2}}, `y is "2" in row 2`},
		{lathe.Column{Kind: lathe.Float64, Floats: []float64{0, math.NaN(), 1}}, `y is "NaN" in row 1`},
		{lathe.Column{Kind: lathe.Int64, Ints: []int64{0, 1, 0}, Missing: []bool{false, false, true}}, "y is missing in row 2"},
	} {
		for _, err := range []error{target.Labels(make([]int32, 3), &test.column), target.Floats(dst, &test.column)} {
			if lathe.CodeOf(err) != lathe.CodeInvalid || !strings.Contains(err.Error(), test.message) {
				t.Errorf("got %v, want %q", err, test.message)
			}
		}
	}
}

func TestTargetRegression(t *testing.T) {
	c := lathe.Column{Name: "y", Kind: lathe.Int64, Ints: []int64{2, 4, 4, 4, 5, 5, 7, 9}}
	target, err := FitTarget(&c, table.Regression)
	if err != nil {
		t.Fatal(err)
	}
	dst := make([]float32, 8)
	if err := target.Floats(dst, &c); err != nil || dst[7] != 9 || target.Value(9) != 9 {
		t.Errorf("as it is: %v, %v", dst, err)
	}
	if err := target.Standardise(&c); err != nil || target.Mean != 5 || target.Std != 2 {
		t.Fatalf("mean %v, std %v, %v; want 5, 2", target.Mean, target.Std, err)
	}
	if err := target.Floats(dst, &c); err != nil || dst[7] != 2 || target.Value(2) != 9 {
		t.Errorf("standardised: %v, %v", dst, err)
	}
	numbers := make([]float64, 8)
	if err := target.Numbers(numbers, &c); err != nil || numbers[0] != 2 || numbers[7] != 9 {
		t.Errorf("numbers %v, %v", numbers, err)
	}
	bad := lathe.Column{Kind: lathe.Float64, Floats: []float64{1, 2, 3, math.Inf(1), 5, 6, 7, 8}}
	for _, err := range []error{target.Floats(dst, &bad), target.Numbers(numbers, &bad)} {
		if lathe.CodeOf(err) != lathe.CodeInvalid || !strings.Contains(err.Error(), `y is "+Inf" in row 3`) {
			t.Errorf("got %v", err)
		}
	}
	if _, err := FitTarget(&lathe.Column{Name: "y", Kind: lathe.String, Strings: []string{"a"}}, table.Regression); lathe.CodeOf(err) != lathe.CodeInvalid {
		t.Errorf("texts: %v", err)
	}
}

func TestFitTargetTooManyClasses(t *testing.T) {
	c := lathe.NewColumn("y", lathe.Int64, maxClasses+1)
	for i := range c.Ints {
		c.Ints[i] = int64(i)
	}
	if _, err := FitTarget(&c, table.Multiclass); lathe.CodeOf(err) != lathe.CodeTooLarge {
		t.Errorf("got %v", err)
	}
}
