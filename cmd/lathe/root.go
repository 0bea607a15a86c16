package main

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"lathe"
	"lathe/internal/cpu"
)

// options are the global flags.
type options struct {
	home, url, key, project string
	json, quiet             bool
}

func newRoot() *cobra.Command {
	o := &options{}
	root := &cobra.Command{
		Use:   "lathe",
		Short: "Models as a service, on your own machines",
		Long: `lathe takes raw data to a measured, guarded model service: collect, clean, split, train, evaluate, deploy, serve.

  lathe up                                   the service on http://127.0.0.1:7411
  lathe train churn.csv --target churned     a leaderboard and a model
  lathe deploy churn                         POST /predict/churn`,
		Version:       lathe.Version,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		PersistentPreRunE: func(*cobra.Command, []string) error {
			if o.key == "" {
				o.key = os.Getenv("LATHE_KEY")
			}
			_, err := cpu.Current() // a wrong LATHE_CPU is said, not worked around
			return err
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	flags := root.PersistentFlags()
	flags.StringVar(&o.home, "home", envOr("LATHE_HOME", defaultHome()), "folder of the service's keys and data")
	flags.StringVar(&o.url, "url", os.Getenv("LATHE_URL"), "address of a service to use instead of the home's own")
	flags.StringVar(&o.key, "key", "", "API key; LATHE_KEY or the home's owner.key by default") // no default here: help would print it
	flags.StringVar(&o.project, "project", os.Getenv("LATHE_PROJECT"), "project to act in")
	flags.BoolVar(&o.json, "json", false, "print one JSON document on stdout and nothing else")
	flags.BoolVarP(&o.quiet, "quiet", "q", false, "no progress")
	root.AddGroup(
		&cobra.Group{ID: "service", Title: "The service:"},
		&cobra.Group{ID: "path", Title: "From data to a model that answers:"},
		&cobra.Group{ID: "admin", Title: "Keys and care:"},
	)
	addAll(root, "service", upCommand(o), endpointsCommand(o), deployCommand(o))
	addAll(root, "path", dataCommand(o), trainCommand(o), runsCommand(o), modelsCommand(o), evalCommand(o), predictCommand(o))
	addAll(root, "admin", keysCommand(o), secretsCommand(o), usageCommand(o), backupCommand(o), restoreCommand(o), doctorCommand(o))
	wrapArgs(root)
	return root
}

func addAll(root *cobra.Command, group string, commands ...*cobra.Command) {
	for _, c := range commands {
		c.GroupID = group
		root.AddCommand(c)
	}
}

// wrapArgs makes errors about arguments usage errors, for every command.
func wrapArgs(c *cobra.Command) {
	if check := c.Args; check != nil {
		c.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return usageError{(&lathe.Error{Code: lathe.CodeInvalid, Message: err.Error()}).WithHint("usage: %s", cmd.UseLine())}
			}
			return nil
		}
	}
	for _, sub := range c.Commands() {
		wrapArgs(sub)
	}
}

// group makes a command that only holds others.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{
		Use: use, Short: short, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	c.AddCommand(commands...)
	return c
}

func envOr(name, other string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return other
}

func defaultHome() string {
	dir, err := os.UserHomeDir()
	if err != nil {
		return ".lathe"
	}
	return filepath.Join(dir, ".lathe")
}

// isFile tells whether an argument means a file rather than a name in the service: it is there, or it can only be a path.
func isFile(arg string) bool {
	if info, err := os.Stat(arg); err == nil && !info.IsDir() {
		return true
	}
	return strings.ContainsRune(arg, os.PathSeparator) || strings.HasSuffix(arg, ".csv") || strings.HasSuffix(arg, ".lathe")
}

// openFile opens a file that the user named.
func openFile(path string) (*os.File, error) {
	f, err := os.Open(path)
	if os.IsNotExist(err) {
		return nil, lathe.Errorf(lathe.CodeNotFound, "there is no file %q", path).WithHint("check the path; it is taken from the current folder")
	}
	if err != nil {
		return nil, lathe.Errorf(lathe.CodeInvalid, "file %q cannot be read: %w", path, err)
	}
	if info, err := f.Stat(); err != nil || info.IsDir() {
		_ = f.Close() // nothing was written
		return nil, lathe.Errorf(lathe.CodeInvalid, "%q is a folder, not a file", path).WithHint("name the CSV file inside it")
	}
	return f, nil
}

// nameOf makes a dataset's name from a file's.
func nameOf(path string) string {
	base := filepath.Base(path)
	base = strings.TrimSuffix(base, filepath.Ext(base))
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.' {
			return r
		}
		return '-'
	}, base)
	name = strings.TrimLeft(name, "-._")
	if name == "" {
		return "data"
	}
	return name[:min(len(name), 64)]
}
