package sqlite

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"os"
	osexec "os/exec"
	"strconv"
	"strings"
	"testing"
)

// TestMain plays the process that is killed when it is asked to.
func TestMain(m *testing.M) {
	if path := os.Getenv("SQLITE_TEST_WRITER"); path != "" {
		fmt.Println("error:", write(path))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// write commits pairs of rows for ever and prints the number of each pair once it was acknowledged. Now and then it
// starts the WAL over, in each way, or opens the database anew.
func write(path string) error {
	for {
		db, err := Open(context.Background(), at(path))
		if err != nil {
			return err
		}
		if err := writeSome(db); err != nil {
			return err
		}
		if err := db.Close(); err != nil {
			return err
		}
	}
}

func writeSome(db *DB) error {
	if _, err := db.Write.Exec(`CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, v TEXT)`); err != nil {
		return err
	}
	for i := range 30 {
		if err := twoRows(db); err != nil {
			return err
		}
		var pairs int
		if err := db.Read.QueryRow(`SELECT count(*)/2 FROM t`).Scan(&pairs); err != nil {
			return err
		}
		fmt.Println(pairs)
		if i%6 == 5 {
			mode := []string{"PASSIVE", "FULL", "RESTART", "TRUNCATE"}[i/6%4]
			if _, err := db.Write.Exec(`PRAGMA wal_checkpoint(` + mode + `)`); err != nil {
				return err
			}
		}
		if i == 20 {
			fmt.Println(0) // from here on, any number of pairs is right until the next is acknowledged
			if _, err := db.Write.Exec(`DELETE FROM t WHERE id > 100; VACUUM`); err != nil {
				return err
			}
		}
	}
	return nil
}

// kills is how often TestKill kills; `make torture` gives hundreds.
var kills = flag.Int("kills", 12, "how often TestKill kills the writer")

// TestKill kills a writing process, over and over on one database: it always opens, is sound, and has every
// acknowledged pair.
func TestKill(t *testing.T) {
	t.Parallel()
	o := options(t)
	for i := range *kills {
		acked := killAfter(t, o, i*7%41)
		db, err := Open(context.Background(), o)
		if err != nil {
			t.Fatalf("kill %d: %v", i, err)
		}
		if _, err := db.Write.Exec(`CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, v TEXT)`); err != nil {
			t.Fatalf("kill %d: %v", i, err)
		}
		if n := count(t, db); n < 2*acked || n%2 != 0 {
			t.Fatalf("kill %d: %d rows, %d pairs were acknowledged", i, n, acked)
		}
		if err := db.Verify(context.Background()); err != nil {
			t.Fatalf("kill %d: %v", i, err)
		}
		must(t, db.Close())
	}
}

// killAfter runs the writer, kills it once it printed lines lines, and gives the last number it printed: what it
// printed and we did not read was acknowledged, too.
func killAfter(t *testing.T, o Options, lines int) (acked int) {
	t.Helper()
	child := osexec.Command(os.Args[0])
	child.Env = append(os.Environ(), "SQLITE_TEST_WRITER="+o.Path)
	out, err := child.StdoutPipe()
	must(t, err)
	must(t, child.Start())
	in := bufio.NewScanner(out)
	for i := 0; in.Scan(); i++ {
		if i == lines {
			must(t, child.Process.Kill())
		}
		line := strings.TrimSpace(in.Text())
		if acked, err = strconv.Atoi(line); err != nil {
			t.Fatalf("child: %s", line)
		}
	}
	if err := child.Wait(); err == nil {
		t.Fatal("the child was not killed")
	}
	return acked
}
