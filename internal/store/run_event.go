package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/uptrace/bun"

	"lathe"
)

const (
	kindState = "state" // written here alone, so that a stream never says what did not happen

	maxEvents    = 1000    // in one call
	maxEventData = 1 << 20 // bytes of one event
)

// eventKinds are those that a worker may write; lathe.Event lists them.
var eventKinds = map[string]bool{"log": true, "warning": true, "progress": true, "metric": true, "checkpoint": true, "result": true}

type eventRow struct {
	bun.BaseModel `bun:"table:run_event,alias:run_event"`
	Project       string
	Run           string
	Seq           int64
	At            int64
	Kind          string
	SealedData    []byte
}

func eventPlace(run string, seq int64) string {
	return place("run_event", run, strconv.FormatInt(seq, 10))
}

// AppendEvents implements lathe.RunStore. Seq and Run of the events are given here; Time too where it is zero.
func (s *Store) AppendEvents(ctx context.Context, lease lathe.Lease, events []lathe.Event) (int64, error) {
	if err := checkEvents(events); err != nil {
		return 0, err
	}
	var seq int64
	err := s.write(ctx, "append events", func(ctx context.Context, tx bun.Tx) error {
		row, err := s.leased(ctx, tx, lease)
		if err != nil {
			return err
		}
		from := row.Seq + 1
		row.Seq += int64(len(events))
		seq = row.Seq
		return first(setSeq(ctx, tx, row), s.insertEvents(ctx, tx, lease.Project, lease.Run, from, events))
	})
	if err != nil {
		return 0, err
	}
	s.notify(lease.Project, lease.Run)
	return seq, nil
}

func checkEvents(events []lathe.Event) error {
	if len(events) > maxEvents {
		return lathe.Errorf(lathe.CodeTooLarge, "%d events at once", len(events)).WithHint("append at most %d", maxEvents)
	}
	for i := range events {
		e, field := &events[i], fmt.Sprintf("events[%d]", i)
		switch {
		case !eventKinds[e.Kind]:
			return lathe.Errorf(lathe.CodeInvalid, "an event of kind %s cannot be appended", quote(e.Kind)).WithField(field)
		case len(e.Data) > maxEventData:
			return lathe.Errorf(lathe.CodeTooLarge, "event data has %d bytes", len(e.Data)).WithField(field).
				WithHint("at most %d bytes are kept", maxEventData)
		case e.Data == nil || !json.Valid(e.Data):
			return lathe.Errorf(lathe.CodeInvalid, "event data is not JSON").WithField(field)
		}
	}
	return nil
}

// insertEvents stores events with the seqs from, from+1 and so on.
func (s *Store) insertEvents(ctx context.Context, tx bun.Tx, project lathe.Project, run string, from int64, events []lathe.Event) error {
	if len(events) == 0 {
		return nil
	}
	now := s.now()
	rows := make([]eventRow, len(events))
	for i, e := range events {
		if e.Time.IsZero() {
			e.Time = now
		}
		seq := from + int64(i)
		sealed, err := s.seal(project, eventPlace(run, seq), e.Data)
		if err != nil {
			return err
		}
		rows[i] = eventRow{Project: string(project), Run: run, Seq: seq, At: toMicro(e.Time), Kind: e.Kind, SealedData: sealed}
	}
	_, err := tx.NewInsert().Model(&rows).Exec(ctx)
	return err
}

// FindEvents implements lathe.RunStore. The limit is as in lathe.Page.
func (s *Store) FindEvents(ctx context.Context, project lathe.Project, id string, after int64, limit int) ([]lathe.Event, error) {
	var rows []eventRow
	q, limit, err := pageQuery(s.r.NewSelect().Model(&rows), lathe.Page{Limit: limit}, "seq", false)
	if err != nil {
		return nil, err
	}
	err = q.Where("project = ?", project).Where("run = ?", id).Where("seq > ?", after).Limit(int64(limit)).Scan(ctx)
	if err != nil {
		return nil, s.fail("find events", err)
	}
	if len(rows) == 0 { // none yet, or no such run
		_, err := s.FindRun(ctx, project, id)
		return []lathe.Event{}, err
	}
	return s.events(project, rows)
}

func (s *Store) events(project lathe.Project, rows []eventRow) (out []lathe.Event, err error) {
	out = make([]lathe.Event, len(rows))
	for i, r := range rows {
		out[i] = lathe.Event{Run: r.Run, Seq: r.Seq, Time: fromMicro(r.At), Kind: r.Kind}
		if out[i].Data, err = s.openJSON(project, eventPlace(r.Run, r.Seq), r.SealedData); err != nil {
			return nil, err
		}
	}
	return out, nil
}
