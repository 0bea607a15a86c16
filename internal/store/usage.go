package store

import (
	"context"

	"github.com/uptrace/bun"

	"lathe"
)

type usageRow struct {
	bun.BaseModel `bun:"table:usage_record,alias:usage_record"`
	Project       string
	KeyID         string
	Unit          lathe.Unit
	Span          lathe.Window
	StartsAt      int64
	Used          int64
}

func (r *usageRow) record() lathe.UsageRecord {
	return lathe.UsageRecord{
		Project: lathe.Project(r.Project), Key: r.KeyID, Unit: r.Unit, Window: r.Span, Start: fromMicro(r.StartsAt), Used: r.Used,
	}
}

// FindUsage implements lathe.UsageStore.
func (s *Store) FindUsage(ctx context.Context, project lathe.Project, key string) ([]lathe.UsageRecord, error) {
	var rows []usageRow
	err := s.r.NewSelect().Model(&rows).Where("project = ?", project).Where("key_id = ?", key).
		OrderExpr("unit, span, starts_at").Scan(ctx)
	return mapRows(rows, (*usageRow).record), s.fail("find usage", err)
}

// SaveUsage implements lathe.UsageStore: all records or none. A record replaces that of its window, and windows that
// began before it are forgotten; one that began after stays, so that a clock set back gives nobody a new allowance later.
func (s *Store) SaveUsage(ctx context.Context, records []lathe.UsageRecord) error {
	rows := make([]usageRow, len(records))
	for i, r := range records {
		if err := checkUsage(&r); err != nil {
			return err
		}
		rows[i] = usageRow{Project: string(r.Project), KeyID: r.Key, Unit: r.Unit, Span: r.Window, StartsAt: toMicro(r.Start), Used: r.Used}
	}
	if len(rows) == 0 {
		return nil
	}
	return s.write(ctx, "save usage", func(ctx context.Context, tx bun.Tx) error {
		for i := range rows {
			if err := saveUsage(ctx, tx, &rows[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// checkUsage lets the owner's key through, whose usage counts in the project it acts in or in lathe.AllProjects.
func checkUsage(r *lathe.UsageRecord) error {
	if r.Project != lathe.AllProjects {
		if err := checkProject(r.Project); err != nil {
			return err
		}
	}
	return first(checkText("key", r.Key, 64), checkText("unit", string(r.Unit), 64), checkText("window", string(r.Window), 64))
}

func saveUsage(ctx context.Context, tx bun.Tx, row *usageRow) error {
	_, err := tx.NewInsert().Model(row).On("CONFLICT (project, key_id, unit, span, starts_at) DO UPDATE").Set("used = EXCLUDED.used").Exec(ctx)
	if err != nil {
		return err
	}
	_, err = tx.NewDelete().Model((*usageRow)(nil)).Where("project = ?", row.Project).Where("key_id = ?", row.KeyID).
		Where("unit = ?", row.Unit).Where("span = ?", row.Span).Where("starts_at < ?", row.StartsAt).Exec(ctx)
	return err
}
