package main

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestResident counts a child on top of its parent, and a process that is gone as nothing.
func TestResident(t *testing.T) {
	cmd := exec.Command("sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pids, err := children(os.Getpid())
	if err != nil || !slices.Contains(pids, cmd.Process.Pid) {
		t.Errorf("children %v, %v", pids, err)
	}
	child, err := resident(cmd.Process.Pid)
	if err != nil || child <= 0 {
		t.Errorf("the child has %d bytes, %v", child, err)
	}
	if all, err := resident(os.Getpid()); err != nil || all <= child+1<<20 {
		t.Errorf("all have %d bytes, %v", all, err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Error("a killed process ended well")
	}
	if gone, err := resident(cmd.Process.Pid); err != nil || gone != 0 {
		t.Errorf("a process that is gone has %d bytes, %v", gone, err)
	}
}

func TestMachine(t *testing.T) {
	m, err := readMachine()
	if err != nil {
		t.Fatal(err)
	}
	if m.Cores < 1 || m.Memory < 1<<20 || m.Kernel == "" || len(strings.Fields(m.Load)) != 3 {
		t.Errorf("machine %+v", m)
	}
}

func TestField(t *testing.T) {
	file := []byte("processor\t: 0\nmodel name\t: A: B\nflags\t\t: avx2 fma\nmodel name\t: C\nMemTotal:       16384 kB\n")
	for name, want := range map[string]string{"model name": "A: B", "flags": "avx2 fma", "MemTotal": "16384 kB", "model": "", "": ""} {
		if got := field(file, name); got != want {
			t.Errorf("%q is %q, want %q", name, got, want)
		}
	}
	if n, err := kibibytes("16384 kB"); n != 16<<20 || err != nil {
		t.Errorf("16384 kB are %d bytes, %v", n, err)
	}
	if _, err := kibibytes("much"); err == nil {
		t.Error("no error for a text that is no size")
	}
}

// FuzzField holds field to what its result must be: a trimmed part of one line.
func FuzzField(f *testing.F) {
	f.Add([]byte("VmRSS:\t 100 kB\n"), "VmRSS")
	f.Fuzz(func(t *testing.T, data []byte, name string) {
		got := field(data, name)
		if got != strings.TrimSpace(got) || strings.Contains(got, "\n") || !strings.Contains(string(data), got) {
			t.Errorf("field %q of %q is %q", name, data, got)
		}
	})
}
