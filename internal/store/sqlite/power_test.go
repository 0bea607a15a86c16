package sqlite

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/ncruces/go-sqlite3/util/vfsutil"
	"github.com/ncruces/go-sqlite3/vfs"

	"lathe/internal/disk"
)

// journal is what reached the files of one database, in order, so that a power cut can be played at any moment.
type journal struct {
	mu     sync.Mutex
	events []event
}

type event struct {
	what string // write, size, sync, gone, moved, ack
	file string
	off  int64 // also: a size, or the number of rows that were acknowledged
	data []byte
}

func (j *journal) add(e event) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.events = append(j.events, e)
}

// TestPowerCut cuts the power at many moments of some work: of what was not synced, any sectors may be there or not.
// No acknowledged transaction is lost, because each was synced, and no state is refused.
func TestPowerCut(t *testing.T) {
	t.Parallel()
	j := &journal{}
	o := options(t)
	o.system = recordVFS{quickVFS{vfs.Find("os")}, j}
	o.folder = func(f disk.FS) disk.FS { return recordFS{f, j} }
	recordWork(t, o, j)
	rng := rand.New(rand.NewPCG(1, 2))
	for cut := 0; cut <= len(j.events); cut += 1 + rng.IntN(7) {
		keep := []float64{0, 0.5, 1}[rng.IntN(3)]
		cutAt(t, j.events[:cut], keep, rng)
	}
	t.Log(len(j.events), "events")
}

// TestOneSyncPerCommit counts: once the WAL is there, a commit syncs the WAL and nothing else.
func TestOneSyncPerCommit(t *testing.T) {
	j := &journal{}
	o := options(t)
	o.system = recordVFS{quickVFS{vfs.Find("os")}, j}
	o.folder = func(f disk.FS) disk.FS { return recordFS{f, j} }
	db := openDB(t, o)
	exec(t, db, `CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)`)
	j.events = nil
	insert(t, db, 20)
	synced, sealed := map[string]int{}, 0
	for _, e := range j.events {
		switch {
		case e.what == "sync":
			synced[e.file]++
		case e.what == "write" && e.file == "lathe.db-seal":
			sealed++
		}
	}
	if len(synced) != 1 || synced["lathe.db-wal"] != 20 || sealed != 20 {
		t.Errorf("20 commits: syncs %v, seal written %d times", synced, sealed)
	}
}

func recordWork(t *testing.T, o Options, j *journal) {
	t.Helper()
	rows := int64(0)
	for range 2 {
		db, err := Open(context.Background(), o)
		must(t, err)
		exec(t, db, `CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, v TEXT)`)
		for i := range 8 {
			must(t, twoRows(db))
			rows += 2
			j.add(event{what: "ack", off: rows})
			if i%3 == 2 {
				exec(t, db, []string{`PRAGMA wal_checkpoint(RESTART)`, `PRAGMA wal_checkpoint(TRUNCATE)`}[i/3%2])
			}
		}
		must(t, db.Close())
	}
}

func cutAt(t *testing.T, events []event, keep float64, rng *rand.Rand) {
	t.Helper()
	o := options(t)
	acked := replay(t, events, filepath.Dir(o.Path), keep, rng)
	db, err := Open(context.Background(), o)
	if err != nil {
		t.Fatalf("cut after %d events, %v of what was not synced kept: %v", len(events), keep, err)
	}
	exec(t, db, `CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, v TEXT)`)
	if n := count(t, db); int64(n) != acked && int64(n) != acked+2 {
		t.Fatalf("cut after %d events: %d rows, %d were acknowledged", len(events), n, acked)
	}
	if err := db.Verify(context.Background()); err != nil {
		t.Fatalf("cut after %d events: %v", len(events), err)
	}
	must(t, db.Close())
}

// replay makes the files as a disk may hold them: what was synced, and of the rest each sector with chance keep.
func replay(t *testing.T, events []event, dir string, keep float64, rng *rand.Rand) (acked int64) {
	t.Helper()
	durable, waiting := map[string][]byte{}, map[string][]event{}
	flush := func(file string, keep float64) {
		for _, e := range waiting[file] {
			durable[file] = apply(durable[file], e, keep, rng)
		}
		waiting[file] = nil
	}
	for _, e := range events {
		switch e.what {
		case "write", "size":
			waiting[e.file] = append(waiting[e.file], e)
			if _, ok := durable[e.file]; !ok {
				durable[e.file] = nil
			}
		case "sync":
			flush(e.file, 1)
		case "gone":
			delete(durable, e.file)
			delete(waiting, e.file)
		case "moved":
			durable[string(e.data)], waiting[string(e.data)] = durable[e.file], waiting[e.file]
			delete(durable, e.file)
			delete(waiting, e.file)
		case "ack":
			acked = e.off
		}
	}
	for file := range waiting {
		flush(file, keep)
	}
	for file, data := range durable {
		must(t, os.WriteFile(filepath.Join(dir, file), data, 0o600))
	}
	return acked
}

func apply(data []byte, e event, keep float64, rng *rand.Rand) []byte {
	if e.what == "size" {
		if rng.Float64() < keep {
			data = append(data, make([]byte, max(0, int(e.off)-len(data)))...)[:e.off]
		}
		return data
	}
	for i := 0; i < len(e.data); i += sectorSize {
		if rng.Float64() >= keep {
			continue
		}
		end := min(i+sectorSize, len(e.data))
		data = append(data, make([]byte, max(0, int(e.off)+end-len(data)))...)
		copy(data[int(e.off)+i:], e.data[i:end])
	}
	return data
}

type recordVFS struct {
	quickVFS
	j *journal
}

func (r recordVFS) OpenFilename(name *vfs.Filename, flags vfs.OpenFlag) (vfs.File, vfs.OpenFlag, error) {
	f, out, err := r.quickVFS.OpenFilename(name, flags)
	if err != nil {
		return nil, out, err
	}
	return &recordVFSFile{f.(*quickVFSFile), r.j, filepath.Base(name.String())}, out, nil //nolint:errcheck,forcetypeassert // made above
}

func (r recordVFS) Delete(name string, sync bool) error {
	err := r.quickVFS.Delete(name, sync)
	if err == nil {
		r.j.add(event{what: "gone", file: filepath.Base(name)})
	}
	return err
}

type recordVFSFile struct {
	*quickVFSFile
	j    *journal
	name string
}

func (f *recordVFSFile) WriteAt(p []byte, off int64) (int, error) {
	f.j.add(event{"write", f.name, off, append([]byte(nil), p...)})
	return f.File.WriteAt(p, off)
}

func (f *recordVFSFile) Truncate(size int64) error {
	f.j.add(event{what: "size", file: f.name, off: size})
	return f.File.Truncate(size)
}

func (f *recordVFSFile) SizeHint(size int64) error {
	if now, err := f.Size(); err == nil && size > now {
		f.j.add(event{what: "size", file: f.name, off: size})
	}
	return vfsutil.WrapSizeHint(f.File, size)
}

func (f *recordVFSFile) Sync(vfs.SyncFlag) error {
	f.j.add(event{what: "sync", file: f.name})
	return nil
}

type recordFS struct {
	disk.FS
	j *journal
}

func (r recordFS) Create(name string) (disk.File, error) { return r.record(name, r.FS.Create) }
func (r recordFS) Edit(name string) (disk.File, error)   { return r.record(name, r.FS.Edit) }

func (r recordFS) record(name string, open func(string) (disk.File, error)) (disk.File, error) {
	f, err := open(name)
	if err != nil {
		return nil, err
	}
	return recordFile{f, r.j, name}, nil
}

func (r recordFS) Rename(from, to string) error {
	r.j.add(event{what: "moved", file: from, data: []byte(to)})
	return r.FS.Rename(from, to)
}

type recordFile struct {
	disk.File
	j    *journal
	name string
}

func (f recordFile) Write(p []byte) (int, error) {
	f.j.add(event{"write", f.name, 0, append([]byte(nil), p...)}) // only WriteFile writes so: once, from the start
	return f.File.Write(p)
}

func (f recordFile) WriteAt(p []byte, off int64) (int, error) {
	f.j.add(event{"write", f.name, off, append([]byte(nil), p...)})
	return f.File.WriteAt(p, off)
}

func (f recordFile) Sync() error {
	f.j.add(event{what: "sync", file: f.name})
	return nil
}
