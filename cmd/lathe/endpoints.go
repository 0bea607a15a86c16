package main

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/spf13/cobra"

	"lathe"
	"lathe/internal/client"
)

func endpointsCommand(o *options) *cobra.Command {
	return group("endpoints", "List, show and remove endpoints, and choose the default one",
		endpointsList(o), endpointsAct(o, "show", http.MethodGet, "Show an endpoint's routes"),
		endpointsAct(o, "default", http.MethodPost, "Let POST /predict answer from this endpoint"),
		removeCommand(o, "Remove an endpoint; its models stay", func(name string) string { return client.Path("endpoints", name) }))
}

func endpointsList(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "ls", Short: "List endpoints", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withSession(cmd, o, func(ctx context.Context, s *session) error {
				list, err := client.All[lathe.Endpoint](ctx, s.Client, client.Path("endpoints"))
				if err != nil {
					return err
				}
				return s.show(list, func(w io.Writer) {
					rows := [][]string{{"NAME", "ROUTES", "DEFAULT"}}
					for _, e := range list {
						rows = append(rows, endpointRow(e))
					}
					grid(w, rows)
				})
			})
		},
	}
}

func endpointRow(e lathe.Endpoint) []string {
	mark := ""
	if e.Default {
		mark = "yes"
	}
	return []string{e.Name, routesText(e.Routes), mark}
}

func endpointsAct(o *options, verb, method, short string) *cobra.Command {
	return &cobra.Command{
		Use: verb + " NAME", Short: short, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			path := client.Path("endpoints", args[0])
			if method == http.MethodPost {
				path = client.Path("endpoints", args[0], verb)
			}
			return withSession(cmd, o, func(ctx context.Context, s *session) error {
				var e lathe.Endpoint
				if err := s.Do(ctx, method, path, nil, &e); err != nil {
					return err
				}
				return s.show(e, func(w io.Writer) {
					grid(w, [][]string{{"NAME", "ROUTES", "DEFAULT"}, endpointRow(e)})
					fmt.Fprintf(w, "revision %d of %s\n", e.Revision, timeText(e.UpdatedAt))
				})
			})
		},
	}
}
