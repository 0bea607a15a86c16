package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/spf13/cobra"

	"lathe"
	"lathe/internal/client"
)

func runsCommand(o *options) *cobra.Command {
	return group("runs", "List, watch, stop and resume runs",
		runsList(o), runsShow(o), runsWatch(o),
		runsAct(o, "stop", "Stop a run at its next step; its checkpoint stays"),
		runsAct(o, "resume", "Go on with a stopped or failed run from its checkpoint"))
}

func runsList(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "ls", Short: "List runs, newest first", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withSession(cmd, o, func(ctx context.Context, s *session) error {
				list, err := client.All[lathe.Run](ctx, s.Client, client.Path("runs"))
				if err != nil {
					return err
				}
				return s.show(list, func(w io.Writer) {
					rows := [][]string{{"RUN", "KIND", "STATE", "MODEL", "STARTED"}}
					for _, r := range list {
						var spec lathe.TrainSpec
						if json.Unmarshal(r.Spec, &spec) != nil {
							spec.Name = "?"
						}
						rows = append(rows, []string{r.ID, r.Kind, string(r.State), spec.Name, timeText(r.CreatedAt)})
					}
					grid(w, rows)
				})
			})
		},
	}
}

func runsShow(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "show RUN", Short: "Show a run and its events", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withSession(cmd, o, func(ctx context.Context, s *session) error {
				var run lathe.Run
				if err := s.Do(ctx, http.MethodGet, client.Path("runs", args[0]), nil, &run); err != nil {
					return err
				}
				events, err := s.events(ctx, args[0])
				if err != nil {
					return err
				}
				return s.show(map[string]any{"run": run, "events": events}, func(w io.Writer) { printRun(w, run, events) })
			})
		},
	}
}

func (s *session) events(ctx context.Context, run string) ([]lathe.Event, error) {
	var all []lathe.Event
	for after := int64(0); ; {
		var page struct {
			Items []lathe.Event `json:"items"`
		}
		path := client.Query(client.Path("runs", run, "events"), "after", strconv.FormatInt(after, 10))
		answer, err := s.Open(ctx, http.MethodGet, path, "\napplication/json", nil)
		if err != nil {
			return nil, err
		}
		err = json.NewDecoder(answer.Body).Decode(&page)
		_ = answer.Body.Close() // read already
		if err != nil {
			return nil, fmt.Errorf("runs: events: %w", err)
		}
		if len(page.Items) == 0 {
			return all, nil
		}
		all = append(all, page.Items...)
		after = page.Items[len(page.Items)-1].Seq
	}
}

func printRun(w io.Writer, run lathe.Run, events []lathe.Event) {
	fmt.Fprintf(w, "run %s: %s, %s, attempt %d, checkpoint at step %d\n", run.ID, run.Kind, run.State, run.Attempt, run.Step)
	if run.Error != nil {
		fmt.Fprintf(w, "error: %s\n", oneLine(run.Error.Message))
	}
	for _, e := range events {
		fmt.Fprintf(w, "%6d  %s  %-10s %s\n", e.Seq, timeText(e.Time), e.Kind, oneLine(string(e.Data)))
	}
}

func runsWatch(o *options) *cobra.Command {
	return &cobra.Command{
		Use: "watch RUN", Short: "Watch a run to its end", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withSession(cmd, o, func(ctx context.Context, s *session) error { return s.follow(ctx, args[0]) })
		},
	}
}

func runsAct(o *options, verb, short string) *cobra.Command {
	return &cobra.Command{
		Use: verb + " RUN", Short: short, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withSession(cmd, o, func(ctx context.Context, s *session) error {
				var run lathe.Run
				if err := s.Do(ctx, http.MethodPost, client.Path("runs", args[0], verb), nil, &run); err != nil {
					return err
				}
				if s.own != nil && !run.State.Final() {
					return s.follow(ctx, run.ID) // nobody else is there to do the work
				}
				return s.show(run, func(w io.Writer) { fmt.Fprintf(w, "run %s: %s\n", run.ID, run.State) })
			})
		},
	}
}
