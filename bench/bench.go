package main

import (
	"cmp"
	"context"
	"debug/buildinfo"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"
)

// bench is one benchmark: a subcommand, a result file and a section of the report. To add one, write a file with its
// function and put it into benches.
type bench struct {
	name  string
	short string
	run   func(ctx context.Context, w *world, r *result) error
}

var benches = []bench{
	{"train", "train the 64-32-1 network beside Keras, scikit-learn and JAX", trainBench},
	{"train-1024", "the same in batches of 1,024 beside Keras", trainLargeBench},
	{"serve", "POST /predict under wrk beside Flask + Keras", serveBench},
	{"start", "start-up to ready, and idle memory", startBench},
}

// world is where the benchmarks run.
type world struct {
	root     string
	rounds   int
	out, err io.Writer
	python   string // of the peers; setup makes it
	lathe    string // the binary; build makes it where none was named
}

// work is the folder of tables, models and the binary; git ignores it.
func (w *world) work(name string) string { return filepath.Join(w.root, "bench", "work", name) }

func (w *world) peer(name string) string { return filepath.Join(w.root, "bench", "peers", name) }

func (w *world) results(name string) string { return filepath.Join(w.root, "bench", "results", name) }

func (w *world) note(format string, args ...any) { fmt.Fprintf(w.err, "bench: "+format+"\n", args...) }

// times is how often a benchmark repeats its runs.
func (w *world) times(own int) int {
	if w.rounds > 0 {
		return w.rounds
	}
	return own
}

// measure runs benchmarks one after the other and writes the report. A claim that does not hold is an error, after all of them ran.
func (w *world) measure(ctx context.Context, list []bench) error {
	if err := w.setup(ctx); err != nil {
		return err
	}
	if err := w.build(ctx); err != nil {
		return err
	}
	var errs []error
	for _, b := range list {
		if err := w.one(ctx, b); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", b.name, err))
		}
		if ctx.Err() != nil {
			return errors.Join(append(errs, ctx.Err())...)
		}
	}
	return errors.Join(append(errs, w.report())...)
}

func (w *world) one(ctx context.Context, b bench) error {
	w.note("%s", b.name)
	r := &result{Name: b.name, Time: time.Now().UTC().Truncate(time.Second)}
	var err error
	if r.Commit, err = w.commit(); err != nil {
		return err
	}
	if r.Machine, err = readMachine(); err != nil {
		return err
	}
	if r.Versions, err = w.versions(ctx); err != nil {
		return err
	}
	if err := b.run(ctx, w, r); err != nil {
		return err
	}
	if err := r.write(w.results(b.name + ".json")); err != nil {
		return err
	}
	fmt.Fprint(w.out, r.markdown())
	return r.missed()
}

// build compiles lathe into the work folder, so that no build time is measured, unless a binary was named.
func (w *world) build(ctx context.Context) error {
	path, err := filepath.Abs(cmp.Or(w.lathe, w.work("lathe")))
	if err != nil {
		return fmt.Errorf("build: %w", err)
	}
	if named := w.lathe != ""; named {
		w.lathe = path
		return nil
	}
	w.lathe = path
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", path, "./cmd/lathe")
	cmd.Dir, cmd.Env = w.root, append(os.Environ(), "CGO_ENABLED=0")
	cmd.Stderr = w.err
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("build: %w", err)
	}
	return nil
}

// commit names the source of the binary that is measured, "" where it was built outside of a clone.
func (w *world) commit() (string, error) {
	info, err := buildinfo.ReadFile(w.lathe)
	if err != nil {
		return "", fmt.Errorf("commit: %w", err)
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	const short = 12
	commit := settings["vcs.revision"]
	commit = commit[:min(len(commit), short)]
	if settings["vcs.modified"] == "true" {
		commit += "-dirty"
	}
	return commit, nil
}

// installed prints the versions of an environment's packages as JSON.
const installed = `import importlib.metadata as m, json, platform
print(json.dumps({"python": platform.python_version(), **{d.name.lower(): d.version for d in m.distributions()}}))`

// versions are those of the compiler and of what is measured beside lathe.
func (w *world) versions(ctx context.Context) (map[string]string, error) {
	versions := map[string]string{}
	if _, err := w.lastJSON(ctx, &versions, nil, w.python, "-c", installed); err != nil {
		return nil, err
	}
	versions["go"] = runtime.Version()
	return versions, nil
}
