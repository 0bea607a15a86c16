// Command lathe is the whole product in one binary: the service, its workers and its client.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"lathe"
	"lathe/internal/app/native"
	"lathe/internal/child"
)

func main() {
	child.Main(native.Works()) // returns at once unless the supervisor started this process
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run executes one command line and gives the exit code: 0, 1 for an error, 2 for wrong usage, 130 when interrupted.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		fmt.Fprintln(stderr, "lathe: stopped")
		return 130
	}
	return report(stderr, err)
}

// usageError marks an error about the command line itself.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// report prints an error as STYLE asks: what happened, then the way out.
func report(w io.Writer, err error) int {
	code := 1
	var usage usageError
	if errors.As(err, &usage) || strings.HasPrefix(err.Error(), "unknown command") {
		code = 2
	}
	fmt.Fprintln(w, "lathe: error: "+oneLine(err.Error()))
	var known *lathe.Error
	switch {
	case errors.As(err, &known) && known.Hint != "":
		fmt.Fprintln(w, "lathe: hint: "+oneLine(known.Hint))
	case code == 2:
		fmt.Fprintln(w, "lathe: hint: see lathe help, or --help after any command")
	}
	return code
}

// oneLine keeps a message on its line and control characters out of a terminal.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}
