package seal

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"lathe"
)

// cheap keeps Argon2id quick in tests.
var cheap = Cost{Time: 1, MemoryKiB: 64, Threads: 1}

func fixedClock() time.Time { return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) }

func home(t *testing.T) (dir string, root Root) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "keys")
	return dir, KeyFile(filepath.Join(dir, "root.key"))
}

func unlock(t *testing.T, dir string, root Root, create bool) *Keyring {
	t.Helper()
	k, err := Unlock(dir, root, Options{Clock: fixedClock, Create: create})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func wantCode(t *testing.T, err error, code lathe.Code) {
	t.Helper()
	if got := lathe.CodeOf(err); got != code {
		t.Fatalf("code %q, want %q: %v", got, code, err)
	}
}

func TestKeyringKeepsKeys(t *testing.T) {
	dir, root := home(t)
	k := unlock(t, dir, root, true)
	a := must[Key](t)(k.ProjectKey("a"))
	b := must[Key](t)(k.ProjectKey("b"))
	ada := must[Key](t)(k.SubjectKey("a", "ada@example.com"))
	other := must[Key](t)(k.SubjectKey("b", "ada@example.com"))
	derived := k.Derive("database")
	all := map[Key]bool{a: true, b: true, ada: true, other: true, derived: true, k.Derive("pepper"): true}
	if len(all) != 6 {
		t.Fatal("two keys are equal")
	}
	again := unlock(t, dir, root, false)
	for name, pair := range map[string][2]Key{
		"project": {a, must[Key](t)(again.ProjectKey("a"))},
		"subject": {ada, must[Key](t)(again.SubjectKey("a", "ada@example.com"))},
		"derived": {derived, again.Derive("database")},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s key changed after a restart", name)
		}
	}
	if again.Close(); again.root != (Key{}) || len(again.keys) != 0 {
		t.Error("Close left keys")
	}
}

func TestKeyFolderIsPrivate(t *testing.T) {
	dir, root := home(t)
	k := unlock(t, dir, root, true)
	must[Key](t)(k.SubjectKey("a", "ada"))
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestUnlockRefuses(t *testing.T) {
	dir, root := home(t)
	if _, err := Unlock(dir, root, Options{}); lathe.CodeOf(err) != lathe.CodeNotFound {
		t.Fatalf("a missing keyring without Create: %v", err)
	}
	unlock(t, dir, root, true)
	before := snapshot(t, dir)
	_, err := Unlock(dir, Fixed(NewKey()), Options{Create: true})
	wantCode(t, err, lathe.CodeUnauthenticated)
	elsewhere := filepath.Join(t.TempDir(), "root.key")
	_, err = Unlock(dir, KeyFile(elsewhere), Options{Create: true})
	wantCode(t, err, lathe.CodeNotFound)
	if _, err := os.Stat(elsewhere); err == nil {
		t.Error("a root key was made for a keyring that has one")
	}
	if !reflect.DeepEqual(before, snapshot(t, dir)) {
		t.Error("a refused unlock changed a file")
	}
}

func TestPassphrase(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "root.slot")
	k := unlock(t, dir, Passphrase(path, []byte("correct horse"), cheap), true)
	a := must[Key](t)(k.ProjectKey("a"))
	before := snapshot(t, dir)
	for _, wrong := range []string{"", "correct horsf", "correct horse "} {
		_, err := Unlock(dir, Passphrase(path, []byte(wrong), cheap), Options{Create: true})
		wantCode(t, err, lathe.CodeUnauthenticated)
	}
	if !reflect.DeepEqual(before, snapshot(t, dir)) {
		t.Fatal("a wrong passphrase changed a file")
	}
	if _, err := CreateSlot(OS{}, path, []byte("x"), cheap); lathe.CodeOf(err) != lathe.CodeConflict {
		t.Fatalf("a slot was overwritten: %v", err)
	}
	wantCode(t, WriteSlot(OS{}, path, Key{}, nil, cheap), lathe.CodeInvalid)
	changed := Passphrase(path, []byte("new"), cheap)
	if err := k.SaveRoot(changed); err != nil {
		t.Fatal(err)
	}
	if must[Key](t)(unlock(t, dir, changed, false).ProjectKey("a")) != a {
		t.Error("the project key changed with the passphrase")
	}
}

func TestCreateKeyFileNeverOverwrites(t *testing.T) {
	path := filepath.Join(t.TempDir(), "root.key")
	key := must[Key](t)(CreateKeyFile(OS{}, path))
	_, err := CreateKeyFile(OS{}, path)
	wantCode(t, err, lathe.CodeConflict)
	if must[Key](t)(ReadKeyFile(OS{}, path)) != key {
		t.Error("the key file changed")
	}
}

func TestRotateRoot(t *testing.T) {
	dir, root := home(t)
	k := unlock(t, dir, root, true)
	a := must[Key](t)(k.ProjectKey("a"))
	ada := must[Key](t)(k.SubjectKey("a", "ada"))
	db, old := k.Derive("database"), k.currentRoot()
	if err := k.DestroyProject("nobody"); lathe.CodeOf(err) != lathe.CodeNotFound {
		t.Fatal(err)
	}
	if err := k.RotateRoot(root); err != nil {
		t.Fatal(err)
	}
	for name, k := range map[string]*Keyring{"same process": k, "restarted": unlock(t, dir, root, false)} {
		if must[Key](t)(k.ProjectKey("a")) != a || must[Key](t)(k.SubjectKey("a", "ada")) != ada || k.Derive("database") != db {
			t.Errorf("%s: a key changed with the root key", name)
		}
		if k.currentRoot() == old {
			t.Errorf("%s: the root key did not change", name)
		}
	}
	_, err := Unlock(dir, Fixed(old), Options{})
	wantCode(t, err, lathe.CodeUnauthenticated)
	wantCode(t, k.RotateRoot(Fixed(old)), lathe.CodeConflict)
}

func TestDestroyProject(t *testing.T) {
	dir, root := home(t)
	k := unlock(t, dir, root, true)
	kept := must[Key](t)(k.ProjectKey("kept"))
	must[Key](t)(k.SubjectKey("gone", "ada"))
	for range 2 {
		if err := k.DestroyProject("gone"); err != nil {
			t.Fatal(err)
		}
	}
	if err := k.RotateRoot(root); err != nil {
		t.Fatal(err)
	}
	for name, k := range map[string]*Keyring{"same process": k, "restarted": unlock(t, dir, root, false)} {
		if _, err := k.ProjectKey("gone"); !errors.Is(err, ErrDestroyed) || lathe.CodeOf(err) != lathe.CodeNotFound {
			t.Errorf("%s: destroyed project: %v", name, err)
		}
		if _, err := k.SubjectKey("gone", "ada"); !errors.Is(err, ErrDestroyed) {
			t.Errorf("%s: subject of a destroyed project: %v", name, err)
		}
		if must[Key](t)(k.ProjectKey("kept")) != kept {
			t.Errorf("%s: the neighbour's key changed", name)
		}
		if got := k.DestroyedProjects(); len(got) != 1 || !got["gone"].Equal(fixedClock()) {
			t.Errorf("%s: tombstones %v", name, got)
		}
		if _, err := os.Stat(k.subjectDir("gone")); err == nil {
			t.Errorf("%s: subject slots are still there", name)
		}
	}
}

func TestDestroySubject(t *testing.T) {
	dir, root := home(t)
	k := unlock(t, dir, root, true)
	bob := must[Key](t)(k.SubjectKey("a", "bob"))
	must[Key](t)(k.SubjectKey("a", "ada"))
	for _, subject := range []string{"ada", "ada", "never seen"} {
		if err := k.DestroySubject("a", subject); err != nil {
			t.Fatal(err)
		}
	}
	for name, k := range map[string]*Keyring{"same process": k, "restarted": unlock(t, dir, root, false)} {
		for _, subject := range []string{"ada", "never seen"} {
			if _, err := k.SubjectKey("a", subject); !errors.Is(err, ErrDestroyed) {
				t.Errorf("%s: %s: %v", name, subject, err)
			}
		}
		keys := must[[]*Key](t)(k.SubjectKeys("a", []string{"ada", "bob"}))
		if keys[0] != nil || keys[1] == nil || *keys[1] != bob {
			t.Errorf("%s: keys %v", name, keys)
		}
		gone := must[map[string]time.Time](t)(k.DestroyedSubjects("a"))
		if _, ok := gone[must[string](t)(k.SubjectName("a", "ada"))]; !ok || len(gone) != 2 {
			t.Errorf("%s: tombstones %v", name, gone)
		}
	}
}

func TestSubjectKeysInBulk(t *testing.T) {
	dir, root := home(t)
	writes := 0
	disk := OS{Fault: func(step, _ string) error {
		if step == "rename" {
			writes++
		}
		return nil
	}}
	k := must[*Keyring](t)(Unlock(dir, root, Options{Disk: disk, Create: true}))
	must[Key](t)(k.ProjectKey("a"))
	names := make([]string, 3000)
	for i := range names {
		names[i] = string(rune('a'+i%26)) + time.Duration(i).String()
	}
	writes = 0
	first := must[[]*Key](t)(k.SubjectKeys("a", names))
	if writes > 256 {
		t.Errorf("%d writes for 3,000 people, at most one a shard expected", writes)
	}
	again := must[[]*Key](t)(unlock(t, dir, root, false).SubjectKeys("a", names))
	seen := map[Key]bool{}
	for i := range first {
		if *first[i] != *again[i] || seen[*first[i]] {
			t.Fatalf("key of person %d changed or is another's", i)
		}
		seen[*first[i]] = true
	}
}

func TestProjectNamesAreChecked(t *testing.T) {
	dir, root := home(t)
	k := unlock(t, dir, root, true)
	for _, name := range []lathe.Project{"", "../x", "a/b", "a\x00b", "con"} {
		if _, err := k.ProjectKey(name); lathe.CodeOf(err) != lathe.CodeInvalid {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// TestFlippedByteInEveryKeyFile flips each byte of each file: the keyring names the damage, and never makes new keys.
func TestFlippedByteInEveryKeyFile(t *testing.T) {
	dir, root := home(t)
	k := unlock(t, dir, root, true)
	must[Key](t)(k.SubjectKey("a", "ada"))
	before := snapshot(t, dir)
	for path, data := range before {
		for i := range data {
			bad := append([]byte{}, data...)
			bad[i] ^= 1 << (i % 8)
			if err := os.WriteFile(path, bad, 0o600); err != nil {
				t.Fatal(err)
			}
			k, err := Unlock(dir, root, Options{Create: true})
			if err == nil {
				_, err = k.SubjectKey("a", "ada")
			}
			var c *CorruptError
			if !errors.As(err, &c) {
				t.Fatalf("%s: byte %d flipped: %v", path, i, err)
			}
			wantCode(t, err, lathe.CodeCorrupt)
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if !reflect.DeepEqual(before, snapshot(t, dir)) {
		t.Error("reading damaged files changed them")
	}
}

// snapshot reads every file below dir.
func snapshot(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		out[path] = data
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
