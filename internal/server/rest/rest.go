// Package rest serves the platform's own API under /api/v1: datasets, runs, models, endpoints, keys, secrets, usage and
// the operation of the service.
//
// It is transport only: parse, call one service, render. Routes whose bodies are JSON go through huma, which writes the
// OpenAPI document from the Go types; streams are plain handlers that are listed beside them. Both kinds can only be
// registered through the gate.
package rest

import (
	"context"
	"io"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"lathe"
	"lathe/internal/guard"
)

// Check is one line of the doctor's report.
type Check struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
	Hint   string `json:"hint,omitempty"`
}

// Operations looks after the service itself.
type Operations interface {
	Doctor(ctx context.Context) []Check
	// Backup streams an archive of the home.
	Backup(ctx context.Context, w io.Writer) error
	// StageRestore checks an archive whole and keeps it for the next start.
	StageRestore(ctx context.Context, r io.Reader) error
}

// Services are what the routes call. All must be set but Ready, Heartbeats and Metrics.
type Services struct {
	Data       lathe.DataService
	Runs       lathe.RunService
	Models     lathe.ModelService
	Serve      lathe.ServeService
	Keys       lathe.KeyService
	KeyStore   lathe.KeyStore // only to find the limits of a key by its id
	Secrets    lathe.SecretStore
	Limiter    lathe.Limiter
	Replies    lathe.IdempotencyStore
	Operations Operations
	Ready      func(context.Context) error // nil: ready as soon as it serves
	// Heartbeats gives a channel that ticks while a stream is silent, and stops it; nil ticks every 15 seconds.
	Heartbeats func() (<-chan time.Time, func())
	// Metrics adds to what GET /metrics says, in the Prometheus text format.
	Metrics func(io.Writer) error
}

// server holds what the handlers share.
type server struct {
	Services
	gate *guard.Gate
	api  huma.API
}

// Register adds all routes to the gate. It panics when a route has no need, or a service is missing.
func Register(gate *guard.Gate, services Services) {
	services.check()
	if services.Heartbeats == nil {
		services.Heartbeats = everyFifteenSeconds
	}
	if services.Ready == nil {
		services.Ready = func(context.Context) error { return nil }
	}
	s := &server{Services: services, gate: gate}
	s.api = newAPI(s)
	s.registerData()
	s.registerRuns()
	s.registerModels()
	s.registerEndpoints()
	s.registerKeys()
	s.registerSecrets()
	s.registerOperation()
	s.registerHealth()
	s.registerDocument()
}

func everyFifteenSeconds() (<-chan time.Time, func()) {
	ticker := time.NewTicker(15 * time.Second)
	return ticker.C, ticker.Stop
}

func (s *Services) check() {
	for name, missing := range map[string]bool{
		"data": s.Data == nil, "runs": s.Runs == nil, "models": s.Models == nil, "serve": s.Serve == nil, "keys": s.Keys == nil,
		"key store": s.KeyStore == nil, "secrets": s.Secrets == nil, "limiter": s.Limiter == nil, "replies": s.Replies == nil, "operations": s.Operations == nil,
	} {
		if missing {
			panic("rest: register: no service for " + name)
		}
	}
}
