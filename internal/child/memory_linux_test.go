//go:build linux && !race

package child_test

import (
	"errors"
	"testing"

	"lathe/internal/child"
)

// The kernel refuses memory beyond the limit; the report says so.
func TestMemoryHog(t *testing.T) {
	s := start(t, child.Options{Limits: map[string]child.Limits{"hog": {Memory: 64 << 20}}})
	var got record
	err := s.Run(t.Context(), child.Job{Kind: "hog"}, got.handler())
	var crash *child.CrashError
	if !errors.As(err, &crash) {
		t.Fatalf("got %v", err)
	}
	if !crash.OutOfMemory || err.Error() != "child: hog: ran out of memory, limit 64 MiB" {
		t.Fatalf("got %v\n%.2000s", err, crash.Stderr)
	}
	if n := len(got.lines); n < 64/8 || n > 256/8 {
		t.Errorf("it got %d MiB, want from 64 to 256", n*8)
	}
}
