// Package torture kills, stops, floods and starves the real binary, and looks at what is left.
//
// The short forms run with all tests; with the build tag torture hundreds of kills follow. Nothing here passes or fails by
// the clock: time-outs only keep a hanging service from hanging the tests, and times are printed.
package torture

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"testing"
)

// binary is the product, built for these tests.
var binary string

func TestMain(m *testing.M) {
	code, err := build(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// build makes the binary with the tags of this test and runs the tests.
func build(m *testing.M) (code int, err error) {
	dir, err := os.MkdirTemp("", "lathe-torture-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "lathe")
	args := []string{"build", "-o", binary}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "-tags" {
				args = append(args, "-tags", s.Value)
			}
		}
	}
	out, err := exec.Command("go", append(args, "lathe/cmd/lathe")...).CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("torture: build: %w: %s", err, out)
	}
	return m.Run(), nil
}
