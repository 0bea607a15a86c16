package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// foreword stands above the tables of docs/benchmarks.md.
const foreword = `# Benchmarks

Lathe beside the tools that it replaces, each in the version that ` + "`bench/peers/requirements.txt`" + ` names, in the same run on the same
machine: medians of interleaved runs. An absolute figure changes with the machine; a ratio from one run holds.
This page is written by ` + "`make bench`" + `; every single run is in ` + "`bench/results/`" + `.

## How to repeat

    make bench                     # all, then this page
    go run ./bench train           # one of them; go run ./bench -h lists them
    go run ./bench --rounds 5 all  # more rounds
    go run ./bench report          # this page again, from the stored results

It needs Linux on amd64, Go, Python 3.11 to 3.13, and wrk, which it installs with apt-get when it runs as root. The peers go into a Python environment in
` + "`$LATHE_CACHE/peers`" + ` (` + "`~/.cache/lathe/peers`" + `). Everything listens on loopback and is stopped at the end. Leave the machine alone meanwhile: a
benchmark's load line shows whether others used it before. The command fails when a bound below does not hold.
`

// report writes docs/benchmarks.md from the stored results.
func (w *world) report() error {
	var page strings.Builder
	page.WriteString(foreword)
	found := 0
	for _, b := range benches {
		path := w.results(b.name + ".json")
		if _, err := os.Stat(path); err != nil {
			w.note("no result of %s yet", b.name)
			continue
		}
		r, err := readResult(path)
		if err != nil {
			return err
		}
		page.WriteString("\n" + r.markdown())
		found++
	}
	if found == 0 {
		return fmt.Errorf("report: there are no results; run a benchmark first")
	}
	path := filepath.Join(w.root, "docs", "benchmarks.md")
	if err := os.WriteFile(path, []byte(page.String()), 0o644); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

// markdown is a benchmark's section.
func (r *result) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "## %s\n\n%s\n\n", r.Title, wrap(r.About, 140))
	r.table(&b)
	b.WriteString("\n| bound | measured | wanted | |\n|---|---:|---:|---|\n")
	for _, c := range r.Claims {
		mark := "holds"
		if !c.Holds {
			mark = "**does not hold**"
		}
		fmt.Fprintf(&b, "| %s | %s | %s %g | %s |\n", c.Text, significant(c.Value), c.Sense, c.Bound, mark)
	}
	m := r.Machine
	fmt.Fprintf(&b, "\n%s, commit %s, %s, %d cores (%s), %.0f GB, Linux %s, load before %s; %s.\n",
		r.Time.Format("2006-01-02"), r.Commit, m.CPU, m.Cores, strings.Join(m.Flags, " "), float64(m.Memory)/1e9, m.Kernel, m.Load, r.versions())
	return b.String()
}

// table prints medians and, for what is compared, how many times better lathe is.
func (r *result) table(b *strings.Builder) {
	head, line := "| |", "|---|"
	for _, f := range r.Figures {
		head, line = head+" "+f.Title+" |", line+"---:|"
	}
	fmt.Fprintf(b, "%s runs |\n%s---:|\n", head, line)
	for _, subject := range r.Subjects {
		fmt.Fprintf(b, "| %s |", subject)
		for _, f := range r.Figures {
			fmt.Fprintf(b, " %s |", r.cell(subject, f))
		}
		fmt.Fprintf(b, " %d |\n", r.count(subject))
	}
}

func (r *result) cell(subject string, f figure) string {
	v := r.of(subject, f.Name)
	if math.IsNaN(v) {
		return ""
	}
	text := strconv.FormatFloat(v, 'f', f.Digits, 64)
	first := r.of(r.Subjects[0], f.Name)
	if f.Better == "" || subject == r.Subjects[0] || math.IsNaN(first) {
		return text
	}
	ratio := v / first
	if f.Better == higher {
		ratio = first / v
	}
	return fmt.Sprintf("%s (%sx)", text, significant(ratio))
}

func (r *result) count(subject string) int {
	n := 0
	for _, m := range r.Runs {
		if m.Subject == subject {
			n++
		}
	}
	return n
}

// significant writes three significant digits, and all of the integer part.
func significant(v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "-"
	}
	if math.Abs(v) >= 100 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}

// shownVersions are the versions that a reader looks for, in this order.
var shownVersions = []string{"go", "python", "keras", "tensorflow_cpu", "scikit-learn", "jax", "flask", "gunicorn", "fastapi", "uvicorn", "onnxruntime", "numpy", "pandas"}

func (r *result) versions() string {
	var list []string
	for _, name := range shownVersions {
		if v, ok := r.Versions[name]; ok {
			list = append(list, strings.TrimPrefix(name+" "+v, "go "))
		}
	}
	return strings.Join(list, ", ")
}

// wrap breaks a paragraph into lines.
func wrap(text string, width int) string {
	var b strings.Builder
	at := 0
	for _, word := range strings.Fields(text) {
		switch {
		case at == 0:
		case at+1+len(word) > width:
			b.WriteByte('\n')
			at = 0
		default:
			b.WriteByte(' ')
			at++
		}
		b.WriteString(word)
		at += len(word)
	}
	return b.String()
}
