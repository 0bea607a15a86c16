package sqlite

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"lathe"
)

// TestFlippedByteInMainFile flips a byte in each page, here and there: the page is named, nothing is served.
func TestFlippedByteInMainFile(t *testing.T) {
	o := options(t)
	must(t, filled(t, o, 60).Close())
	data, err := os.ReadFile(o.Path)
	must(t, err)
	if len(data) < 8*pageSize {
		t.Fatalf("only %d bytes", len(data))
	}
	for off := int64(0); off < int64(len(data)); off += 1021 {
		broken := image(t, o)
		edit(t, broken.Path, flip(off))
		want := fmt.Sprintf("lathe.db: page %d ", off/pageSize+1)
		if e := refused(t, broken); !strings.Contains(e.Message, want) || !strings.Contains(e.Hint, "lathe restore") {
			t.Fatalf("byte %d: want %q, got %q, hint %q", off, want, e.Message, e.Hint)
		}
	}
}

// TestDamageWhileOpen flips a byte of a page under an open database: the read fails, its code and page are known.
func TestDamageWhileOpen(t *testing.T) {
	o := options(t)
	must(t, filled(t, o, 60).Close())
	db := openDB(t, o)
	edit(t, o.Path, flip(5*pageSize+100))
	var n int
	err := db.Convert(db.Read.QueryRow(`SELECT sum(length(v)) FROM t`).Scan(&n))
	if lathe.CodeOf(err) != lathe.CodeCorrupt || !strings.Contains(err.Error(), "page 6 ") {
		t.Errorf("got %v", err)
	}
	if err := db.Verify(context.Background()); lathe.CodeOf(err) != lathe.CodeCorrupt || !strings.Contains(err.Error(), "page 6 ") {
		t.Errorf("verify: %v", err)
	}
}

func TestFlippedByteInOpenWAL(t *testing.T) {
	o := options(t)
	db := filled(t, o, 60)
	edit(t, o.Path+"-wal", flip(frameOffset(db.files.guard.rec.frames)+1000))
	var n int
	err := db.Convert(db.Read.QueryRow(`SELECT sum(length(v)) FROM t`).Scan(&n))
	if lathe.CodeOf(err) != lathe.CodeCorrupt || !strings.Contains(err.Error(), "lathe.db-wal: frame") {
		t.Errorf("got %v", err)
	}
	if _, err := db.Write.Exec(`PRAGMA wal_checkpoint(TRUNCATE)`); err == nil {
		t.Error("the damaged frame was moved into the main file")
	}
}

// TestDamagedWAL changes the WAL of a killed process: whatever is missing of what was committed is noticed.
func TestDamagedWAL(t *testing.T) {
	o := options(t)
	db := filled(t, o, 40)
	size := sumOffset(db.files.guard.rec.frames) + 8 + pageSize
	for off := int64(0); off < size; off += 1499 {
		broken := image(t, o)
		edit(t, broken.Path+"-wal", flip(off))
		if e := refused(t, broken); !strings.Contains(e.Message, "lathe.db-wal") {
			t.Fatalf("byte %d: %q", off, e.Message)
		}
		broken = image(t, o)
		must(t, os.Truncate(broken.Path+"-wal", off))
		refused(t, broken)
	}
	broken := image(t, o)
	must(t, os.Remove(broken.Path+"-wal"))
	refused(t, broken)
	if n := count(t, openDB(t, image(t, o))); n != 40 {
		t.Errorf("the undamaged image has %d rows", n)
	}
}

// TestOlderCopies mixes files of different times.
func TestOlderCopies(t *testing.T) {
	o := options(t)
	db := filled(t, o, 10)
	first := image(t, o)
	insert(t, db, 10)
	second := image(t, o)
	must(t, db.Close())
	closed := image(t, o)
	db = openDB(t, o)
	insert(t, db, 200)
	must(t, db.Close())
	for name, mix := range map[string][2]Options{
		"older WAL":        {first, second},
		"older WAL closed": {second, closed},
		"older main file":  {closed, o},
	} {
		broken := image(t, mix[1])
		file := "-wal"
		if strings.Contains(name, "main") {
			file = ""
		}
		data, err := os.ReadFile(mix[0].Path + file)
		must(t, err)
		must(t, os.WriteFile(broken.Path+file, data, 0o600))
		if name == "older WAL closed" { // its frames are in the main file already: no loss, but no older state either
			if n := count(t, openDB(t, broken)); n != 20 {
				t.Errorf("%s: %d rows", name, n)
			}
			continue
		}
		t.Log(name)
		t.Log(refused(t, broken))
	}
}

func TestMissingFiles(t *testing.T) {
	o := options(t)
	db := filled(t, o, 10)
	for _, suffix := range []string{"", "-seal"} {
		broken := image(t, o)
		must(t, os.Remove(broken.Path+suffix))
		t.Log(refused(t, broken))
	}
	must(t, db.Close())
	broken := image(t, o)
	must(t, os.Remove(broken.Path))
	refused(t, broken)
	must(t, os.WriteFile(broken.Path, nil, 0o600))
	refused(t, broken)
	cut := image(t, o)
	must(t, os.Truncate(cut.Path, 2*pageSize))
	refused(t, cut)
}

// TestSealSlots damages the seal: one slot is a torn write and no loss, both are refused.
func TestSealSlots(t *testing.T) {
	o := options(t)
	filled(t, o, 10)
	for _, slot := range []int64{0, slotStride} {
		broken := image(t, o)
		edit(t, broken.Path+"-seal", flip(slot+40))
		if n := count(t, openDB(t, broken)); n != 10 {
			t.Errorf("%d rows", n)
		}
	}
	broken := image(t, o)
	edit(t, broken.Path+"-seal", flip(40))
	edit(t, broken.Path+"-seal", flip(slotStride+40))
	if e := refused(t, broken); !strings.Contains(e.Message, "lathe.db-seal") {
		t.Errorf("got %q", e.Message)
	}
}

func TestWrongKey(t *testing.T) {
	o := options(t)
	must(t, filled(t, o, 3).Close())
	before, err := os.ReadFile(o.Path)
	must(t, err)
	other := o
	other.Key[0]++
	refused(t, other)
	after, err := os.ReadFile(o.Path)
	must(t, err)
	if string(before) != string(after) {
		t.Error("the file was changed")
	}
	if n := count(t, openDB(t, o)); n != 3 {
		t.Errorf("%d rows", n)
	}
}

func TestAcceptLoss(t *testing.T) {
	o := options(t)
	db := filled(t, o, 40)
	broken := image(t, o)
	half := int64(db.files.guard.rec.frames) / 2
	edit(t, broken.Path+"-wal", flip(walHeader+half*frameSize+500))
	broken.AcceptLoss = true
	rest := openDB(t, broken)
	if n := count(t, rest); n < 5 || n >= 40 {
		t.Errorf("%d rows are left", n)
	}
	if !strings.Contains(rest.Lost, "lathe.db-wal") {
		t.Errorf("lost: %q", rest.Lost)
	}
	exec(t, rest, `INSERT INTO t (v) VALUES ('more')`)
	n := count(t, rest)
	must(t, rest.Close())
	broken.AcceptLoss = false
	if again := openDB(t, broken); again.Lost != "" || count(t, again) != n {
		t.Errorf("lost %q, %d rows", again.Lost, count(t, again))
	}
	sound := image(t, o)
	sound.AcceptLoss = true
	if db := openDB(t, sound); db.Lost != "" || count(t, db) != 40 {
		t.Errorf("nothing was missing: %q", db.Lost)
	}
}
