package safetensors

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
)

// file returns a file of that header and so many data bytes.
func file(header string, data int) []byte {
	out := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	out = append(out, header...)
	return append(out, make([]byte, data)...)
}

func TestHostile(t *testing.T) {
	deep := strings.Repeat("[", 100_000)
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"empty":               {nil, "file of 0 bytes has no header length"},
		"seven bytes":         {make([]byte, 7), "file of 7 bytes has no header length"},
		"length past the end": {file("{}", 0)[:9], "header length 2 is beyond the file"},
		"length of 2^63":      {append(binary.LittleEndian.AppendUint64(nil, 1<<63), '{', '}'), "header length 9223372036854775808 is beyond"},
		"length of 2^64-1":    {append(binary.LittleEndian.AppendUint64(nil, math.MaxUint64), '{', '}'), "is beyond"},
		"empty header":        {file("", 0), "does not start with '{'"},
		"array":               {file("[]", 0), "does not start with '{'"},
		"space first":         {file(" {}", 0), "does not start with '{'"},
		"cut":                 {file(`{"a":{"dtype":"F32"`, 0), "not JSON"},
		"not UTF-8":           {file("{\"\xff\":{}}", 0), "not UTF-8"},
		"trailing object":     {file("{}{}", 0), "more after its object"},
		"trailing text":       {file("{}x", 0), "more after its object"},
		"tensor is a number":  {file(`{"a":1}`, 0), "belongs"},
		"tensor is null":      {file(`{"a":null}`, 0), "belongs"},
		"deep":                {file(`{"a":{"shape":`+deep, 0), "whole number"},
		"deep metadata":       {file(`{"__metadata__":`+deep, 0), "belongs"},
		"metadata number":     {file(`{"__metadata__":{"a":1}}`, 0), "where a string belongs"},
		"metadata twice":      {file(`{"__metadata__":{},"__metadata__":{}}`, 0), "occurs twice"},
		"metadata key twice":  {file(`{"__metadata__":{"a":"","a":""}}`, 0), "metadata \"a\" occurs twice"},
		"name twice":          {file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`, 2), "name \"a\" occurs twice"},
		"same name escaped":   {file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"\u0061":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`, 2), "name \"a\" occurs twice"},
		"field twice":         {file(`{"a":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, 1), "\"dtype\" twice"},
		"field missing":       {file(`{"a":{"dtype":"U8","shape":[1]}}`, 1), "lacks dtype"},
		"field in capitals":   {file(`{"a":{"DTYPE":"U8","shape":[1],"data_offsets":[0,1]}}`, 1), "unknown field"},
		"unknown field":       {file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"x":1}}`, 1), "unknown field"},
		"unknown dtype":       {file(`{"a":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]}}`, 1), "is not supported"},
		"empty name":          {file(`{"":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, 1), "is empty"},
		"long name":           {file(`{"`+strings.Repeat("a", 513)+`":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, 1), "longer than 512"},
		"negative extent":     {file(`{"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}}`, 1), "not a whole number"},
		"fractional extent":   {file(`{"a":{"dtype":"U8","shape":[1.5],"data_offsets":[0,1]}}`, 1), "not a whole number"},
		"exponent":            {file(`{"a":{"dtype":"U8","shape":[1e0],"data_offsets":[0,1]}}`, 1), "not a whole number"},
		"extent of 2^64":      {file(`{"a":{"dtype":"U8","shape":[18446744073709551616],"data_offsets":[0,1]}}`, 1), "not a whole number"},
		"product wraps":       {file(`{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}`, 0), "overflows"},
		"product wraps to 4":  {file(`{"a":{"dtype":"F32","shape":[2305843009213693953,2],"data_offsets":[0,4]}}`, 4), "overflows"},
		"nine dimensions":     {file(`{"a":{"dtype":"U8","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,1]}}`, 1), "longer than 8"},
		"one offset":          {file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0]}}`, 1), "1 data_offsets"},
		"three offsets":       {file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1,2]}}`, 1), "longer than 2"},
		"negative offset":     {file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[-1,0]}}`, 1), "not a whole number"},
		"offsets reversed":    {file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}}`, 1), "gap, overlap or beyond"},
		"beyond the end":      {file(`{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}`, 3), "beyond 3 bytes"},
		"gap at the start":    {file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`, 2), "gap"},
		"gap":                 {file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}}`, 3), "gap"},
		"overlap":             {file(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}`, 3), "overlap"},
		"hidden bytes":        {file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, 2), "tensors end at 1 of 2"},
		"no tensors but data": {file(`{}`, 1), "tensors end at 0 of 1"},
		"size differs":        {file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,1]}}`, 1), "has 1 bytes, its shape needs 4"},
		"scalar differs":      {file(`{"a":{"dtype":"F32","shape":[],"data_offsets":[0,8]}}`, 8), "has 8 bytes, its shape needs 4"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse(c.data, Limits{})
			var e *FormatError
			if !errors.As(err, &e) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Parse: got %.300v, want %q", err, c.want)
			}
			if len(err.Error()) > 400 {
				t.Errorf("the message has %d bytes", len(err.Error()))
			}
			if _, err := Read(bytes.NewReader(c.data), Limits{}); !errors.As(err, &e) {
				t.Errorf("Read: got %v", err)
			}
		})
	}
}

func TestLimits(t *testing.T) {
	good := file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[0],"data_offsets":[1,1]}}`, 1)
	exact := Limits{Header: int64(len(good) - 9), Total: int64(len(good)), Tensors: 2}
	if _, err := Parse(good, exact); err != nil {
		t.Error(err)
	}
	if _, err := Read(bytes.NewReader(good), exact); err != nil {
		t.Error(err)
	}
	for _, l := range []Limits{{Header: exact.Header - 1}, {Total: exact.Total - 1}, {Tensors: 1}} {
		var e *FormatError
		if _, err := Parse(good, l); !errors.As(err, &e) {
			t.Errorf("Parse with %+v: got %v", l, err)
		}
		if _, err := Read(bytes.NewReader(good), l); !errors.As(err, &e) {
			t.Errorf("Read with %+v: got %v", l, err)
		}
	}
}

// A header that claims much must not make the reader allocate or read it.
func TestReadStopsAtClaims(t *testing.T) {
	claim := binary.LittleEndian.AppendUint64(nil, 17<<20)
	endless := io.MultiReader(bytes.NewReader(claim), neverReader{t})
	if _, err := Read(endless, Limits{}); err == nil {
		t.Error("no error")
	}
	broken := errors.New("broken")
	if _, err := Read(iotest.ErrReader(broken), Limits{}); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	after := io.MultiReader(bytes.NewReader(file("{}", 0)), iotest.ErrReader(broken))
	if _, err := Read(after, Limits{}); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

type neverReader struct{ t *testing.T }

func (r neverReader) Read([]byte) (int, error) {
	r.t.Error("read past a header that is too large")
	return 0, io.EOF
}

func sample() []Tensor {
	return []Tensor{
		FromFloat32("z", []int{2, 1}, []float32{1.5, -0.25}),
		FromInt64("ids", []int{2}, []int64{-1, math.MaxInt64}),
		{Name: "bytes", DType: U8, Shape: []int{3}, Data: []byte{1, 2, 255}},
		{Name: "half", DType: F16, Shape: []int{2}, Data: []byte{0, 0x3c, 0, 0xc0}},
		{Name: "brain", DType: BF16, Shape: []int{1}, Data: []byte{0x80, 0x3f}},
		{Name: "scalar", DType: F64, Shape: []int{}, Data: binary.LittleEndian.AppendUint64(nil, math.Float64bits(0.1))},
		{Name: "int", DType: I32, Shape: []int{1}, Data: []byte{254, 255, 255, 255}},
		{Name: "empty", DType: F32, Shape: []int{0, 4}, Data: []byte{}},
	}
}

func TestRoundTrip(t *testing.T) {
	metadata := map[string]string{"b": "2 < 3", "a": `"quoted"`, "": "é\n"}
	var out, again bytes.Buffer
	if err := Write(&out, sample(), metadata); err != nil {
		t.Fatal(err)
	}
	reversed := sample()
	for i := range len(reversed) / 2 {
		reversed[i], reversed[len(reversed)-1-i] = reversed[len(reversed)-1-i], reversed[i]
	}
	if err := Write(&again, reversed, metadata); err != nil || !bytes.Equal(out.Bytes(), again.Bytes()) {
		t.Errorf("the order of tensors changes the bytes: %v", err)
	}
	f, err := Read(iotest.OneByteReader(&out), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	want := File{Tensors: sample(), Metadata: metadata}
	want.Sort()
	if !reflect.DeepEqual(*f, want) {
		t.Errorf("got %+v\nwant %+v", *f, want)
	}
}

// The layout is what the format's own Python library writes: largest elements first, aligned.
func TestWriteLayout(t *testing.T) {
	var out bytes.Buffer
	if err := Write(&out, []Tensor{{Name: "b", DType: U8, Shape: []int{1}, Data: []byte{7}}, FromFloat32("c", []int{1}, []float32{1})}, nil); err != nil {
		t.Fatal(err)
	}
	header := `{"c":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[1],"data_offsets":[4,5]}}`
	header += strings.Repeat(" ", 7-(len(header)+7)%8)
	if want := append(file(header, 0), 0, 0, 0x80, 0x3f, 7); !bytes.Equal(out.Bytes(), want) {
		t.Errorf("got  %q\nwant %q", out.Bytes(), want)
	}
	out.Reset()
	if err := Write(&out, nil, nil); err != nil || !bytes.Equal(out.Bytes(), file("{}      ", 0)) {
		t.Errorf("an empty file is %q, %v", out.Bytes(), err)
	}
}

func TestWriteRefuses(t *testing.T) {
	one := []byte{1}
	for name, c := range map[string]struct {
		tensors  []Tensor
		metadata map[string]string
	}{
		"no name":      {tensors: []Tensor{{DType: U8, Shape: []int{1}, Data: one}}},
		"reserved":     {tensors: []Tensor{{Name: "__metadata__", DType: U8, Shape: []int{1}, Data: one}}},
		"twice":        {tensors: []Tensor{{Name: "a", DType: U8, Shape: []int{1}, Data: one}, {Name: "a", DType: F32, Shape: []int{0}}}},
		"wrong length": {tensors: []Tensor{{Name: "a", DType: F32, Shape: []int{1}, Data: one}}},
		"dtype":        {tensors: []Tensor{{Name: "a", DType: "X", Shape: []int{1}, Data: one}}},
		"negative":     {tensors: []Tensor{{Name: "a", DType: U8, Shape: []int{-1}, Data: one}}},
		"name bytes":   {tensors: []Tensor{{Name: "\xff", DType: U8, Shape: []int{1}, Data: one}}},
		"metadata":     {metadata: map[string]string{"a": "\xff"}},
		"metadata key": {metadata: map[string]string{"\xff": ""}},
	} {
		var e *FormatError
		if err := Write(io.Discard, c.tensors, c.metadata); !errors.As(err, &e) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// A writer that fails at any byte must make Write fail.
func TestWriteFails(t *testing.T) {
	var out bytes.Buffer
	if err := Write(&out, sample(), nil); err != nil {
		t.Fatal(err)
	}
	for n := range out.Len() {
		if err := Write(&shortWriter{n}, sample(), nil); !errors.Is(err, io.ErrShortWrite) {
			t.Fatalf("after %d bytes: got %v", n, err)
		}
	}
}

type shortWriter struct{ left int }

func (w *shortWriter) Write(p []byte) (int, error) {
	if w.left -= len(p); w.left < 0 {
		return 0, io.ErrShortWrite
	}
	return len(p), nil
}

func TestFind(t *testing.T) {
	f := File{Tensors: sample()}
	f.Sort()
	for _, want := range sample() {
		if got, ok := f.Find(want.Name); !ok || got.DType != want.DType {
			t.Errorf("%s: got %v, %v", want.Name, got, ok)
		}
	}
	if _, ok := f.Find("other"); ok {
		t.Error("found what is not there")
	}
}

func TestConvert(t *testing.T) {
	for _, x := range sample() {
		floats, floatErr := x.Float32()
		ints, intErr := x.Int64()
		got := fmt.Sprint(floats, floatErr == nil, ints, intErr == nil)
		if got != conversions[x.Name] {
			t.Errorf("%s: got %s", x.Name, got)
		}
	}
}

var conversions = map[string]string{
	"z": "[1.5 -0.25] true [] false", "ids": "[] false [-1 9223372036854775807] true",
	"bytes": "[] false [1 2 255] true", "half": "[1 -2] true [] false", "brain": "[1] true [] false",
	"scalar": "[0.1] true [] false", "int": "[] false [-2] true", "empty": "[] true [] false",
}

func TestHalf(t *testing.T) {
	for h, want := range map[uint16]float64{
		0: 0, 0x0001: 0x1p-24, 0x03ff: 1023 * 0x1p-24, 0x0400: 0x1p-14, 0x3555: 0.333251953125,
		0x7bff: 65504, 0xfbff: -65504, 0x7c00: math.Inf(1), 0xfc00: math.Inf(-1),
	} {
		if got := halfToFloat(h); float64(got) != want {
			t.Errorf("%#04x is %v, want %v", h, got, want)
		}
	}
	if v := halfToFloat(0x8000); v != 0 || !math.Signbit(float64(v)) {
		t.Errorf("0x8000 is %v, want -0", v)
	}
	if v := halfToFloat(0x7e01); v == v {
		t.Errorf("0x7e01 is %v, want NaN", v)
	}
}

// FuzzParse checks that nothing panics, that Read and Parse agree, and that what was accepted is
// written and read again as the same.
func FuzzParse(f *testing.F) {
	var out bytes.Buffer
	if err := Write(&out, sample(), map[string]string{"a": "b"}); err != nil {
		f.Fatal(err)
	}
	f.Add(out.Bytes())
	f.Add(file(`{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}`, 0))
	f.Add(file("{}", 0))
	f.Fuzz(func(t *testing.T, data []byte) {
		limits := Limits{Header: 1 << 16, Total: 1 << 20, Tensors: 64}
		first, err := Parse(data, limits)
		second, readErr := Read(bytes.NewReader(data), limits)
		if (err == nil) != (readErr == nil) {
			t.Fatalf("Parse: %v, Read: %v", err, readErr)
		}
		if err != nil {
			return
		}
		var out bytes.Buffer
		if err := Write(&out, second.Tensors, second.Metadata); err != nil {
			t.Fatal(err)
		}
		third, err := Parse(out.Bytes(), Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if len(first.Metadata) == 0 {
			first.Metadata = nil // {} is not written
		}
		if !reflect.DeepEqual(first, third) {
			t.Fatalf("%+v became %+v", first, third)
		}
	})
}
