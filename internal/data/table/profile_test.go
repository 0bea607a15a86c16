package table

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"reflect"
	"strings"
	"testing"

	"lathe"
)

func readFile(t *testing.T, name string) *lathe.Batch {
	t.Helper()
	f, err := os.Open("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got, err := ReadCSV(f, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return got.Batch
}

func readJSON(t *testing.T, name string, to any) {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, to); err != nil {
		t.Fatal(err)
	}
}

// near compares to within 1e-12 of the larger one's size.
func near(a, b float64) bool { return math.Abs(a-b) <= 1e-12*max(math.Abs(a), math.Abs(b)) }

// TestProfilePandas compares with what pandas says of mixed.csv; testdata/make.py made both.
func TestProfilePandas(t *testing.T) {
	var want struct {
		Rows, Duplicates int
		Columns          map[string]struct {
			Missing, Distinct, Top int
			Mean, Std, Min, Max    *float64
			Quantiles              [5]float64
			Histogram              []int
		}
	}
	readJSON(t, "pandas.json", &want)
	b := readFile(t, "mixed.csv")
	p := NewProfile(b, Infer(b))
	if p.Rows != want.Rows || p.Duplicates != want.Duplicates || len(p.Columns) != len(want.Columns) {
		t.Fatalf("%d rows, %d duplicates, %d columns; want %d, %d, %d", p.Rows, p.Duplicates, len(p.Columns), want.Rows, want.Duplicates, len(want.Columns))
	}
	for _, c := range p.Columns {
		w := want.Columns[c.Name]
		if c.Missing != w.Missing || c.Distinct != w.Distinct || c.Estimated || c.Count+c.Missing != p.Rows {
			t.Errorf("%s: missing %d, distinct %d, want %d, %d", c.Name, c.Missing, c.Distinct, w.Missing, w.Distinct)
		}
		if len(c.Top) > 0 && c.Top[0].Count != w.Top {
			t.Errorf("%s: top %v, want %d", c.Name, c.Top[0], w.Top)
		}
		if (c.Numbers == nil) != (w.Mean == nil) {
			t.Fatalf("%s: numbers %v", c.Name, c.Numbers)
		}
		if n := c.Numbers; n != nil {
			if !near(n.Mean, *w.Mean) || !near(n.Std, *w.Std) || n.Min != *w.Min || n.Max != *w.Max {
				t.Errorf("%s: %+v, want mean %v, std %v, min %v, max %v", c.Name, n, *w.Mean, *w.Std, *w.Min, *w.Max)
			}
			for i, q := range n.Quantiles {
				if !near(q, w.Quantiles[i]) {
					t.Errorf("%s: quantile %v is %v, want %v", c.Name, Quantiles[i], q, w.Quantiles[i])
				}
			}
			if !reflect.DeepEqual(n.Histogram.Counts, w.Histogram) {
				t.Errorf("%s: histogram %v, want %v", c.Name, n.Histogram.Counts, w.Histogram)
			}
		}
	}
}

func TestProfileWarnings(t *testing.T) {
	var text strings.Builder
	text.WriteString("id,const,empty,gaps,money,percent,odd,near,fine,title\n")
	for i := range 2000 {
		gap, odd, rare := "", "1.5", "usual"
		if i%3 == 0 {
			gap = "1"
		}
		if i == 5 {
			odd, rare = "-inf", "rare"
		}
		fmt.Fprintf(&text, "%d,x,,%s,\"%d,%03d\",%d%%,%s,%s,%d,the %d film\n", i+1000, gap, i%7+1, i%50, i%90, odd, rare, i%10, i)
	}
	fmt.Fprintf(&text, "2999,x,,,\"5,049\",19%%,1.5,usual,8,the 0 film\n")
	b := mustRead(t, text.String(), Options{}).Batch
	p := NewProfile(b, Infer(b))
	want := map[string]string{
		"id": "identifier", "const": "constant", "empty": "empty", "gaps": "mostly_missing", "money": "numbers_as_text",
		"percent": "numbers_as_text", "odd": "infinite", "near": "near_constant", "title": "many_categories",
	}
	for _, w := range p.Warnings {
		if w.Column != "odd" || w.Code != "near_constant" {
			if want[w.Column] != w.Code || w.Message == "" || w.Hint == "" {
				t.Errorf("unexpected warning %+v", w)
			}
			delete(want, w.Column)
		}
	}
	if len(want) > 0 {
		t.Errorf("no warning of %v", want)
	}
	b = mustRead(t, "a,b\n1,x\n2,y\n1,x\n1,x\n", Options{}).Batch
	p = NewProfile(b, Infer(b))
	if p.Duplicates != 2 || len(p.Warnings) != 1 || p.Warnings[0].Code != "duplicates" {
		t.Errorf("duplicates %d, warnings %v", p.Duplicates, p.Warnings)
	}
}

func TestProfileExtremes(t *testing.T) {
	b := &lathe.Batch{Rows: 4, Columns: []lathe.Column{
		{Name: "huge", Kind: lathe.Float64, Floats: []float64{-math.MaxFloat64, math.MaxFloat64, math.MaxFloat64, 0}},
		{Name: "same", Kind: lathe.Float64, Floats: []float64{0.1, 0.1, 0.1, 0.1}},
		{Name: "inf", Kind: lathe.Float64, Floats: []float64{math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(1)}},
	}}
	p := NewProfile(b, Infer(b))
	data, err := json.Marshal(p)
	if err != nil {
		t.Fatalf("a profile is not JSON: %v", err)
	}
	var again Profile
	if err := json.Unmarshal(data, &again); err != nil || !reflect.DeepEqual(&again, p) {
		t.Errorf("JSON does not read back: %v", err)
	}
	if n := p.Columns[0].Numbers; n.Mean <= 0 || n.Std <= 0 || n.Histogram.Counts[0] != 1 || n.Histogram.Counts[19] != 2 {
		t.Errorf("huge: %+v", n)
	}
	if n := p.Columns[1].Numbers; n.Std != 0 || !reflect.DeepEqual(n.Histogram.Counts, []int{4}) {
		t.Errorf("same: %+v", n)
	}
	if n := p.Columns[2].Numbers; n.Infinite != 4 {
		t.Errorf("inf: %+v", n)
	}
}

func TestTallyEstimates(t *testing.T) {
	for _, n := range []int{99_999, 150_000, 400_000} {
		tally := newTally()
		for i := range n {
			tally.add(uint64(i)*3, i)
			tally.add(uint64(i)*3, i)
		}
		got, estimated := tally.distinct()
		if estimated != (n > tallyCap) || math.Abs(float64(got-n)) > 0.03*float64(n) || !estimated && got != n {
			t.Errorf("%d values: %d, estimated %v", n, got, estimated)
		}
	}
}

func TestProfileText(t *testing.T) {
	b := mustRead(t, "n,c\x1b[2J,gap\n1,x,\n2,x,\n2,y,3\n4,x,\n", Options{Header: HeaderYes}).Batch
	got := NewProfile(b, Infer(b)).Text()
	want := `4 rows, 3 columns

  column  type         distinct    missing
  n       integer             3          0  1 ▄     █            ▄ 4  mean 2.25  std 1.258
  c?[2J   category            2          0  x 75 %, y 25 %
  gap     integer             1       75 %  3 █ 3  mean 3  std 0

  warning: gap: 3 of 4 rows have no value
     hint: drop the column, unless that a value is there at all says something
`
	if !strings.HasPrefix(got, want[:strings.Index(want, "  n ")]) || strings.Contains(got, "\x1b") {
		t.Errorf("got\n%s", got)
	}
	for _, line := range strings.Split(want, "\n") {
		if !strings.Contains(got, line) {
			t.Errorf("no line %q in\n%s", line, got)
		}
	}
}
