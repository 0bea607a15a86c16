package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lathe"
	"lathe/internal/client"
	"lathe/samples"
)

// TestMendByAdding damages the segment of a dataset and adds the same file again, as the hint says: that mends it.
func TestMendByAdding(t *testing.T) {
	home, _ := sampleHome(t)
	s := startIn(t, home, nil)
	segments, _, err := s.store.FindSegments(t.Context(), lathe.DefaultProject, "penguins", 0)
	must(t, err)
	flip(500).to(t, objectOf(home, segments[0].Blob))
	checkNamed(t, "segment", s.Do(t.Context(), http.MethodGet, client.Path("datasets", "penguins", "rows"), nil, nil))
	_, err = s.upload("penguins", string(samples.Penguins))
	must(t, err)
	s.do(http.MethodGet, client.Path("datasets", "penguins", "rows"), nil, nil)
	checkHealth(t, s)
	s.stop()
}

// refused wants a start to fail because of damage.
func refused(t *testing.T, home, what string, named ...string) {
	t.Helper()
	_, err := tryIn(t, home, nil)
	checkNamed(t, what, err, named...)
}

// TestDamagedDatabase damages the main file: the start is refused with the page and the way out, and a restore brings
// everything back.
func TestDamagedDatabase(t *testing.T) {
	home, backup := sampleHome(t)
	s := startIn(t, home, nil)
	want := s.view()
	s.stop()
	path := filepath.Join(home, dataDir, database)
	sound, err := os.ReadFile(path)
	must(t, err)
	const page = 4096
	for at := 17; at < len(sound); at += len(sound)/9 + 1 {
		damaged := bytes.Clone(sound)
		damaged[at] ^= 0x80
		must(t, os.WriteFile(path, damaged, 0o600))
		refused(t, home, fmt.Sprintf("byte %d", at), fmt.Sprintf("lathe.db: page %d ", at/page+1))
		_, err := tryIn(t, home, nil)
		if e, ok := err.(*lathe.Error); ok && !strings.Contains(e.Hint, "lathe restore") {
			t.Errorf("hint: %s", e.Hint)
		}
	}
	for _, w := range []wound{cutTo(0), cutTo(500), cutTo(999), lost} {
		must(t, os.WriteFile(path, sound, 0o600))
		w.to(t, path)
		refused(t, home, "main file "+w.name, "lathe.db")
	}
	restore(t, home, backup)
	s = startIn(t, home, nil)
	if view := s.view(); view != want {
		t.Errorf("restored: %s\nwant %s", view, want)
	}
	checkHealth(t, s)
	s.stop()
}

// TestDamageWhileServing damages the main file under a running service: whoever needs the page is told, the doctor
// names it, predictions go on.
func TestDamageWhileServing(t *testing.T) {
	home, _ := sampleHome(t)
	s := startIn(t, home, nil)
	s.predict("penguins")
	path := filepath.Join(home, dataDir, database)
	data, err := os.ReadFile(path)
	must(t, err)
	for at := 4096 + 100; at < len(data); at += 4096 {
		data[at] ^= 0x80
	}
	must(t, os.WriteFile(path, data, 0o600))
	named := false
	for _, c := range s.Doctor(t.Context()) {
		named = named || c.Name == "database" && !c.OK && strings.Contains(c.Detail, "page ") && strings.Contains(c.Hint, "restore")
	}
	if !named {
		t.Errorf("doctor: %+v", s.Doctor(t.Context()))
	}
	s.predict("penguins")
	_ = s.App.Close() // it cannot fold the WAL into damaged pages, or it can: both are right
	refused(t, home, "after it", "page ")
}

// killedHome is a copy of a running service's home as a power cut leaves it, with work in its WAL.
func killedHome(t *testing.T) string {
	t.Helper()
	home, _ := sampleHome(t)
	s := startIn(t, home, nil)
	for i := range 3 {
		_, err := s.upload(fmt.Sprintf("late%d", i), "a\n1\n2\n", "header", "yes")
		must(t, err)
	}
	killed := copyHome(t, home)
	s.stop()
	return killed
}

// TestDamagedWAL damages or takes away what was committed last: the start notices, and goes on with the rest only when
// it is told to.
func TestDamagedWAL(t *testing.T) {
	killed := killedHome(t)
	for _, w := range append([]wound{flip(0), flip(300), flip(700), cutTo(0), cutTo(300), cutTo(900)}, lost) {
		home := copyHome(t, killed)
		w.to(t, filepath.Join(home, dataDir, database+"-wal"))
		refused(t, home, "WAL "+w.name, "lathe.db-wal")
		must(t, AcceptLoss(t.Context(), Options{Home: home, Quiet: true}))
		s := startIn(t, home, nil)
		s.predict("penguins")
		checkHealth(t, s)
		s.stop()
	}
	s := startIn(t, copyHome(t, killed), nil)
	if view := s.view(); !strings.Contains(view, "dataset late2@1") {
		t.Errorf("the undamaged copy lacks what was committed: %s", view)
	}
	s.stop()
}

// TestDamagedSeal damages the file that says what must be there.
func TestDamagedSeal(t *testing.T) {
	killed := killedHome(t)
	for _, w := range []wound{cutTo(0), cutTo(500), lost} {
		home := copyHome(t, killed)
		w.to(t, filepath.Join(home, dataDir, database+"-seal"))
		refused(t, home, "seal "+w.name, "lathe.db-seal")
	}
	home := copyHome(t, killed)
	flip(10).to(t, filepath.Join(home, dataDir, database+"-seal")) // one of two slots, as a torn write leaves it
	s := startIn(t, home, nil)
	checkHealth(t, s)
	s.stop()
}

// TestDamagedKeys damages each file of the keys folder: the start is refused, nothing is overwritten, the doctor of a
// running service notices, and with the folder put back all is well.
func TestDamagedKeys(t *testing.T) {
	for _, name := range []string{"ring", rootFile, "graves"} {
		for i := 0; i < len(wounds); i += thin {
			w := wounds[i]
			if name == "graves" && w.name == "lost" {
				continue // a home without graves is one in which nothing was ended
			}
			checkKeyFile(t, name, w)
		}
	}
}

func checkKeyFile(t *testing.T, name string, w wound) {
	t.Helper()
	home, _ := sampleHome(t)
	path := filepath.Join(home, keysDir, name)
	sound, err := os.ReadFile(path)
	must(t, err)
	s := startIn(t, home, nil)
	want := s.view()
	w.to(t, path)
	s.sick("keys", "")
	s.stop()
	damaged := readTree(t, home)
	_, err = tryIn(t, home, nil)
	var known *lathe.Error
	if !errors.As(err, &known) || known.Hint == "" || w.name != "lost" && known.Code != lathe.CodeCorrupt {
		t.Fatalf("%s %s: %v", name, w.name, err)
	}
	if after := readTree(t, home); after != damaged {
		t.Errorf("%s %s: the refused start changed something:\n%s\nwas\n%s", name, w.name, after, damaged)
	}
	must(t, os.WriteFile(path, sound, 0o600))
	s = startIn(t, home, nil)
	if view := s.view(); view != want {
		t.Errorf("%s %s: %s\nwant %s", name, w.name, view, want)
	}
	s.stop()
}

// readTree gives the names and contents of a home's keys and data.
func readTree(t *testing.T, home string) string {
	t.Helper()
	var b strings.Builder
	for _, dir := range []string{keysDir, dataDir} {
		must(t, filepath.WalkDir(filepath.Join(home, dir), func(path string, d os.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			data, err := os.ReadFile(path)
			fmt.Fprintf(&b, "%s %d %x\n", strings.TrimPrefix(path, home), len(data), digest(data))
			return err
		}))
	}
	return b.String()
}

// TestDamagedOwnerKey damages owner.key: the service runs, its doctor names the file, and without it the next start
// makes another key.
func TestDamagedOwnerKey(t *testing.T) {
	home, _ := sampleHome(t)
	s := startIn(t, home, nil)
	old := s.owner()
	path := filepath.Join(home, ownerFile)
	flip(500).to(t, path)
	s.sick("keys", path)
	s.stop()
	must(t, os.Remove(path))
	s = startIn(t, home, overTCP)
	s.predict("penguins")
	if answer, data := s.ask(http.MethodGet, "/api/v1/models", old, "", nil); answer.StatusCode != http.StatusUnauthorized {
		t.Errorf("the key before: %d %s", answer.StatusCode, data)
	}
	s.stop()
}

// TestDamagedBackup damages an archive in many places: it is refused whole, and the home is as it was.
func TestDamagedBackup(t *testing.T) {
	home, backup := sampleHome(t)
	sound, err := os.ReadFile(backup)
	must(t, err)
	before := readTree(t, home)
	for _, w := range []wound{flip(0), flip(1), flip(500), flip(900), flip(1000), cutTo(0), cutTo(10), cutTo(500), cutTo(999)} {
		path := filepath.Join(newDir(t), "backup")
		must(t, os.WriteFile(path, sound, 0o600))
		w.to(t, path)
		f, err := os.Open(path)
		must(t, err)
		err = Restore(context.Background(), Options{Home: home}, f)
		must(t, f.Close())
		var known *lathe.Error
		if !errors.As(err, &known) || known.Code != lathe.CodeInvalid || known.Field != "backup" || known.Hint == "" {
			t.Errorf("backup %s: %v", w.name, err)
		}
		if after := readTree(t, home); after != before {
			t.Fatalf("backup %s: the home was changed:\n%s\nwas\n%s", w.name, after, before)
		}
	}
	restore(t, home, backup)
}

// TestLostData takes the data folder away: that is no new home, and a restore brings it back.
func TestLostData(t *testing.T) {
	home, backup := sampleHome(t)
	s := startIn(t, home, nil)
	want := s.view()
	s.stop()
	must(t, os.RemoveAll(filepath.Join(home, dataDir)))
	refused(t, home, "data folder", "lathe.db")
	restore(t, home, backup)
	s = startIn(t, home, nil)
	if view := s.view(); view != want {
		t.Errorf("restored: %s\nwant %s", view, want)
	}
	s.stop()
}
