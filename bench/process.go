package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// command makes a process that is asked to end, and only then killed, when ctx ends. What the user's shell says about lathe is left out.
func command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 20 * time.Second
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "LATHE_") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	return cmd
}

// lastJSON runs a command, decodes the last line that it prints into v, and gives the whole process's seconds.
func (w *world) lastJSON(ctx context.Context, v any, env []string, name string, args ...string) (seconds float64, err error) {
	var stdout, stderr bytes.Buffer
	cmd := command(ctx, name, args...)
	cmd.Env = append(cmd.Env, env...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	start := time.Now()
	if err := cmd.Run(); err != nil {
		return 0, fmt.Errorf("%s %s: %w: %s", filepath.Base(name), strings.Join(args, " "), err, tail(stderr.String()))
	}
	seconds = time.Since(start).Seconds()
	text := strings.TrimSpace(stdout.String())
	if at := strings.LastIndex(text, "\n{"); at >= 0 {
		text = text[at+1:]
	}
	if err := json.Unmarshal([]byte(text), v); err != nil {
		return 0, fmt.Errorf("%s: answer %.200q: %w", filepath.Base(name), text, err)
	}
	return seconds, nil
}

// tail is the end of what a process printed, enough to see why it failed.
func tail(text string) string {
	const most = 2000
	return strings.TrimSpace(text[max(0, len(text)-most):])
}
