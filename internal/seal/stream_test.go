package seal

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"testing"
	"testing/iotest"

	"lathe"
)

var testKey = Key([]byte("0123456789abcdef0123456789ABCDEF"))

// small is a chunk size that lets tests damage every byte of a stream of several chunks.
const small = 80

func sealStream(t testing.TB, plain []byte, associated string, segment int) []byte {
	t.Helper()
	var buf bytes.Buffer
	w, err := newWriter(&buf, testKey, []byte(associated), segment)
	if err == nil {
		_, err = w.Write(plain)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func openStream(stream []byte, key Key, associated string, segment int) ([]byte, error) {
	r, err := newReader(bytes.NewReader(stream), key, []byte(associated), segment)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

func pattern(n int) []byte {
	out := make([]byte, n)
	for i := range out {
		out[i] = byte(i*7 + i/251)
	}
	return out
}

func TestStreamRoundTrip(t *testing.T) {
	first := segmentSize - tagSize - streamHeader
	for _, n := range []int{0, 1, 16, first - 1, first, first + 1, first + segmentSize - tagSize, first + segmentSize - tagSize + 1, 1 << 20} {
		plain := pattern(n)
		stream := sealStream(t, plain, "x", segmentSize)
		got, err := openStream(stream, testKey, "x", segmentSize)
		if err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%d bytes: %v", n, err)
		}
		if bytes.Equal(stream, sealStream(t, plain, "x", segmentSize)) {
			t.Errorf("%d bytes: two streams of the same content are equal", n)
		}
	}
}

func TestStreamPassesReaderSuite(t *testing.T) {
	plain := pattern(1000)
	r, err := newReader(iotest.OneByteReader(bytes.NewReader(sealStream(t, plain, "x", small))), testKey, []byte("x"), small)
	if err != nil {
		t.Fatal(err)
	}
	if err := iotest.TestReader(r, plain); err != nil {
		t.Error(err)
	}
}

// TestStreamReadsTink reads what Tink's own AES256-GCM-HKDF wrote; testdata/tink made the file.
func TestStreamReadsTink(t *testing.T) {
	data, err := os.ReadFile("testdata/tink_stream.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		Key        []byte
		Associated string
		Length     int
		Stream     []byte
	}
	if err := json.Unmarshal(data, &vectors); err != nil || len(vectors) != 4 {
		t.Fatal(len(vectors), err)
	}
	for _, v := range vectors {
		got, err := openStream(append([]byte(streamMagic), v.Stream...), Key(v.Key), v.Associated, segmentSize)
		if err != nil || !bytes.Equal(got, pattern(v.Length)) {
			t.Errorf("length %d: %v", v.Length, err)
		}
	}
}

// wantDamage checks that a stream is refused and that what was released before is a prefix of whole chunks.
func wantDamage(t *testing.T, what string, stream, plain []byte, segment int) {
	t.Helper()
	got, err := openStream(stream, testKey, "x", segment)
	var c *CorruptError
	if !errors.As(err, &c) || lathe.CodeOf(err) != lathe.CodeCorrupt {
		t.Fatalf("%s: %v", what, err)
	}
	if !bytes.HasPrefix(plain, got) {
		t.Fatalf("%s: wrong bytes were released", what)
	}
	if c.Chunk < 0 && len(got) == 0 {
		return
	}
	if want := chunkStart(int(c.Chunk), segment); len(got) != want {
		t.Fatalf("%s: chunk %d is at fault, but %d bytes were released, not %d", what, c.Chunk, len(got), want)
	}
}

func chunkStart(chunk, segment int) int {
	if chunk == 0 {
		return 0
	}
	return chunk*(segment-tagSize) - streamHeader
}

func TestStreamTamper(t *testing.T) {
	for _, n := range []int{0, 1, 20, 21, 300} {
		plain := pattern(n)
		stream := sealStream(t, plain, "x", small)
		for i := range stream {
			for bit := range 8 {
				bad := bytes.Clone(stream)
				bad[i] ^= 1 << bit
				wantDamage(t, "flip", bad, plain, small)
			}
		}
		for cut := range len(stream) {
			wantDamage(t, "truncate", stream[:cut], plain, small)
		}
		wantDamage(t, "append", append(bytes.Clone(stream), 0), plain, small)
		wantDamage(t, "twice", append(bytes.Clone(stream), stream...), plain, small)
	}
}

func TestStreamReorder(t *testing.T) {
	plain := pattern(5 * small)
	stream := sealStream(t, plain, "x", small)
	chunk := func(i int) []byte { return stream[i*small : (i+1)*small] }
	swapped := bytes.Join([][]byte{chunk(0), chunk(2), chunk(1), stream[3*small:]}, nil)
	dropped := bytes.Join([][]byte{chunk(0), stream[2*small:]}, nil)
	repeated := bytes.Join([][]byte{chunk(0), chunk(1), chunk(1), stream[2*small:]}, nil)
	other := sealStream(t, plain, "x", small)
	spliced := bytes.Join([][]byte{chunk(0), other[small : 2*small], stream[2*small:]}, nil)
	for name, bad := range map[string][]byte{"swapped": swapped, "dropped": dropped, "repeated": repeated, "spliced": spliced} {
		wantDamage(t, name, bad, plain, small)
	}
}

func TestStreamBindsKeyAndName(t *testing.T) {
	stream := sealStream(t, []byte("secret"), "object 1", segmentSize)
	for name, open := range map[string]func() ([]byte, error){
		"other name": func() ([]byte, error) { return openStream(stream, testKey, "object 2", segmentSize) },
		"other key":  func() ([]byte, error) { return openStream(stream, NewKey(), "object 1", segmentSize) },
	} {
		if got, err := open(); lathe.CodeOf(err) != lathe.CodeCorrupt || len(got) != 0 {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// TestStreamErrorsStay covers Tink's reader, which reports the end of the stream after a last chunk that failed.
func TestStreamErrorsStay(t *testing.T) {
	stream := sealStream(t, pattern(10), "x", small)
	stream[len(stream)-1] ^= 1
	r, err := newReader(bytes.NewReader(stream), testKey, []byte("x"), small)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if n, err := r.Read(make([]byte, 10)); n != 0 || lathe.CodeOf(err) != lathe.CodeCorrupt {
			t.Fatalf("read gave %d bytes, %v", n, err)
		}
	}
}

func TestStreamPassesOnDiskErrors(t *testing.T) {
	stream := sealStream(t, pattern(300), "x", small)
	broken := io.MultiReader(bytes.NewReader(stream[:2*small]), iotest.ErrReader(os.ErrDeadlineExceeded))
	r, err := newReader(broken, testKey, []byte("x"), small)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(r); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("reader: %v", err)
	}
	if _, err := NewReader(iotest.ErrReader(os.ErrDeadlineExceeded), testKey, nil); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("header: %v", err)
	}
}

// failAfter accepts n bytes and then fails.
type failAfter struct{ n int }

func (w *failAfter) Write(p []byte) (int, error) {
	if w.n -= len(p); w.n < 0 {
		return 0, io.ErrShortWrite
	}
	return len(p), nil
}

func TestStreamWriterErrorsStay(t *testing.T) {
	total := len(sealStream(t, pattern(300), "x", small))
	for n := range total {
		w, err := newWriter(&failAfter{n}, testKey, nil, small)
		if err != nil {
			continue
		}
		_, first := w.Write(pattern(300))
		if err := w.Close(); err == nil {
			t.Fatalf("close after %d of %d bytes: no error", n, total)
		}
		if _, err := w.Write([]byte{1}); first != nil && err == nil {
			t.Fatalf("write after a failed write: no error")
		}
	}
}

func TestStreamMemoryIsConstant(t *testing.T) {
	stream := sealStream(t, pattern(8<<20), "x", segmentSize)
	buffer := make([]byte, 32<<10)
	allocated := testing.AllocsPerRun(1, func() {
		r, err := NewReader(bytes.NewReader(stream), testKey, []byte("x"))
		if err != nil {
			t.Fatal(err)
		}
		for err == nil {
			_, err = r.Read(buffer)
		}
		if err != io.EOF {
			t.Fatal(err)
		}
	})
	if allocated > 400 { // 128 chunks with a nonce each; the buffers are few
		t.Errorf("%v allocations for 8 MiB", allocated)
	}
}

func FuzzStream(f *testing.F) {
	f.Add(sealStream(f, pattern(300), "x", small))
	f.Add([]byte(streamMagic))
	f.Fuzz(func(t *testing.T, stream []byte) {
		got, err := openStream(stream, testKey, "x", small)
		var c *CorruptError
		if err != nil && !errors.As(err, &c) {
			t.Fatal(err)
		}
		if err == nil && !bytes.Equal(got, pattern(300)) {
			t.Fatal("a forged stream opened")
		}
	})
}

func BenchmarkStream(b *testing.B) {
	plain := pattern(8 << 20)
	stream := sealStream(b, plain, "x", segmentSize)
	b.Run("seal", func(b *testing.B) {
		b.SetBytes(int64(len(plain)))
		for range b.N {
			sealStream(b, plain, "x", segmentSize)
		}
	})
	b.Run("open", func(b *testing.B) {
		b.SetBytes(int64(len(plain)))
		for range b.N {
			r, err := NewReader(bytes.NewReader(stream), testKey, []byte("x"))
			if err == nil {
				_, err = io.Copy(io.Discard, r)
			}
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}
