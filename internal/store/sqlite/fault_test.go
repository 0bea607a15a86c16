package sqlite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"lathe"
	"lathe/internal/disk"
)

// work is a piece of work on a database with the table t: transactions with a checkpoint between, so that the WAL
// starts over. It gives the transactions that were acknowledged and whether one more was in doubt. Each adds two rows.
func work(db *DB) (done int, err error) {
	for _, step := range []string{"insert", "insert", "checkpoint", "insert", "truncate", "insert"} {
		switch step {
		case "insert":
			err = twoRows(db)
		case "checkpoint":
			_, err = db.Write.Exec(`PRAGMA wal_checkpoint(RESTART)`)
		case "truncate":
			_, err = db.Write.Exec(`PRAGMA wal_checkpoint(TRUNCATE)`)
		}
		if err != nil {
			return done, fmt.Errorf("%s: %w", step, err)
		}
		if step == "insert" {
			done++
		}
	}
	return done, nil
}

func twoRows(db *DB) error {
	tx, err := db.Write.Begin()
	if err != nil {
		return err
	}
	for range 2 {
		if _, err := tx.Exec(`INSERT INTO t (v) VALUES (?)`, string(bytes.Repeat([]byte("x"), 3000))); err != nil {
			return errors.Join(err, tx.Rollback())
		}
	}
	return tx.Commit()
}

// TestFaults fails each operation in turn, in each way: of opening, of transactions, of checkpoints and of closing.
// Afterwards the database opens, is sound, and holds each acknowledged transaction whole, and at most the one after it.
func TestFaults(t *testing.T) {
	o := options(t)
	must(t, filled(t, o, 4).Close())
	in := &disk.Injector{}
	run(t, image(t, o), in)
	total := in.Ops()
	t.Log(total, "operations")
	if total < 100 {
		t.Fatalf("only %d operations", total)
	}
	for _, kind := range disk.Kinds {
		t.Run(kind.String(), func(t *testing.T) {
			t.Parallel()
			for n := 1; n <= total; n++ {
				o := image(t, o)
				in := &disk.Injector{Kind: kind, At: n}
				done := run(t, o, in)
				checkAfterFault(t, o, 4+2*done, fmt.Sprintf("%v at %d", kind, n))
			}
		})
	}
}

// run does the work under an injector and closes.
func run(t *testing.T, o Options, in *disk.Injector) (done int) {
	t.Helper()
	o.Faults = in
	db, err := Open(context.Background(), o)
	if err == nil {
		done, err = work(db)
		err = errors.Join(err, db.Close())
	}
	if err != nil && !in.Fired() {
		t.Fatalf("without a fault: %v", err)
	}
	return done
}

func checkAfterFault(t *testing.T, o Options, rows int, what string) {
	t.Helper()
	db, err := Open(context.Background(), o)
	if err != nil {
		t.Fatalf("%s: open: %v", what, err)
	}
	if n := count(t, db); n != rows && n != rows+2 {
		t.Fatalf("%s: %d rows, %d were acknowledged", what, n, rows)
	}
	if err := db.Verify(context.Background()); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	must(t, db.Close())
}

// TestFaultsThenMore goes on with the same open database after a fault that passes, then kills it: what is acknowledged
// after a failure counts as much.
func TestFaultsThenMore(t *testing.T) {
	t.Parallel()
	o := options(t)
	must(t, filled(t, o, 4).Close())
	in := &disk.Injector{}
	run(t, image(t, o), in)
	for _, kind := range []disk.Kind{disk.Fail, disk.Torn, disk.Late} {
		for n := 1; n <= in.Ops(); n += 5 {
			goOn(t, image(t, o), &disk.Injector{Kind: kind, At: n}, fmt.Sprintf("%v at %d", kind, n))
		}
	}
}

func goOn(t *testing.T, o Options, in *disk.Injector, what string) {
	t.Helper()
	failing := o
	failing.Faults = in
	db, err := Open(context.Background(), failing)
	if err != nil {
		return
	}
	_, failed := work(db)
	before := count(t, db)
	done, err := work(db)
	if failed != nil && err != nil {
		t.Fatalf("%s: it fails for good: %v, then %v", what, failed, err)
	}
	dead := image(t, o)
	must(t, errors.Join(db.Close()))
	again := openDB(t, dead)
	if n := count(t, again); n != before+2*done {
		t.Fatalf("%s: %d rows, want %d", what, n, before+2*done)
	}
	must(t, again.Verify(context.Background()))
	must(t, again.Close())
}

// TestFullDisk fills the disk at several moments: the code is right, reads go on, and writes do when there is room.
func TestFullDisk(t *testing.T) {
	for _, n := range []int{1, 10, 30, 60, 90} {
		o := options(t)
		must(t, filled(t, o, 4).Close())
		o.Faults = &disk.Injector{}
		db := openDB(t, o)
		must(t, twoRows(db))
		o.Faults.Arm(disk.Full, n)
		var err error
		for err == nil {
			err = twoRows(db)
		}
		err = db.Convert(err)
		var e *lathe.Error
		if !errors.As(err, &e) || e.Code != lathe.CodeStorageFull || e.Hint == "" {
			t.Fatalf("at %d: %v", n, err)
		}
		rows := count(t, db)
		o.Faults.Free()
		must(t, twoRows(db))
		if got := count(t, db); got != rows+2 {
			t.Errorf("at %d: %d rows, then %d", n, rows, got)
		}
		must(t, db.Verify(context.Background()))
	}
}
