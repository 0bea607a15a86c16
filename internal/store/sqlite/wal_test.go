package sqlite

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"

	"github.com/ncruces/go-sqlite3/vfs"

	"lathe"
	"lathe/internal/disk"
	"lathe/internal/seal"
)

// memoryFile is a WAL in memory.
type memoryFile struct {
	vfs.File
	data []byte
}

func (m *memoryFile) ReadAt(p []byte, off int64) (int, error) {
	return bytes.NewReader(m.data).ReadAt(p, off)
}

func (m *memoryFile) WriteAt(p []byte, off int64) (int, error) {
	m.data = append(m.data, make([]byte, max(0, int(off)+len(p)-len(m.data)))...)
	return copy(m.data[off:], p), nil
}

func (m *memoryFile) Sync(vfs.SyncFlag) error { return nil }

// walWriter writes a WAL as SQLite does.
type walWriter struct {
	t   testing.TB
	f   *walFile
	sum [2]uint32
	n   uint32
}

func (w *walWriter) header(salt uint32) {
	b := make([]byte, walHeader)
	for i, v := range []uint32{walMagic, walVersion, pageSize, 0, salt, salt + 1} {
		binary.BigEndian.PutUint32(b[4*i:], v)
	}
	w.sum = walSum([2]uint32{}, b[:24])
	binary.BigEndian.PutUint32(b[24:], w.sum[0])
	binary.BigEndian.PutUint32(b[28:], w.sum[1])
	w.write(b, 0)
	w.n = 0
}

// frame writes one; one that ends a transaction is synced.
func (w *walWriter) frame(page, size uint32, fill byte) {
	b := append(make([]byte, frameHeader), bytes.Repeat([]byte{fill}, pageSize)...)
	for i, v := range []uint32{page, size} {
		binary.BigEndian.PutUint32(b[4*i:], v)
	}
	copy(b[8:16], w.f.File.(*memoryFile).data[16:24])
	w.sum = frameSum(w.sum, b)
	binary.BigEndian.PutUint32(b[16:], w.sum[0])
	binary.BigEndian.PutUint32(b[20:], w.sum[1])
	w.n++
	w.write(b[:frameHeader], frameOffset(w.n))
	w.write(b[frameHeader:], frameOffset(w.n)+frameHeader)
	if size > 0 {
		must(w.t, w.f.Sync(0))
	}
}

func (w *walWriter) write(b []byte, off int64) {
	_, err := w.f.WriteAt(b, off)
	must(w.t, err)
}

func newWALWriter(t *testing.T) (*walWriter, *guard, *memoryFile) {
	t.Helper()
	o := options(t)
	g, err := newGuard(o, deriveKeys(o.Key))
	must(t, err)
	t.Cleanup(func() { must(t, g.close()) })
	m := &memoryFile{}
	return &walWriter{t: t, f: &walFile{File: m, guard: g}}, g, m
}

// holds tells whether a WAL passes for what the seal on the disk asks.
func holds(t *testing.T, g *guard, wal []byte) error {
	t.Helper()
	file, r, err := openSeal(g.folder, g.name("-seal"), g.keys.seal)
	must(t, err)
	must(t, file.file.Close())
	scan, err := scanWAL(bytes.NewReader(wal), r.frames)
	must(t, err)
	return (&guard{path: g.path, rec: r}).compareWAL(scan)
}

// TestGivenUpCommit plays SQLite giving up a transaction after its sync, for want of shared memory: the next one is
// written over its frames, which the seal has, and the process dies before that is synced.
func TestGivenUpCommit(t *testing.T) {
	w, g, m := newWALWriter(t)
	w.header(7)
	w.frame(1, 2, 'a')
	before := *w
	w.frame(2, 2, 'b')
	if g.rec.frames != 2 || g.rec.commits != 2 {
		t.Fatalf("sealed %+v", g.rec)
	}
	given := bytes.Clone(m.data)
	w.n, w.sum = before.n, before.sum
	w.frame(2, 0, 'c')
	if err := holds(t, g, m.data); err != nil {
		t.Errorf("a sound WAL is refused: %v", err)
	}
	if g.rec.frames != 1 {
		t.Errorf("sealed %+v", g.rec)
	}
	w.frame(3, 3, 'd')
	if err := holds(t, g, m.data); err != nil {
		t.Error(err)
	}
	if err := holds(t, g, given); lathe.CodeOf(err) != lathe.CodeCorrupt {
		t.Errorf("an older WAL: %v", err)
	}
}

// TestLateSeal loses the answer of the write that seals a commit: SQLite gives the commit up, the seal has it all the
// same, and the next transaction is written over its frames.
func TestLateSeal(t *testing.T) {
	w, g, m := newWALWriter(t)
	w.header(7)
	w.frame(1, 2, 'a')
	before := *w
	file := g.file.file
	g.file.file = lateFile{file}
	w.t = quiet{t}
	w.frame(2, 2, 'b')
	w.t, g.file.file = t, file
	if g.rec.frames != 1 || !g.unsure {
		t.Fatalf("sealed %+v, unsure %v", g.rec, g.unsure)
	}
	w.n, w.sum = before.n, before.sum
	w.frame(2, 0, 'c')
	if err := holds(t, g, m.data); err != nil {
		t.Errorf("a sound WAL is refused: %v", err)
	}
}

type lateFile struct{ disk.File }

func (l lateFile) WriteAt(p []byte, off int64) (int, error) {
	n, err := l.File.WriteAt(p, off)
	return n, errors.Join(disk.ErrInjected, err)
}

// quiet goes on after an error.
type quiet struct{ *testing.T }

func (quiet) Fatal(...any) {}

// TestRewrittenHeaders plays SQLite computing checksums again before a commit, which it does after writing over frames
// of the same transaction.
func TestRewrittenHeaders(t *testing.T) {
	w, g, m := newWALWriter(t)
	w.header(7)
	w.frame(1, 1, 'a')
	before := w.sum
	w.frame(2, 0, 'b')
	w.write(bytes.Repeat([]byte{'B'}, pageSize), frameOffset(2)+frameHeader)
	head := m.data[frameOffset(2) : frameOffset(2)+frameHeader]
	w.sum = frameSum(before, m.data[frameOffset(2):frameOffset(2)+frameSize])
	again := bytes.Clone(head)
	binary.BigEndian.PutUint32(again[16:], w.sum[0])
	binary.BigEndian.PutUint32(again[20:], w.sum[1])
	w.write(again, frameOffset(2))
	w.frame(3, 3, 'c')
	if g.rec.frames != 3 || holds(t, g, m.data) != nil {
		t.Errorf("sealed %+v, %v", g.rec, holds(t, g, m.data))
	}
}

// TestNewGeneration starts a WAL over: the old frames may go, and the new ones count once they are synced.
func TestNewGeneration(t *testing.T) {
	w, g, m := newWALWriter(t)
	w.header(7)
	w.frame(1, 2, 'a')
	w.frame(2, 2, 'b')
	old := bytes.Clone(m.data)
	w.header(9)
	if err := holds(t, g, old); err != nil {
		t.Errorf("the header never reached the disk: %v", err)
	}
	w.frame(3, 3, 'c')
	if err := holds(t, g, m.data); err != nil {
		t.Error(err)
	}
	for name, wal := range map[string][]byte{"old": old, "none": nil, "header": m.data[:walHeader]} {
		if err := holds(t, g, wal); lathe.CodeOf(err) != lathe.CodeCorrupt {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReadFrameChecks(t *testing.T) {
	w, _, m := newWALWriter(t)
	w.header(7)
	w.frame(1, 1, 'a')
	w.frame(2, 2, 'b')
	p := make([]byte, pageSize)
	if _, err := w.f.ReadAt(p, frameOffset(2)+frameHeader); err != nil || p[0] != 'b' {
		t.Errorf("%v", err)
	}
	for _, off := range []int64{frameOffset(2) + frameHeader + 9, frameOffset(2) + 1, sumOffset(1)} {
		m.data[off] ^= 1
		if _, err := w.f.ReadAt(p, frameOffset(2)+frameHeader); err == nil {
			t.Errorf("byte %d: damage was read", off)
		}
		m.data[off] ^= 1
	}
}

// FuzzScanWAL walks any bytes: it never claims more than it was given, and what it claims is there again in a cut.
func FuzzScanWAL(f *testing.F) {
	m := &memoryFile{}
	o := Options{Path: folder(f) + "/lathe.db", Key: testKey}
	g, err := newGuard(o, deriveKeys(o.Key))
	must(f, err)
	f.Cleanup(func() { must(f, g.close()) })
	w := &walWriter{t: f, f: &walFile{File: m, guard: g}}
	w.header(3)
	w.frame(1, 0, 'a')
	w.frame(2, 2, 'b')
	f.Add(m.data)
	f.Add(m.data[:walHeader])
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := scanWAL(bytes.NewReader(data), 1)
		if err != nil {
			t.Fatal(err)
		}
		if s.commit.frames > s.end.frames || walHeader+int64(s.end.frames)*frameSize > int64(len(data)) && s.header {
			t.Fatalf("%+v of %d bytes", s, len(data))
		}
		if !s.header {
			return
		}
		cut, err := scanWAL(bytes.NewReader(data[:walHeader+int64(s.end.frames)*frameSize]), 1)
		if err != nil || cut.end != s.end || cut.commit != s.commit {
			t.Fatalf("%+v, cut %+v, %v", s, cut, err)
		}
	})
}

// FuzzRecord decodes any slot: what is accepted is what encode writes.
func FuzzRecord(f *testing.F) {
	key := seal.Key{9}
	r := record{seq: 1 << 40, commits: 7, size: 3, state: pending, position: position{[2]uint32{1, 2}, 3, [2]uint32{4, 5}}}
	f.Add(r.encode(key))
	r.marks = []mark{{1, [tagSize]byte{1}}, {1 << 31, [tagSize]byte{2}}}
	f.Add(r.encode(key))
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, ok := decodeRecord(key, b); ok && !bytes.Equal(r.encode(key), b) {
			t.Fatalf("%+v", r)
		}
	})
}

func TestRecordRoundTrip(t *testing.T) {
	key := seal.Key{9}
	r := record{seq: 1, commits: 2, size: 3, state: installing, position: position{[2]uint32{4, 5}, 6, [2]uint32{7, 8}}}
	for i := range uint32(maxMarks) {
		r.marks = append(r.marks, mark{i + 1, [tagSize]byte{byte(i), 1}})
	}
	b := r.encode(key)
	if len(b) != slotSize {
		t.Fatalf("%d bytes", len(b))
	}
	got, ok := decodeRecord(key, b)
	if !ok || !bytes.Equal(got.encode(key), b) || got.marks[maxMarks-1] != r.marks[maxMarks-1] || got.position != r.position {
		t.Errorf("got %+v, %v", got, ok)
	}
	for i := range b {
		bad := bytes.Clone(b)
		bad[i] ^= 1
		if _, ok := decodeRecord(key, bad); ok {
			t.Errorf("byte %d is not covered", i)
		}
	}
	if _, ok := decodeRecord(seal.Key{8}, b); ok {
		t.Error("another key")
	}
}

// TestPlainReader compares it with the VFS's view of a file.
func TestPlainReader(t *testing.T) {
	k := deriveKeys(testKey)
	m := &memoryFile{}
	f := &cipherFile{File: m, cipher: k.cipher}
	want := make([]byte, 10000)
	for i := range want {
		want[i] = byte(i * i >> 3)
	}
	for _, part := range [][2]int{{0, 100}, {9000, 10000}, {100, 700}, {700, 5120}, {5120, 9001}} {
		_, err := f.WriteAt(want[part[0]:part[1]], int64(part[0]))
		must(t, err)
	}
	for _, r := range []io.ReaderAt{f, plainReader{m, k.cipher}} {
		for off := 0; off < len(want); off += 333 {
			got := make([]byte, min(1111, len(want)-off))
			if _, err := r.ReadAt(got, int64(off)); err != nil || !bytes.Equal(got, want[off:off+len(got)]) {
				t.Fatalf("%T at %d: %v", r, off, err)
			}
		}
		m.data = m.data[:len(m.data)/512*512]
		got := make([]byte, 2000)
		if n, err := r.ReadAt(got, int64(len(m.data))-512-100); n != 612 || !errors.Is(err, io.EOF) {
			t.Errorf("%T at the end: %d, %v", r, n, err)
		}
	}
}
