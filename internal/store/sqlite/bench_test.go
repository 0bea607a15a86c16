package sqlite

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/ncruces/go-sqlite3/driver"

	"lathe/internal/seal"
)

// BenchmarkCommit is one row a commit, on the disk that holds the temporary folder, with its syncs.
func BenchmarkCommit(b *testing.B) {
	db := openDB(b, Options{Path: filepath.Join(b.TempDir(), "lathe.db"), Key: seal.Key{1}})
	exec(b, db, `CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)`)
	for b.Loop() {
		exec(b, db, `INSERT INTO t (v) VALUES ('abc')`)
	}
}

// BenchmarkCommitPlain is the same without any layer of this package.
func BenchmarkCommitPlain(b *testing.B) {
	db, err := driver.Open("file:" + filepath.Join(b.TempDir(), "plain.db") + "?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
	must(b, err)
	defer db.Close()
	db.SetMaxOpenConns(1)
	_, err = db.Exec(`CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)`)
	must(b, err)
	for b.Loop() {
		_, err := db.Exec(`INSERT INTO t (v) VALUES ('abc')`)
		must(b, err)
	}
}

// BenchmarkSeal is what the seal adds to a commit: reading the last frame back, and one write without a sync.
func BenchmarkSeal(b *testing.B) {
	db := filled(b, options(b), 10)
	g := db.files.guard
	file, err := g.fs.Open(g.name("-wal"))
	must(b, err)
	defer file.Close()
	end, size := g.rec.position, g.rec.size
	for b.Loop() {
		must(b, g.commit(plainReader{file, g.keys.cipher}, end, size))
	}
}

// BenchmarkOpen opens a database of 16 MiB, whose pages are all checked, and of 64 MiB, and asks it one thing.
func BenchmarkOpen(b *testing.B) {
	for name, rows := range map[string]int{"1MiB": 250, "16MiB": 4000, "64MiB": 16000} {
		b.Run(name, func(b *testing.B) {
			o := options(b)
			db := openDB(b, o)
			exec(b, db, `CREATE TABLE t (id INTEGER PRIMARY KEY, v BLOB)`)
			exec(b, db, `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < ?) INSERT INTO t (v) SELECT zeroblob(3900) FROM n`, rows)
			must(b, db.Close())
			for b.Loop() {
				db, err := Open(context.Background(), o)
				must(b, err)
				var n int
				must(b, db.Read.QueryRow(`SELECT id FROM t LIMIT 1`).Scan(&n))
				must(b, db.Close())
			}
		})
	}
}

// BenchmarkRead is a point read of an encrypted row through the reading pool.
func BenchmarkRead(b *testing.B) {
	db := filled(b, options(b), 5000)
	query, err := db.Read.Prepare(`SELECT v FROM t WHERE id = ?`)
	must(b, err)
	defer query.Close()
	id := 0
	for b.Loop() {
		var v string
		must(b, query.QueryRow(id%5000+1).Scan(&v))
		id += 37
	}
}
