package safetensors

import (
	"bytes"
	"fmt"
	"os"
	"testing"
)

// The file of the format's own library (see testdata/make_golden.py) must read as what went in, and
// come out of Write as the same bytes.
func TestGolden(t *testing.T) {
	data, err := os.ReadFile("testdata/golden.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	f, err := Parse(data, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, x := range f.Tensors {
		floats, floatErr := x.Float32()
		ints, intErr := x.Int64()
		got += fmt.Sprintf("%s %s %v %v %v %v %v\n", x.Name, x.DType, x.Shape, floats, floatErr == nil, ints, intErr == nil)
	}
	want := "half F16 [2] [0.5 -3] true [] false\n" +
		"ids I64 [2] [] false [-1 1099511627776] true\n" +
		"mask U8 [3 1] [] false [1 0 255] true\n" +
		"weight F32 [2 3] [0 0.25 0.5 0.75 1 1.25] true [] false\n" +
		"wide F64 [] [0.1] true [] false\n"
	if got != want || f.Metadata["format"] != "np" {
		t.Errorf("got\n%s%v\nwant\n%s", got, f.Metadata, want)
	}
	var out bytes.Buffer
	if err := Write(&out, f.Tensors, f.Metadata); err != nil || !bytes.Equal(out.Bytes(), data) {
		t.Errorf("written as\n%q, %v, want\n%q", out.Bytes(), err, data)
	}
}
