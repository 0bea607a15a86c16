package torture

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lathe/samples"
)

// says checks what a command that must fail prints: what happened, and the way out.
func says(t *testing.T, home string, want []string, args ...string) {
	t.Helper()
	_, stderr, code := invoke(t, home, args...)
	if code != 1 || !strings.Contains(stderr, "lathe: hint: ") {
		t.Errorf("%v: exit code %d: %s", args, code, stderr)
	}
	for _, text := range want {
		if !strings.Contains(stderr, text) {
			t.Errorf("%v: %q is missing in: %s", args, text, stderr)
		}
	}
}

// works runs a command that must succeed.
func works(t *testing.T, home string, args ...string) string {
	t.Helper()
	stdout, stderr, code := invoke(t, home, args...)
	if code != 0 {
		t.Fatalf("%v: exit code %d: %s", args, code, stderr)
	}
	return stdout
}

func flip(t *testing.T, path string) {
	t.Helper()
	data, err := os.ReadFile(path)
	must(t, err)
	data[len(data)/2] ^= 0x20
	must(t, os.WriteFile(path, data, 0o600))
}

// TestDamageFromTheCommandLine damages an object, the database and owner.key, and walks the way out that the commands
// print.
func TestDamageFromTheCommandLine(t *testing.T) {
	home := newHome(t)
	dir := filepath.Dir(home)
	csv, backup := filepath.Join(dir, "penguins.csv"), filepath.Join(dir, "backup")
	must(t, os.WriteFile(csv, samples.Penguins, 0o600))
	works(t, home, "train", csv, "--target", samples.Target, "--recipe", "mlp", "--epochs", "2", "-q")
	works(t, home, "deploy", "penguins")
	works(t, home, "backup", backup)
	works(t, home, "doctor")

	objects, err := filepath.Glob(filepath.Join(home, "data", "blobs", "projects", "default", "*", "*"))
	must(t, err)
	if len(objects) < 2 {
		t.Fatalf("objects: %v", objects)
	}
	for _, path := range objects {
		flip(t, path)
	}
	says(t, home, []string{"blobs: ", filepath.Base(objects[0])[:12], "lathe restore"}, "doctor")
	works(t, home, "models", "ls")

	flip(t, filepath.Join(home, "data", "lathe.db"))
	says(t, home, []string{"lathe: error: ", "lathe.db: page ", "lathe restore"}, "models", "ls")
	says(t, home, []string{"lathe.db: page "}, "doctor")
	works(t, home, "restore", backup)
	works(t, home, "doctor")
	works(t, home, "predict", "penguins", csv, "--out", filepath.Join(dir, "out.csv"))

	owner := filepath.Join(home, "owner.key")
	flip(t, owner)
	says(t, home, []string{owner, "delete it"}, "models", "ls")
	must(t, os.Remove(owner))
	if out := works(t, home, "models", "ls"); !strings.Contains(out, "penguins") {
		t.Errorf("models: %s", out)
	}
	says(t, home, []string{"backup"}, "restore", csv)
}
