package store

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/uptrace/bun"

	"lathe"
)

// stateEvent is the data of an event of kind "state".
type stateEvent struct {
	State    lathe.RunState `json:"state"`
	Stopping bool           `json:"stopping,omitempty"`
	Attempt  int            `json:"attempt,omitempty"`
	Error    *lathe.Problem `json:"error,omitempty"`
}

// enterState follows a change of a run's state in the same transaction: the job of a queued run, and the event.
func (s *Store) enterState(ctx context.Context, tx bun.Tx, row *runRow) error {
	project := lathe.Project(row.Project)
	if row.State == lathe.RunQueued {
		if err := s.opts.Queue.InsertTx(ctx, tx.Tx, project, row.ID); err != nil {
			return fmt.Errorf("queue: %w", err)
		}
	}
	problem, err := s.openProblem(project, row)
	if err != nil {
		return err
	}
	event := stateEvent{State: row.State, Stopping: row.Stopping, Attempt: row.Attempt, Error: problem}
	data, err := json.Marshal(event)
	if err != nil {
		return fmt.Errorf("store: state event: %w", err)
	}
	row.Seq++
	if err := setSeq(ctx, tx, row); err != nil {
		return err
	}
	return s.insertEvents(ctx, tx, project, row.ID, row.Seq, []lathe.Event{{Kind: kindState, Data: data}})
}

func setSeq(ctx context.Context, tx bun.Tx, row *runRow) error {
	_, err := tx.NewUpdate().Model(row).Column("seq").Where("project = ?", row.Project).Where("id = ?", row.ID).Exec(ctx)
	return err
}

// updateRun stores the columns of a row that was read in this transaction.
func updateRun(ctx context.Context, tx bun.Tx, row *runRow, columns ...string) error {
	_, err := tx.NewUpdate().Model(row).Column(columns...).Where("project = ?", row.Project).Where("id = ?", row.ID).Exec(ctx)
	return err
}

// StopRun implements lathe.RunStore. A run that has stopped, or was asked to, comes back as it is; one that succeeded or
// failed is CodeConflict.
func (s *Store) StopRun(ctx context.Context, project lathe.Project, id string) (lathe.Run, error) {
	return s.changeRun(ctx, "stop run", project, func(ctx context.Context, tx bun.Tx) (*runRow, error) {
		row, err := findRun(ctx, tx, project, id)
		if err != nil {
			return nil, err
		}
		switch {
		case row.State == lathe.RunStopped, row.Stopping:
			return row, nil
		case row.State == lathe.RunQueued:
			return row, s.rest(ctx, tx, row, lathe.RunStopped)
		case row.State == lathe.RunRunning:
			row.Stopping = true
			return row, first(updateRun(ctx, tx, row, "stopping"), s.enterState(ctx, tx, row))
		}
		return nil, lathe.Errorf(lathe.CodeConflict, "run %s has %s", id, row.State)
	})
}

// rest puts a run into a final state.
func (s *Store) rest(ctx context.Context, tx bun.Tx, row *runRow, state lathe.RunState) error {
	now := toMicro(s.now())
	row.State, row.Stopping, row.Holder, row.LeaseUntil, row.FinishedAt = state, false, "", 0, &now
	err := updateRun(ctx, tx, row, "state", "stopping", "holder", "lease_until", "finished_at", "sealed_result", "sealed_problem")
	if err != nil {
		return err
	}
	return s.enterState(ctx, tx, row)
}

// queueAgain puts a run back into the queue; one that was asked to stop stops instead.
func (s *Store) queueAgain(ctx context.Context, tx bun.Tx, row *runRow) error {
	if row.Stopping {
		return s.rest(ctx, tx, row, lathe.RunStopped)
	}
	row.State, row.Holder, row.LeaseUntil, row.FinishedAt, row.SealedResult, row.SealedProblem = lathe.RunQueued, "", 0, nil, nil, nil
	err := updateRun(ctx, tx, row, "state", "holder", "lease_until", "finished_at", "sealed_result", "sealed_problem")
	if err != nil {
		return err
	}
	return s.enterState(ctx, tx, row)
}

// ResumeRun implements lathe.RunStore.
func (s *Store) ResumeRun(ctx context.Context, project lathe.Project, id string) (lathe.Run, error) {
	return s.changeRun(ctx, "resume run", project, func(ctx context.Context, tx bun.Tx) (*runRow, error) {
		row, err := findRun(ctx, tx, project, id)
		if err != nil {
			return nil, err
		}
		if row.State != lathe.RunStopped && row.State != lathe.RunFailed {
			return nil, lathe.Errorf(lathe.CodeConflict, "run %s is %s; only a stopped or failed run can be resumed", id, row.State)
		}
		return row, s.queueAgain(ctx, tx, row)
	})
}

// RequeueLost implements lathe.RunStore. It makes the queue anew from the runs: a job for each lost run and then for
// each queued one, and none else. So it heals whatever a kill left in the queue's own tables.
func (s *Store) RequeueLost(ctx context.Context, holder string) ([]lathe.Run, error) {
	var lost []runRow
	err := s.write(ctx, "requeue lost runs", func(ctx context.Context, tx bun.Tx) error {
		if err := s.opts.Queue.ResetTx(ctx, tx.Tx); err != nil {
			return fmt.Errorf("queue: %w", err)
		}
		var queued []runRow
		err := first(
			tx.NewSelect().Model(&queued).Column("project", "id").Where("state = ?", lathe.RunQueued).
				OrderExpr("created_at, id").Scan(ctx),
			tx.NewSelect().Model(&lost).Where("state = ?", lathe.RunRunning).Where("holder <> ?", holder).
				OrderExpr("created_at, id").Scan(ctx),
		)
		if err != nil {
			return err
		}
		return first(s.queueEach(ctx, tx, lost), s.insertJobs(ctx, tx, queued))
	})
	if err != nil {
		return nil, err
	}
	return s.afterRequeue(lost)
}

// RequeueExpired queues again every running run whose lease is past its end, whoever holds it. It is for the time while
// the service runs, every few seconds; RequeueLost is for its start. It writes only where there is such a run.
func (s *Store) RequeueExpired(ctx context.Context) ([]lathe.Run, error) {
	lost, err := s.expired(ctx, s.r)
	if err != nil || len(lost) == 0 {
		return []lathe.Run{}, s.fail("requeue expired runs", err)
	}
	err = s.write(ctx, "requeue expired runs", func(ctx context.Context, tx bun.Tx) (err error) {
		if lost, err = s.expired(ctx, tx); err != nil {
			return err
		}
		return s.queueEach(ctx, tx, lost)
	})
	if err != nil {
		return nil, err
	}
	return s.afterRequeue(lost)
}

func (s *Store) expired(ctx context.Context, db bun.IDB) (rows []runRow, err error) {
	err = db.NewSelect().Model(&rows).Where("state = ?", lathe.RunRunning).Where("lease_until <= ?", toMicro(s.now())).
		OrderExpr("created_at, id").Scan(ctx)
	return rows, err
}

// insertJobs adds a job for each run.
func (s *Store) insertJobs(ctx context.Context, tx bun.Tx, rows []runRow) error {
	for i := range rows {
		if err := s.opts.Queue.InsertTx(ctx, tx.Tx, lathe.Project(rows[i].Project), rows[i].ID); err != nil {
			return fmt.Errorf("queue: %w", err)
		}
	}
	return nil
}

func (s *Store) queueEach(ctx context.Context, tx bun.Tx, rows []runRow) error {
	for i := range rows {
		if err := s.queueAgain(ctx, tx, &rows[i]); err != nil {
			return err
		}
	}
	return nil
}

// afterRequeue wakes who waits and gives the runs that are queued; others were asked to stop before they were lost.
func (s *Store) afterRequeue(rows []runRow) ([]lathe.Run, error) {
	s.opts.Queue.Wake()
	out := []lathe.Run{}
	for i := range rows {
		s.notify(lathe.Project(rows[i].Project), rows[i].ID)
		if rows[i].State != lathe.RunQueued {
			continue
		}
		run, err := s.run(&rows[i])
		if err != nil {
			return nil, err
		}
		out = append(out, run)
	}
	return out, nil
}
