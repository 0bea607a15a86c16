package blob

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"lathe"
)

// testStore is what every lathe.BlobStore must do; open makes an empty one. Adapters for clouds run it too.
func testStore(t *testing.T, open func(t *testing.T) lathe.BlobStore) {
	t.Run("PutAndOpen", func(t *testing.T) { testPutAndOpen(t, open(t)) })
	t.Run("Dedupe", func(t *testing.T) { testDedupe(t, open(t)) })
	t.Run("Projects", func(t *testing.T) { testProjects(t, open(t)) })
	t.Run("Delete", func(t *testing.T) { testDelete(t, open(t)) })
	t.Run("FailedPut", func(t *testing.T) { testFailedPut(t, open(t)) })
	t.Run("Cancelled", func(t *testing.T) { testCancelled(t, open(t)) })
	t.Run("Parallel", func(t *testing.T) { testParallel(t, open(t)) })
	t.Run("BadProjects", func(t *testing.T) { testBadProjects(t, open(t)) })
}

var ctx = context.Background()

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func put(t *testing.T, s lathe.BlobStore, project lathe.Project, content []byte) lathe.Blob {
	t.Helper()
	b, err := s.Put(ctx, project, bytes.NewReader(content))
	must(t, err)
	return b
}

func get(s lathe.BlobStore, project lathe.Project, name lathe.BlobName) ([]byte, error) {
	r, err := s.Open(ctx, project, name)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(r)
	return data, errors.Join(err, r.Close())
}

// list gives "project name bytes" sorted.
func list(t *testing.T, s lathe.BlobStore) (out []string) {
	t.Helper()
	must(t, s.List(ctx, func(p lathe.Project, b lathe.Blob) error {
		if b.At.IsZero() {
			t.Errorf("%s has no time", b.Name)
		}
		out = append(out, string(p)+" "+b.Name.String())
		return nil
	}))
	slices.Sort(out)
	return out
}

// sizes are around a chunk of 64 KiB and its overheads.
var sizes = []int{0, 1, 15, 16, 17, 4096, 65000, 65475, 65476, 65477, 65519, 65520, 65536, 65537, 131040, 200000}

func content(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i>>8)
	}
	return b
}

func testPutAndOpen(t *testing.T, s lathe.BlobStore) {
	names := map[lathe.BlobName]bool{}
	for _, n := range sizes {
		b := put(t, s, "p", content(n))
		if b.Bytes != int64(n) || b.At.IsZero() {
			t.Errorf("%d bytes: %+v", n, b)
		}
		names[b.Name] = true
		data, err := get(s, "p", b.Name)
		if err != nil || !bytes.Equal(data, content(n)) {
			t.Errorf("%d bytes: got %d, %v", n, len(data), err)
		}
	}
	if got := list(t, s); len(names) != len(sizes) || len(got) != len(sizes) {
		t.Errorf("%d names, %d listed", len(names), len(got))
	}
}

func testDedupe(t *testing.T, s lathe.BlobStore) {
	a, b := put(t, s, "p", content(100)), put(t, s, "p", content(100))
	if a.Name != b.Name || b.At.Before(a.At) {
		t.Errorf("%v and %v", a, b)
	}
	if got := list(t, s); len(got) != 1 {
		t.Errorf("listed %v", got)
	}
}

func testProjects(t *testing.T, s lathe.BlobStore) {
	a, b := put(t, s, "Team", content(100)), put(t, s, "team", content(100))
	if a.Name == b.Name {
		t.Error("two projects share a name")
	}
	if _, err := get(s, "team", a.Name); lathe.CodeOf(err) != lathe.CodeNotFound {
		t.Errorf("another project's blob: %v", err)
	}
	want := []string{"Team " + a.Name.String(), "team " + b.Name.String()}
	if got := list(t, s); !slices.Equal(got, want) {
		t.Errorf("listed %v, want %v", got, want)
	}
}

func testDelete(t *testing.T, s lathe.BlobStore) {
	a, b := put(t, s, "p", content(100)), put(t, s, "p", content(101))
	must(t, s.Delete(ctx, "p", a.Name))
	must(t, s.Delete(ctx, "p", a.Name))
	must(t, s.Delete(ctx, "q", b.Name))
	if _, err := get(s, "p", a.Name); lathe.CodeOf(err) != lathe.CodeNotFound {
		t.Errorf("deleted: %v", err)
	}
	if data, err := get(s, "p", b.Name); err != nil || len(data) != 101 {
		t.Errorf("the other: %d bytes, %v", len(data), err)
	}
	if _, err := get(s, "p", lathe.BlobName{}); lathe.CodeOf(err) != lathe.CodeNotFound {
		t.Errorf("the zero name: %v", err)
	}
}

var errReader = errors.New("reader failed")

func testFailedPut(t *testing.T, s lathe.BlobStore) {
	r := io.MultiReader(bytes.NewReader(content(100000)), errorReader{errReader})
	if _, err := s.Put(ctx, "p", r); !errors.Is(err, errReader) {
		t.Errorf("got %v", err)
	}
	if got := list(t, s); len(got) != 0 {
		t.Errorf("listed %v", got)
	}
}

type errorReader struct{ err error }

func (e errorReader) Read([]byte) (int, error) { return 0, e.err }

func testCancelled(t *testing.T, s lathe.BlobStore) {
	b := put(t, s, "p", content(200000))
	cancelled, cancel := context.WithCancel(ctx)
	r, err := s.Open(cancelled, "p", b.Name)
	must(t, err)
	cancel()
	if _, err := io.ReadAll(r); !errors.Is(err, context.Canceled) {
		t.Errorf("read: %v", err)
	}
	must(t, r.Close())
	if _, err := s.Put(cancelled, "p", strings.NewReader("x")); !errors.Is(err, context.Canceled) {
		t.Errorf("put: %v", err)
	}
	if err := s.Delete(cancelled, "p", b.Name); !errors.Is(err, context.Canceled) {
		t.Errorf("delete: %v", err)
	}
	if err := s.List(cancelled, func(lathe.Project, lathe.Blob) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("list: %v", err)
	}
	stop := errors.New("stop")
	if err := s.List(ctx, func(lathe.Project, lathe.Blob) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("list: %v", err)
	}
}

// testParallel puts the same few contents from many goroutines while others read and delete them.
func testParallel(t *testing.T, s lathe.BlobStore) {
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 12 {
				want := content(1000 + i%3)
				b, err := s.Put(ctx, "p", bytes.NewReader(want))
				if err != nil {
					t.Error(err)
					return
				}
				if g == 0 {
					err = s.Delete(ctx, "p", b.Name)
				} else if data, readErr := get(s, "p", b.Name); lathe.CodeOf(readErr) != lathe.CodeNotFound && !bytes.Equal(data, want) {
					err = errors.Join(readErr, errors.New("other bytes"))
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func testBadProjects(t *testing.T, s lathe.BlobStore) {
	b := put(t, s, "p", content(10))
	for _, project := range []lathe.Project{"", "*", "..", "../p", "/p", "p/..", "a\x00b", "con", ".p"} {
		if _, err := s.Put(ctx, project, strings.NewReader("x")); lathe.CodeOf(err) != lathe.CodeInvalid {
			t.Errorf("put in %q: %v", project, err)
		}
		if _, err := s.Open(ctx, project, b.Name); lathe.CodeOf(err) != lathe.CodeInvalid {
			t.Errorf("open in %q: %v", project, err)
		}
		if err := s.Delete(ctx, project, b.Name); lathe.CodeOf(err) != lathe.CodeInvalid {
			t.Errorf("delete in %q: %v", project, err)
		}
	}
}
