package disk

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"lathe"
)

func open(t *testing.T) *Dir {
	t.Helper()
	d, err := OpenDir(filepath.Join(t.TempDir(), "d"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { must(t, d.Close()) })
	return d
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, f FS, name string) string {
	t.Helper()
	data, err := ReadFile(f, name, 1<<20)
	must(t, err)
	return string(data)
}

func TestWriteFileReplaces(t *testing.T) {
	d := open(t)
	must(t, d.Mkdir("a/b"))
	must(t, WriteFile(d, "a/b/x", []byte("old")))
	must(t, WriteFile(d, "a/b/x", []byte("new")))
	if got := read(t, d, "a/b/x"); got != "new" {
		t.Fatalf("got %q", got)
	}
	entries, err := d.List("a/b")
	must(t, err)
	if len(entries) != 1 {
		t.Fatalf("want one file, got %v", entries)
	}
	for name, want := range map[string]fs.FileMode{"a": 0o700 | fs.ModeDir, "a/b/x": 0o600} {
		info, err := d.Stat(name)
		must(t, err)
		if info.Mode() != want {
			t.Errorf("%s has mode %v, want %v", name, info.Mode(), want)
		}
	}
}

// TestWriteFileFaults fails each operation of a replacement in turn, in each way: afterwards the file is the old one or
// the new, whole; it is the new one where WriteFile said so; and a later write works.
func TestWriteFileFaults(t *testing.T) {
	before, after := strings.Repeat("old ", 1000), strings.Repeat("new and longer ", 1000)
	count := &Injector{}
	d := open(t)
	must(t, WriteFile(d, "x", []byte(before)))
	must(t, WriteFile(count.Wrap(d), "x", []byte(after)))
	if count.Ops() != 5 {
		t.Fatalf("create, write, sync, rename, sync folder: %d operations", count.Ops())
	}
	for _, kind := range Kinds {
		for at := 1; at <= count.Ops(); at++ {
			t.Run(fmt.Sprintf("%v/%d", kind, at), func(t *testing.T) {
				d, in := open(t), &Injector{Kind: kind, At: at}
				must(t, WriteFile(d, "x", []byte(before)))
				err := WriteFile(in.Wrap(d), "x", []byte(after))
				checkOneOf(t, read(t, d, "x"), before, after, err)
				must(t, Sweep(d, "."))
				must(t, WriteFile(d, "x", []byte("third")))
				if entries, err := d.List("."); err != nil || len(entries) != 1 {
					t.Fatalf("leftovers: %v, %v", entries, err)
				}
			})
		}
	}
}

func checkOneOf(t *testing.T, got, before, after string, err error) {
	t.Helper()
	if got != before && got != after {
		t.Fatalf("neither old nor new: %d bytes", len(got))
	}
	if err == nil && got != after {
		t.Fatal("WriteFile returned nil and the old bytes are there")
	}
	if err != nil && !errors.Is(err, ErrInjected) {
		t.Fatalf("unexpected error: %v", err)
	}
}

func TestFailedSyncLosesBytes(t *testing.T) {
	d, in := open(t), &Injector{Kind: Fail, At: 5} // create, write, sync, write, sync
	f, err := in.Wrap(d).Create("x")
	must(t, err)
	_, err = f.Write([]byte("kept "))
	must(t, err)
	must(t, f.Sync())
	_, err = f.Write([]byte("lost"))
	must(t, err)
	if err := f.Sync(); !errors.Is(err, ErrInjected) {
		t.Fatalf("sync: %v", err)
	}
	must(t, f.Close())
	if got := read(t, d, "x"); got != "kept " {
		t.Fatalf("got %q", got)
	}
}

func TestFullDisk(t *testing.T) {
	d, in := open(t), &Injector{Kind: Full, At: 1}
	f := in.Wrap(d)
	err := WriteFile(f, "x", []byte("data"))
	var e *lathe.Error
	if !errors.As(err, &e) || e.Code != lathe.CodeStorageFull || e.Hint == "" || !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("got %v", err)
	}
	in.Free()
	must(t, WriteFile(f, "x", []byte("data")))
	if got := read(t, f, "x"); got != "data" {
		t.Fatalf("got %q", got)
	}
}

func TestCrashFailsReadsToo(t *testing.T) {
	d, in := open(t), &Injector{Kind: Crash, At: 1}
	must(t, WriteFile(d, "x", []byte("data")))
	f := in.Wrap(d)
	if _, err := f.Open("x"); err != nil {
		t.Fatalf("before the crash: %v", err)
	}
	if err := f.Mkdir("a"); !errors.Is(err, ErrInjected) {
		t.Fatalf("crash: %v", err)
	}
	if _, err := f.Open("x"); !errors.Is(err, ErrInjected) {
		t.Fatalf("after the crash: %v", err)
	}
	if _, err := f.List("."); !errors.Is(err, ErrInjected) {
		t.Fatalf("after the crash: %v", err)
	}
	if _, err := f.Stat("x"); !errors.Is(err, ErrInjected) {
		t.Fatalf("after the crash: %v", err)
	}
}

func TestTornWriteLeavesHalf(t *testing.T) {
	d, in := open(t), &Injector{Kind: Torn, At: 2}
	f, err := in.Wrap(d).Create("x")
	must(t, err)
	n, err := f.WriteAt([]byte("12345678"), 0)
	if n != 4 || !errors.Is(err, ErrInjected) {
		t.Fatalf("%d, %v", n, err)
	}
	must(t, f.Close())
	if got := read(t, d, "x"); got != "1234" {
		t.Fatalf("got %q", got)
	}
}

// TestNamesStayInside tries names that lead out of the folder, and things that are no regular files.
func TestNamesStayInside(t *testing.T) {
	d := open(t)
	outside := filepath.Join(filepath.Dir(d.Path()), "outside")
	must(t, os.WriteFile(outside, []byte("secret"), 0o600))
	must(t, os.Symlink(outside, filepath.Join(d.Path(), "link")))
	must(t, os.Symlink("real", filepath.Join(d.Path(), "inner")))
	must(t, WriteFile(d, "real", []byte("x")))
	must(t, syscall.Mkfifo(filepath.Join(d.Path(), "pipe"), 0o600))
	must(t, d.Mkdir("folder"))
	for _, name := range []string{"../outside", "/etc/passwd", "link", "inner", "pipe", "folder", "..", "", "a\x00b"} {
		if f, err := d.Open(name); err == nil {
			t.Errorf("Open(%q) gave %v", name, f)
		}
		if _, err := d.Edit(name); err == nil {
			t.Errorf("Edit(%q) worked", name)
		}
		if name == "" {
			continue
		}
		if f, err := d.Create(name); err == nil {
			t.Errorf("Create(%q) gave %v", name, f)
		}
	}
	if err := WriteFile(d, "../outside", []byte("x")); err == nil {
		t.Error("WriteFile left the folder")
	}
	if data, err := os.ReadFile(outside); err != nil || string(data) != "secret" {
		t.Errorf("outside: %q, %v", data, err)
	}
}

func TestReadFileLimit(t *testing.T) {
	d := open(t)
	must(t, WriteFile(d, "x", bytes.Repeat([]byte("a"), 11)))
	if _, err := ReadFile(d, "x", 10); err == nil {
		t.Error("11 bytes were read with a limit of 10")
	}
	if data, err := ReadFile(d, "x", 11); err != nil || len(data) != 11 {
		t.Errorf("%d bytes, %v", len(data), err)
	}
	if _, err := ReadFile(d, "none", 10); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
}

func TestRemove(t *testing.T) {
	d := open(t)
	must(t, WriteFile(d, "x", nil))
	must(t, Remove(d, "x"))
	must(t, Remove(d, "x"))
	if _, err := d.Stat("x"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("still there: %v", err)
	}
}

func TestEditInPlace(t *testing.T) {
	d := open(t)
	must(t, WriteFile(d, "x", []byte("abcdef")))
	f, err := d.Edit("x")
	must(t, err)
	_, err = f.WriteAt([]byte("XY"), 2)
	must(t, err)
	must(t, f.Truncate(5))
	data, err := io.ReadAll(io.NewSectionReader(f, 0, 10))
	must(t, err)
	must(t, f.Close())
	if string(data) != "abXYe" {
		t.Errorf("got %q", data)
	}
}
