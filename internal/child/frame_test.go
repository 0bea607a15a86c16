package child

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"testing"
	"testing/iotest"
	"time"

	"lathe"
)

func TestFramesRoundTrip(t *testing.T) {
	var wire bytes.Buffer
	out := &frameWriter{w: &wire}
	for k, limits := range sizes {
		for _, size := range limits {
			wire.Reset()
			body := bytes.Repeat([]byte{7}, size)
			if err := out.write(k, body[:size/2], body[size/2:]); err != nil {
				t.Fatalf("write %q of %d bytes: %v", byte(k), size, err)
			}
			f, err := newFrameReader(iotest.HalfReader(&wire)).read()
			if err != nil || f.kind != k || !bytes.Equal(f.payload, body) {
				t.Errorf("read %q of %d bytes: got %q of %d, %v", byte(k), size, byte(f.kind), len(f.payload), err)
			}
		}
	}
}

func TestFramesRefused(t *testing.T) {
	out := &frameWriter{w: io.Discard}
	for k, limits := range sizes {
		if err := out.write(k, make([]byte, limits[1]+1)); err == nil {
			t.Errorf("kind %q: %d bytes were written", byte(k), limits[1]+1)
		}
		if limits[0] > 0 && out.write(k, make([]byte, limits[0]-1)) == nil {
			t.Errorf("kind %q: %d bytes were written", byte(k), limits[0]-1)
		}
	}
	for input, want := range map[string]error{
		"":                       io.EOF,
		"P\x00":                  io.ErrUnexpectedEOF,
		"C\x00\x00\x00\x02x":     io.ErrUnexpectedEOF,
		"C\x00\x00\x00\x02":      io.ErrUnexpectedEOF,
		"P\x00\x00\x00\x00P\x00": nil,
	} {
		if _, err := newFrameReader(bytes.NewReader([]byte(input))).read(); !errors.Is(err, want) {
			t.Errorf("%q: got %v, want %v", input, err, want)
		}
	}
}

func FuzzFrame(f *testing.F) {
	f.Add([]byte("P\x00\x00\x00\x00V\x00\x00\x00\x02{}"))
	f.Add([]byte("V\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, wire []byte) {
		in := newFrameReader(bytes.NewReader(wire))
		var again bytes.Buffer
		out := &frameWriter{w: &again}
		for {
			fr, err := in.read()
			if err != nil {
				break
			}
			if err := out.write(fr.kind, fr.payload); err != nil {
				t.Fatalf("%q was read and cannot be written: %v", byte(fr.kind), err)
			}
		}
		if !bytes.HasPrefix(wire, again.Bytes()) {
			t.Fatalf("read %q as %q", wire, again.Bytes())
		}
	})
}

// halfDuplex reads from one side and forgets what is written.
type halfDuplex struct {
	io.Reader
	io.Writer
}

// newTestSession is a parent's side without a process.
func newTestSession(ctx context.Context, wire io.ReadWriter, h Handler) *session {
	w := newWatch(Options{Silence: time.Second}, func(string) {})
	in := Input{Name: "in", Open: func(context.Context) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(make([]byte, 3*chunkSize))), nil
	}}
	return newSession(ctx, wire, w, []Input{in}, h, slog.New(slog.DiscardHandler))
}

// FuzzParent feeds the parent what a child that was taken over might send.
func FuzzParent(f *testing.F) {
	ready := "H\x00\x00\x00\x02{}"
	f.Add([]byte(ready + "V\x00\x00\x00\x16" + `{"kind":"a","data":[]}` + "D\x00\x00\x00\x00"))
	f.Add([]byte(ready + "B\x00\x00\x00\x0c" + `{"name":"s"}` + "C\x00\x00\x00\x01xP\x00\x00\x00\x00Z\x00\x00\x00\x00D\x00\x00\x00\x00"))
	f.Add([]byte(ready + "B\x00\x00\x00\x02{}A\x00\x00\x00\x02noF\x00\x00\x00\x10" + `{"code":"broken"`))
	f.Add([]byte(ready + "o\x00\x00\x00\x06abcdinn\x00\x00\x00\x04abcdq\x00\x00\x00\x04abcdD\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, wire []byte) {
		ctx, cancel := context.WithCancel(t.Context())
		h := Handler{
			Event: func(_ string, data json.RawMessage) error {
				if len(data) > 0 && !json.Valid(data) {
					t.Errorf("event with %q", data)
				}
				return nil
			},
			Stream: func(_ string, _ json.RawMessage, r io.Reader) error {
				_, err := io.Copy(io.Discard, r)
				return err
			},
		}
		s := newTestSession(ctx, halfDuplex{bytes.NewReader(wire), io.Discard}, h)
		err := s.run(jobFrame{Kind: "train", Spec: []byte("{}")})
		cancel()
		s.wait()
		var verdict *verdictError
		var lost *lostError
		if err != nil && !errors.As(err, &verdict) && !errors.As(err, &lost) {
			t.Errorf("got %v, want a verdict or a broken conversation", err)
		}
		if len(s.feeds) > maxFeeds {
			t.Errorf("%d inputs open at once", len(s.feeds))
		}
	})
}

// FuzzChild feeds a child what no parent of ours sends; it must end all the same.
func FuzzChild(f *testing.F) {
	job := "J\x00\x00\x00\x19" + `{"kind":"read","spec":{}}`
	f.Add([]byte(job + "c\x00\x00\x00\x07\x00\x00\x00\x01abce\x00\x00\x00\x04\x00\x00\x00\x01"))
	f.Add([]byte(job + "S\x00\x00\x00\x00"))
	f.Add([]byte(job + "x\x00\x00\x00\x06\x00\x00\x00\x01{}"))
	f.Add([]byte(job + "c\x00\x00\x00\x05\x00\x00\x00\x01ac\x00\x00\x00\x05\x00\x00\x00\x01bc\x00\x00\x00\x05\x00\x00\x00\x01c"))
	read := func(_ context.Context, c *Conn) error {
		in, err := c.Input("in")
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, in)
		return err
	}
	f.Fuzz(func(t *testing.T, wire []byte) {
		_ = serve(halfDuplex{bytes.NewReader(wire), io.Discard}, "read", nil, map[string]Work{"read": read}, func() {})
	})
}

func TestWatch(t *testing.T) {
	o := Options{Silence: 3 * time.Second, Grace: 2*time.Second + 1}
	w := newWatch(o, nil)
	steps := []struct {
		what string
		do   func()
		want []string // of each tick that follows
	}{
		{"not listening yet", func() {}, []string{"", "", "", "", "", ""}},
		{"listening", w.expect, []string{"", "", ""}},
		{"a frame came and is handled for long", w.heard, []string{"", "", "", "", ""}},
		{"listening again", w.expect, []string{"", "", "", reasonSilent, reasonSilent}},
	}
	for _, step := range steps {
		step.do()
		for i, want := range step.want {
			if got := w.count(false); got != want {
				t.Errorf("%s, tick %d: got %q, want %q", step.what, i+1, got, want)
			}
		}
	}
	w = newWatch(o, nil)
	for i, want := range []string{"", "", "", reasonGrace} {
		if got := w.count(true); got != want {
			t.Errorf("stopping, tick %d: got %q, want %q", i+1, got, want)
		}
	}
}

func TestTail(t *testing.T) {
	var got tail
	var all []byte
	for i, size := range []int{10, maxStderr, 3, maxStderr - 1, 2 * maxStderr, 100, 0} {
		part := bytes.Repeat([]byte{byte('a' + i)}, size)
		all = append(all, part...)
		if n, err := got.Write(part); n != size || err != nil {
			t.Fatalf("write of %d: %d, %v", size, n, err)
		}
		if want := all[max(0, len(all)-maxStderr):]; got.String() != string(want) {
			t.Errorf("after %d bytes: not the last %d of them", len(all), maxStderr)
		}
	}
}

func TestProblemIsBounded(t *testing.T) {
	long := string(bytes.Repeat([]byte{'x'}, 1<<20))
	p := problemOf(&lathe.Error{Code: lathe.CodeInvalid, Message: long, Field: long, Hint: long})
	if err := (&frameWriter{w: io.Discard}).writeJSON(kindFailed, p); err != nil {
		t.Error(err)
	}
}
