package main

import (
	"flag"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the golden files")

// sample is a result with all that a section can show: a ratio each way, a figure that only one has, a claim of each kind.
func sample() *result {
	r := &result{
		Name: "sample", Title: "Sample", About: strings.Repeat("Words about what was done. ", 10),
		Time: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC), Commit: "abc1234",
		Machine:  machine{CPU: "A CPU", Cores: 2, Flags: []string{"avx2", "fma"}, Memory: 16e9, Kernel: "6.1", Load: "0.01 0.02 0.03"},
		Versions: map[string]string{"go": "go1.26", "keras": "3.15.1", "tensorflow_cpu": "2.21.0", "hidden": "1"},
		Figures:  []figure{{"seconds", "time, s", 2, lower}, {"rps", "requests/s", 0, higher}, {"accuracy", "accuracy", 4, ""}},
	}
	r.add("lathe", 0, 0, map[string]float64{"seconds": 0.5, "rps": 5000, "accuracy": 0.97})
	r.add("peer", 0, 0, map[string]float64{"seconds": 40, "accuracy": 0.96})
	r.add("peer", 1, 1, map[string]float64{"seconds": 20, "accuracy": 0.98})
	r.add("lathe", 1, 1, map[string]float64{"seconds": 0.7, "rps": 7000, "accuracy": 0.98})
	r.add("peer", 2, 2, map[string]float64{"seconds": 30, "rps": 12, "accuracy": 0.95})
	r.claim("time: the peer's over lathe's", atLeast, r.of("peer", "seconds")/r.of("lathe", "seconds"), 3)
	r.claim("time of lathe, s", atMost, r.of("lathe", "seconds"), 0.1)
	return r
}

func TestMarkdown(t *testing.T) {
	golden := filepath.Join("testdata", "sample.md")
	got := sample().markdown()
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("markdown differs from %s:\n%s", golden, got)
	}
}

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   float64
	}{{[]float64{3}, 3}, {[]float64{9, 1, 5}, 5}, {[]float64{4, 1, 3, 2}, 2.5}} {
		if got := median(c.values); got != c.want {
			t.Errorf("median of %v is %v, want %v", c.values, got, c.want)
		}
	}
	if got := median(nil); !math.IsNaN(got) {
		t.Errorf("median of nothing is %v", got)
	}
}

func TestClaims(t *testing.T) {
	for _, c := range []struct {
		sense        string
		value, bound float64
		holds        bool
	}{
		{atLeast, 3, 3, true},
		{atLeast, 2.99, 3, false},
		{atMost, 10, 10, true},
		{atMost, 10.01, 10, false},
		{atLeast, math.NaN(), 3, false},
		{atMost, math.NaN(), 3, false},
	} {
		r := &result{}
		r.claim("it", c.sense, c.value, c.bound)
		if err := r.missed(); (err == nil) != c.holds || r.Claims[0].Holds != c.holds {
			t.Errorf("%v %s %v: %v, holds %v", c.value, c.sense, c.bound, err, r.Claims[0].Holds)
		}
	}
}

func TestFigureWithoutRuns(t *testing.T) {
	if got := sample().of("nobody", "seconds"); !math.IsNaN(got) {
		t.Errorf("a figure of nobody is %v", got)
	}
}

func TestResultIsWrittenAndRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "results", "sample.json")
	r := sample()
	if err := r.write(path); err != nil {
		t.Fatal(err)
	}
	got, err := readResult(path)
	if err != nil {
		t.Fatal(err)
	}
	if got.markdown() != r.markdown() || len(got.Runs) != 5 {
		t.Errorf("read %+v", got)
	}
}

// TestReport writes the page from stored results, and fails where there are none.
func TestReport(t *testing.T) {
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "docs"), 0o755); err != nil {
		t.Fatal(err)
	}
	var out, errs strings.Builder
	if code := run(t.Context(), []string{"-root", root, "report"}, &out, &errs); code != 1 {
		t.Errorf("report without results: exit %d: %s", code, errs.String())
	}
	w := &world{root: root}
	if err := sample().write(w.results("serve.json")); err != nil {
		t.Fatal(err)
	}
	if code := run(t.Context(), []string{"-root", root, "report"}, &out, &errs); code != 0 {
		t.Fatalf("exit %d: %s", code, errs.String())
	}
	page, err := os.ReadFile(filepath.Join(root, "docs", "benchmarks.md"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(page), "# Benchmarks\n") || !strings.HasSuffix(string(page), "\n\n"+sample().markdown()) {
		t.Errorf("page:\n%s", page)
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{{}, {"nothing"}, {"train", "serve"}, {"-rounds", "x", "train"}} {
		var out, errs strings.Builder
		if code := run(t.Context(), args, &out, &errs); code != 2 || !strings.Contains(errs.String(), "usage: go run ./bench") {
			t.Errorf("%q: exit %d: %s", args, code, errs.String())
		}
	}
}
