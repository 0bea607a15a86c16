package cpu

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for _, want := range []Level{Generic, AVX2, AVX512} {
		if got, err := Parse(want.String()); err != nil || got != want {
			t.Errorf("Parse(%q) = %v, %v", want, got, err)
		}
	}
	if s := Level(9).String(); s != "cpu.Level(9)" {
		t.Errorf("Level(9) = %q", s)
	}
}

func TestCurrent(t *testing.T) {
	t.Setenv(Env, "")
	if got, err := Current(); err != nil || got != Detect() {
		t.Errorf("empty: %v, %v, want %v", got, err, Detect())
	}
	for l := Generic; l <= AVX512; l++ {
		t.Setenv(Env, l.String())
		got, err := Current()
		if l <= Detect() && (err != nil || got != l) {
			t.Errorf("%s: %v, %v", l, got, err)
		}
		if l > Detect() && (err == nil || !strings.Contains(err.Error(), missing(l))) {
			t.Errorf("%s: error %v does not name %q", l, err, missing(l))
		}
	}
	t.Setenv(Env, "sse9")
	_, err := Current()
	for _, part := range []string{Env, `"sse9"`, "generic, avx2 or avx512"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("error %v does not name %s", err, part)
		}
	}
}

func TestUse(t *testing.T) {
	before := Active()
	restore := Use(Generic)
	if VNNI() {
		t.Error("VNNI at level generic")
	}
	if Active() != Generic {
		t.Errorf("after Use: %v", Active())
	}
	restore()
	if Active() != before {
		t.Errorf("after restore: %v, want %v", Active(), before)
	}
	defer func() {
		if recover() == nil {
			t.Error("Use of a level out of range did not panic")
		}
	}()
	Use(AVX512 + 1)
}
