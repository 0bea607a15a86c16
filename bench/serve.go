package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"lathe"
)

const flask = "Flask + Keras"

// load is what predict.lua prints.
type load struct {
	Requests float64 `json:"requests"`
	Seconds  float64 `json:"seconds"`
	P50      float64 `json:"p50"` // milliseconds
	P99      float64 `json:"p99"`
	Errors   float64 `json:"errors"`
}

// loadSeconds is how long wrk runs each time.
const loadSeconds = 8

// serveBench asks both servers for one row over and over. Both stand all the time; one of them is asked at a time.
func serveBench(ctx context.Context, w *world, r *result) (err error) {
	r.Title = "Serving"
	r.About = fmt.Sprintf("`POST /predict` with one row of 30 numbers, the 30-64-32-1 network; wrk with 1 thread and 8 connections for %d s, on the same cores as the server. "+
		"Lathe asks for a key that may only predict, checks it, counts and logs as it always does. Flask + Keras is `bench/peers/flask_app.py`, without a key and without scaling.", loadSeconds)
	r.Figures = []figure{{"rps", "requests/s", 0, higher}, {"p50", "p50, ms", 3, lower}, {"p99", "p99, ms", 3, lower}}
	r.Subjects = []string{ours, flask}
	table, err := w.table(ctx)
	if err != nil {
		return err
	}
	peer, peerURL, err := w.upFlask(ctx, table)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, peer.stop()) }()
	return w.inHome(func(h *home) error {
		key, err := h.deployTable(ctx, table)
		if err != nil {
			return err
		}
		s, url, err := h.up(ctx)
		if err != nil {
			return err
		}
		return errors.Join(w.loads(ctx, r, url+"/predict", key, peerURL+"/predict"), s.stop())
	})
}

// loads runs the rounds; the gate is tried first: without a key there is no answer.
func (w *world) loads(ctx context.Context, r *result, url, key, peerURL string) error {
	if err := expect(ctx, url, "", http.StatusUnauthorized); err != nil {
		return err
	}
	if err := errors.Join(expect(ctx, url, key, http.StatusOK), expect(ctx, peerURL, "", http.StatusOK)); err != nil {
		return err
	}
	for round := range w.times(3) {
		for i := range r.Subjects {
			name, to, env := ours, url, []string{"KEY=" + key}
			if (i+round)%2 == 1 {
				name, to, env = flask, peerURL, nil
			}
			l, err := w.load(ctx, to, env)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			w.note("  round %d %s: %.1f requests/s, p50 %.3f ms, p99 %.3f ms", round+1, name, l.Requests/l.Seconds, l.P50, l.P99)
			r.add(name, round, 0, map[string]float64{"rps": l.Requests / l.Seconds, "p50": l.P50, "p99": l.P99})
		}
	}
	r.claim("requests/s: lathe's over Flask + Keras's", atLeast, r.of(ours, "rps")/r.of(flask, "rps"), 200)
	r.claim("p99 of lathe, ms", atMost, r.of(ours, "p99"), 10)
	return nil
}

// load runs wrk once. One failed request spoils the run.
func (w *world) load(ctx context.Context, url string, env []string) (load, error) {
	var l load
	_, err := w.lastJSON(ctx, &l, env, "wrk", "-t1", "-c8", "-d"+strconv.Itoa(loadSeconds)+"s", "--timeout", "30s", "-s", w.peer("predict.lua"), url)
	if err == nil && (l.Errors > 0 || l.Requests == 0) {
		err = fmt.Errorf("wrk: %g of %g requests failed", l.Errors, l.Requests)
	}
	return l, err
}

// expect posts one row and checks the answer's status.
func expect(ctx context.Context, url, key string, status int) error {
	row := "[[" + strings.Repeat("0.5,", 29) + "0.5]]"
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(row))
	if err != nil {
		return fmt.Errorf("post: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	if key != "" {
		request.Header.Set("Authorization", "Bearer "+key)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("post: %w", err)
	}
	if err := answer.Body.Close(); err != nil {
		return fmt.Errorf("post: %w", err)
	}
	if answer.StatusCode != status {
		return fmt.Errorf("post: %s: status %d, not %d", url, answer.StatusCode, status)
	}
	return nil
}

// upFlask trains the peer for one epoch, which is enough for its speed, and starts it.
func (w *world) upFlask(ctx context.Context, table string) (*service, string, error) {
	var f fitted
	model := w.work("churn.keras")
	if _, err := w.lastJSON(ctx, &f, nil, w.python, w.peer("keras_mlp.py"), table, "--seed", "0", "--epochs", "1", "--save", model); err != nil {
		return nil, "", err
	}
	return w.startFlask(ctx, model)
}

func (w *world) startFlask(ctx context.Context, model string) (*service, string, error) {
	port, err := freePort()
	if err != nil {
		return nil, "", err
	}
	url := fmt.Sprintf("http://127.0.0.1:%d", port)
	s, err := w.serve(ctx, url+"/readyz", time.Minute, w.python, w.peer("flask_app.py"), model, strconv.Itoa(port))
	return s, url, err
}

// deployTable trains the same network for one epoch, makes it the default endpoint, and gives a key that may ask it.
func (h *home) deployTable(ctx context.Context, table string) (key string, err error) {
	var t lathe.TrainResult
	if _, err := h.do(ctx, &t, "train", table, "--target", "label", "--split", "part", "--recipe", "mlp", "--epochs", "1"); err != nil {
		return "", err
	}
	return h.deploy(ctx, t.Model)
}

// deploy makes a model the default endpoint and gives a key that may ask it.
func (h *home) deploy(ctx context.Context, model string) (key string, err error) {
	var e lathe.Endpoint
	if _, err := h.do(ctx, &e, "deploy", model); err != nil {
		return "", err
	}
	if _, err := h.do(ctx, &e, "endpoints", "default", e.Name); err != nil {
		return "", err
	}
	var made struct {
		Secret string `json:"secret"`
	}
	_, err = h.do(ctx, &made, "keys", "create", "bench", "--kind", "caller", "--scope", "predict")
	return made.Secret, err
}
