package seal

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"lathe"
)

// history drives a keyring through everything that writes and keeps what was acknowledged.
type history struct {
	project, subject map[string]Key
	derived          Key
	destroyedProject bool // DestroyProject("gone") returned nil
	destroyedSubject bool
}

// run stops at the first error, as a caller would, and gives it.
func (h *history) run(dir string, disk Disk) error {
	root := KeyFile(filepath.Join(dir, "root.key"))
	k, err := Unlock(dir, root, Options{Disk: disk, Clock: fixedClock, Create: true})
	if err != nil {
		return err
	}
	h.derived = k.Derive("database")
	steps := []func() error{
		func() error { return h.addProject(k, "kept") },
		func() error { return h.addProject(k, "gone") },
		func() error { return h.addSubject(k, "ada") },
		func() error { return h.addSubject(k, "bob") },
		func() error { _, err := k.SubjectKey("gone", "cleo"); return err },
		func() error { return k.RotateRoot(root) },
		func() error { return h.addProject(k, "late") },
		func() error { err := k.DestroySubject("kept", "ada"); h.destroyedSubject = err == nil; return err },
		func() error { err := k.DestroyProject("gone"); h.destroyedProject = err == nil; return err },
		func() error { return k.RotateRoot(root) },
	}
	for i, step := range steps {
		if err := step(); err != nil {
			return fmt.Errorf("step %d: %w", i, err)
		}
	}
	return nil
}

func (h *history) addProject(k *Keyring, name string) error {
	key, err := k.ProjectKey(lathe.Project(name))
	if err == nil {
		h.project[name] = key
	}
	return err
}

func (h *history) addSubject(k *Keyring, name string) error {
	key, err := k.SubjectKey("kept", name)
	if err == nil {
		h.subject[name] = key
	}
	return err
}

// check opens the keyring on a sound disk: what was acknowledged is there, what was destroyed is not.
func (h *history) check(t *testing.T, dir string) {
	t.Helper()
	k, err := Unlock(dir, KeyFile(filepath.Join(dir, "root.key")), Options{Create: true})
	if err != nil {
		t.Fatalf("unlock after the fault: %v", err)
	}
	if h.derived != (Key{}) && k.Derive("database") != h.derived {
		t.Error("the system key changed")
	}
	for name, key := range h.project {
		got, err := k.ProjectKey(lathe.Project(name))
		if name == "gone" && errors.Is(err, ErrDestroyed) { // asked for, perhaps not acknowledged
			continue
		}
		if err != nil || got != key || (name == "gone" && h.destroyedProject) {
			t.Errorf("project %s: %v", name, err)
		}
	}
	for name, key := range h.subject {
		got, err := k.SubjectKey("kept", name)
		if name == "ada" && errors.Is(err, ErrDestroyed) {
			continue
		}
		if err != nil || got != key || (name == "ada" && h.destroyedSubject) {
			t.Errorf("subject %s: %v", name, err)
		}
	}
	for project := range k.DestroyedProjects() {
		if _, err := os.Stat(k.subjectDir(project)); err == nil {
			t.Errorf("subject slots of %s outlived it", project)
		}
	}
	h.checkRemains(t, dir)
}

// checkRemains looks for temporary files: one may hold a slot that was destroyed since.
func (h *history) checkRemains(t *testing.T, dir string) {
	t.Helper()
	for path := range snapshot(t, dir) {
		if strings.HasPrefix(filepath.Base(path), tempPrefix) && filepath.Dir(path) == dir || strings.HasSuffix(path, nextSuffix) {
			t.Errorf("left behind: %s", path)
		}
	}
}

func newHistory() *history { return &history{project: map[string]Key{}, subject: map[string]Key{}} }

// TestFaultAtEveryStep fails each step of the whole history once: with a full disk, and as a crash after which nothing
// more reaches the disk.
func TestFaultAtEveryStep(t *testing.T) {
	total := 0
	if err := newHistory().run(filepath.Join(t.TempDir(), "keys"), OS{lazy: true, Fault: func(string, string) error { total++; return nil }}); err != nil {
		t.Fatal(err)
	}
	if total < 80 {
		t.Fatalf("only %d steps", total)
	}
	for _, crash := range []bool{false, true} {
		for n := 1; n <= total; n++ {
			dir, count := filepath.Join(t.TempDir(), "keys"), 0
			disk := OS{lazy: true, Fault: func(step, path string) error {
				if count++; count == n || crash && count > n {
					return fmt.Errorf("%s: %w", step, syscall.ENOSPC)
				}
				return nil
			}}
			h := newHistory()
			err := h.run(dir, disk)
			if !crash && lathe.CodeOf(err) != lathe.CodeStorageFull || crash && err == nil {
				t.Fatalf("fault at step %d (crash %v): %v", n, crash, err)
			}
			h.check(t, dir)
			if t.Failed() {
				t.Fatalf("after a fault at step %d of %d (crash %v): %v", n, total, crash, err)
			}
		}
	}
}

// TestFaultThenRetry goes on in the same process after a fault, as a service does when space returns.
func TestFaultThenRetry(t *testing.T) {
	for n := 1; n <= 60; n++ {
		dir, count := filepath.Join(t.TempDir(), "keys"), 0
		root := KeyFile(filepath.Join(dir, "root.key"))
		k := unlock(t, dir, root, true)
		k.disk = OS{lazy: true, Fault: func(string, string) error {
			if count++; count == n {
				return syscall.EIO
			}
			return nil
		}}
		retry := func(f func() error) {
			t.Helper()
			if err := f(); err != nil {
				if err := f(); err != nil {
					t.Fatalf("fault %d: the second try failed too: %v", n, err)
				}
			}
		}
		h := newHistory()
		h.derived = k.Derive("database")
		retry(func() error { return h.addProject(k, "kept") })
		retry(func() error { return k.RotateRoot(root) })
		retry(func() error { return h.addSubject(k, "ada") })
		retry(func() error { return k.RotateRoot(root) })
		retry(func() error { return h.addProject(k, "late") })
		retry(func() error { return k.DestroySubject("kept", "ada") })
		h.destroyedSubject = true
		h.checkRemains(t, dir)
		h.check(t, dir)
	}
}

// TestRotateTwice fails one rotation at every step and dies at every step of the next: the first may have reached the
// disk without the process knowing, and the second must not overwrite the only root key that opens it.
func TestRotateTwice(t *testing.T) {
	for n := 1; n <= 27; n++ {
		for m := 1 + n%3; m <= 27; m += 3 {
			dir, count, dead := filepath.Join(t.TempDir(), "keys"), 0, false
			root := KeyFile(filepath.Join(dir, "root.key"))
			k := must[*Keyring](t)(Unlock(dir, root, Options{Disk: OS{lazy: true}, Create: true}))
			h := newHistory()
			if err := h.addProject(k, "kept"); err != nil {
				t.Fatal(err)
			}
			k.disk = OS{lazy: true, Fault: func(string, string) error {
				if count++; count == n && !dead || dead && count > m {
					return syscall.EIO
				}
				return nil
			}}
			first := k.RotateRoot(root)
			count, dead = 0, true
			second := k.RotateRoot(root)
			if h.check(t, dir); t.Failed() {
				t.Fatalf("fault at %d, crash at %d: %v, %v", n, m, first, second)
			}
		}
	}
}

// TestWriteOrder pins the order that makes a write durable: the bytes before the name, the name before the answer.
func TestWriteOrder(t *testing.T) {
	var steps []string
	disk := OS{Fault: func(step, _ string) error { steps = append(steps, step); return nil }}
	path := filepath.Join(t.TempDir(), "new", "file")
	for _, want := range []string{"mkdir syncdir create write sync rename syncdir", "create write sync rename syncdir"} {
		steps = nil
		if err := disk.WriteFile(path, []byte("x")); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(steps, " "); got != want {
			t.Errorf("steps %q, want %q", got, want)
		}
	}
	if err := disk.Remove(path + ".none"); err != nil {
		t.Error(err)
	}
}

// TestKill kills a process that makes keys, 15 times, and checks each key that it had reported. The killed process is
// this test's own binary.
func TestKill(t *testing.T) {
	if dir := os.Getenv("SEAL_KILL_DIR"); dir != "" {
		killVictim(dir)
		return
	}
	dir := filepath.Join(t.TempDir(), "keys")
	seen := map[string]string{}
	for round := range 15 {
		runVictim(t, dir, round%4+1, seen)
		k := unlock(t, dir, KeyFile(filepath.Join(dir, "root.key")), true)
		for name, want := range seen {
			key := must[Key](t)(k.ProjectKey(lathe.Project(name)))
			if got := Name(key, nil); got != want {
				t.Fatalf("round %d: project %s lost its key", round, name)
			}
		}
	}
	if len(seen) < 15 {
		t.Fatalf("only %d keys were made", len(seen))
	}
}

// killVictim makes keys and rotates until it is killed, reporting each after it is durable.
func killVictim(dir string) {
	root := KeyFile(filepath.Join(dir, "root.key"))
	k, err := Unlock(dir, root, Options{Create: true})
	for i := 0; err == nil; i++ {
		name := fmt.Sprintf("p%d-%d", os.Getpid(), i)
		var key Key
		if key, err = k.ProjectKey(lathe.Project(name)); err == nil {
			fmt.Printf("made %s %s\n", name, Name(key, nil))
			err = k.RotateRoot(root)
		}
	}
	fmt.Println("failed", err)
}

// runVictim kills the victim after it reported n keys; where in its next writes it is then differs from run to run.
func runVictim(t *testing.T, dir string, n int, seen map[string]string) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestKill$")
	cmd.Env = append(os.Environ(), "SEAL_KILL_DIR="+dir)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for made := 0; lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) != 3 || fields[0] != "made" {
			t.Fatalf("victim: %s", lines.Text())
		}
		seen[fields[1]] = fields[2]
		if made++; made == n {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil {
		t.Fatal("the victim ended by itself")
	}
}
