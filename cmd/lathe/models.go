package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"sort"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"lathe"
	"lathe/internal/client"
)

func modelsCommand(o *options) *cobra.Command {
	return group("models", "List, compare, export, import and promote models",
		modelsList(o), modelsShow(o), modelsCompare(o), modelsCard(o), modelsExport(o), modelsImport(o),
		modelsAlias(o), modelsRollback(o), modelsVerify(o), modelsRemove(o))
}

// splitRef reads MODEL[@VERSION|@alias].
func splitRef(arg string) (model, ref string) {
	model, ref, _ = strings.Cut(arg, "@")
	return model, ref
}

// versionPath is where a version lies; no reference means the one that deploy would take.
func versionPath(model, ref string, more ...string) string {
	if ref == "" {
		ref = "default"
	}
	return client.Path(append([]string{"models", model, "versions", ref}, more...)...)
}

func modelsList(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "ls", Short: "List models", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withSession(cmd, o, func(ctx context.Context, s *session) error {
				list, err := client.All[lathe.Model](ctx, s.Client, client.Path("models"))
				if err != nil {
					return err
				}
				return s.show(list, func(w io.Writer) {
					rows := [][]string{{"NAME", "TASK", "VERSION", "ALIASES", "UPDATED"}}
					for _, m := range list {
						rows = append(rows, []string{m.Name, m.Task, strconv.Itoa(m.Version), aliasText(m.Aliases), timeText(m.UpdatedAt)})
					}
					grid(w, rows)
				})
			})
		},
	}
}

func aliasText(aliases map[string]int) string {
	list := make([]string, 0, len(aliases))
	for name, version := range aliases {
		list = append(list, fmt.Sprintf("%s=%d", name, version))
	}
	sort.Strings(list)
	return strings.Join(list, " ")
}

// modelDetail is a model with its versions.
type modelDetail struct {
	Model    lathe.Model          `json:"model"`
	Versions []lathe.ModelVersion `json:"versions"`
}

func (s *session) model(ctx context.Context, name string) (modelDetail, error) {
	var d modelDetail
	err := s.Do(ctx, http.MethodGet, client.Path("models", name), nil, &d)
	return d, err
}

func modelsShow(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "show MODEL[@VERSION]", Short: "Show a model's versions, or one version's signature and metrics", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if isFile(args[0]) {
				return showFile(newOutput(cmd, o), args[0])
			}
			model, ref := splitRef(args[0])
			return withSession(cmd, o, func(ctx context.Context, s *session) error {
				if ref != "" {
					var v lathe.ModelVersion
					if err := s.Do(ctx, http.MethodGet, versionPath(model, ref), nil, &v); err != nil {
						return err
					}
					return s.show(v, func(w io.Writer) { printModelVersion(w, v) })
				}
				d, err := s.model(ctx, model)
				if err != nil {
					return err
				}
				return s.show(d, func(w io.Writer) {
					rows := [][]string{{"VERSION", "RECIPE", "SIZE", "TEST", "MADE"}}
					for _, v := range d.Versions {
						rows = append(rows, []string{strconv.Itoa(v.Number), v.Recipe, bytesText(v.Package.Bytes), headline(evaluationOf(v)), timeText(v.CreatedAt)})
					}
					fmt.Fprintf(w, "model %s: %s  %s\n", d.Model.Name, d.Model.Task, aliasText(d.Model.Aliases))
					grid(w, rows)
				})
			})
		},
	}
}

func modelsCompare(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "compare MODEL[@VERSION] MODEL[@VERSION]...", Short: "Put the test metrics of several versions side by side", Args: cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withSession(cmd, o, func(ctx context.Context, s *session) error {
				versions := make([]lathe.ModelVersion, len(args))
				for i, arg := range args {
					model, ref := splitRef(arg)
					if err := s.Do(ctx, http.MethodGet, versionPath(model, ref), nil, &versions[i]); err != nil {
						return err
					}
				}
				return s.show(versions, func(w io.Writer) { printComparison(w, versions) })
			})
		},
	}
}

func modelsCard(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "card MODEL[@VERSION]", Short: "Print a model's card", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			model, ref := splitRef(args[0])
			return withSession(cmd, o, func(ctx context.Context, s *session) error {
				text, err := s.text(ctx, versionPath(model, ref, "card"))
				if err != nil {
					return err
				}
				return s.show(map[string]string{"card": text}, func(w io.Writer) { fmt.Fprint(w, text) })
			})
		},
	}
}

// text reads a short answer that is no JSON.
func (s *session) text(ctx context.Context, path string) (string, error) {
	answer, err := s.Open(ctx, http.MethodGet, path, "", nil)
	if err != nil {
		return "", err
	}
	defer func() { _ = answer.Body.Close() }() // read to its end or failed
	data, err := io.ReadAll(io.LimitReader(answer.Body, 16<<20))
	return string(data), err
}

func modelsExport(o *options) *cobra.Command {
	var out string
	c := &cobra.Command{
		Use: "export MODEL[@VERSION]", Short: "Write a model as one .lathe file", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			model, ref := splitRef(args[0])
			if out == "" {
				out = model + ".lathe"
			}
			return withSession(cmd, o, func(ctx context.Context, s *session) error {
				n, err := s.download(ctx, http.MethodGet, versionPath(model, ref, "package"), out, 0o644)
				if err != nil {
					return err
				}
				return s.wrote(out, n)
			})
		},
	}
	c.Flags().StringVarP(&out, "out", "o", "", "file to write (MODEL.lathe)")
	return c
}

// download writes an answer to a new file beside its final name and puts it in place once it is whole.
func (s *session) download(ctx context.Context, method, path, out string, mode os.FileMode) (n int64, err error) {
	answer, err := s.Open(ctx, method, path, "", nil)
	if err != nil {
		return 0, err
	}
	defer func() { _ = answer.Body.Close() }() // read to its end or failed
	return s.write(out, mode, func(w io.Writer) (int64, error) { return io.Copy(w, answer.Body) })
}

func modelsImport(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "import FILE [NAME]", Short: "Store a .lathe file as a model's next version", Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			name := nameOf(args[0])
			if len(args) == 2 {
				name = args[1]
			}
			f, err := openFile(args[0])
			if err != nil {
				return err
			}
			defer func() { _ = f.Close() }() // opened for reading only
			return withSession(cmd, o, func(ctx context.Context, s *session) error {
				var v lathe.ModelVersion
				if err := s.Send(ctx, http.MethodPost, client.Path("models", name, "package"), "application/vnd.lathe.package", f, &v); err != nil {
					return err
				}
				return s.show(v, func(w io.Writer) { fmt.Fprintf(w, "model %s version %d\n", v.Model, v.Number) })
			})
		},
	}
}

func modelsAlias(o *options) *cobra.Command {
	var force bool
	c := &cobra.Command{
		Use: "alias MODEL NAME VERSION", Short: "Move an alias such as champion to a version", Args: cobra.ExactArgs(3),
		RunE: func(cmd *cobra.Command, args []string) error {
			number, err := strconv.Atoi(args[2])
			if err != nil {
				return usageError{lathe.Errorf(lathe.CodeInvalid, "version %q is no number", args[2]).WithHint("see: lathe models show %s", args[0])}
			}
			return modelAct(cmd, o, http.MethodPut, client.Path("models", args[0], "aliases", args[1]), map[string]any{"version": number, "force": force})
		},
	}
	c.Flags().BoolVar(&force, "force", false, "also where the version does not beat its baseline")
	return c
}

func modelsRollback(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "rollback MODEL", Short: "Make the previous champion the champion again", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return modelAct(cmd, o, http.MethodPost, client.Path("models", args[0], "rollback"), nil)
		},
	}
}

func modelAct(cmd *cobra.Command, o *options, method, path string, in any) error {
	return withSession(cmd, o, func(ctx context.Context, s *session) error {
		var m lathe.Model
		if err := s.Do(ctx, method, path, in, &m); err != nil {
			return err
		}
		return s.show(m, func(w io.Writer) { fmt.Fprintf(w, "model %s: %s\n", m.Name, aliasText(m.Aliases)) })
	})
}

func modelsVerify(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "verify MODEL[@VERSION]", Short: "Train a version again from its lineage and compare the weights bit by bit", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			model, ref := splitRef(args[0])
			return withSession(cmd, o, func(ctx context.Context, s *session) error {
				var run lathe.Run
				start := map[string]any{"kind": lathe.RunVerify, "verify": map[string]string{"model": model, "ref": ref}}
				if err := s.Do(ctx, http.MethodPost, client.Path("runs"), start, &run); err != nil {
					return err
				}
				return s.follow(ctx, run.ID)
			})
		},
	}
}

func modelsRemove(o *options) *cobra.Command {
	return removeCommand(o, "Forget a model, or one version: NAME@VERSION", func(arg string) string {
		model, ref := splitRef(arg)
		return client.Query(client.Path("models", model), "version", ref)
	})
}
