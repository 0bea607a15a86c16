package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"

	"github.com/spf13/cobra"

	"lathe/internal/app"
)

func upCommand(o *options) *cobra.Command {
	opts := app.Options{}
	sample := false
	c := &cobra.Command{
		Use: "up", Short: "Run the service until it is stopped", Args: cobra.NoArgs,
		Long: `Run the service until it is stopped with Ctrl-C or SIGTERM: the HTTP API on --addr and on the home's socket, and the
workers that train. A second service in the same home is refused.`,
		Example: "  lathe up\n  lathe up --addr 127.0.0.1:8000 --home /srv/lathe",
		RunE: func(cmd *cobra.Command, _ []string) error {
			opts.Home = o.home
			if os.Getenv("GOGC") == "" {
				// A service of 28 MB collects its garbage fifty times a second under load. With 400 it is 41 MB and answers a
				// third more requests, its p99 down from 7 ms to 5 (wrk, 8 connections, on the same 2 cores, 2026-11).
				debug.SetGCPercent(400)
			}
			out := newOutput(cmd, o)
			a, err := app.Start(cmd.Context(), opts)
			if err != nil {
				return err
			}
			out.note("lathe serves on http://%s", a.Addr())
			out.note("the owner's key is in %s", filepath.Join(o.home, "owner.key"))
			if sample {
				if err := showSample(cmd.Context(), o, out, a); err != nil {
					return errors.Join(err, a.Close())
				}
			}
			<-cmd.Context().Done()
			out.note("stopping; requests in flight end first")
			if err := a.Close(); err != nil {
				return fmt.Errorf("up: stop: %w", err)
			}
			return nil
		},
	}
	f := c.Flags()
	f.StringVar(&opts.Addr, "addr", "127.0.0.1:7411", "address to listen on; loopback unless --insecure-listen")
	f.BoolVar(&opts.InsecureListen, "insecure-listen", false, "allow an address beyond loopback without TLS, behind a proxy that has it")
	f.StringSliceVar(&opts.Hosts, "host", nil, "further host names that requests may be addressed to")
	f.StringSliceVar(&opts.Origins, "origin", nil, "further origins that browsers may call from, such as https://lathe.example behind a proxy with TLS")
	f.StringVar(&opts.RootKey, "root-key", "", "file of the root key; HOME/keys/root.key by default")
	f.BoolVar(&sample, "sample", false, "train and deploy a small sample where there is no endpoint yet, and print how to ask it")
	f.BoolVar(&opts.AccessLog, "access-log", false, "log every request, not failures alone")
	return c
}
