package app

import (
	"context"
	"fmt"
	"log/slog"

	"lathe"
	"lathe/internal/guard"
	"lathe/internal/server/mlflow"
	"lathe/internal/server/oip"
	"lathe/internal/server/predict"
	"lathe/internal/server/rest"
	"lathe/internal/server/tfserving"
)

// services are what the protocols call.
type services struct {
	data   *holding
	runs   *running
	models *modelling
	serve  *serving
}

// route makes the gate and registers every protocol behind it.
func (a *App) route(ctx context.Context, s services) error {
	pepper := a.home.keys.Derive("key pepper")
	keys := guard.NewKeys(mortalKeys{a.store, a.graves}, pepper[:], a.options.Clock)
	if err := a.ensureOwner(ctx, keys); err != nil {
		return err
	}
	a.limiter = guard.NewLimiter(a.store, a.options.Clock)
	a.gate = guard.New(guard.Config{
		Keys: keys, Limiter: a.limiter, Auditor: logAuditor{a.options.Log}, Hosts: a.options.Hosts, Origins: a.options.Origins,
		Clock: a.options.Clock, Log: a.options.Log,
	})
	rest.Register(a.gate, rest.Services{
		Data: s.data, Runs: s.runs, Models: s.models, Serve: s.serve, Keys: keys, KeyStore: a.store, Secrets: a.store,
		Limiter: a.limiter, Replies: a.store, Operations: a, Ready: a.ready,
	})
	predict.Register(a.gate, s.serve, a.limiter)
	tfserving.Register(a.gate, s.serve, a.limiter)
	oip.Register(a.gate, s.serve, a.limiter)
	mlflow.Register(a.gate, s.serve, a.limiter)
	return nil
}

// ready tells whether the database answers.
func (a *App) ready(ctx context.Context) error {
	if err := a.db.Read.PingContext(ctx); err != nil {
		return fmt.Errorf("app: not ready: %w", err)
	}
	return nil
}

// logAuditor writes a line an event; the signed log comes with its own issue.
type logAuditor struct{ log *slog.Logger }

// Record implements lathe.Auditor.
func (l logAuditor) Record(ctx context.Context, e lathe.AuditEvent) error {
	l.log.InfoContext(ctx, "audit", "project", e.Project, "key", e.Key, "verb", e.Verb, "object", e.Object,
		"outcome", e.Outcome, "request", e.RequestID)
	return nil
}
