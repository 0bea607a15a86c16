package store

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/uptrace/bun"

	"lathe"
)

// FinishRun implements lathe.RunStore.
func (s *Store) FinishRun(ctx context.Context, lease lathe.Lease, outcome lathe.Outcome) (lathe.Run, *lathe.ModelVersion, error) {
	if err := checkOutcome(&outcome); err != nil {
		return lathe.Run{}, nil, err
	}
	var version *lathe.ModelVersion
	run, err := s.changeRun(ctx, "finish run", lease.Project, func(ctx context.Context, tx bun.Tx) (*runRow, error) {
		row, err := s.leased(ctx, tx, lease)
		if err != nil {
			return nil, err
		}
		if version, err = s.storeOutcome(ctx, tx, row, outcome); err != nil {
			return nil, err
		}
		return row, s.rest(ctx, tx, row, outcome.State)
	})
	if err != nil {
		return lathe.Run{}, nil, err
	}
	return run, version, nil
}

func checkOutcome(o *lathe.Outcome) error {
	switch {
	case !o.State.Final():
		return lathe.Errorf(lathe.CodeInvalid, "a run cannot end as %s", quote(string(o.State))).WithField("state")
	case o.State == lathe.RunFailed && o.Error == nil:
		return lathe.Errorf(lathe.CodeInvalid, "a failed run needs an error").WithField("error")
	}
	return nil
}

// storeOutcome puts result and problem into the row, and the model into its table.
func (s *Store) storeOutcome(ctx context.Context, tx bun.Tx, row *runRow, o lathe.Outcome) (*lathe.ModelVersion, error) {
	var version *lathe.ModelVersion
	if o.Model != nil {
		m := *o.Model
		m.Run = row.ID
		stored, err := s.createModelVersion(ctx, tx, lathe.Project(row.Project), m)
		if err != nil {
			return nil, err
		}
		version = &stored
	}
	result, err := resultOf(&o, version)
	if err != nil {
		return nil, err
	}
	return version, s.sealOutcome(row, result, o.Error)
}

// resultOf asks for the result, now that the version has its number.
func resultOf(o *lathe.Outcome, version *lathe.ModelVersion) (json.RawMessage, error) {
	if o.Result == nil {
		return nil, nil
	}
	number := 0
	if version != nil {
		number = version.Number
	}
	result, err := o.Result(number)
	return result, first(err, checkJSON("result", result))
}

func (s *Store) sealOutcome(row *runRow, result json.RawMessage, problem *lathe.Problem) (err error) {
	var plain []byte
	if problem != nil {
		if plain, err = json.Marshal(problem); err != nil {
			return fmt.Errorf("store: problem: %w", err)
		}
	}
	project := lathe.Project(row.Project)
	if row.SealedProblem, err = s.seal(project, problemPlace(row.ID), plain); err != nil {
		return err
	}
	row.SealedResult, err = s.seal(project, resultPlace(row.ID), result)
	return err
}
