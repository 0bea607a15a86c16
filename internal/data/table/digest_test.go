package table

import (
	"crypto/sha256"
	"encoding/hex"
	"math"
	"testing"

	"lathe"
)

// TestDigestForm holds the canonical form: a change of it changes every stored digest.
func TestDigestForm(t *testing.T) {
	b := mustRead(t, "n,f,b,s\n1,0.5,true,x\n-2,-0.0,false,值\n,1e300,true,\n", Options{}).Batch
	const zeros = "\x00\x00\x00\x00\x00\x00\x00\x00"
	form := "lathe rows 1" + "1:n1:f1:b1:s" +
		"\n" + "i\x01" + zeros[:7] + "n" + zeros[:6] + "\xe0\x3f" + "t" + "s1:x" +
		"\n" + "i\xfe\xff\xff\xff\xff\xff\xff\xff" + "i" + zeros + "f" + "s3:值" +
		"\n" + "m" + "n\x9c\x75\x00\x88\x3c\xe4\x37\x7e" + "t" + "m"
	sum := sha256.Sum256([]byte(form))
	if got := DigestOf(b); got != hex.EncodeToString(sum[:]) {
		t.Errorf("digest %s, want that of %q", got, form)
	}
}

func TestDigestIgnoresWriting(t *testing.T) {
	want := DigestOf(mustRead(t, "a,b,c\n1,x,0.5\n2,y,1\n", Options{}).Batch)
	for _, same := range []string{
		"a;b;c\r\n1;x;0.5\r\n2;y;1\r\n", "\ufeffa,b,c\n1,\"x\",.5\n2,y,1.0", "a\tb\tc\n+1\tx\t5e-1\n\n2\ty\t1e0\n", "a,b,c\n1.0,x,0.50\n2.0,y,1\n",
	} {
		if got := DigestOf(mustRead(t, same, Options{}).Batch); got != want {
			t.Errorf("%q: another digest", same)
		}
	}
	for _, other := range []string{
		"a,b,c\n2,y,1\n1,x,0.5\n", "a,c,b\n1,0.5,x\n2,1,y\n", "a,b,d\n1,x,0.5\n2,y,1\n", "a,b,c\n1,x,0.5\n2,,1\n", "a,b,c\n1,x,0.5\n",
		"a,b,c\n1,x,0.5\n2,y,1.0000000000000002\n", "a,b,c\n01,x,0.5\n02,y,1\n",
	} {
		if got := DigestOf(mustRead(t, other, Options{}).Batch); got == want {
			t.Errorf("%q: the same digest", other)
		}
	}
}

// TestDigestComposes checks segments against the whole, with erased rows, for any cut.
func TestDigestComposes(t *testing.T) {
	b := sampleBatch(50)
	erased := []int64{0, 3, 4, 17, 49}
	want := DigestOf(Drop(b, erased))
	if want == DigestOf(b) {
		t.Fatal("erasing changes nothing")
	}
	for cut := 0; cut <= 50; cut++ {
		d := NewDigest(columnNames(b))
		var first, second []int64
		for _, e := range erased {
			if e < int64(cut) {
				first = append(first, e)
			} else {
				second = append(second, e-int64(cut))
			}
		}
		for _, part := range []struct {
			b      *lathe.Batch
			erased []int64
		}{{b.Slice(0, cut), first}, {b.Slice(cut, 50), second}} {
			if err := d.Add(part.b, part.erased); err != nil {
				t.Fatal(err)
			}
		}
		if got := d.Sum(); got != want || d.Rows() != 45 {
			t.Fatalf("cut at %d: digest %s of %d rows, want %s", cut, got, d.Rows(), want)
		}
	}
	if err := NewDigest([]string{"other"}).Add(b, nil); lathe.CodeOf(err) != lathe.CodeInternal {
		t.Errorf("absent column: %v", err)
	}
}

// TestDigestWidening checks that integers have the digest of the floats that they become beside another segment's.
func TestDigestWidening(t *testing.T) {
	ints := lathe.Column{Name: "x", Kind: lathe.Int64, Ints: []int64{0, -5, 1 << 53, math.MinInt64}}
	floats := lathe.Column{Name: "x", Kind: lathe.Float64, Floats: []float64{math.Copysign(0, -1), -5, 1 << 53, -0x1p63}}
	a := &lathe.Batch{Rows: 4, Columns: []lathe.Column{ints}}
	b := &lathe.Batch{Rows: 4, Columns: []lathe.Column{floats}}
	if DigestOf(a) != DigestOf(b) {
		t.Error("the same numbers, another digest")
	}
}

// TestDigestBlocks checks rows that several cores write down against one row at a time.
func TestDigestBlocks(t *testing.T) {
	b := sampleBatch(3*blockRows*8 + 7)
	d := NewDigest(columnNames(b))
	for i := range b.Rows {
		if err := d.Add(b.Slice(i, i+1), nil); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := DigestOf(b), d.Sum(); got != want {
		t.Errorf("digest %s, row by row %s", got, want)
	}
}
