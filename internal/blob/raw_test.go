package blob

import (
	"bytes"
	"io"
	"os"
	"strings"
	"testing"

	"lathe"
	"lathe/internal/disk"
)

// TestRawCopy carries all objects from one store to another, sealed as they are.
func TestRawCopy(t *testing.T) {
	from, to := openStore(t, folder(t)), openStore(t, folder(t))
	a, b := put(t, from, "p", content(100)), put(t, from, "Q", content(100000))
	must(t, from.EachFile(ctx, func(name string, bytes int64, r io.Reader) error {
		counted := &countingReader{r: r}
		if err := to.Import(name, counted); err != nil {
			return err
		}
		if counted.n != bytes {
			t.Errorf("%s: %d bytes, %d announced", name, counted.n, bytes)
		}
		return nil
	}))
	for project, blob := range map[lathe.Project]lathe.Blob{"p": a, "Q": b} {
		data, err := get(to, project, blob.Name)
		if err != nil || !bytes.Equal(data, content(int(blob.Bytes))) {
			t.Errorf("%s: %d bytes, %v", project, len(data), err)
		}
	}
}

type countingReader struct {
	r io.Reader
	n int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

func TestImportRefusesNames(t *testing.T) {
	d := folder(t)
	s := openStore(t, d)
	name := strings.Repeat("ab", 32)
	for _, bad := range []string{
		"", name, "projects/p/ab", "projects/p/cd/" + name, "projects/../ab/" + name, "projects/P/ab/" + name,
		"other/p/ab/" + name, "/projects/p/ab/" + name, "projects/p/ab/../" + name, "projects/p/ab/" + strings.ToUpper(name),
	} {
		if err := s.Import(bad, strings.NewReader("x")); lathe.CodeOf(err) != lathe.CodeInvalid {
			t.Errorf("%q: %v", bad, err)
		}
	}
	must(t, s.Import("projects/p/ab/"+name, strings.NewReader("x")))
	if _, err := os.Stat(d.Path() + "/projects/p/ab/" + name); err != nil {
		t.Error(err)
	}
}

func TestImportFaults(t *testing.T) {
	name := "projects/p/ab/" + strings.Repeat("ab", 32)
	for _, kind := range disk.Kinds {
		for n := 1; n <= 12; n++ {
			d, in := folder(t), &disk.Injector{Kind: kind, At: n}
			s, err := Open(in.Wrap(d), testKeys{})
			if err == nil {
				err = s.Import(name, strings.NewReader("content"))
			}
			data, readErr := os.ReadFile(d.Path() + "/" + name)
			if readErr == nil && string(data) != "content" || readErr != nil && err == nil {
				t.Fatalf("%v at %d: %q, %v, %v", kind, n, data, readErr, err)
			}
		}
	}
}
