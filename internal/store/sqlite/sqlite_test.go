package sqlite

import (
	"bytes"
	"os"
	"testing"
)

func TestOpenKeepsRows(t *testing.T) {
	o := options(t)
	db := openDB(t, o)
	exec(t, db, `CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)`)
	for range 100 {
		exec(t, db, `INSERT INTO t (v) VALUES (?)`, "hunter2 and more")
	}
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1"} {
		var got string
		must(t, db.Write.QueryRow("PRAGMA "+pragma).Scan(&got))
		if got != want {
			t.Errorf("%s is %s, want %s", pragma, got, want)
		}
	}
	wal, err := os.ReadFile(o.Path + "-wal")
	must(t, err)
	must(t, db.Close())
	main, err := os.ReadFile(o.Path)
	must(t, err)
	for name, data := range map[string][]byte{"wal": wal, "main": main} {
		if len(data) < 4096 || bytes.Contains(data, []byte("hunter2")) || bytes.Contains(data, []byte("SQLite format")) {
			t.Errorf("%s of %d bytes is not encrypted", name, len(data))
		}
	}
	if n := count(t, openDB(t, o)); n != 100 {
		t.Errorf("%d rows", n)
	}
}

func TestReadersCannotWrite(t *testing.T) {
	db := openDB(t, options(t))
	exec(t, db, `CREATE TABLE t (v)`)
	if _, err := db.Read.Exec(`INSERT INTO t VALUES (1)`); err == nil {
		t.Error("a reader wrote")
	}
}
