package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
)

// setup makes what the benchmarks need beyond Go. It does nothing where all is there.
func (w *world) setup(ctx context.Context) (err error) {
	if w.python, err = w.venv(ctx, "peers", w.peer("requirements.txt")); err != nil {
		return err
	}
	if err := os.MkdirAll(w.work(""), 0o755); err != nil {
		return fmt.Errorf("setup: %w", err)
	}
	return w.installWrk(ctx)
}

// venv makes a Python environment in the cache folder and gives its interpreter. A copy of the requirements beside it
// says what it holds; it is brought up to date when they differ.
func (w *world) venv(ctx context.Context, name, requirements string) (python string, err error) {
	cache, err := cacheFolder()
	if err != nil {
		return "", err
	}
	folder := filepath.Join(cache, name)
	python = filepath.Join(folder, "bin", "python")
	want, err := os.ReadFile(requirements)
	if err != nil {
		return "", fmt.Errorf("venv: %w", err)
	}
	stamp := filepath.Join(folder, "requirements.txt")
	have, err := os.ReadFile(stamp)
	if err == nil && bytes.Equal(have, want) {
		return python, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("venv: %w", err)
	}
	w.note("installing %s into %s", requirements, folder)
	if err := w.install(ctx, folder, python, requirements); err != nil {
		return "", fmt.Errorf("venv: %s: %w", name, err)
	}
	if err := os.WriteFile(stamp, want, 0o644); err != nil {
		return "", fmt.Errorf("venv: %w", err)
	}
	return python, nil
}

// install fills an environment. It needs no ensurepip, which some systems ship apart: the maker's own pip works on it.
func (w *world) install(ctx context.Context, folder, python, requirements string) error {
	maker := os.Getenv("PYTHON")
	if maker == "" {
		maker = "python3"
	}
	if _, err := os.Stat(python); errors.Is(err, fs.ErrNotExist) {
		if err := w.do(ctx, maker, "-m", "venv", "--without-pip", folder); err != nil {
			return err
		}
	}
	return w.do(ctx, maker, "-m", "pip", "--python", python, "install", "--quiet", "--disable-pip-version-check", "-r", requirements)
}

// cacheFolder is $LATHE_CACHE, or lathe in the user's cache folder.
func cacheFolder() (string, error) {
	if dir := os.Getenv("LATHE_CACHE"); dir != "" {
		return dir, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("cache: %w", err)
	}
	return filepath.Join(home, ".cache", "lathe"), nil
}

// installWrk installs wrk with apt-get where it is missing.
func (w *world) installWrk(ctx context.Context) error {
	if _, err := exec.LookPath("wrk"); err == nil {
		return nil
	}
	w.note("installing wrk")
	if err := w.do(ctx, "apt-get", "install", "-y", "-qq", "wrk"); err != nil {
		if err := errors.Join(w.do(ctx, "apt-get", "update", "-qq"), w.do(ctx, "apt-get", "install", "-y", "-qq", "wrk")); err != nil {
			return fmt.Errorf("setup: wrk is missing and could not be installed; install it from your distribution, or run as root: %w", err)
		}
	}
	return nil
}

// do runs a command; what it prints goes to standard error.
func (w *world) do(ctx context.Context, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdout, cmd.Stderr = w.err, w.err
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
