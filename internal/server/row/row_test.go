package row

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"testing"

	"lathe"
)

var numeric = []lathe.Input{{Name: "a", Missing: "impute"}, {Name: "b", Missing: "impute"}}

// TestAppendFloat: the texts are what Python's repr gives.
func TestAppendFloat(t *testing.T) {
	for f, want := range map[float64]string{
		0: "0.0", 1: "1.0", -1: "-1.0", 0.1: "0.1", 100: "100.0", 1e-5: "1e-05", 0.0001: "0.0001", 0.00012: "0.00012", 0.000099: "9.9e-05",
		1e15: "1000000000000000.0", 1e16: "1e+16", 123456789012345680: "1.2345678901234568e+17", 9999999999999998: "9999999999999998.0",
		1.5e300: "1.5e+300", 5e-324: "5e-324", math.MaxFloat64: "1.7976931348623157e+308", 2.0 / 3: "0.6666666666666666", 3.14: "3.14",
		math.Inf(1): "null", -0.5: "-0.5", 1e22: "1e+22", 1e-10: "1e-10", 1e100: "1e+100",
	} {
		if got := string(AppendFloat(nil, f)); got != want {
			t.Errorf("%v: %s, want %s", f, got, want)
		}
	}
	if got := string(AppendFloat(nil, math.Copysign(0, -1))); got != "-0.0" {
		t.Errorf("minus zero: %s", got)
	}
	if got := string(AppendFloat(nil, math.NaN())); got != "null" {
		t.Errorf("NaN: %s", got)
	}
}

func FuzzAppendFloat(f *testing.F) {
	f.Add(uint64(0x3ff0000000000000))
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, bits uint64) {
		v := math.Float64frombits(bits)
		text := string(AppendFloat(nil, v))
		if v-v != 0 {
			return
		}
		if back, err := strconv.ParseFloat(text, 64); err != nil || math.Float64bits(back) != bits || !json.Valid([]byte(text)) {
			t.Errorf("%x: %s", bits, text)
		}
	})
}

// FuzzNumber: a number is what JSON calls one, and its value is the standard library's.
func FuzzNumber(f *testing.F) {
	for _, seed := range []string{"0", "-0", "1.5", "1e5", "123456789012345678901234567890", "0.1e-22", "9007199254740993", "1e400", "-1E+2", "00", "1.", ".5", "4.35e-310", "18446744073709551616"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, next, err := scanNumber([]byte(text), 0)
		whole := err == nil && next == len(text) && next > 0
		want, parseErr := strconv.ParseFloat(text, 64)
		valid := json.Valid([]byte(text)) && strings.TrimSpace(text) == text && text != "" && strings.ContainsAny(text[:1], "-0123456789")
		if whole != (valid && parseErr == nil) {
			t.Fatalf("%q: read %v (%v), valid %v", text, whole, err, valid)
		}
		if whole && math.Float64bits(n.float) != math.Float64bits(want) {
			t.Fatalf("%q: %v, want %v", text, n.float, want)
		}
		if v, ok := n.int64(); whole && ok && strconv.FormatInt(v, 10) != text && text != "-0" {
			t.Fatalf("%q: %d", text, v)
		}
	})
}

func TestAppendString(t *testing.T) {
	for _, s := range []string{"", "plain", "qu\"ote\\", "tab\tline\nbell\a", "ä€😀", "bad\xff\xfe", "\x00", "</script>"} {
		var back string
		if err := json.Unmarshal(AppendString(nil, s), &back); err != nil || back != strings.ToValidUTF8(s, "") && !strings.Contains(back, "\ufffd") {
			t.Errorf("%q: %q, %v", s, back, err)
		}
	}
}

func TestColumns(t *testing.T) {
	for _, c := range []struct {
		body, says string
		rows       int
	}{
		{`{"a":[1,2],"b":[3,null]}`, "", 2},
		{`{"a":[[1],[2]]}`, "", 2},
		{`{"a":1,"b":2}`, "", 1},
		{`{}`, "", 0},
		{`{"a":[1,2],"b":[3]}`, `"b" has 1 values where another column has 2`, 0},
		{`{"a":[[1,2]]}`, "a list of several values", 0},
		{`{"a":[[]]}`, "an empty list", 0},
		{`{"c":[1]}`, `"c" is not an input`, 0},
		{`{"a":[1],"a":[2]}`, `"a" comes twice`, 0},
		{`{"a":["x"]}`, `row 0: "a" is the string "x"`, 0},
	} {
		b, err := Columns(NewScanner([]byte(c.body)), numeric)
		if c.says != "" {
			if lathe.CodeOf(err) != lathe.CodeInvalid || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: %v", c.body, err)
			}
		} else if err != nil || b.Rows != c.rows || b.Check() != nil {
			t.Errorf("%s: %+v, %v", c.body, b, err)
		}
	}
}

func TestCSV(t *testing.T) {
	inputs := []lathe.Input{{Name: "n", Missing: "impute"}, {Name: "i", Kind: lathe.Int64, Missing: "impute"}, {Name: "s", Kind: lathe.String, Missing: "impute"}, {Name: "f", Kind: lathe.Bool, Missing: "impute"}}
	b, err := CSV([]byte("\xef\xbb\xbf i ,s,n,f\r\n1,\"a,b\", 2.5 ,True\n,NA,nan,\n-7, x,1e3,false\n"), inputs)
	if err != nil || b.Rows != 3 || b.Check() != nil {
		t.Fatalf("%+v, %v", b, err)
	}
	n, i, s, f := b.Columns[0], b.Columns[1], b.Columns[2], b.Columns[3]
	if n.Floats[0] != 2.5 || n.Floats[2] != 1000 || i.Ints[0] != 1 || i.Ints[2] != -7 || s.Strings[0] != "a,b" || s.Strings[2] != " x" || !f.Bools[0] || f.Bools[2] {
		t.Errorf("%+v", b)
	}
	for c := range b.Columns {
		if !b.Columns[c].IsMissing(1) || b.Columns[c].IsMissing(0) {
			t.Errorf("%+v", b.Columns[c])
		}
	}
	for body, says := range map[string]string{
		"":                 "there is no header",
		"n,n\n1,2\n":       `column "n" comes twice`,
		"n,x\n1,2\n":       `"x" is not an input`,
		"n,i\n1\n":         "wrong number of fields",
		"n\n\"1,234\"\n":   `row 0: "n" is "1,234"`,
		"n\n1e999\n":       `row 0: "n" is "1e999"`,
		"n\ninf\n":         `row 0: "n" is "inf"`,
		"n\n0x10\n":        `row 0: "n" is "0x10"`,
		"f\nyes\n":         `row 0: "f" is "yes"`,
		"s\n\xff\n":        "not UTF-8",
		"n\n\"1\n":         "csv",
		"i\n1\n2\nthree\n": `row 2: "i" is "three"`,
	} {
		if _, err := CSV([]byte(body), inputs); lathe.CodeOf(err) != lathe.CodeInvalid || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", body, err)
		}
	}
}

func FuzzCSV(f *testing.F) {
	f.Add("a,b\n1,2\n")
	f.Add("b\n\"x\ny\"\n,\n")
	f.Fuzz(func(t *testing.T, text string) {
		if b, err := CSV([]byte(text), numeric); err == nil && b.Check() != nil {
			t.Errorf("%q: %v", text, b.Check())
		}
	})
}

// FuzzScanner: what is skipped is JSON, and nothing else is.
func FuzzScanner(f *testing.F) {
	for _, seed := range []string{`{"a":[1,{"b":"c"}]}`, `"x\"y"`, `[1,]`, `[1}`, "nul", strings.Repeat("[", 70)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s := NewScanner([]byte(text))
		s.space()
		err := s.Skip()
		if err == nil {
			err = s.End()
		}
		if err == nil && !json.Valid([]byte(text)) {
			t.Errorf("%q was skipped", text)
		}
	})
}

// TestRoomIsBounded: a body claims rows that it cannot hold, and no room is made for them.
func TestRoomIsBounded(t *testing.T) {
	b := NewBuilder(numeric)
	b.Room(1 << 40)
	if err := b.Float(0, 1); err != nil || cap(b.columns[0].Floats) > MaxRows {
		t.Errorf("room for %d, %v", cap(b.columns[0].Floats), err)
	}
}

func row30() ([]byte, []lathe.Input) {
	inputs := make([]lathe.Input, 30)
	values := make([]string, 30)
	for i := range inputs {
		inputs[i] = lathe.Input{Name: "x" + strconv.Itoa(i), Missing: "impute"}
		values[i] = strconv.FormatFloat(math.Sin(float64(i+1)), 'f', 4, 64)
	}
	return []byte("[[" + strings.Join(values, ",") + "]]"), inputs
}

func BenchmarkRow30(b *testing.B) {
	data, inputs := row30()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Rows(NewScanner(data), inputs); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRows1000(b *testing.B) {
	one, inputs := row30()
	data := []byte("[" + strings.TrimSuffix(strings.Repeat(string(one[1:len(one)-1])+",", 1000), ",") + "]")
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Rows(NewScanner(data), inputs); err != nil {
			b.Fatal(err)
		}
	}
}
