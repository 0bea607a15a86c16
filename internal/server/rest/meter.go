package rest

import (
	"bytes"
	"context"
	"errors"
	"io"

	"lathe"
)

// meter counts the rows of a table as they come, and reserves each before it is read: a line is a row, but the header.
// Line breaks within quotes count too much; settle gives them back.
type meter struct {
	ctx     context.Context
	limiter lathe.Limiter
	who     *lathe.Principal
	in      io.Reader
	out     *tableStream // told when the body is through; may be nil
	header  bool         // the first line is through
	open    bool         // the last byte was not a line break
	held    []held
	failure error
}

type held struct {
	reservation lathe.Reservation
	n           int64
}

func newMeter(ctx context.Context, limiter lathe.Limiter, who *lathe.Principal, in io.Reader, out *tableStream) *meter {
	return &meter{ctx: ctx, limiter: limiter, who: who, in: in, out: out}
}

// Read implements io.Reader. What the key's limits refuse is not handed on.
func (m *meter) Read(p []byte) (int, error) {
	if m.failure != nil {
		return 0, m.failure
	}
	n, err := m.in.Read(p)
	rows := m.count(p[:n])
	if errors.Is(err, io.EOF) {
		if m.open && m.header {
			rows++
		}
		m.open = false
		if m.out != nil {
			if failed := m.out.sent(); failed != nil {
				err = failed
			}
		}
	}
	if failed := m.reserve(rows); failed != nil {
		m.failure = failed
		return 0, failed
	}
	return n, err
}

func (m *meter) count(b []byte) int64 {
	if len(b) == 0 {
		return 0
	}
	m.open = b[len(b)-1] != '\n'
	rows := int64(bytes.Count(b, []byte{'\n'}))
	if !m.header && rows > 0 {
		m.header = true
		rows--
	}
	return rows
}

func (m *meter) reserve(rows int64) error {
	if rows == 0 || len(m.who.Limits) == 0 {
		return nil
	}
	reservation, err := m.limiter.Reserve(m.ctx, m.who, lathe.Amount{Unit: lathe.UnitRows, N: rows})
	if err != nil {
		return err
	}
	m.held = append(m.held, held{reservation, rows})
	return nil
}

// settle keeps as many rows as were really used, and gives the rest back, the latest first.
func (m *meter) settle(used int64) {
	for _, h := range m.held {
		keep := min(h.n, used)
		used -= keep
		h.reservation.Settle(lathe.Amount{Unit: lathe.UnitRows, N: keep})
	}
	m.held = nil
}
