package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"lathe"
	"lathe/internal/app/native"
	"lathe/internal/client"
)

func predictCommand(o *options) *cobra.Command {
	var out string
	c := &cobra.Command{
		Use: "predict MODEL[@VERSION] DATA", Short: "Predict every row of a CSV file", Args: cobra.ExactArgs(2),
		Long: `Predict every row of a CSV file. MODEL is a model of the service, or a .lathe file, which needs no service.
The answer is CSV: prediction, and for classes one probability_CLASS column each.`,
		Example: "  lathe predict churn new-customers.csv --out answers.csv\n  lathe predict churn.lathe new-customers.csv",
		RunE: func(cmd *cobra.Command, args []string) error {
			f, err := openFile(args[1])
			if err != nil {
				return err
			}
			defer func() { _ = f.Close() }() // opened for reading only
			if isFile(args[0]) {
				return predictFile(cmd, newOutput(cmd, o), args[0], f, out)
			}
			return withSession(cmd, o, func(ctx context.Context, s *session) error { return s.predict(ctx, args[0], f, out) })
		},
	}
	c.Flags().StringVarP(&out, "out", "o", "-", "file to write; - is standard output")
	return c
}

func (s *session) predict(ctx context.Context, model string, data io.Reader, out string) error {
	name, ref := splitRef(model)
	answer, err := s.Open(ctx, http.MethodPost, versionPath(name, ref, "predictions"), "text/csv\ntext/csv", data)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }() // read to its end or failed
	n, err := s.write(out, 0o644, func(w io.Writer) (int64, error) { return io.Copy(w, answer.Body) })
	if err != nil {
		return err
	}
	extra := answer.Header.Get("X-Lathe-Extra-Columns")
	if extra == "" {
		extra = answer.Trailer.Get("X-Lathe-Extra-Columns")
	}
	s.ignored(strings.Split(extra, ","))
	return s.wrote(out, n)
}

func predictFile(cmd *cobra.Command, o *output, model string, data io.Reader, out string) error {
	m, err := native.OpenFile(model)
	if err != nil {
		return err
	}
	var extra []string
	n, err := o.write(out, 0o644, func(w io.Writer) (int64, error) {
		counted := &countingWriter{w: w}
		extra, err = native.PredictCSV(cmd.Context(), m, data, counted)
		return counted.n, err
	})
	if err != nil {
		return err
	}
	o.ignored(extra)
	return o.wrote(out, n)
}

type countingWriter struct {
	w io.Writer
	n int64
}

func (c *countingWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// write writes to a file, or to the command's own output for "-".
func (o *output) write(out string, mode os.FileMode, write func(io.Writer) (int64, error)) (int64, error) {
	if out == "-" {
		return write(o.out)
	}
	return writeWhole(out, mode, write)
}

func (o *output) ignored(columns []string) {
	if len(columns) > 0 && columns[0] != "" {
		o.note("warning: columns that the model does not know were ignored: %s", oneLine(strings.Join(columns, ", ")))
	}
}

// wrote says where the answer is; what went to standard output speaks for itself.
func (o *output) wrote(out string, n int64) error {
	if out == "-" {
		return nil
	}
	return o.show(map[string]any{"file": out, "bytes": n}, func(w io.Writer) { fmt.Fprintf(w, "%s: %s\n", out, bytesText(n)) })
}

func evalCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "eval MODEL[@VERSION] DATA", Short: "Measure a model on a CSV file or dataset that has the target", Args: cobra.ExactArgs(2),
		Example: "  lathe eval churn@3 april.csv\n  lathe eval churn.lathe april.csv --json",
		RunE: func(cmd *cobra.Command, args []string) error {
			if isFile(args[0]) {
				return evalFile(cmd, newOutput(cmd, o), args[0], args[1])
			}
			return withSession(cmd, o, func(ctx context.Context, s *session) error {
				result, err := s.eval(ctx, args[0], args[1])
				if err != nil {
					return err
				}
				return s.showEval(result)
			})
		},
	}
}

func (s *session) eval(ctx context.Context, model, data string) (lathe.EvalResult, error) {
	var result lathe.EvalResult
	name, ref := splitRef(model)
	path := versionPath(name, ref, "evaluations")
	if !isFile(data) {
		return result, s.Do(ctx, http.MethodPost, path, map[string]any{"dataset": data}, &result)
	}
	f, err := openFile(data)
	if err != nil {
		return result, err
	}
	defer func() { _ = f.Close() }() // opened for reading only
	return result, s.Send(ctx, http.MethodPost, path, "text/csv", f, &result)
}

func evalFile(cmd *cobra.Command, o *output, model, data string) error {
	m, err := native.OpenFile(model)
	if err != nil {
		return err
	}
	f, err := openFile(data)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // opened for reading only
	result, err := native.EvaluateCSV(cmd.Context(), m, f)
	if err != nil {
		return err
	}
	result.Model = nameOf(model)
	return o.showEval(result)
}

func (o *output) showEval(r lathe.EvalResult) error {
	return o.show(r, func(w io.Writer) {
		version := ""
		if r.Version > 0 { // a file has none
			version = fmt.Sprintf(" version %d", r.Version)
		}
		fmt.Fprintf(w, "model %s%s on %d rows\n", r.Model, version, r.Rows)
		printMetrics(w, r.Metrics, r.Intervals)
	})
}

func deployCommand(o *options) *cobra.Command {
	var spec lathe.DeploySpec
	c := &cobra.Command{
		Use: "deploy MODEL[@VERSION|@alias]", Short: "Let an endpoint answer from a model", Args: cobra.ExactArgs(1),
		Example: "  lathe deploy churn\n  lathe deploy churn@4 --as churn --share 10",
		RunE: func(cmd *cobra.Command, args []string) error {
			spec.Model, spec.Ref = splitRef(args[0])
			if spec.Endpoint == "" {
				spec.Endpoint = spec.Model
			}
			return withSession(cmd, o, func(ctx context.Context, s *session) error {
				var e lathe.Endpoint
				body := map[string]any{"model": spec.Model, "ref": spec.Ref, "share": spec.Share}
				if err := s.Do(ctx, http.MethodPut, client.Path("endpoints", spec.Endpoint), body, &e); err != nil {
					return err
				}
				return s.show(e, func(w io.Writer) {
					fmt.Fprintf(w, "endpoint %s: %s\nPOST /predict/%s\n", e.Name, routesText(e.Routes), e.Name)
				})
			})
		},
	}
	c.Flags().StringVar(&spec.Endpoint, "as", "", "endpoint's name; the model's by default")
	c.Flags().IntVar(&spec.Share, "share", 0, "percent of requests that go to it; all by default")
	return c
}

func routesText(routes []lathe.Route) string {
	list := make([]string, len(routes))
	for i, r := range routes {
		ref := r.Alias
		if ref == "" {
			ref = fmt.Sprint(r.Version)
		}
		list[i] = fmt.Sprintf("%s@%s %d %%", r.Model, ref, r.Share)
	}
	return strings.Join(list, ", ")
}
