package tabular

import (
	"fmt"
	"sort"
	"strings"

	"lathe/internal/eval"
	"lathe/internal/pack"
)

// card writes what is known of a model for people: what it is for, what it learnt from, what it is worth. What only its
// owner knows is left as an open question.
func card(m *pack.Manifest, e evaluation) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Model card: %s of %s\n\n", m.Task, m.Target)
	fmt.Fprintf(&b, "## What it is\nRecipe `%s`, made by lathe %s; predicts `%s` from %d inputs.\n\n", m.Recipe, m.Lineage.CodeVersion, m.Target, len(m.Inputs))
	b.WriteString("## Purpose and limits\nIntended use, users, and uses to avoid: to be filled in by the owner.\n\n")
	fmt.Fprintf(&b, "## Data\nDataset `%s` version %d (%s), split `%s`: %d rows to learn from, %d for validation, %d for test.\n\n",
		m.Lineage.Dataset, m.Lineage.DatasetVersion, m.Lineage.DatasetDigest, m.Lineage.Split,
		m.Lineage.Rows.Train, m.Lineage.Rows.Validation, m.Lineage.Rows.Test)
	inputs(&b, m)
	b.WriteString("## What it is worth\n")
	worth(&b, e.Test)
	if e.Baseline.Beats != nil {
		fmt.Fprintf(&b, "\nThe majority baseline has %s %.4f, this model %.4f.\n", e.Baseline.Metric, e.Baseline.Baseline, e.Baseline.Model)
	}
	for _, w := range e.Warnings {
		fmt.Fprintf(&b, "\n- Note: %s\n", oneLine(w))
	}
	b.WriteString("\n## How it was made\n")
	names := make([]string, 0, len(m.Lineage.Parameters))
	for name := range m.Lineage.Parameters {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		fmt.Fprintf(&b, "- %s: %s\n", name, m.Lineage.Parameters[name])
	}
	fmt.Fprintf(&b, "- seed: %d\n- steps: %d\n- weights: %s\n", m.Lineage.Seed, m.Lineage.Steps, m.Lineage.WeightsDigest)
	return b.String()
}

func inputs(b *strings.Builder, m *pack.Manifest) {
	b.WriteString("| input | type | a missing value |\n|---|---|---|\n")
	for _, in := range m.Inputs {
		does := "is an error"
		if in.Missing == "impute" {
			does = "is imputed as learnt in training"
		}
		fmt.Fprintf(b, "| %s | %s | %s |\n", cell(in.Name), in.Type, does)
	}
	b.WriteString("\n")
}

func worth(b *strings.Builder, r *eval.Report) {
	if r == nil {
		b.WriteString("Not measured: there was no test part.\n")
		return
	}
	fmt.Fprintf(b, "On %d rows that it has not seen:\n\n| metric | value | 95 %% interval |\n|---|---|---|\n", r.Rows)
	names := make([]string, 0, len(r.Metrics))
	for name := range r.Metrics {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		interval := ""
		if i, ok := r.Intervals[name]; ok {
			interval = fmt.Sprintf("%.4f to %.4f", i[0], i[1])
		}
		fmt.Fprintf(b, "| %s | %.4f | %s |\n", name, r.Metrics[name], interval)
	}
}

// cell keeps a name from breaking the table that it stands in.
func cell(s string) string { return strings.ReplaceAll(oneLine(s), "|", "\\|") }

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
