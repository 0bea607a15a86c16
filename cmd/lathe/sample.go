package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"

	"lathe"
	"lathe/internal/app"
	"lathe/internal/client"
	"lathe/samples"
)

const sampleName = "penguins"

// showSample trains and deploys the sample in a home that has no model yet, and prints a line that asks it.
func showSample(ctx context.Context, o *options, out *output, a *app.App) error {
	key, err := ownerKey(o)
	if err != nil {
		return err
	}
	s := &session{Client: client.Unix(app.Socket(o.home), key, o.project), output: out}
	defer s.Close()
	endpoints, err := client.All[lathe.Endpoint](ctx, s.Client, client.Path("endpoints"))
	if err != nil {
		return err
	}
	if len(endpoints) == 0 {
		if err := s.deploySample(ctx); err != nil {
			return err
		}
	} else if !deployed(endpoints) {
		return nil
	}
	if err := s.printCurl(ctx, o, a.Addr()); err != nil { // the service runs without the hint as well
		s.note("no example to show: %s", oneLine(err.Error()))
	}
	return nil
}

func deployed(endpoints []lathe.Endpoint) bool {
	for _, e := range endpoints {
		if e.Name == sampleName {
			return true
		}
	}
	return false
}

func (s *session) deploySample(ctx context.Context) error {
	var version lathe.DatasetVersion
	path := client.Query(client.Path("datasets", sampleName), "file", sampleName+".csv")
	if err := s.Send(ctx, http.MethodPost, path, "text/csv", bytes.NewReader(samples.Penguins), &version); err != nil {
		return err
	}
	var run lathe.Run
	spec := lathe.TrainSpec{Dataset: sampleName, Target: samples.Target, Recipe: "mlp", Epochs: 60}
	if err := s.Do(ctx, http.MethodPost, client.Path("runs"), map[string]any{"kind": lathe.RunTrain, "train": spec}, &run); err != nil {
		return err
	}
	if err := s.follow(ctx, run.ID); err != nil {
		return err
	}
	return s.Do(ctx, http.MethodPut, client.Path("endpoints", sampleName), map[string]any{"model": sampleName}, nil)
}

// printCurl prints a request that works as it stands.
func (s *session) printCurl(ctx context.Context, o *options, addr string) error {
	if addr == "" {
		return nil
	}
	row, err := s.exampleRow(ctx)
	if err != nil {
		return err
	}
	owner, err := filepath.Abs(filepath.Join(o.home, "owner.key"))
	if err != nil {
		return fmt.Errorf("up: %w", err)
	}
	s.note("\nask the sample's model (a bill, a flipper, a mass: which penguin is it?):\n")
	fmt.Fprintf(s.out, "curl -s -H \"Authorization: Bearer $(cat '%s')\" -H 'Content-Type: application/json' -d '%s' 'http://%s/predict/%s?detail=1'\n",
		strings.ReplaceAll(owner, "'", `'\''`), row, addr, sampleName)
	return nil
}

// exampleRow is the sample's first row as a request: what the model takes, without the answer.
func (s *session) exampleRow(ctx context.Context) (string, error) {
	var head struct {
		Columns []string `json:"columns"`
		Rows    [][]any  `json:"rows"`
	}
	if err := s.Do(ctx, http.MethodGet, client.Query(client.Path("datasets", sampleName, "rows"), "n", "1"), nil, &head); err != nil {
		return "", err
	}
	row := map[string]any{}
	for i, name := range head.Columns {
		if name != samples.Target && len(head.Rows) > 0 {
			row[name] = head.Rows[0][i]
		}
	}
	data, err := json.Marshal([]any{row})
	if err != nil {
		return "", fmt.Errorf("up: sample: %w", err)
	}
	return strings.ReplaceAll(string(data), "'", `'\''`), nil
}
