package store

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"lathe"
)

// ClaimRun implements lathe.RunStore. Ends of leases are wall-clock times; the token, not the clock, keeps a stale
// holder from writing.
func (s *Store) ClaimRun(ctx context.Context, project lathe.Project, id, holder string, ttl time.Duration) (lathe.Run, lathe.Lease, error) {
	if err := checkLease(holder, ttl); err != nil {
		return lathe.Run{}, lathe.Lease{}, err
	}
	var token int64
	run, err := s.changeRun(ctx, "claim run", project, func(ctx context.Context, tx bun.Tx) (*runRow, error) {
		row, err := s.claimRun(ctx, tx, project, id, holder, ttl)
		if err != nil {
			return nil, err
		}
		token = row.Token
		return row, s.enterState(ctx, tx, row)
	})
	if err != nil {
		return lathe.Run{}, lathe.Lease{}, err
	}
	return run, lathe.Lease{Project: project, Run: id, Holder: holder, Token: token}, nil
}

func checkLease(holder string, ttl time.Duration) error {
	if holder == "" || ttl <= 0 {
		return lathe.Errorf(lathe.CodeInvalid, "a lease needs a holder and a time to live, not %s and %v", quote(holder), ttl)
	}
	return checkText("holder", holder, 200)
}

// claimRun decides in one conditional update, so that of many claims one wins whatever the isolation.
func (s *Store) claimRun(ctx context.Context, tx bun.Tx, project lathe.Project, id, holder string, ttl time.Duration) (*runRow, error) {
	now := s.now()
	n, err := changed(tx.NewUpdate().Model((*runRow)(nil)).Set("state = ?", lathe.RunRunning).Set("holder = ?", holder).
		Set("token = token + 1").Set("attempt = attempt + 1").Set("lease_until = ?", toMicro(now.Add(ttl))).
		Set("started_at = COALESCE(started_at, ?)", toMicro(now)).
		Where("project = ?", project).Where("id = ?", id).
		Where("(state = ? OR (state = ? AND lease_until <= ?))", lathe.RunQueued, lathe.RunRunning, toMicro(now)).Exec(ctx))
	if err != nil {
		return nil, err
	}
	row, err := findRun(ctx, tx, project, id)
	if err == nil && n == 0 {
		return nil, lathe.Errorf(lathe.CodeConflict, "run %s is %s and cannot be claimed", id, row.State)
	}
	return row, err
}

// RenewLease implements lathe.RunStore. A lease that ended but was not taken over is renewed.
func (s *Store) RenewLease(ctx context.Context, lease lathe.Lease, ttl time.Duration) (stopping bool, err error) {
	if err := checkLease(lease.Holder, ttl); err != nil {
		return false, err
	}
	err = s.write(ctx, "renew lease", func(ctx context.Context, tx bun.Tx) error {
		row, err := s.leased(ctx, tx, lease)
		if err != nil {
			return err
		}
		stopping = row.Stopping
		row.LeaseUntil = toMicro(s.now().Add(ttl))
		return updateRun(ctx, tx, row, "lease_until")
	})
	return stopping, err
}

// leased finds the run of a lease and refuses one that no longer holds. The update that follows runs in the same
// transaction.
func (s *Store) leased(ctx context.Context, tx bun.Tx, lease lathe.Lease) (*runRow, error) {
	row, err := findRun(ctx, tx, lease.Project, lease.Run)
	if err != nil {
		return nil, err
	}
	if row.State != lathe.RunRunning || row.Token != lease.Token {
		return nil, lathe.Errorf(lathe.CodeConflict, "run %s is %s under token %d; lease %d holds no more", row.ID, row.State, row.Token, lease.Token)
	}
	return row, nil
}

// ReleaseRun implements lathe.RunStore. A run that was asked to stop stops instead of being queued.
func (s *Store) ReleaseRun(ctx context.Context, lease lathe.Lease) error {
	_, err := s.changeRun(ctx, "release run", lease.Project, func(ctx context.Context, tx bun.Tx) (*runRow, error) {
		row, err := s.leased(ctx, tx, lease)
		if err != nil {
			return nil, err
		}
		return row, s.queueAgain(ctx, tx, row)
	})
	return err
}

// SaveCheckpoint implements lathe.RunStore. It writes no event: the trainer says more about a checkpoint than its step.
func (s *Store) SaveCheckpoint(ctx context.Context, lease lathe.Lease, step int64, blob lathe.Blob) error {
	if err := checkBlob("checkpoint", blob); err != nil {
		return err
	}
	_, err := s.changeRun(ctx, "save checkpoint", lease.Project, func(ctx context.Context, tx bun.Tx) (*runRow, error) {
		row, err := s.leased(ctx, tx, lease)
		if err != nil {
			return nil, err
		}
		row.Step, row.CheckpointName, row.CheckpointBytes, row.CheckpointAt = step, blob.Name.String(), blob.Bytes, toMicro(blob.At)
		return row, updateRun(ctx, tx, row, "step", "checkpoint_name", "checkpoint_bytes", "checkpoint_at")
	})
	return err
}
