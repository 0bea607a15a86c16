package blob

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"lathe"
	"lathe/internal/disk"
	"lathe/internal/seal"
)

// testKeys stands for a keyring; a project named "gone" was destroyed.
type testKeys struct{}

func (testKeys) ProjectKey(project lathe.Project) (seal.Key, error) {
	if project == "gone" {
		return seal.Key{}, lathe.Errorf(lathe.CodeNotFound, "the key was destroyed")
	}
	return seal.Derive(seal.Key{7}, string(project)), nil
}

// The keyring of the home is such a source of keys.
var _ Keys = (*seal.Keyring)(nil)

// folder is a temporary folder, in memory where the system has such: thousands of files are made in these tests.
func folder(t testing.TB) *disk.Dir {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "lathe-blob-")
	if err != nil {
		dir = t.TempDir()
	}
	t.Cleanup(func() { must(t, os.RemoveAll(dir)) })
	d, err := disk.OpenDir(dir)
	must(t, err)
	t.Cleanup(func() { must(t, d.Close()) })
	return d
}

func openStore(t testing.TB, f disk.FS) *Store {
	t.Helper()
	s, err := Open(f, testKeys{})
	must(t, err)
	return s
}

func TestLocalStore(t *testing.T) {
	testStore(t, func(t *testing.T) lathe.BlobStore { return openStore(t, folder(t)) })
}

func objectFile(d *disk.Dir, project lathe.Project, name lathe.BlobName) string {
	return filepath.Join(d.Path(), objectPath(project, name))
}

func TestNameAndEncryption(t *testing.T) {
	d := folder(t)
	s := openStore(t, d)
	secret := bytes.Repeat([]byte("hunter2 "), 20)
	b := put(t, s, "p", secret)
	key, err := testKeys{}.ProjectKey("p")
	must(t, err)
	if want := seal.Name(seal.Derive(key, "blob/name"), secret); b.Name.String() != want {
		t.Errorf("name %s, want %s", b.Name, want)
	}
	data, err := os.ReadFile(objectFile(d, "p", b.Name))
	must(t, err)
	if bytes.Contains(data, []byte("hunter2")) {
		t.Error("the file holds plain text")
	}
	info, err := os.Stat(objectFile(d, "p", b.Name))
	must(t, err)
	if info.Mode() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	if _, err := s.Put(ctx, "gone", strings.NewReader("x")); lathe.CodeOf(err) != lathe.CodeNotFound {
		t.Errorf("destroyed project: %v", err)
	}
}

// TestEveryFlippedByte flips each byte of an object in turn, cuts the file at each length, and adds a byte: it is
// named, refused, and no changed byte is given out; its neighbour is served.
func TestEveryFlippedByte(t *testing.T) {
	d := folder(t)
	s := openStore(t, d)
	want := content(700)
	b, neighbour := put(t, s, "p", want), put(t, s, "p", content(701))
	file := objectFile(d, "p", b.Name)
	good, err := os.ReadFile(file)
	must(t, err)
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 1 << (i % 8)
		checkDamaged(t, s, file, b.Name, bad, want)
		checkDamaged(t, s, file, b.Name, good[:i], want)
	}
	checkDamaged(t, s, file, b.Name, append(bytes.Clone(good), 0), want)
	if data, err := get(s, "p", neighbour.Name); err != nil || len(data) != 701 {
		t.Errorf("the neighbour: %d bytes, %v", len(data), err)
	}
	if again := put(t, s, "p", want); again.Name != b.Name {
		t.Errorf("another name: %s", again.Name)
	}
	if data, err := get(s, "p", b.Name); err != nil || !bytes.Equal(data, want) {
		t.Errorf("not mended: %v", err)
	}
}

func checkDamaged(t *testing.T, s *Store, file string, name lathe.BlobName, bad, want []byte) {
	t.Helper()
	must(t, os.WriteFile(file, bad, 0o600))
	data, err := get(s, "p", name)
	var e *lathe.Error
	if !errors.As(err, &e) || e.Code != lathe.CodeCorrupt || e.Hint == "" || !strings.Contains(e.Message, name.String()) {
		t.Fatalf("got %v", err)
	}
	if !bytes.HasPrefix(want, data) {
		t.Fatal("changed bytes were given out")
	}
}

// TestDamageInLaterChunks flips bytes far into an object of several chunks.
func TestDamageInLaterChunks(t *testing.T) {
	d := folder(t)
	s := openStore(t, d)
	want := content(200000)
	b := put(t, s, "p", want)
	file := objectFile(d, "p", b.Name)
	good, err := os.ReadFile(file)
	must(t, err)
	for i := 65000; i < len(good); i += 9973 {
		bad := bytes.Clone(good)
		bad[i] ^= 0x80
		checkDamaged(t, s, file, b.Name, bad, want)
		checkDamaged(t, s, file, b.Name, good[:i], want)
	}
}

// TestSwappedFiles puts whole, sound files in others' places.
func TestSwappedFiles(t *testing.T) {
	d := folder(t)
	s := openStore(t, d)
	a, b := put(t, s, "p", content(100)), put(t, s, "p", content(101))
	q := put(t, s, "q", content(100))
	good, err := os.ReadFile(objectFile(d, "p", b.Name))
	must(t, err)
	checkDamaged(t, s, objectFile(d, "p", a.Name), a.Name, good, content(100))
	good, err = os.ReadFile(objectFile(d, "q", q.Name))
	must(t, err)
	checkDamaged(t, s, objectFile(d, "p", a.Name), a.Name, good, content(100))
}

// TestPutFaults fails each operation of a Put in turn, in each way. Afterwards the object is there, whole, or not at
// all; it is there when Put said so; other objects are untouched; and nothing is left over after the next start.
func TestPutFaults(t *testing.T) {
	old, fresh := content(100), content(150000)
	count := &disk.Injector{}
	d := folder(t)
	old1 := put(t, openStore(t, d), "p", old)
	put(t, openStore(t, count.Wrap(d)), "p", fresh)
	if count.Ops() < 10 {
		t.Fatalf("only %d operations", count.Ops())
	}
	for _, kind := range disk.Kinds {
		for n := 1; n <= count.Ops(); n++ {
			t.Run(fmt.Sprintf("%v/%d", kind, n), func(t *testing.T) {
				d, in := folder(t), &disk.Injector{Kind: kind, At: n}
				put(t, openStore(t, d), "p", old)
				err := putWith(d, in, fresh)
				if err != nil && !errors.Is(err, disk.ErrInjected) {
					t.Fatal(err)
				}
				if kind == disk.Full && err != nil && lathe.CodeOf(err) != lathe.CodeStorageFull {
					t.Fatalf("full disk: %v", err)
				}
				checkAfterFault(t, d, old1.Name, fresh, err)
			})
		}
	}
}

func putWith(d *disk.Dir, in *disk.Injector, content []byte) error {
	s, err := Open(in.Wrap(d), testKeys{})
	if err == nil {
		_, err = s.Put(ctx, "p", bytes.NewReader(content))
	}
	return err
}

func checkAfterFault(t *testing.T, d *disk.Dir, old lathe.BlobName, fresh []byte, err error) {
	t.Helper()
	s := openStore(t, d)
	if entries, err := os.ReadDir(filepath.Join(d.Path(), tempFolder)); err != nil || len(entries) != 0 {
		t.Errorf("leftovers: %v, %v", entries, err)
	}
	if data, err := get(s, "p", old); err != nil || len(data) != 100 {
		t.Errorf("the old object: %d bytes, %v", len(data), err)
	}
	found := 0
	must(t, s.List(ctx, func(_ lathe.Project, b lathe.Blob) error {
		if b.Name == old {
			return nil
		}
		found++
		data, err := get(s, "p", b.Name)
		if err != nil || !bytes.Equal(data, fresh) {
			t.Errorf("the new object: %d bytes, %v", len(data), err)
		}
		return nil
	}))
	if err == nil && found != 1 {
		t.Error("Put returned nil and the object is not there")
	}
}

// TestStrangeFiles puts things into the folders that are no objects.
func TestStrangeFiles(t *testing.T) {
	d := folder(t)
	s := openStore(t, d)
	b := put(t, s, "p", content(10))
	fan := filepath.Dir(objectFile(d, "p", b.Name))
	other := strings.Repeat("0", 62)
	must(t, os.WriteFile(filepath.Join(fan, "notes.txt"), nil, 0o600))
	must(t, os.WriteFile(filepath.Join(d.Path(), projectFolder, "file"), nil, 0o600))
	must(t, os.Mkdir(filepath.Join(d.Path(), projectFolder, ".hidden"), 0o700))
	must(t, os.Symlink("/etc/passwd", filepath.Join(fan, filepath.Base(fan)+other)))
	must(t, syscall.Mkfifo(filepath.Join(fan, filepath.Base(fan)+strings.Repeat("1", 62)), 0o600))
	if got := list(t, s); len(got) != 1 {
		t.Errorf("listed %v", got)
	}
	for _, digits := range []string{other, strings.Repeat("1", 62)} {
		name, err := lathe.ParseBlobName(filepath.Base(fan) + digits)
		must(t, err)
		if _, err := s.Open(ctx, "p", name); err == nil {
			t.Error("something that is no regular file was opened")
		}
	}
}

func TestFolderNames(t *testing.T) {
	for _, project := range []lathe.Project{"default", "Team", "team", "A", "x-Y_z.1", "ZZZ"} {
		folder := folderOf(project)
		if folder != strings.ToLower(folder) {
			t.Errorf("%s has capitals", folder)
		}
		if back, ok := projectOf(folder); !ok || back != project {
			t.Errorf("%s became %s, then %s, %v", project, folder, back, ok)
		}
	}
	for _, folder := range []string{"", "+", "Team", "++a", "+1", ".x", "a/b", "a+"} {
		if project, ok := projectOf(folder); ok {
			t.Errorf("%q is the folder of %q", folder, project)
		}
	}
}

// FuzzOpen gives the store any file in an object's place: it is refused, or it is the object.
func FuzzOpen(f *testing.F) {
	d := folder(f)
	s := openStore(f, d)
	want := content(100)
	b, err := s.Put(ctx, "p", bytes.NewReader(want))
	must(f, err)
	file := objectFile(d, "p", b.Name)
	good, err := os.ReadFile(file)
	must(f, err)
	f.Add(good)
	f.Add(good[:headerSize])
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, data []byte) {
		must(t, os.WriteFile(file, data, 0o600))
		got, err := get(s, "p", b.Name)
		switch {
		case err == nil && !bytes.Equal(got, want):
			t.Fatal("other bytes were given out")
		case err != nil && lathe.CodeOf(err) != lathe.CodeCorrupt:
			t.Fatal(err)
		}
	})
}
