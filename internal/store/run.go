package store

import (
	"context"
	"encoding/json"

	"github.com/uptrace/bun"

	"lathe"
)

type runRow struct {
	bun.BaseModel   `bun:"table:run,alias:run"`
	Project         string
	ID              string
	Kind            string
	State           lathe.RunState
	Stopping        bool
	Spec            string
	SealedResult    []byte
	SealedProblem   []byte
	Attempt         int
	Seq             int64
	Step            int64
	CheckpointName  string
	CheckpointBytes int64
	CheckpointAt    int64
	Holder          string
	Token           int64
	LeaseUntil      int64
	CreatedAt       int64
	StartedAt       *int64
	FinishedAt      *int64
}

func resultPlace(run string) string  { return place("run", run, "result") }
func problemPlace(run string) string { return place("run", run, "problem") }

func (s *Store) run(r *runRow) (lathe.Run, error) {
	run := lathe.Run{
		Project: lathe.Project(r.Project), ID: r.ID, Kind: r.Kind, State: r.State, Stopping: r.Stopping,
		Spec: json.RawMessage(r.Spec), Attempt: r.Attempt, Seq: r.Seq, Step: r.Step,
		CreatedAt: fromMicro(r.CreatedAt), StartedAt: fromMicroOrNull(r.StartedAt), FinishedAt: fromMicroOrNull(r.FinishedAt),
	}
	if r.CheckpointName != "" {
		blob, err := toBlob(r.CheckpointName, r.CheckpointBytes, r.CheckpointAt)
		if err != nil {
			return run, err
		}
		run.Checkpoint = &blob
	}
	var err error
	if run.Result, err = s.openJSON(run.Project, resultPlace(r.ID), r.SealedResult); err != nil {
		return run, err
	}
	run.Error, err = s.openProblem(run.Project, r)
	return run, err
}

func (s *Store) openProblem(project lathe.Project, r *runRow) (*lathe.Problem, error) {
	plain, err := s.open(project, problemPlace(r.ID), r.SealedProblem)
	if err != nil || plain == nil {
		return nil, err
	}
	var problem lathe.Problem
	return &problem, json.Unmarshal(plain, &problem)
}

// CreateRun implements lathe.RunStore. Kind and Spec are taken from the run; the rest is given here.
func (s *Store) CreateRun(ctx context.Context, project lathe.Project, run lathe.Run) (lathe.Run, error) {
	if run.Spec == nil {
		run.Spec = json.RawMessage("{}")
	}
	if err := first(checkNames(project, "kind", run.Kind), checkJSON("spec", run.Spec)); err != nil {
		return lathe.Run{}, err
	}
	now := s.now()
	id, err := newID(now, s.opts.Random)
	if err != nil {
		return lathe.Run{}, err
	}
	row := runRow{Project: string(project), ID: id, Kind: run.Kind, State: lathe.RunQueued, Spec: string(run.Spec), CreatedAt: toMicro(now)}
	return s.changeRun(ctx, "create run", project, func(ctx context.Context, tx bun.Tx) (*runRow, error) {
		if _, err := tx.NewInsert().Model(&row).Exec(ctx); err != nil {
			return nil, err
		}
		return &row, s.enterState(ctx, tx, &row)
	})
}

// changeRun runs change in a transaction and tells who watches, and the queue where the run is queued now.
func (s *Store) changeRun(ctx context.Context, op string, project lathe.Project, change func(context.Context, bun.Tx) (*runRow, error)) (lathe.Run, error) {
	var row *runRow
	err := s.write(ctx, op, func(ctx context.Context, tx bun.Tx) (err error) {
		row, err = change(ctx, tx)
		return err
	})
	if err != nil {
		return lathe.Run{}, err
	}
	if row.State == lathe.RunQueued {
		s.opts.Queue.Wake()
	}
	s.notify(project, row.ID)
	return s.run(row)
}

// FindRun implements lathe.RunStore.
func (s *Store) FindRun(ctx context.Context, project lathe.Project, id string) (lathe.Run, error) {
	row, err := findRun(ctx, s.r, project, id)
	if err != nil {
		return lathe.Run{}, s.fail("find run", err)
	}
	return s.run(row)
}

func findRun(ctx context.Context, db bun.IDB, project lathe.Project, id string) (*runRow, error) {
	row := &runRow{}
	err := db.NewSelect().Model(row).Where("project = ?", project).Where("id = ?", id).Scan(ctx)
	return row, noRow(err, "run", id)
}

// FindRuns implements lathe.RunStore, newest first.
func (s *Store) FindRuns(ctx context.Context, project lathe.Project, page lathe.Page) ([]lathe.Run, string, error) {
	var rows []runRow
	q, limit, err := pageQuery(s.r.NewSelect().Model(&rows).Where("project = ?", project), page, "id", true)
	if err != nil {
		return nil, "", err
	}
	if err := q.Scan(ctx); err != nil {
		return nil, "", s.fail("find runs", err)
	}
	rows, next := cutPage(rows, limit, func(r *runRow) string { return r.ID })
	out := make([]lathe.Run, len(rows))
	for i := range rows {
		if out[i], err = s.run(&rows[i]); err != nil {
			return nil, "", err
		}
	}
	return out, next, nil
}

// notify tells who asked that a run changed. Call it after the commit.
func (s *Store) notify(project lathe.Project, run string) {
	if s.opts.Notify != nil {
		s.opts.Notify(project, run)
	}
}
