package table

import (
	"bytes"
	"encoding/binary"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"os"
	"reflect"
	"strings"
	"testing"

	"lathe"
)

// TestAppendFloat compares with Python's repr over the values of repr.json; testdata/make.py made it.
func TestAppendFloat(t *testing.T) {
	var lines [][2]string
	readJSON(t, "repr.json", &lines)
	if len(lines) < 500 {
		t.Fatalf("%d values", len(lines))
	}
	for _, line := range lines {
		bits, err := hex.DecodeString(line[0])
		if err != nil {
			t.Fatal(err)
		}
		x := math.Float64frombits(binary.BigEndian.Uint64(bits))
		if got := string(AppendFloat([]byte("x="), x)); got != "x="+line[1] {
			t.Errorf("%v: got %s, want %s", x, got, line[1])
		}
	}
	if got := string(AppendFloat(nil, math.NaN())); got != "nan" {
		t.Errorf("NaN: %s", got)
	}
}

// TestWriteCSVPandas reads what pandas wrote and writes it again: the same bytes, but for quotes that pandas leaves out.
func TestWriteCSVPandas(t *testing.T) {
	want, err := os.ReadFile("testdata/mixed.csv")
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if err := WriteCSV(&got, readFile(t, "mixed.csv")); err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer(",true,", ",True,", ",false,", ",False,").Replace(got.String())
	if text != string(want) {
		t.Errorf("not the bytes that pandas wrote:\n%.300s", text)
	}
}

func TestWriteCSVRoundTrip(t *testing.T) {
	for _, b := range []*lathe.Batch{
		sampleBatch(300),
		{Rows: 3, Columns: []lathe.Column{{Name: "one", Kind: lathe.String, Strings: []string{"a", "", "b"}, Missing: []bool{false, true, false}}}},
		{Rows: 5, Columns: []lathe.Column{{Name: "odd, \"name\"", Kind: lathe.String, Strings: []string{",", "\"", "a\nb", " blank ", "\r\n"}}, {Name: "x", Kind: lathe.Float64, Floats: []float64{math.Inf(1), math.Copysign(0, -1), 1e-300, 3, 5e-324}}}},
	} {
		var buf bytes.Buffer
		if err := WriteCSV(&buf, b); err != nil {
			t.Fatal(err)
		}
		kinds := Infer(b).Kinds()
		got := mustRead(t, buf.String(), Options{Header: HeaderYes, Kinds: kinds}).Batch
		if DigestOf(got) != DigestOf(b) {
			t.Errorf("read back otherwise:\n%s", buf.String())
		}
	}
}

func TestWriterFails(t *testing.T) {
	broken := errors.New("the disk is full")
	if err := WriteCSV(failingWriter{broken}, sampleBatch(3)); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if err := WriteCSV(failingWriter{broken}, sampleBatch(5000)); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if err := WriteSegment(failingWriter{broken}, sampleBatch(3), Infer(sampleBatch(3))); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if err := NewWriter(failingWriter{broken}, []string{"a"}).Write(sampleBatch(3)); err == nil {
		t.Error("five columns under a header of one")
	}
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }

func TestRows(t *testing.T) {
	b := mustRead(t, "i,f,b,s\n1,inf,true,x\n,2.5,,\n3,-inf,false,z\n", Options{}).Batch
	got := Rows(b, 0, 2)
	want := [][]any{{int64(1), "inf", true, "x"}, {nil, 2.5, nil, nil}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for _, test := range []struct{ from, n, want int }{{2, 5, 1}, {3, 1, 0}, {9, 9, 0}, {-1, 1, 1}, {0, -1, 0}} {
		if got := Rows(b, test.from, test.n); len(got) != test.want {
			t.Errorf("Rows(%d, %d) has %d rows, want %d", test.from, test.n, len(got), test.want)
		}
	}
}

// FuzzReadCSV compares with encoding/csv where both read a file as text, and checks that nothing else breaks.
func FuzzReadCSV(f *testing.F) {
	for _, text := range []string{"a,b\n1,2\n", "a;b\r\n\"x\"\"y\";2\r\n", "\"a\nb\",c\n1,2", "a\tb\n\n1\t\"2\n", "a,b\n1,\"2\"3\n", "\ufeffa|b\ntrue|NA\n", "a\r\rb"} {
		f.Add(text, byte(0))
		f.Add(text, byte(','))
	}
	f.Fuzz(func(t *testing.T, text string, delimiter byte) {
		if !strings.ContainsRune(",;\t|\x00", rune(delimiter)) {
			delimiter = ','
		}
		got, err := ReadCSV(strings.NewReader(text), Options{Delimiter: delimiter, Limits: Limits{LineBytes: 1 << 12, Columns: 100, Memory: 1 << 20}})
		if err != nil {
			var e *lathe.Error
			if !errors.As(err, &e) || e.Hint == "" || e.Code != lathe.CodeInvalid && e.Code != lathe.CodeTooLarge {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		if err := got.Batch.Check(); err != nil || got.Batch.Rows < 1 {
			t.Fatalf("%q: %d rows, %v", text, got.Batch.Rows, err)
		}
		compareReaders(t, text, got)
	})
}

// compareReaders checks the number of rows, and each cell of columns that are strings, against encoding/csv.
func compareReaders(t *testing.T, text string, got *Table) {
	r := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, "\ufeff")))
	r.Comma = rune(got.Dialect.Delimiter)
	records, err := r.ReadAll()
	if err != nil || strings.Contains(text, "\r") {
		return // it is stricter about quotes, and turns CR LF inside quotes into LF
	}
	if got.Dialect.Header {
		records = records[1:]
	}
	if len(records) != got.Batch.Rows {
		t.Fatalf("%q: %d rows, encoding/csv has %d", text, got.Batch.Rows, len(records))
	}
	for i := range got.Batch.Columns {
		c := &got.Batch.Columns[i]
		for row, record := range records {
			if c.Kind == lathe.String && !c.IsMissing(row) && c.Strings[row] != record[i] {
				t.Fatalf("%q: row %d, column %d is %q, encoding/csv has %q", text, row, i, c.Strings[row], record[i])
			}
			if c.IsMissing(row) != missing(trim([]byte(record[i]))) {
				t.Fatalf("%q: row %d, column %d: missing is %v for %q", text, row, i, c.IsMissing(row), record[i])
			}
		}
	}
}

// FuzzReadCSVChunks checks that the way a file is cut into chunks does not show.
func FuzzReadCSVChunks(f *testing.F) {
	f.Add("a,b\n1,x\n", "2,\"y\n\"\n", uint16(100))
	f.Add("a,b\n1,x\n", "2.5,y\"y\n\n\r\n", uint16(20000))
	f.Fuzz(func(t *testing.T, head, line string, repeat uint16) {
		if len(line) > 100 || len(head) > 1000 {
			return
		}
		text := head + strings.Repeat(line, int(repeat)%30000)
		one, err := ReadCSV(strings.NewReader(text), Options{Workers: 1})
		two, again := ReadCSV(strings.NewReader(text), Options{Workers: 2})
		if fmt.Sprint(err) != fmt.Sprint(again) {
			t.Fatalf("one worker: %v; two: %v", err, again)
		}
		if err == nil && DigestOf(one.Batch) != DigestOf(two.Batch) {
			t.Fatal("two workers read other values")
		}
	})
}
