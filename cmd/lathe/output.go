package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// output prints what a command found: one JSON document, or text for people.
type output struct {
	out   io.Writer
	err   io.Writer
	json  bool
	quiet bool
	tty   bool // stderr is a terminal
}

func newOutput(cmd *cobra.Command, o *options) *output {
	f, isFile := cmd.ErrOrStderr().(*os.File)
	return &output{
		out: cmd.OutOrStdout(), err: cmd.ErrOrStderr(), json: o.json, quiet: o.quiet,
		tty: isFile && term.IsTerminal(int(f.Fd())),
	}
}

// show prints v as JSON, or calls text.
func (o *output) show(v any, text func(w io.Writer)) error {
	if o.json {
		data, err := json.MarshalIndent(v, "", "  ")
		if err != nil {
			return fmt.Errorf("output: %w", err)
		}
		_, err = fmt.Fprintf(o.out, "%s\n", data)
		return err
	}
	text(o.out)
	return nil
}

// note prints a line for people, unless they asked for none.
func (o *output) note(format string, args ...any) {
	if !o.quiet {
		fmt.Fprintf(o.err, format+"\n", args...)
	}
}

// grid prints rows in columns; the first row is the head.
func grid(w io.Writer, rows [][]string) {
	t := tabwriter.NewWriter(w, 2, 4, 2, ' ', 0)
	for _, row := range rows {
		for i, cell := range row {
			row[i] = oneLine(cell)
		}
		fmt.Fprintln(t, strings.Join(row, "\t"))
	}
	_ = t.Flush() // a closed stdout shows at the next write
}

func bytesText(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	default:
		return fmt.Sprintf("%d B", n)
	}
}

func timeText(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05") }
