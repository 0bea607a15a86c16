package table

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"testing"
	"testing/iotest"

	"lathe"
)

// sampleBatch has all kinds, missing values in each, and more rows than a byte of a bitmap.
func sampleBatch(rows int) *lathe.Batch {
	b := &lathe.Batch{Rows: rows, Columns: []lathe.Column{
		lathe.NewColumn("f", lathe.Float64, rows), lathe.NewColumn("i", lathe.Int64, rows),
		lathe.NewColumn("b", lathe.Bool, rows), lathe.NewColumn("s", lathe.String, rows), lathe.NewColumn("full", lathe.Float64, rows),
	}}
	for r := range rows {
		for k := range 4 {
			if r%5 == k {
				b.Columns[k].SetMissing(r)
			}
		}
		if r%5 != 0 {
			b.Columns[0].Floats[r] = math.Sqrt(float64(r))
		}
		if r%5 != 1 {
			b.Columns[1].Ints[r] = int64(r) - 3
		}
		b.Columns[2].Bools[r] = r%5 != 2 && r%3 == 0
		if r%5 != 3 {
			b.Columns[3].Strings[r] = fmt.Sprintf("row %d 值", r)
		}
		b.Columns[4].Floats[r] = -float64(r)
	}
	return b
}

func writeSegment(t testing.TB, b *lathe.Batch) []byte {
	t.Helper()
	var buf bytes.Buffer
	if err := WriteSegment(&buf, b, Infer(b)); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestSegmentRoundTrip(t *testing.T) {
	for _, rows := range []int{0, 1, 8, 9, 100, groupRows, groupRows + 1} {
		b := sampleBatch(rows)
		data := writeSegment(t, b)
		got, schema, err := ReadSegment(iotest.HalfReader(bytes.NewReader(data)), Limits{})
		if err != nil {
			t.Fatalf("%d rows: %v", rows, err)
		}
		if !reflect.DeepEqual(schema, Infer(b)) || got.Rows != rows || DigestOf(got) != DigestOf(b) {
			t.Errorf("%d rows: not what was written", rows)
		}
		if again := writeSegment(t, got); !bytes.Equal(again, data) {
			t.Errorf("%d rows: written again, the bytes differ", rows)
		}
	}
}

// TestSegmentCanonical checks that what a caller left in missing cells is not stored.
func TestSegmentCanonical(t *testing.T) {
	b := sampleBatch(20)
	want := writeSegment(t, b)
	b.Columns[0].Floats[0], b.Columns[1].Ints[1], b.Columns[2].Bools[2], b.Columns[3].Strings[3] = 7, 7, true, "secret"
	if !bytes.Equal(writeSegment(t, b), want) {
		t.Error("values of missing cells are stored")
	}
}

// TestSegmentDamage flips each bit and cuts at each byte: nothing damaged is read.
func TestSegmentDamage(t *testing.T) {
	data := writeSegment(t, sampleBatch(20))
	for i := range data {
		for bit := range 8 {
			damaged := bytes.Clone(data)
			damaged[i] ^= 1 << bit
			_, _, err := ReadSegment(bytes.NewReader(damaged), Limits{})
			if code := lathe.CodeOf(err); code != lathe.CodeCorrupt && code != lathe.CodeUnsupported {
				t.Fatalf("bit %d of byte %d: %v", bit, i, err)
			}
		}
		if _, _, err := ReadSegment(bytes.NewReader(data[:i]), Limits{}); lathe.CodeOf(err) != lathe.CodeCorrupt {
			t.Fatalf("cut at byte %d: %v", i, err)
		}
	}
	_, _, err := ReadSegment(bytes.NewReader(append(bytes.Clone(data), 0)), Limits{})
	wantError(t, err, lathe.CodeCorrupt, "bytes follow its end", "backup")
}

// TestSegmentGroups checks that whole groups cannot be lost, repeated or moved.
func TestSegmentGroups(t *testing.T) {
	b := sampleBatch(2*groupRows + 5)
	data := writeSegment(t, b)
	r, err := NewSegmentReader(bytes.NewReader(data), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	rows := []int{}
	for {
		group, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, group.Rows)
	}
	if !reflect.DeepEqual(rows, []int{groupRows, groupRows, 5}) {
		t.Fatalf("groups of %v rows", rows)
	}
	var one bytes.Buffer
	if err := WriteSegment(&one, b.Slice(0, groupRows), Infer(b)); err != nil {
		t.Fatal(err)
	}
	end := 16 // rows 4, total 8, checksum 4
	header := one.Len() - end - len(appendGroup(nil, b.Slice(0, groupRows), 0))
	groups := one.Bytes()[header : one.Len()-end]
	twice := append(append(append([]byte{}, one.Bytes()[:one.Len()-end]...), groups...), one.Bytes()[one.Len()-end:]...)
	_, _, err = ReadSegment(bytes.NewReader(twice), Limits{})
	wantError(t, err, lathe.CodeCorrupt, "checksum of group 1 is wrong", "backup")
	none := append(append([]byte{}, one.Bytes()[:header]...), one.Bytes()[one.Len()-end:]...)
	_, _, err = ReadSegment(bytes.NewReader(none), Limits{})
	wantError(t, err, lathe.CodeCorrupt, "the end's checksum is wrong", "backup")
}

func TestSegmentLimits(t *testing.T) {
	data := writeSegment(t, sampleBatch(1000))
	_, _, err := ReadSegment(bytes.NewReader(data), Limits{Columns: 4})
	wantError(t, err, lathe.CodeCorrupt, "5 columns, allowed are 1 to 4", "backup")
	_, _, err = ReadSegment(bytes.NewReader(data), Limits{Memory: 1000})
	wantError(t, err, lathe.CodeCorrupt, "group 0 claims 1000 rows", "backup")
	broken := errors.New("the disk is gone")
	if _, _, err := ReadSegment(iotest.ErrReader(broken), Limits{}); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if err := WriteSegment(io.Discard, sampleBatch(3), Infer(sampleBatch(3))[:4]); lathe.CodeOf(err) != lathe.CodeInternal {
		t.Errorf("a schema of fewer columns: %v", err)
	}
}

func FuzzReadSegment(f *testing.F) {
	f.Add(writeSegment(f, sampleBatch(3)))
	f.Add(writeSegment(f, sampleBatch(0)))
	f.Add([]byte("LTHSEG\x01\x00\xff\xff\xff\x03"))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, schema, err := ReadSegment(bytes.NewReader(data), Limits{Memory: 1 << 20})
		if err != nil {
			return
		}
		var again bytes.Buffer
		if err := WriteSegment(&again, b, schema); err != nil {
			t.Fatalf("read, but cannot be written: %v", err)
		}
	})
}

// FuzzSegmentGroup reaches behind the checksums.
func FuzzSegmentGroup(f *testing.F) {
	b := sampleBatch(11)
	group := appendGroup(nil, b, 0)
	f.Add(group[12:len(group)-4], 11)
	f.Fuzz(func(t *testing.T, payload []byte, rows int) {
		if rows < 1 || rows > 1000 {
			return
		}
		s := &SegmentReader{schema: Infer(b)}
		got, err := s.parseGroup(payload, rows)
		if err == nil && (got.Check() != nil || got.Rows != rows) {
			t.Errorf("%d rows: %v", rows, got.Check())
		}
	})
}
