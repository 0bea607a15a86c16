package feature

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"lathe"
	"lathe/internal/data/table"
)

// read makes a Batch and its schema from CSV text.
func read(t testing.TB, text string, kinds map[string]lathe.Kind) (*lathe.Batch, table.Schema) {
	t.Helper()
	got, err := table.ReadCSV(strings.NewReader(text), table.Options{Kinds: kinds})
	if err != nil {
		t.Fatal(err)
	}
	return got.Batch, table.Infer(got.Batch)
}

func fit(t testing.TB, text string, o Options) (*Pipeline, *lathe.Batch) {
	t.Helper()
	b, schema := read(t, text, nil)
	p, err := Fit(b, schema, o)
	if err != nil {
		t.Fatal(err)
	}
	return p, b
}

func transform(t testing.TB, p *Pipeline, b *lathe.Batch) []float32 {
	t.Helper()
	dst := make([]float32, b.Rows*p.Width())
	for i := range dst {
		dst[i] = float32(math.NaN()) // whatever stood there must be overwritten
	}
	if err := p.Transform(dst, b); err != nil {
		t.Fatal(err)
	}
	return dst
}

const people = `age,city,member,joined,score
30,Bonn,true,2026-01-05 10:00:00,1.5
40,Rome,false,2026-02-06 11:30:00,
50,Bonn,true,,2.5
,,,2025-12-31 23:59:59,4.5
`

func TestTransform(t *testing.T) {
	p, b := fit(t, people, Options{Indicator: true, Exclude: []string{"score"}})
	want := strings.Fields("age age_missing city=Bonn city=Rome city=(missing) member member_missing joined.seconds joined.year joined.month joined.day joined.weekday joined.hour joined_missing")
	if got := p.Names(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("names %v, want %v", got, want)
	}
	got := transform(t, p, b)
	std := math.Sqrt(50) // of 30, 40, 50 and the imputed 40
	rows := [][]float64{
		{-10 / std, 0, 1, 0, 0, 1, 0},
		{0, 0, 0, 1, 0, 0, 0},
		{10 / std, 0, 1, 0, 0, 1, 0},
		{0, 1, 0, 0, 1, 1, 1},
	}
	for r, row := range rows {
		for k, want := range row {
			if v := got[r*p.Width()+k]; v != float32(want) {
				t.Errorf("row %d, %s: %v, want %v", r, p.Names()[k], v, want)
			}
		}
	}
	for k := 7; k < 13; k++ {
		if v := got[2*p.Width()+k]; v != 0 {
			t.Errorf("missing date-time: %s is %v, want 0", p.Names()[k], v)
		}
	}
	hours := []float64{10, 11, 23}
	mean := (10.0 + 11 + 23) / 3
	std = math.Sqrt(((10-mean)*(10-mean) + (11-mean)*(11-mean) + (23-mean)*(23-mean)) / 3)
	for i, r := range []int{0, 1, 3} {
		if v := float64(got[r*p.Width()+12]); math.Abs(v-(hours[i]-mean)/std) > 1e-6 {
			t.Errorf("row %d: hour %v, want %v", r, v, (hours[i]-mean)/std)
		}
	}
}

func TestTransformUnseen(t *testing.T) {
	p, _ := fit(t, people, Options{})
	b, _ := read(t, "age,city,member,joined,score\n35,Oslo,true,2026-01-05,1\n", nil)
	got := transform(t, p, b)
	for k, name := range p.Names() {
		if strings.HasPrefix(name, "city") && got[k] != 0 {
			t.Errorf("unseen category: %s is %v, want 0", name, got[k])
		}
	}
	p, _ = fit(t, "c,x\na,1\na,2\nb,3\nb,4\nc,5\n", Options{MaxLevels: 2})
	if names := fmt.Sprint(p.Names()); names != "[c=a c=b c=(other) x]" {
		t.Fatalf("names %s", names)
	}
	b, _ = read(t, "c,x\nzzz,3\nc,3\n", nil)
	if got := fmt.Sprint(transform(t, p, b)); got != "[0 0 1 0 0 0 1 0]" {
		t.Errorf("unseen beside others: %s", got)
	}
}

// TestTransformBinds checks that columns are found by name, in any order, with others between, and in a wide batch.
func TestTransformBinds(t *testing.T) {
	var names, values, reversed, back []string
	for i := range 100 {
		names = append(names, fmt.Sprintf("c%d", i))
		values = append(values, fmt.Sprintf("%d.5", i))
		reversed = append(reversed, fmt.Sprintf("c%d,extra%d", 99-i, i))
		back = append(back, fmt.Sprintf("%d.5,7", 99-i))
	}
	csv := strings.Join(names, ",") + "\n" + strings.Join(values, ",") + "\n" + strings.Repeat("1,", 99) + "2\n"
	p, b := fit(t, csv, Options{})
	want := transform(t, p, b)
	other, _ := read(t, strings.Join(reversed, ",")+"\n"+strings.Join(back, ",")+"\n", nil)
	got := transform(t, p, other)
	for k := range got {
		if got[k] != want[k] {
			t.Fatalf("%s is %v, want %v", p.Names()[k], got[k], want[k])
		}
	}
	if extra := p.Extra(other); len(extra) != 100 || extra[0] != "extra0" {
		t.Errorf("extra %v", extra)
	}
	if p.Extra(b) != nil || p.Absent(b) != nil || p.Absent(other) != nil {
		t.Error("columns of the training table are extra or absent")
	}
}

func TestTransformAbsent(t *testing.T) {
	p, _ := fit(t, people, Options{})
	b := &lathe.Batch{Rows: 300, Columns: []lathe.Column{lathe.NewColumn("score", lathe.Int64, 300)}}
	full, _ := read(t, "age,city,member,joined,score\n"+strings.Repeat(",,,,0\n", 300), map[string]lathe.Kind{"age": lathe.Int64, "score": lathe.Int64, "city": lathe.String})
	got, want := transform(t, p, b), transform(t, p, full)
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("value %d: absent columns give %v, missing values %v", i, got[i], want[i])
		}
	}
	if absent := fmt.Sprint(p.Absent(b)); absent != "[age city member joined]" {
		t.Errorf("absent %s", absent)
	}
}

func TestTransformRefuses(t *testing.T) {
	tests := []struct {
		name, column  string
		value         lathe.Column
		missing       string
		message, hint string
	}{
		{"NaN", "age", lathe.Column{Kind: lathe.Float64, Floats: []float64{math.NaN()}}, "", "age is NaN in row 0", "finite"},
		{"infinity", "age", lathe.Column{Kind: lathe.Float64, Floats: []float64{math.Inf(1)}}, "", "age is +Inf in row 0", "finite"},
		{"beyond float32", "age", lathe.Column{Kind: lathe.Float64, Floats: []float64{1e300}}, "", "age is 1e+300 in row 0", "finite"},
		{"text for a number", "age", lathe.Column{Kind: lathe.String, Strings: []string{"12.5"}}, "", "age is a string in row 0, expected a number", "a number"},
		{"boolean for a number", "age", lathe.Column{Kind: lathe.Bool, Bools: []bool{true}}, "", "age is a bool in row 0", "a number"},
		{"number for a category", "city", lathe.Column{Kind: lathe.Int64, Ints: []int64{1}}, "", "city is a int64 in row 0, expected a string", "a string"},
		{"number for a boolean", "member", lathe.Column{Kind: lathe.Float64, Floats: []float64{1}}, "", "member is a float64 in row 0, expected true or false", "true or false"},
		{"number for a date-time", "joined", lathe.Column{Kind: lathe.Int64, Ints: []int64{1}}, "", "joined is a int64 in row 0, expected a date-time", "date-time"},
		{"no date-time", "joined", lathe.Column{Kind: lathe.String, Strings: []string{"yesterday"}}, "", "joined is no date-time in row 0", "2026"},
		{"missing refused", "age", lathe.Column{Kind: lathe.Int64, Ints: []int64{0}, Missing: []bool{true}}, MissingRefuse, "age is missing in row 0", "without it"},
		{"absent refused", "other", lathe.Column{Kind: lathe.Int64, Ints: []int64{0}}, MissingRefuse, "age is missing in row 0", "age"},
		{"missing not seen", "score", lathe.Column{Kind: lathe.Float64, Floats: []float64{0}, Missing: []bool{true}}, MissingSeen, "score is missing in row 0", "without it"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p, _ := fit(t, strings.ReplaceAll(people, "11:30:00,\n", "11:30:00,3\n"), Options{Missing: test.missing})
			test.value.Name = test.column
			b := &lathe.Batch{Rows: 1, Columns: []lathe.Column{test.value}}
			if test.missing == MissingRefuse && test.column == "age" || test.missing == MissingSeen {
				b, _ = read(t, "age,city,member,joined,score\n1,Bonn,true,2026-01-01,1\n", nil)
				*b.Column(test.column) = test.value
			}
			err := p.Transform(make([]float32, p.Width()), b)
			var e *lathe.Error
			if !errors.As(err, &e) || e.Code != lathe.CodeInvalid || !strings.Contains(e.Message, test.message) || !strings.Contains(e.Hint, test.hint) {
				t.Fatalf("got %v (%+v), want %q, %q", err, e, test.message, test.hint)
			}
			if !strings.HasPrefix(strings.TrimPrefix(e.Message, "feature: "), e.Field) {
				t.Errorf("field %q in %q", e.Field, e.Message)
			}
		})
	}
}

func TestFitRefuses(t *testing.T) {
	ids := "id,c,x\n"
	for i := range 30 {
		ids += fmt.Sprintf("%d,1,\n", i)
	}
	tests := []struct {
		name, text, message, hint string
		o                         Options
	}{
		{"infinity", "a,b\n1.5,1\ninf,2\n", "column a has +Inf in row 1", "clean", Options{}},
		{"too large", "a,b\n-1e308,1\n1e308,2\n", "too large to standardise", "logarithm", Options{}},
		{"nothing left", ids, "no column is left", "identifiers", Options{}},
		{"levels", "a,b\n1,2\n2,3\n", "max levels is -1", "give 1 to", Options{MaxLevels: -1}},
		{"impute", "a,b\n1,2\n2,3\n", `impute "mode" is not known`, "median or mean", Options{Impute: "mode"}},
		{"missing", "a,b\n1,2\n2,3\n", `missing "drop" is not known`, "impute, refuse", Options{Missing: "drop"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b, schema := read(t, test.text, nil)
			_, err := Fit(b, schema, test.o)
			var e *lathe.Error
			if !errors.As(err, &e) || e.Code != lathe.CodeInvalid || !strings.Contains(e.Message, test.message) || !strings.Contains(e.Hint, test.hint) {
				t.Fatalf("got %v (%+v)", err, e)
			}
		})
	}
}

func TestFitDrops(t *testing.T) {
	text := "id,const,note,empty,x\n"
	for i := range 30 {
		text += fmt.Sprintf("k%d,same,\"a long remark number %d that somebody wrote down by hand here\",,%d.5\n", i, i, i%3)
	}
	p, b := fit(t, text, Options{})
	var got []string
	for _, d := range p.Dropped() {
		got = append(got, d.Name+": "+strings.SplitN(d.Reason, ":", 2)[0])
	}
	if want := "[id: an identifier const: a constant note: long text empty: no value in the training part]"; fmt.Sprint(got) != want {
		t.Errorf("dropped %v, want %s", got, want)
	}
	if p.Width() != 1 || p.Extra(b) != nil {
		t.Errorf("width %d, extra %v", p.Width(), p.Extra(b))
	}
	transform(t, p, b)
}

func TestTransformAllocates(t *testing.T) {
	p, b := fit(t, people, Options{Indicator: true, Cyclic: true})
	dst := make([]float32, b.Rows*p.Width())
	allocations := testing.AllocsPerRun(100, func() {
		if err := p.Transform(dst, b); err != nil {
			t.Fatal(err)
		}
	})
	if allocations != 0 {
		t.Errorf("%v allocations", allocations)
	}
}

func TestInputs(t *testing.T) {
	p, _ := fit(t, people, Options{Missing: MissingSeen})
	want := []string{
		"age int64 integer impute [] 40", "city string category impute [Bonn Rome] Bonn", "member bool boolean impute [] true",
		"joined string datetime impute [] 2026-01-14T15:09:59Z", "score float64 float impute [] 2.5",
	}
	for i, in := range p.Inputs() {
		if got := fmt.Sprint(in.Name, " ", in.Kind, " ", in.Type, " ", in.Missing, " ", in.Levels, " ", in.Example); got != want[i] {
			t.Errorf("input %d: %s, want %s", i, got, want[i])
		}
	}
	if p.Kinds()["age"] != lathe.Int64 || p.Kinds()["joined"] != lathe.String {
		t.Errorf("kinds %v", p.Kinds())
	}
}
