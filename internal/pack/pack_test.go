package pack

import (
	"archive/zip"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lathe"
)

func sample() *Package {
	return &Package{
		Manifest: Manifest{
			Runtime: "native", Task: "binary", Recipe: "mlp", Target: "churned",
			Inputs:  []lathe.Input{{Name: "age", Kind: lathe.Float64, Type: "integer", Missing: "impute"}},
			Outputs: []lathe.Output{{Name: "prediction", Kind: lathe.Int64}}, Classes: []string{"0", "1"},
			Lineage: Lineage{Dataset: "churn", Seed: 7, Parameters: map[string]string{"epochs": "10"}},
		},
		Files: map[string][]byte{WeightsFile: []byte("weights"), CardFile: []byte("# card"), PreprocessFile: nil},
	}
}

func encode(t testing.TB, p *Package) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, p); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func decode(data []byte) (*Package, error) {
	return Read(bytes.NewReader(data), int64(len(data)), DefaultLimits)
}

func TestRoundTripIsDeterministic(t *testing.T) {
	first := encode(t, sample())
	if !bytes.Equal(first, encode(t, sample())) {
		t.Fatal("two writes of one package differ")
	}
	p, err := decode(first)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first, encode(t, p)) {
		t.Error("a package read and written again differs")
	}
	m, err := ReadManifest(bytes.NewReader(first), int64(len(first)), DefaultLimits)
	if err != nil || m.Lineage.Seed != 7 || m.Inputs[0].Name != "age" {
		t.Errorf("manifest %+v, error %v", m, err)
	}
}

// TestEveryFlippedByteIsNoticed may let pass what the zip format repeats or ignores (times, attributes), but then the
// package that comes out must be the one that went in.
func TestEveryFlippedByteIsNoticed(t *testing.T) {
	whole := encode(t, sample())
	for i := range whole {
		data := bytes.Clone(whole)
		data[i] ^= 0x40
		p, err := decode(data)
		if err == nil && !bytes.Equal(encode(t, p), whole) {
			t.Errorf("byte %d flipped: read as another package", i)
		}
	}
	for i := range whole {
		if _, err := decode(whole[:i]); err == nil {
			t.Errorf("cut after %d bytes: no error", i)
		}
	}
}

type entry struct {
	name   string
	method uint16
	data   string
}

func archive(t *testing.T, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, e := range entries {
		w, err := z.CreateHeader(&zip.FileHeader{Name: e.name, Method: e.method})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(e.data)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestHostileArchives(t *testing.T) {
	manifest := entry{ManifestFile, zip.Store, `{"format":1,"runtime":"native","task":"binary","outputs":[{"name":"prediction","kind":"int64"}]}`}
	for _, c := range []struct {
		name string
		data []byte
		code lathe.Code
		says string
	}{
		{"no archive", []byte("PK, or not"), lathe.CodeCorrupt, "not an archive"},
		{"empty", nil, lathe.CodeCorrupt, "not an archive"},
		{"no manifest", archive(t, entry{CardFile, zip.Store, "x"}), lathe.CodeCorrupt, "not its first file"},
		{"path", archive(t, manifest, entry{"../evil", zip.Store, "x"}), lathe.CodeCorrupt, `"../evil" does not belong`},
		{"absolute", archive(t, manifest, entry{"/etc/passwd", zip.Store, "x"}), lathe.CodeCorrupt, "does not belong"},
		{"bomb", archive(t, manifest, entry{CardFile, zip.Deflate, strings.Repeat("0", 1<<20)}), lathe.CodeCorrupt, "compressed"},
		{"twice", archive(t, manifest, manifest), lathe.CodeCorrupt, "twice"},
		{"many", archive(t, make([]entry, 17)...), lathe.CodeTooLarge, "at most 16"},
		{"not listed", archive(t, manifest, entry{CardFile, zip.Store, "x"}), lathe.CodeCorrupt, "SHA-256"},
		{"later format", archive(t, entry{ManifestFile, zip.Store, `{"format":9}`}), lathe.CodeUnsupported, "format 9"},
		{"no JSON", archive(t, entry{ManifestFile, zip.Store, `{`}), lathe.CodeCorrupt, "manifest"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := decode(c.data)
			if lathe.CodeOf(err) != c.code || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %q %v, want %q with %q", lathe.CodeOf(err), err, c.code, c.says)
			}
		})
	}
}

// TestOldFormatOpens keeps a package of format 1 for ever: later code must read it.
func TestOldFormatOpens(t *testing.T) {
	path := filepath.Join("testdata", "format1.lathe")
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(path, encode(t, sample()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	p, err := decode(data)
	if err != nil || string(p.Files[WeightsFile]) != "weights" || p.Manifest.Classes[1] != "1" {
		t.Errorf("package %v, error %v", p, err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(encode(f, sample()))
	f.Add([]byte("PK\x05\x06"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := Read(bytes.NewReader(data), int64(len(data)), Limits{Entries: 16, Manifest: 1 << 16, Total: 1 << 20})
		if err == nil && p.size() > 1<<20 {
			t.Errorf("%d bytes passed a limit of %d", p.size(), 1<<20)
		}
	})
}
