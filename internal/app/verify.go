package app

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strconv"

	"lathe"
	"lathe/internal/pack"
	"lathe/internal/task/tabular"
)

// Verify implements lathe.RunService.
func (s *running) Verify(ctx context.Context, project lathe.Project, model, ref string) (lathe.Run, error) {
	version, err := s.models.FindModelVersion(ctx, project, model, ref)
	if err != nil {
		return lathe.Run{}, err
	}
	var m pack.Manifest
	if err := json.Unmarshal(version.Manifest, &m); err != nil {
		return lathe.Run{}, fmt.Errorf("app: verify %s: manifest: %w", model, err)
	}
	if err := s.sameRows(ctx, project, &m.Lineage); err != nil {
		return lathe.Run{}, err
	}
	spec := lathe.VerifySpec{Model: model, Version: version.Number, Expect: m.Lineage.WeightsDigest}
	if spec.Train, err = again(model, &m); err != nil {
		return lathe.Run{}, err
	}
	text, err := json.Marshal(spec)
	if err != nil {
		return lathe.Run{}, fmt.Errorf("app: verify %s: %w", model, err)
	}
	return s.CreateRun(ctx, project, lathe.Run{Kind: lathe.RunVerify, Spec: text})
}

// sameRows refuses lineage whose rows are gone: a dataset that is not here, or that lost rows to an erasure.
func (s *running) sameRows(ctx context.Context, project lathe.Project, l *pack.Lineage) error {
	dataset, err := s.data.FindDatasetVersion(ctx, project, l.Dataset, l.DatasetVersion)
	if err != nil {
		return err
	}
	_, erased, err := s.data.FindSegments(ctx, project, l.Dataset, l.DatasetVersion)
	if err != nil {
		return err
	}
	gone := int64(0)
	for _, e := range erased {
		gone += int64(len(e.Rows))
	}
	if dataset.Digest == l.DatasetDigest && gone == 0 {
		return nil
	}
	return lathe.Errorf(lathe.CodeConflict, "app: verify: dataset %q version %d is no longer what the model learnt from", l.Dataset, l.DatasetVersion).
		WithHint("rows were erased since, or the model comes from elsewhere; train it again instead")
}

// again is the spec that makes the model once more: the parameters as they were, and the steps that were really done
// where a budget had cut them.
func again(model string, m *pack.Manifest) (lathe.TrainSpec, error) {
	set := maps.Clone(m.Lineage.Parameters)
	delete(set, "recipe")
	if m.Recipe != tabular.RecipeMajority {
		set["max_steps"] = strconv.FormatInt(m.Lineage.Steps, 10)
	}
	return tabular.Resolve(lathe.TrainSpec{
		Dataset: m.Lineage.Dataset, DatasetVersion: m.Lineage.DatasetVersion, Target: m.Target, Task: m.Task,
		Recipe: m.Recipe, Name: model, Split: m.Lineage.Split, Seed: m.Lineage.Seed, Set: set,
	})
}

// compare ends a verifying run: what the child made is compared, not stored.
func (j *heldRun) compare(ctx context.Context) error {
	result := lathe.VerifyResult{
		Run: j.run.ID, Model: j.verify.Model, Version: j.verify.Version, Expect: j.verify.Expect,
		Digest: j.result.Digest, Same: j.result.Digest == j.verify.Expect, Steps: j.result.Steps, Seconds: j.result.Seconds.Total,
	}
	_, _, err := j.runs.FinishRun(ctx, j.lease, lathe.Outcome{
		State:  lathe.RunSucceeded,
		Result: func(int) (json.RawMessage, error) { return json.Marshal(result) },
	})
	return err
}
