// Command bench measures lathe beside the tools that it replaces, in the same run on the same machine, and writes what
// it found: bench/results/NAME.json with every run, and docs/benchmarks.md with medians, ratios and how to repeat it.
//
// It is run from the project's root, by `make bench` or as `go run ./bench`. An absolute figure changes with the machine; a ratio from one run holds.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

const usage = `usage: go run ./bench [flags] COMMAND

  setup                     make the peers' Python environment, install wrk where it is missing (as root, with apt-get)
  %s
  all                       everything above, then report
  report                    write docs/benchmarks.md from bench/results/*.json

The cache is $LATHE_CACHE, ~/.cache/lathe by default; $PYTHON is the interpreter that makes environments, python3 by default.

flags:
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run executes a command line: 0, 1 for an error or a claim that does not hold, 2 for wrong usage.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	w := &world{out: stdout, err: stderr}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprintf(stderr, usage, benchHelp())
		flags.PrintDefaults()
	}
	flags.IntVar(&w.rounds, "rounds", 0, "interleaved `rounds`; 0 is each benchmark's own number")
	flags.StringVar(&w.root, "root", ".", "the project's `folder`")
	flags.StringVar(&w.lathe, "lathe", "", "`binary` to measure; built from ./cmd/lathe by default")
	limit := flags.Duration("limit", time.Hour, "stop everything after this `time`")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	ctx, cancel := context.WithTimeout(ctx, *limit)
	defer cancel()
	err := w.command(ctx, flags.Args())
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errUsage):
		flags.Usage()
		return 2
	default:
		fmt.Fprintln(stderr, "bench: error:", err)
		return 1
	}
}

// errUsage asks for the help text.
var errUsage = errors.New("wrong usage")

func (w *world) command(ctx context.Context, args []string) error {
	if len(args) != 1 {
		return errUsage
	}
	switch args[0] {
	case "setup":
		return w.setup(ctx)
	case "report":
		return w.report()
	case "all":
		return w.measure(ctx, benches)
	}
	for _, b := range benches {
		if b.name == args[0] {
			return w.measure(ctx, []bench{b})
		}
	}
	return errUsage
}

func benchHelp() string {
	lines := make([]string, len(benches))
	for i, b := range benches {
		lines[i] = fmt.Sprintf("%-25s %s", b.name, b.short)
	}
	return strings.Join(lines, "\n  ")
}
