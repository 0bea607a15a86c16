package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// home is a home of lathe that lives as long as a benchmark.
type home struct {
	w      *world
	folder string
}

// newHome makes an empty one. Its path is short: it holds a socket. Remove it.
func (w *world) newHome() (*home, error) {
	folder, err := os.MkdirTemp("", "lathe-bench-")
	if err != nil {
		return nil, fmt.Errorf("home: %w", err)
	}
	return &home{w, folder}, nil
}

func (h *home) remove() error { return os.RemoveAll(h.folder) }

func (h *home) path() string { return filepath.Join(h.folder, "home") }

// do runs a command of lathe in the home and decodes what it prints; seconds is the whole process.
func (h *home) do(ctx context.Context, v any, args ...string) (seconds float64, err error) {
	return h.w.lastJSON(ctx, v, nil, h.w.lathe, append([]string{"--json", "--quiet", "--home", h.path()}, args...)...)
}

// up starts the service on a free port.
func (h *home) up(ctx context.Context) (*service, string, error) {
	port, err := freePort()
	if err != nil {
		return nil, "", err
	}
	address := fmt.Sprintf("127.0.0.1:%d", port)
	s, err := h.w.serve(ctx, "http://"+address+"/readyz", 30*time.Second, h.w.lathe, "--quiet", "--home", h.path(), "up", "--addr", address)
	return s, "http://" + address, err
}

// inHome calls f with a new home and removes it.
func (w *world) inHome(f func(h *home) error) error {
	h, err := w.newHome()
	if err != nil {
		return err
	}
	return errors.Join(f(h), h.remove())
}
