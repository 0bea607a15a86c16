package main

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/spf13/cobra"

	"lathe"
	"lathe/internal/app"
)

func backupCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "backup FILE", Short: "Write data, models and settings to one encrypted file", Args: cobra.ExactArgs(1),
		Long: `Write data, models and settings to one encrypted file, while the service goes on. The keys folder is not inside: keep a copy
of HOME/keys apart, without it the backup cannot be opened.`,
		Example: "  lathe backup lathe-monday.backup",
		RunE: func(cmd *cobra.Command, args []string) error {
			return withSession(cmd, o, func(ctx context.Context, s *session) error {
				n, err := s.download(ctx, http.MethodPost, "/api/v1/backups", args[0], 0o600)
				if err != nil {
					return err
				}
				return s.wrote(args[0], n)
			})
		},
	}
}

func restoreCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "restore FILE", Short: "Put a home's data back from a backup", Args: cobra.ExactArgs(1),
		Long: `Put a home's data back from a backup. The whole file is checked before anything changes. With a running service the data is
replaced at its next start; otherwise at once. What was erased for good stays erased.`,
		Example: "  lathe restore lathe-monday.backup",
		RunE: func(cmd *cobra.Command, args []string) error {
			f, err := openFile(args[0])
			if err != nil {
				return err
			}
			defer func() { _ = f.Close() }() // opened for reading only
			out := newOutput(cmd, o)
			if o.url == "" && !alive(cmd.Context(), app.Socket(o.home)) {
				if err := app.Restore(cmd.Context(), app.Options{Home: o.home}, f); err != nil {
					return err
				}
				return out.show(map[string]bool{"restored": true}, func(w io.Writer) { fmt.Fprintln(w, "restored") })
			}
			return withSession(cmd, o, func(ctx context.Context, s *session) error {
				if err := s.Send(ctx, http.MethodPost, "/api/v1/restores", "application/vnd.lathe.backup", f, nil); err != nil {
					return err
				}
				return s.show(map[string]bool{"staged": true}, func(w io.Writer) {
					fmt.Fprintln(w, "checked and staged; restart the service to put it in place")
				})
			})
		},
	}
}

func doctorCommand(o *options) *cobra.Command {
	var accept bool
	c := &cobra.Command{
		Use: "doctor", Short: "Check keys, database, blobs, sandbox and machine", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if accept {
				return app.AcceptLoss(cmd.Context(), app.Options{Home: o.home})
			}
			return withSession(cmd, o, func(ctx context.Context, s *session) error {
				var answer struct {
					Checks []app.Check `json:"checks"`
				}
				if err := s.Do(ctx, http.MethodGet, "/api/v1/doctor", nil, &answer); err != nil {
					return err
				}
				err := s.show(answer, func(w io.Writer) {
					for _, c := range answer.Checks {
						mark := "ok  "
						if !c.OK {
							mark = "FAIL"
						}
						fmt.Fprintf(w, "%s %-22s %s\n", mark, oneLine(c.Name), oneLine(c.Detail))
					}
				})
				if err != nil {
					return err
				}
				return sick(answer.Checks)
			})
		},
	}
	c.Flags().BoolVar(&accept, "accept-loss", false, "let a home start whose last commits are lost; there must be no running service")
	return c
}

// sick makes the first failed check the command's error.
func sick(checks []app.Check) error {
	for _, c := range checks {
		if !c.OK {
			return lathe.Errorf(lathe.CodeCorrupt, "%s: %s", c.Name, c.Detail).WithHint("%s", c.Hint)
		}
	}
	return nil
}
