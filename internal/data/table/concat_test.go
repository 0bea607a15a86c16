package table

import (
	"testing"

	"lathe"
)

func concat(t *testing.T, texts ...string) (*lathe.Batch, error) {
	t.Helper()
	var batches []*lathe.Batch
	for _, text := range texts {
		batches = append(batches, mustRead(t, text, Options{Header: HeaderYes}).Batch)
	}
	return Concat(batches)
}

func TestConcat(t *testing.T) {
	b, err := concat(t, "a,b,c,d\n1,x,,true\n,y,,\n", "d,c,b,a\nfalse,7,,0.5\n", "a,b,c,d\n3,z,8,\n")
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"a float64: 1 - 0.5 3", `b string: "x" "y" - "z"`, "c int64: - - 7 8", "d bool: true - false -"} {
		if got := show(&b.Columns[i]); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if err := b.Check(); err != nil || b.Rows != 4 {
		t.Errorf("%d rows, %v", b.Rows, err)
	}
}

func TestConcatRefuses(t *testing.T) {
	tests := []struct{ first, second, message, hint string }{
		{"a,b\n1,2\n", "a,c\n1,2\n", `column "c" is new`, `"a", "b"`},
		{"a,b\n1,2\n", "a\n1\n", `column "b" is absent`, "empty cells"},
		{"a,b\n1,2\n", "a,b\nx,2\n", `column "a" was int64 and is string now`, "new dataset"},
		{"a,b\ntrue,2\n", "a,b\n1,2\n", `column "a" was bool and is int64 now`, "new dataset"},
	}
	for _, test := range tests {
		_, err := concat(t, test.first, test.second)
		wantError(t, err, lathe.CodeInvalid, test.message, test.hint)
		first, second := mustRead(t, test.first, Options{}).Batch, mustRead(t, test.second, Options{}).Batch
		_, err = Conform(second, Infer(first))
		wantError(t, err, lathe.CodeInvalid, test.message, test.hint)
	}
}

func TestConform(t *testing.T) {
	schema := Infer(mustRead(t, "zip,n,e\n007,1,x\n", Options{}).Batch)
	b := mustRead(t, "n,e,zip\n1.5,,123\n", Options{Kinds: schema.Kinds()}).Batch
	got, err := Conform(b, schema)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{`zip string: "123"`, "n float64: 1.5", "e string: -"} {
		if show(&got.Columns[i]) != want {
			t.Errorf("got %s, want %s", show(&got.Columns[i]), want)
		}
	}
}

func TestDrop(t *testing.T) {
	b := mustRead(t, "a\n0\n1\n2\n3\n", Options{}).Batch
	for _, test := range []struct {
		erased []int64
		want   string
	}{{nil, "a int64: 0 1 2 3"}, {[]int64{0}, "a int64: 1 2 3"}, {[]int64{1, 3}, "a int64: 0 2"}, {[]int64{0, 1, 2, 3, 9}, "a int64:"}} {
		if got := show(&Drop(b, test.erased).Columns[0]); got != test.want {
			t.Errorf("%v: got %s, want %s", test.erased, got, test.want)
		}
	}
}
