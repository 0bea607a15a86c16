package table

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"lathe"
)

func mustRead(t *testing.T, text string, o Options) *Table {
	t.Helper()
	got, err := ReadCSV(strings.NewReader(text), o)
	if err != nil {
		t.Fatalf("ReadCSV(%q): %v", text, err)
	}
	if err := got.Batch.Check(); err != nil {
		t.Fatal(err)
	}
	return got
}

// show writes a column as "kind: v v v" with "-" for missing values.
func show(c *lathe.Column) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s:", c.Name, c.Kind)
	for i := range c.Len() {
		switch {
		case c.IsMissing(i):
			b.WriteString(" -")
		case c.Kind == lathe.Float64:
			fmt.Fprintf(&b, " %v", c.Floats[i])
		case c.Kind == lathe.Int64:
			fmt.Fprintf(&b, " %d", c.Ints[i])
		case c.Kind == lathe.Bool:
			fmt.Fprintf(&b, " %t", c.Bools[i])
		default:
			fmt.Fprintf(&b, " %q", c.Strings[i])
		}
	}
	return b.String()
}

func TestReadCSV(t *testing.T) {
	tests := []struct {
		name, text string
		want       []string
	}{
		{"kinds", "i,f,b,s\n1,1.5,true,x\n-2,2,False,y\n", []string{"i int64: 1 -2", "f float64: 1.5 2", "b bool: true false", `s string: "x" "y"`}},
		{"CR LF, mark and no last line break", "\ufeffa,b\r\n1,x\r\n2,y", []string{"a int64: 1 2", `b string: "x" "y"`}},
		{"semicolons", "a;b\n1;2\n3;4\n", []string{"a int64: 1 3", "b int64: 2 4"}},
		{"tabs", "a\tb\n1\tx,y\n3\tz\n", []string{"a int64: 1 3", `b string: "x,y" "z"`}},
		{"pipes", "a|b\n1|2\n", []string{"a int64: 1", "b int64: 2"}},
		{"quotes", "a,b\n\"x,\"\"y\"\"\",1\n\"two\nlines\",2\n5\" pipe,3\n", []string{`a string: "x,\"y\"" "two\nlines" "5\" pipe"`, "b int64: 1 2 3"}},
		{"quoted numbers and names", "\"a\",\"b\"\r\n\"1\",\"2.5\"\r\n", []string{"a int64: 1", "b float64: 2.5"}},
		{"missing", "a,b,c\n,NA,\nNaN,null,true\n3,x, \n", []string{"a int64: - - 3", `b string: - - "x"`, "c bool: - true -"}},
		{"all missing", "a,b\n,1\nNA,2\n", []string{"a float64: - -", "b int64: 1 2"}},
		{"blank lines", "a,b\n\n1,2\n\r\n\n3,4\n\n", []string{"a int64: 1 3", "b int64: 2 4"}},
		{"names and numbers lose blanks", "a , b\n 1, 2.5 \n", []string{"a int64: 1", "b float64: 2.5"}},
		{"leading zeros are names", "zip,x\n007,0\n123,0.5\n", []string{`zip string: "007" "123"`, "x float64: 0 0.5"}},
		{"beyond int64", "a,b\n9223372036854775808,9223372036854775807\n1,-9223372036854775808\n", []string{`a string: "9223372036854775808" "1"`, "b int64: 9223372036854775807 -9223372036854775808"}},
		{"beyond int64 beside floats", "a,b\n9223372036854775808,0\n1.5,0\n", []string{"a float64: 9.223372036854776e+18 1.5", "b int64: 0 0"}},
		{"infinities", "a,b\ninf,1\n-Infinity,2\n1e999,3\n", []string{"a float64: +Inf -Inf +Inf", "b int64: 1 2 3"}},
		{"numbers as text", "a,b,c\n\"1,234\",12%,$5\n2,3,4\n", []string{`a string: "1,234" "2"`, `b string: "12%" "3"`, `c string: "$5" "4"`}},
		{"booleans beside numbers", "a,b\ntrue,1\n1,2\n", []string{`a string: "true" "1"`, "b int64: 1 2"}},
		{"no header", "1,x\n2,y\n", []string{"column_1 int64: 1 2", `column_2 string: "x" "y"`}},
		{"years as names", "id,2019,2020\nx,1,2\ny,3,4\n", []string{`column_1 string: "id" "x" "y"`, "column_2 int64: 2019 1 3", "column_3 int64: 2020 2 4"}},
		{"a header over texts", "name,city\nann,bonn\nbob,rome\n", []string{`name string: "ann" "bob"`, `city string: "bonn" "rome"`}},
		{"one column", "a\n1\n2\n", []string{"a int64: 1 2"}},
		{"exponents", "a,b\n1e5,1E-3\n2,+4\n", []string{"a float64: 100000 2", "b float64: 0.001 4"}},
		{"not quite numbers", "a,b,c,d,e\n1e,.,-,1.2.3,0x1f\n", []string{`a string: "1e"`, `b string: "."`, `c string: "-"`, `d string: "1.2.3"`, `e string: "0x1f"`}},
		{"Chinese", "名,值\n张,1\n李,2\n", []string{`名 string: "张" "李"`, "值 int64: 1 2"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := mustRead(t, test.text, Options{}).Batch
			var got []string
			for i := range b.Columns {
				got = append(got, show(&b.Columns[i]))
			}
			if !reflect.DeepEqual(got, test.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
			}
		})
	}
}

func TestReadCSVOptions(t *testing.T) {
	got := mustRead(t, "id,2019\nx,1\n", Options{Header: HeaderYes})
	if !got.Dialect.Header || show(&got.Batch.Columns[1]) != "2019 int64: 1" {
		t.Errorf("HeaderYes: %+v", got)
	}
	got = mustRead(t, "a,b\nc,d\n", Options{Header: HeaderNo, Names: []string{"x", "y"}})
	if show(&got.Batch.Columns[0]) != `x string: "a" "c"` {
		t.Errorf("names: %s", show(&got.Batch.Columns[0]))
	}
	got = mustRead(t, "a;b,c\n1;2,3\n", Options{Delimiter: ';'})
	if len(got.Batch.Columns) != 2 || got.Dialect.Delimiter != ';' {
		t.Errorf("delimiter: %+v", got)
	}
	kinds := map[string]lathe.Kind{"s": lathe.String, "f": lathe.Float64, "i": lathe.Int64}
	got = mustRead(t, "s,f,i\n12,3,1\n,4,2.5\n", Options{Kinds: kinds})
	for i, want := range []string{`s string: "12" -`, "f float64: 3 4", "i float64: 1 2.5"} {
		if show(&got.Batch.Columns[i]) != want {
			t.Errorf("kinds: %s, want %s", show(&got.Batch.Columns[i]), want)
		}
	}
}

// TestReadCSVChunks compares one worker on a whole text with many chunks, where classes meet late in the file.
func TestReadCSVChunks(t *testing.T) {
	var text strings.Builder
	text.WriteString("int,float,late,text,gap,bool\n")
	const rows = 60_000
	for i := range rows {
		late := fmt.Sprint(i)
		if i == rows-3 {
			late = "12.5"
		}
		gap := ""
		if i%7 == 0 && i > 30_000 {
			gap = fmt.Sprint(i)
		}
		fmt.Fprintf(&text, "%d,%v,%s,\"line\n%d, \"\"q\"\"\",%s,%t\n", i-rows/2, float64(i)/3, late, i, gap, i%2 == 0)
		if i%1000 == 0 {
			text.WriteString("\n\r\n")
		}
	}
	for _, workers := range []int{1, 2, 5} {
		b := mustRead(t, text.String(), Options{Workers: workers}).Batch
		if b.Rows != rows {
			t.Fatalf("%d rows, want %d", b.Rows, rows)
		}
		kinds := []lathe.Kind{lathe.Int64, lathe.Float64, lathe.Float64, lathe.String, lathe.Int64, lathe.Bool}
		for i, kind := range kinds {
			if b.Columns[i].Kind != kind {
				t.Fatalf("column %s is %s, want %s", b.Columns[i].Name, b.Columns[i].Kind, kind)
			}
		}
		for i := range rows {
			want := fmt.Sprintf("line\n%d, \"q\"", i)
			if b.Columns[0].Ints[i] != int64(i-rows/2) || b.Columns[1].Floats[i] != float64(i)/3 || b.Columns[3].Strings[i] != want {
				t.Fatalf("row %d: %v %v %q", i, b.Columns[0].Ints[i], b.Columns[1].Floats[i], b.Columns[3].Strings[i])
			}
			if missing := i%7 != 0 || i <= 30_000; b.Columns[4].IsMissing(i) != missing || b.Columns[5].Bools[i] != (i%2 == 0) {
				t.Fatalf("row %d: missing %v, bool %v", i, !missing, b.Columns[5].Bools[i])
			}
		}
	}
}

func TestReadCSVRefuses(t *testing.T) {
	wide := strings.TrimSuffix(strings.Repeat("c,", 10_001), ",")
	tests := []struct {
		name, text    string
		code          lathe.Code
		message, hint string
	}{
		{"empty", "", lathe.CodeInvalid, "the file is empty", "header line"},
		{"blank", " \n\n", lathe.CodeInvalid, "the file is empty", "header line"},
		{"only a header", "a,b\n", lathe.CodeInvalid, "a header but no rows", "at least one row"},
		{"too few fields", "a,b\n1,2\n3\n", lathe.CodeInvalid, "line 3 has 1 fields, expected 2", "delimiter"},
		{"too many fields", "a,b\n1,2\n\"x\ny\",2\n3,4,5\n", lathe.CodeInvalid, "line 5 has 3 fields, expected 2", "delimiter"},
		{"a column twice", "a,b,a\n1,2,3\n", lathe.CodeInvalid, `column "a" appears twice, as column 1 and 3`, "rename"},
		{"nameless index", ",a,b\n0,1,2\n", lathe.CodeInvalid, "column 1 has no name", "index=False"},
		{"nameless last", "a,b,\n0,1,2\n", lathe.CodeInvalid, "column 3 has no name", "lines' ends"},
		{"too many columns", wide + "\n" + wide + "\n", lathe.CodeTooLarge, "10001 columns, more than the limit of 10000", "rows and columns"},
		{"invalid UTF-8", "a,b\n1,x\n2,caf\xe9\n", lathe.CodeInvalid, "line 3 is not valid UTF-8: byte 0xe9", "iconv"},
		{"NUL", "a,b\n1,x\x00\n", lathe.CodeInvalid, "line 2 has a NUL byte", "text file"},
		{"UTF-16 with mark", "\xff\xfea\x00,\x00", lathe.CodeInvalid, "UTF-16", "save the file as UTF-8"},
		{"UTF-16 without mark", strings.Repeat("a\x00,\x00b\x00\n\x00", 20), lathe.CodeInvalid, "UTF-16", "save the file as UTF-8"},
		{"PNG", "\x89PNG\r\n\x1a\n\x00\x00", lathe.CodeInvalid, "a PNG image", "text file"},
		{"xlsx", "PK\x03\x04\x14\x00", lathe.CodeInvalid, "Excel workbook", "CSV UTF-8"},
		{"gzip", "\x1f\x8b\x08", lathe.CodeInvalid, "gzip data", "gunzip"},
		{"Parquet", "PAR1\x15\x04", lathe.CodeInvalid, "a Parquet file", "to_csv"},
		{"HTML", "<!DOCTYPE html><html>", lathe.CodeInvalid, "a web page", "download"},
		{"JSON", "{\"a\": 1}", lathe.CodeInvalid, "JSON", "header line"},
		{"CR alone", "a,b\r1,2\r3,4", lathe.CodeInvalid, "CR alone", "tr '"},
		{"open quote", "a,b\n1,\"x\n2,y\n", lathe.CodeInvalid, "line 2 is never closed", "close the quote"},
		{"text after a quote", "a,b\n1,\"x\"y\n", lathe.CodeInvalid, "line 2 has text after a closing quote", "double"},
		{"long name", strings.Repeat("n", 1025) + ",b\n1,2\n", lathe.CodeTooLarge, "1025 bytes", "shorten"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := ReadCSV(strings.NewReader(test.text), Options{})
			wantError(t, err, test.code, test.message, test.hint)
		})
	}
}

// wantError checks code, message and hint of a *lathe.Error.
func wantError(t *testing.T, err error, code lathe.Code, message, hint string) {
	t.Helper()
	var e *lathe.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want a *lathe.Error", err)
	}
	if e.Code != code || !strings.Contains(e.Message, message) || !strings.Contains(e.Hint, hint) || hint == "" {
		t.Errorf("got %s, %q, hint %q; want %s, %q, %q", e.Code, e.Message, e.Hint, code, message, hint)
	}
}

func TestReadCSVRefusesKinds(t *testing.T) {
	kinds := map[string]lathe.Kind{"f": lathe.Float64, "b": lathe.Bool}
	_, err := ReadCSV(strings.NewReader("f,b\n1,true\n\"1,234\",false\n"), Options{Kinds: kinds})
	wantError(t, err, lathe.CodeInvalid, `line 3: column "f" takes float64 values, not "1,234"`, "thousands separators")
	_, err = ReadCSV(strings.NewReader("f,b\n1,yes\n"), Options{Kinds: kinds})
	wantError(t, err, lathe.CodeInvalid, `line 2: column "b" takes bool values, not "yes"`, "true or false")
	for _, d := range []byte("\"\n.-5a\xe9") {
		_, err = ReadCSV(strings.NewReader("f,b\n1,true\n"), Options{Delimiter: d})
		wantError(t, err, lathe.CodeInvalid, "is not a delimiter", "semicolon")
	}
	_, err = ReadCSV(strings.NewReader("1,2\n"), Options{Names: []string{"a"}})
	wantError(t, err, lathe.CodeInvalid, "1 column names given for 2 columns", "one name")
}

func TestReadCSVColumnLimit(t *testing.T) {
	var names, row strings.Builder
	for i := range DefaultColumns {
		fmt.Fprintf(&names, "c%d,", i)
		fmt.Fprintf(&row, "%d.5,", i)
	}
	text := strings.TrimSuffix(names.String(), ",") + "\n" + strings.Repeat(strings.TrimSuffix(row.String(), ",")+"\n", 20)
	b := mustRead(t, text, Options{}).Batch
	if len(b.Columns) != DefaultColumns || b.Rows != 20 || b.Columns[9999].Floats[19] != 9999.5 {
		t.Errorf("%d columns, %d rows", len(b.Columns), b.Rows)
	}
}

// endless gives the same byte for ever and counts what was taken.
type endless struct {
	c     byte
	taken int
}

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = e.c
	}
	e.taken += len(p)
	return len(p), nil
}

func TestReadCSVLineLimit(t *testing.T) {
	hints := map[byte]string{'x': "one row a line", ',': "one row a line", '"': "may never be closed", '\r': "CR alone"}
	for c, hint := range hints {
		r := &endless{c: c}
		_, err := ReadCSV(r, Options{Limits: Limits{LineBytes: 1 << 20}})
		wantError(t, err, lathe.CodeTooLarge, "line 1 is longer than the limit of 1048576 bytes", hint)
		if r.taken > 2<<20 {
			t.Errorf("%q: read %d bytes before refusing", c, r.taken)
		}
	}
	limits := Limits{LineBytes: 20}
	mustRead(t, "a,b\n12345678901234567,8\n", Options{Limits: limits})
	_, err := ReadCSV(strings.NewReader("a,b\n1,2\n12345678901234567,890\n"), Options{Limits: limits})
	wantError(t, err, lathe.CodeTooLarge, "line 3 is longer", "one row a line")
}

func TestReadCSVMemoryLimit(t *testing.T) {
	text := "a,b\n" + strings.Repeat("1,2\n", 1000)
	_, err := ReadCSV(strings.NewReader(text), Options{Limits: Limits{Memory: 5000}})
	wantError(t, err, lathe.CodeTooLarge, "more than the limit of 5000 bytes", "split the file")
	_, err = ReadCSV(&endless{c: '\n'}, Options{Limits: Limits{Memory: 1 << 20}})
	wantError(t, err, lathe.CodeTooLarge, "more than the limit", "split the file")
}

func TestReadCSVReaderFails(t *testing.T) {
	broken := errors.New("the disk is gone")
	for _, text := range []string{"", "a,b\n1,2\n", strings.Repeat("1,2\n", 100_000)} {
		r := iotest.DataErrReader(&failing{strings.NewReader(text), broken})
		if _, err := ReadCSV(r, Options{}); !errors.Is(err, broken) {
			t.Errorf("%d bytes: got %v", len(text), err)
		}
	}
	mustRead(t, "a,b\n1,2\n", Options{})
	if got, err := ReadCSV(iotest.OneByteReader(strings.NewReader("a,b\n1,2.5\n")), Options{}); err != nil || got.Batch.Columns[1].Floats[0] != 2.5 {
		t.Errorf("byte by byte: %v", err)
	}
}

type failing struct {
	r   *strings.Reader
	err error
}

func (f *failing) Read(p []byte) (int, error) {
	if f.r.Len() == 0 {
		return 0, f.err
	}
	return f.r.Read(p)
}

func TestReadCSVNegativeZero(t *testing.T) {
	b := mustRead(t, "a,b\n-0.0,-0\n1.5,1\n", Options{}).Batch
	if !math.Signbit(b.Columns[0].Floats[0]) || b.Columns[1].Ints[0] != 0 {
		t.Errorf("got %v %v", b.Columns[0].Floats[0], b.Columns[1].Ints[0])
	}
}
