package table

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"lathe"
)

// labels makes a table of n rows: x counts, y is "rare" in every tenth row and "common" elsewhere.
func labels(n int) *lathe.Batch {
	b := &lathe.Batch{Rows: n, Columns: []lathe.Column{lathe.NewColumn("x", lathe.Int64, n), lathe.NewColumn("y", lathe.String, n)}}
	for i := range n {
		b.Columns[0].Ints[i] = int64(i)
		b.Columns[1].Strings[i] = "common"
		if i%10 == 0 {
			b.Columns[1].Strings[i] = "rare"
		}
	}
	return b
}

// TestSplitBits holds the very rows: a stored split must come out again on any machine and in any version.
func TestSplitBits(t *testing.T) {
	s, err := NewSplit(labels(20), SplitOptions{Split: "0.7/0.15/0.15", Seed: 42})
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(s.Validation, s.Test); got != splitBits {
		t.Errorf("got %s, want %s", got, splitBits)
	}
	s, err = NewSplit(labels(40), SplitOptions{Split: "0.5/0/0.5", Seed: 7, Stratify: "y"})
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(s.Train); got != stratifiedBits {
		t.Errorf("got %s, want %s", got, stratifiedBits)
	}
}

const (
	splitBits      = "[0 10 17] [4 5 14]"
	stratifiedBits = "[0 3 4 5 6 8 9 10 14 18 19 22 25 26 27 29 31 33 36 38]"
)

func TestSplitPartition(t *testing.T) {
	for _, stratify := range []string{"", "y"} {
		for _, ratio := range []string{"0.7/0.15/0.15", "0.8/0/0.2", "60/20/20", "1/0/0"} {
			for _, n := range []int{20, 100, 1003} {
				s, err := NewSplit(labels(n), SplitOptions{Split: ratio, Stratify: stratify, Seed: 1})
				if err != nil {
					t.Fatalf("%s of %d: %v", ratio, n, err)
				}
				all := slices.Sorted(slices.Values(slices.Concat(s.Train, s.Validation, s.Test)))
				for i := range n {
					if len(all) != n || all[i] != i {
						t.Fatalf("%s of %d: not each row once", ratio, n)
					}
				}
				want, err := ParseRatios(ratio)
				if err != nil {
					t.Fatal(err)
				}
				for k, part := range [][]int{s.Train, s.Validation, s.Test} {
					if !slices.IsSorted(part) || math.Abs(float64(len(part))-want[k]*float64(n)) > 1.01 {
						t.Errorf("%s of %d, stratify %q: part %d has %d rows, sorted %v", ratio, n, stratify, k, len(part), slices.IsSorted(part))
					}
					rare := 0
					for _, i := range part {
						if i%10 == 0 {
							rare++
						}
					}
					if stratify != "" && math.Abs(float64(rare)-want[k]*float64((n+9)/10)) > 1.01 {
						t.Errorf("%s of %d: part %d has %d rare rows", ratio, n, k, rare)
					}
				}
			}
		}
	}
}

func TestSplitSeeds(t *testing.T) {
	split := func(seed uint64) *Split {
		s, err := NewSplit(labels(100), SplitOptions{Split: "0.7/0.15/0.15", Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if !reflect.DeepEqual(split(1), split(1)) {
		t.Error("one seed, two splits")
	}
	if reflect.DeepEqual(split(1).Test, split(2).Test) {
		t.Error("two seeds, one split")
	}
}

// TestBelowIsUniform draws from 6 with 60,000 tries: chi-squared with 5 degrees of freedom stays under 20.5 but once in a
// thousand seeds, and this seed is fixed.
func TestBelowIsUniform(t *testing.T) {
	source := rand.NewPCG(1, 2)
	var counts [6]float64
	for range 60_000 {
		counts[below(source, 6)]++
	}
	chi := 0.0
	for _, n := range counts {
		chi += (n - 10_000) * (n - 10_000) / 10_000
	}
	if chi > 20.5 {
		t.Errorf("counts %v, chi-squared %v", counts, chi)
	}
}

func TestSplitColumn(t *testing.T) {
	text := "x,y,part\n1,a,train\n2,b,Val\n3,a,TEST\n4,,train\n1,b,valid\n6,a,validation\n1,c,test\n"
	s, err := NewSplit(mustRead(t, text, Options{}).Batch, SplitOptions{Split: "part", Target: "y"})
	if err != nil {
		t.Fatal(err)
	}
	want := &Split{Train: []int{0}, Validation: []int{1, 4, 5}, Test: []int{2, 6}, Column: "part", Dropped: 1, Duplicates: 2}
	if !reflect.DeepEqual(s, want) {
		t.Errorf("got %+v, want %+v", s, want)
	}
	s, err = NewSplit(mustRead(t, "x,fold\n1,0\n2,1\n3,2\n", Options{}).Batch, SplitOptions{Split: "fold"})
	if err != nil || !reflect.DeepEqual(s, &Split{Train: []int{0}, Validation: []int{1}, Test: []int{2}, Column: "fold"}) {
		t.Errorf("got %+v, %v", s, err)
	}
}

func TestSplitDuplicates(t *testing.T) {
	b := labels(100)
	for i := range b.Rows {
		b.Columns[0].Ints[i] = 5
	}
	s, err := NewSplit(b, SplitOptions{Split: "0.5/0.25/0.25", Target: "y"})
	if err != nil || s.Duplicates != 50 {
		t.Errorf("got %d duplicates, %v; want 50", s.Duplicates, err)
	}
	s, err = NewSplit(labels(100), SplitOptions{Split: "0.5/0.25/0.25", Target: "y"})
	if err != nil || s.Duplicates != 0 {
		t.Errorf("got %d duplicates, %v; want none", s.Duplicates, err)
	}
}

func TestSplitRefuses(t *testing.T) {
	tests := []struct {
		name          string
		rows          int
		o             SplitOptions
		message, hint string
	}{
		{"neither", 50, SplitOptions{Split: "folds"}, `"folds" is neither a column nor three shares`, "0.7/0.15/0.15"},
		{"two shares", 50, SplitOptions{Split: "0.8/0.2"}, "neither", "0.8/0/0.2"},
		{"sum", 50, SplitOptions{Split: "0.8/0.1/0.2"}, "neither", "add up to 1"},
		{"negative", 50, SplitOptions{Split: "1.2/-0.1/-0.1"}, "neither", "add up to 1"},
		{"NaN", 50, SplitOptions{Split: "NaN/0/1"}, "neither", "add up to 1"},
		{"no train", 50, SplitOptions{Split: "0/0.5/0.5"}, "neither", "add up to 1"},
		{"too few", 3, SplitOptions{Split: "0.8/0.1/0.1"}, "3 rows are too few", "add rows"},
		{"values", 50, SplitOptions{Split: "y"}, `column "y" has "rare" in row 0`, "train, validation"},
		{"target", 50, SplitOptions{Split: "0.8/0.1/0.1", Target: "Y2"}, `no column "Y2"`, `did you mean "y"`},
		{"stratify", 50, SplitOptions{Split: "0.8/0.1/0.1", Stratify: "z"}, `no column "z"`, `"x"`},
		{"unique", 50, SplitOptions{Split: "0.8/0.1/0.1", Stratify: "x"}, "50 values in 50 rows", "repeat"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := NewSplit(labels(test.rows), test.o)
			wantError(t, err, lathe.CodeInvalid, test.message, test.hint)
		})
	}
}

func TestCheckTarget(t *testing.T) {
	column := func(cells ...string) string {
		return "Churned,x\n\"" + strings.Join(cells, "\",1\n\"") + "\",2\n"
	}
	many := func(n int, cell func(i int) string) string {
		cells := make([]string, n)
		for i := range cells {
			cells[i] = cell(i)
		}
		return column(cells...)
	}
	tests := []struct {
		name, text, target, task string
		want, message, hint      string // a task, or an error
	}{
		{"booleans", column("true", "false", "true", "true", "false"), "Churned", "auto", Binary, "", ""},
		{"two texts", column("yes", "no", "yes", "no"), "Churned", "", Binary, "", ""},
		{"0 and 1", column("0", "1", "1", "0"), "Churned", "auto", Binary, "", ""},
		{"0.0 and 1.0", column("0.0", "1.0", "1.0", "0.0"), "Churned", "auto", Binary, "", ""},
		{"three texts", column("a", "b", "c", "a", "b", "c"), "Churned", "auto", Multiclass, "", ""},
		{"stars", many(50, func(i int) string { return fmt.Sprint(i%5 + 1) }), "Churned", "auto", Multiclass, "", ""},
		{"a count", many(100, func(i int) string { return fmt.Sprint(i % 30) }), "Churned", "auto", Regression, "", ""},
		{"few integers", column("1", "5", "9", "30", "7"), "Churned", "auto", Regression, "", ""},
		{"prices", many(50, func(i int) string { return fmt.Sprintf("%d.25", i%7) }), "Churned", "auto", Regression, "", ""},
		{"classes as asked", many(50, func(i int) string { return fmt.Sprint(i % 22) }), "Churned", "multiclass", Multiclass, "", ""},
		{"percent as classes", column("5%", "7%", "5%", "7%"), "Churned", "binary", Binary, "", ""},
		{"numbers with gaps", column("1.5", "", "2.5", "3.5"), "Churned", "auto", Regression, "", ""},

		{"no such column", column("a", "b"), "churn", "auto", "", `no column "churn"`, `did you mean "Churned"`},
		{"nothing near", column("a", "b"), "salary", "auto", "", `no column "salary"`, `the columns are "Churned", "x"`},
		{"constant", column("a", "a", "a"), "Churned", "auto", "", "is constant", "two different values"},
		{"constant beside gaps", column("a", "", "a"), "Churned", "auto", "", "is constant", "two different values"},
		{"mostly missing", column("a", "", "", "b", ""), "Churned", "auto", "", "missing in 3 of 5 rows", "have one"},
		{"no value", column("", "", ""), "Churned", "auto", "", "missing in 3 of 3 rows", "have one"},
		{"unique texts", many(30, func(i int) string { return fmt.Sprintf("k%d", i) }), "Churned", "auto", "", "30 different values in 30 rows", "identifier"},
		{"unique numbers as classes", many(30, func(i int) string { return fmt.Sprint(i) }), "Churned", "multiclass", "", "nearly all unique", "task regression"},
		{"one row of a class", column("a", "a", "b", "a", "b", "c"), "Churned", "auto", "", `just one row of class "c"`, "without stratifying"},
		{"infinity", column("1.5", "inf", "2"), "Churned", "auto", "", "is +Inf in row 1", "leave the cell empty"},
		{"thousands", column("1,234", "2,345", "17", "4,100"), "Churned", "auto", "", `numbers as text, such as "1,234"`, "plain numbers"},
		{"percent", column("12%", "15%", "12%"), "Churned", "regression", "", `such as "12%"`, "plain numbers"},
		{"dollars", column("$5", "$6.50", "$7"), "Churned", "", "", `such as "$5"`, "plain numbers"},
		{"three for binary", column("a", "b", "c", "a", "b", "c"), "Churned", "binary", "", "has 3 classes, but the task is binary", "multiclass"},
		{"texts for regression", column("a", "b", "a"), "Churned", "regression", "", "is a string column", "binary or multiclass"},
		{"unknown task", column("a", "b", "a", "b"), "Churned", "rank", "", `task "rank" is not known`, "auto, binary"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := mustRead(t, test.text, Options{Header: HeaderYes}).Batch
			got, err := CheckTarget(b, test.target, test.task, true)
			if test.message != "" {
				wantError(t, err, lathe.CodeInvalid, test.message, test.hint)
			} else if err != nil || got != test.want {
				t.Errorf("got %s, %v; want %s", got, err, test.want)
			}
		})
	}
	if got, err := CheckTarget(mustRead(t, column("a", "a", "b", "a", "b", "c"), Options{}).Batch, "Churned", "auto", false); got != Multiclass || err != nil {
		t.Errorf("one row of a class, not stratified: %s, %v", got, err)
	}
}

func TestCheckTargetNaN(t *testing.T) {
	b := &lathe.Batch{Rows: 3, Columns: []lathe.Column{{Name: "y", Kind: lathe.Float64, Floats: []float64{1, math.NaN(), 2}}}}
	_, err := CheckTarget(b, "y", "auto", false)
	wantError(t, err, lathe.CodeInvalid, "is NaN in row 1", "leave the cell empty")
}
