package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// idle is how long a service rests before its memory is read.
const idle = 10 * time.Second

// startBench starts the service on a home with a data set, a model and an endpoint.
func startBench(ctx context.Context, w *world, r *result) error {
	r.Title = "Start and memory"
	r.About = "From the start of the process to the first 200: lathe's `/readyz` on an existing home with the data set of the training benchmark, a model and an endpoint; " +
		"the Flask server's first answer after it has loaded its model. Memory is the resident memory of the process and its children, 10 s after one prediction."
	r.Figures = []figure{{"ready", "ready, ms", 0, lower}, {"memory", "idle memory, MB", 1, lower}}
	r.Subjects = []string{ours, flask}
	table, err := w.table(ctx)
	if err != nil {
		return err
	}
	if err := w.latheStarts(ctx, r, table); err != nil {
		return err
	}
	if err := w.flaskStarts(ctx, r, table); err != nil {
		return err
	}
	r.claim("start-up to ready on an existing home, ms", atMost, r.of(ours, "ready"), 500)
	r.claim("idle memory, MB", atMost, r.of(ours, "memory"), 100)
	return nil
}

func (w *world) latheStarts(ctx context.Context, r *result, table string) error {
	return w.inHome(func(h *home) error {
		key, err := h.deployTable(ctx, table)
		if err != nil {
			return err
		}
		return w.starts(ctx, r, ours, w.times(10), func() (*service, error) {
			s, url, err := h.up(ctx)
			if err != nil {
				return nil, err
			}
			if err := expect(ctx, url+"/predict", key, http.StatusOK); err != nil {
				return nil, errors.Join(err, s.stop())
			}
			return s, nil
		})
	})
}

// flaskStarts starts the peer's server as often as its slowness allows.
func (w *world) flaskStarts(ctx context.Context, r *result, table string) error {
	s, _, err := w.upFlask(ctx, table)
	if err != nil {
		return err
	}
	if err := s.stop(); err != nil {
		return err
	}
	return w.starts(ctx, r, flask, w.times(3), func() (*service, error) {
		s, url, err := w.startFlask(ctx, w.work("churn.keras"))
		if err != nil {
			return nil, err
		}
		if err := expect(ctx, url+"/predict", "", http.StatusOK); err != nil {
			return nil, errors.Join(err, s.stop())
		}
		return s, nil
	})
}

// starts starts a server n times and reads its memory in the last of them.
func (w *world) starts(ctx context.Context, r *result, subject string, n int, start func() (*service, error)) error {
	for round := range n {
		s, err := start()
		if err != nil {
			return fmt.Errorf("%s: %w", subject, err)
		}
		figures := map[string]float64{"ready": s.ready.Seconds() * 1e3}
		if round == n-1 {
			err = s.rest(ctx, figures)
		}
		if err := errors.Join(err, s.stop()); err != nil {
			return fmt.Errorf("%s: %w", subject, err)
		}
		w.note("  start %d %s: ready after %.0f ms", round+1, subject, figures["ready"])
		r.add(subject, round, 0, figures)
	}
	return nil
}

// rest waits and reads the memory.
func (s *service) rest(ctx context.Context, figures map[string]float64) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(idle):
	}
	bytes, err := resident(s.cmd.Process.Pid)
	figures["memory"] = float64(bytes) / 1e6
	return err
}
