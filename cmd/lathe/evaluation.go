package main

import (
	"encoding/json"
	"fmt"
	"io"
	"sort"
	"strings"

	"lathe"
	"lathe/internal/app/native"
	"lathe/internal/pack"
)

// evaluation is the part of a package's evaluation.json that is shown.
type evaluation struct {
	Test struct {
		Metrics   map[string]float64    `json:"metrics"`
		Intervals map[string][2]float64 `json:"intervals"`
	} `json:"test"`
}

func evaluationOf(v lathe.ModelVersion) evaluation {
	var e evaluation
	if json.Unmarshal(v.Evaluation, &e) != nil {
		return evaluation{}
	}
	return e
}

// headline is the first metric that people look at.
func headline(e evaluation) string {
	for _, name := range shown {
		if _, ok := e.Test.Metrics[name]; ok {
			return name + " " + metricText(e.Test.Metrics, name)
		}
	}
	return "-"
}

func printModelVersion(w io.Writer, v lathe.ModelVersion) {
	var m pack.Manifest
	fmt.Fprintf(w, "model %s version %d: %s, %s, %s\n", v.Model, v.Number, v.Task, v.Recipe, bytesText(v.Package.Bytes))
	if json.Unmarshal(v.Manifest, &m) == nil {
		printSignature(w, &m)
	}
	e := evaluationOf(v)
	fmt.Fprintln(w, "\ntest part:")
	printMetrics(w, e.Test.Metrics, e.Test.Intervals)
}

func printSignature(w io.Writer, m *pack.Manifest) {
	fmt.Fprintf(w, "from dataset %s version %d, target %s, %d steps, seed %d\n\n", m.Lineage.Dataset, m.Lineage.DatasetVersion, m.Target, m.Lineage.Steps, m.Lineage.Seed)
	rows := [][]string{{"INPUT", "TYPE", "MISSING", "LEVELS"}}
	for _, in := range m.Inputs {
		levels := strings.Join(in.Levels, " ")
		if len(levels) > 60 {
			levels = fmt.Sprintf("%d levels", len(in.Levels))
		}
		rows = append(rows, []string{in.Name, in.Type, in.Missing, levels})
	}
	grid(w, rows)
	if len(m.Classes) > 0 {
		fmt.Fprintf(w, "classes: %s\n", oneLine(strings.Join(m.Classes, " ")))
	}
}

// showFile describes a .lathe file with neither home nor service.
func showFile(o *output, path string) error {
	model, err := native.OpenFile(path)
	if err != nil {
		return err
	}
	return o.show(model.Package.Manifest, func(w io.Writer) {
		fmt.Fprintf(w, "%s\n", model.Package)
		printSignature(w, &model.Package.Manifest)
	})
}

func printComparison(w io.Writer, versions []lathe.ModelVersion) {
	head := []string{"METRIC"}
	names := map[string]bool{}
	for _, v := range versions {
		head = append(head, strings.ToUpper(fmt.Sprintf("%s@%d", v.Model, v.Number)))
		for n := range evaluationOf(v).Test.Metrics {
			names[n] = true
		}
	}
	sorted := make([]string, 0, len(names))
	for n := range names {
		sorted = append(sorted, n)
	}
	sort.Strings(sorted)
	rows := [][]string{head}
	for _, n := range sorted {
		row := []string{n}
		for _, v := range versions {
			e := evaluationOf(v)
			cell := metricText(e.Test.Metrics, n)
			if i, ok := e.Test.Intervals[n]; ok {
				cell += fmt.Sprintf(" [%.4f, %.4f]", i[0], i[1])
			}
			row = append(row, cell)
		}
		rows = append(rows, row)
	}
	grid(w, rows)
}
