package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"

	"lathe"
	"lathe/internal/client"
	"lathe/internal/data/table"
)

func dataCommand(o *options) *cobra.Command {
	return group("data", "Add, look at, clean and split datasets",
		dataAdd(o), dataList(o), dataShow(o), dataProfile(o), dataClean(o), dataSplit(o), dataErase(o), dataRemove(o))
}

func dataAdd(o *options) *cobra.Command {
	var add lathe.AddDataset
	c := &cobra.Command{
		Use: "add FILE [NAME]", Short: "Add a CSV file as a dataset, or as its next version", Args: cobra.RangeArgs(1, 2),
		Example: "  lathe data add churn.csv\n  lathe data add march.csv churn --append",
		RunE: func(cmd *cobra.Command, args []string) error {
			add.Name = nameOf(args[0])
			if len(args) == 2 {
				add.Name = args[1]
			}
			return withSession(cmd, o, func(ctx context.Context, s *session) error {
				version, err := s.upload(ctx, args[0], add)
				if err != nil {
					return err
				}
				return s.show(version, func(w io.Writer) { printVersion(w, version) })
			})
		},
	}
	c.Flags().BoolVar(&add.Append, "append", false, "add the rows to the newest version instead of replacing it")
	c.Flags().StringVar(&add.Delimiter, "delimiter", "", "between cells; found out by default")
	c.Flags().StringVar(&add.Header, "header", "auto", "whether the first line names the columns: auto, yes or no")
	return c
}

// upload streams a file into a dataset, with a progress bar.
func (s *session) upload(ctx context.Context, path string, add lathe.AddDataset) (lathe.DatasetVersion, error) {
	var version lathe.DatasetVersion
	f, err := openFile(path)
	if err != nil {
		return version, err
	}
	defer func() { _ = f.Close() }() // opened for reading only
	info, err := f.Stat()
	if err != nil {
		return version, fmt.Errorf("data: %w", err)
	}
	b := s.bar("reading " + filepath.Base(path))
	defer b.end()
	appended := ""
	if add.Append {
		appended = "true"
	}
	to := client.Query(client.Path("datasets", add.Name), "append", appended, "file", filepath.Base(path), "delimiter", add.Delimiter, "header", add.Header)
	err = s.Send(ctx, http.MethodPost, to, "text/csv", b.reader(f, info.Size()), &version)
	return version, err
}

func printVersion(w io.Writer, v lathe.DatasetVersion) {
	fmt.Fprintf(w, "dataset %s version %d: %d rows, %d columns\n", v.Dataset, v.Number, v.Rows, len(v.Columns))
	fmt.Fprintf(w, "digest %s\n", v.Digest)
	printWarnings(w, v.Profile)
}

// printWarnings prints what the profile warns of.
func printWarnings(w io.Writer, profile json.RawMessage) {
	var p struct{ Warnings []profileWarning }
	if json.Unmarshal(profile, &p) != nil {
		return
	}
	for _, warning := range p.Warnings {
		fmt.Fprintf(w, "warning: %s\n", oneLine(warning.text()))
		if warning.Hint != "" {
			fmt.Fprintf(w, "   hint: %s\n", oneLine(warning.Hint))
		}
	}
}

type profileWarning struct{ Column, Message, Hint string }

func (w profileWarning) text() string {
	if w.Column == "" {
		return w.Message
	}
	return "column " + w.Column + ": " + w.Message
}

func dataList(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "ls", Short: "List datasets", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withSession(cmd, o, func(ctx context.Context, s *session) error {
				list, err := client.All[lathe.Dataset](ctx, s.Client, client.Path("datasets"))
				if err != nil {
					return err
				}
				return s.show(list, func(w io.Writer) {
					rows := [][]string{{"NAME", "VERSION", "ROWS", "UPDATED"}}
					for _, d := range list {
						rows = append(rows, []string{d.Name, strconv.Itoa(d.Version), strconv.FormatInt(d.Rows, 10), timeText(d.UpdatedAt)})
					}
					grid(w, rows)
				})
			})
		},
	}
}

func dataShow(o *options) *cobra.Command {
	var rows, version int
	c := &cobra.Command{
		Use: "show NAME", Short: "Show a dataset's columns and first rows", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withSession(cmd, o, func(ctx context.Context, s *session) error {
				var head struct {
					Columns []string `json:"columns"`
					Rows    [][]any  `json:"rows"`
				}
				path := client.Query(client.Path("datasets", args[0], "rows"), "n", strconv.Itoa(rows), "version", numberOr(version))
				if err := s.Do(ctx, http.MethodGet, path, nil, &head); err != nil {
					return err
				}
				return s.show(head, func(w io.Writer) {
					lines := [][]string{head.Columns}
					for _, r := range head.Rows {
						line := make([]string, len(r))
						for i, v := range r {
							line[i] = cellText(v)
						}
						lines = append(lines, line)
					}
					grid(w, lines)
				})
			})
		},
	}
	c.Flags().IntVarP(&rows, "rows", "n", 10, "rows to show, at most 1000")
	c.Flags().IntVar(&version, "version", 0, "version to show; the newest by default")
	return c
}

func cellText(v any) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprint(v)
}

// numberOr writes a number that was given, "" for 0.
func numberOr(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func dataProfile(o *options) *cobra.Command {
	var version int
	c := &cobra.Command{
		Use: "profile NAME", Short: "Show what is in a dataset: types, missing values, quantiles, warnings", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withSession(cmd, o, func(ctx context.Context, s *session) error {
				var v lathe.DatasetVersion
				path := client.Query(client.Path("datasets", args[0], "profile"), "version", numberOr(version))
				if err := s.Do(ctx, http.MethodGet, path, nil, &v); err != nil {
					return err
				}
				var p table.Profile
				if err := json.Unmarshal(v.Profile, &p); err != nil {
					return fmt.Errorf("data: profile: %w", err)
				}
				return s.show(p, func(w io.Writer) {
					fmt.Fprintf(w, "dataset %s version %d: %d rows\n\n%s\n", v.Dataset, v.Number, v.Rows, p.Text())
				})
			})
		},
	}
	c.Flags().IntVar(&version, "version", 0, "version to describe; the newest by default")
	return c
}

// derive runs a step that makes a dataset from another.
func derive(cmd *cobra.Command, o *options, path string, spec any) error {
	return withSession(cmd, o, func(ctx context.Context, s *session) error {
		var version lathe.DatasetVersion
		if err := s.Do(ctx, http.MethodPost, path, spec, &version); err != nil {
			return err
		}
		return s.show(version, func(w io.Writer) { printVersion(w, version) })
	})
}

func dataClean(o *options) *cobra.Command {
	var spec lathe.CleanSpec
	var version int
	c := &cobra.Command{
		Use: "clean NAME", Short: "Make a dataset without missing values, columns or duplicates", Args: cobra.ExactArgs(1),
		Example: "  lathe data clean churn --drop-missing --as churn-full\n  lathe data clean churn --impute median --columns age,income",
		RunE: func(cmd *cobra.Command, args []string) error {
			if spec.As == "" {
				spec.As = args[0] + "-clean"
			}
			return derive(cmd, o, client.Query(client.Path("datasets", args[0], "clean"), "version", numberOr(version)), spec)
		},
	}
	f := c.Flags()
	f.StringVar(&spec.As, "as", "", "name of the new dataset (NAME-clean)")
	f.StringSliceVar(&spec.Columns, "columns", nil, "columns that the steps look at; all by default")
	f.StringSliceVar(&spec.DropColumns, "drop-columns", nil, "columns to leave out")
	f.BoolVar(&spec.DropMissing, "drop-missing", false, "drop rows with a missing value")
	f.BoolVar(&spec.DropDuplicates, "drop-duplicates", false, "keep the first of equal rows")
	f.StringVar(&spec.Impute, "impute", "", "fill missing values: mean, median, mode or constant")
	f.StringVar(&spec.Constant, "constant", "", "the value for --impute constant")
	f.IntVar(&version, "version", 0, "version to start from; the newest by default")
	return c
}

func dataSplit(o *options) *cobra.Command {
	var spec lathe.SplitSpec
	var version int
	c := &cobra.Command{
		Use: "split NAME", Short: "Make a dataset with a column split: train, validation or test", Args: cobra.ExactArgs(1),
		Example: "  lathe data split churn --ratio 0.8/0/0.2 --stratify churned --as churn-parts\n  lathe train churn-parts --target churned --split split",
		RunE: func(cmd *cobra.Command, args []string) error {
			if spec.As == "" {
				spec.As = args[0] + "-split"
			}
			return derive(cmd, o, client.Query(client.Path("datasets", args[0], "split"), "version", numberOr(version)), spec)
		},
	}
	f := c.Flags()
	f.StringVar(&spec.As, "as", "", "name of the new dataset (NAME-split)")
	f.StringVar(&spec.Ratio, "ratio", "0.7/0.15/0.15", "shares of train, validation and test")
	f.StringVar(&spec.Stratify, "stratify", "", "column whose values every part shares alike")
	f.Uint64Var(&spec.Seed, "seed", 0, "of the random order")
	f.IntVar(&version, "version", 0, "version to start from; the newest by default")
	return c
}

func dataErase(o *options) *cobra.Command {
	var spec lathe.EraseSpec
	c := &cobra.Command{
		Use: "erase NAME --column COL --equals VALUE", Short: "Erase rows for good, from every version", Args: cobra.ExactArgs(1),
		Example: "  lathe data erase customers --column email --equals ada@example.com",
		RunE: func(cmd *cobra.Command, args []string) error {
			if spec.Column == "" {
				return usageError{lathe.Errorf(lathe.CodeInvalid, "no column was named").WithHint("say which rows go: --column COL --equals VALUE")}
			}
			return derive(cmd, o, client.Path("datasets", args[0], "erasures"), spec)
		},
	}
	c.Flags().StringVar(&spec.Column, "column", "", "column to look at")
	c.Flags().StringVar(&spec.Equals, "equals", "", "value whose rows go")
	return c
}

func dataRemove(o *options) *cobra.Command {
	return removeCommand(o, "Forget a dataset with all its versions", func(name string) string { return client.Path("datasets", name) })
}

// removeCommand makes an rm command for whatever lies at a path.
func removeCommand(o *options, short string, path func(name string) string) *cobra.Command {
	return &cobra.Command{
		Use: "rm NAME", Short: short, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withSession(cmd, o, func(ctx context.Context, s *session) error {
				if err := s.Do(ctx, http.MethodDelete, path(args[0]), nil, nil); err != nil {
					return err
				}
				return s.show(map[string]string{"removed": args[0]}, func(w io.Writer) { fmt.Fprintf(w, "removed %s\n", args[0]) })
			})
		},
	}
}
