package disk

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"lathe"
)

// TestMain plays the other process when asked to: it takes the lock, says so, and dies with its input.
func TestMain(m *testing.M) {
	path := os.Getenv("DISK_TEST_LOCK")
	if path == "" {
		os.Exit(m.Run())
	}
	if _, err := TakeLock(path); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("locked")
	bufio.NewReader(os.Stdin).ReadString('\n') //nolint:errcheck // the end of input is the signal
}

func TestLockNamesHolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), "DISK_TEST_LOCK="+path)
	_, err := child.StdinPipe() // held open until Wait closes it
	must(t, err)
	stdout, err := child.StdoutPipe()
	must(t, err)
	must(t, child.Start())
	line, err := bufio.NewReader(stdout).ReadString('\n')
	must(t, err)
	if line != "locked\n" {
		t.Fatalf("child: %s", line)
	}
	_, err = TakeLock(path)
	want := fmt.Sprintf("held by process %d", child.Process.Pid)
	if lathe.CodeOf(err) != lathe.CodeConflict || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
	must(t, child.Process.Kill())
	if err := child.Wait(); err == nil {
		t.Error("the child was not killed")
	}
	lock, err := TakeLock(path)
	must(t, err)
	must(t, lock.Close())
}

func TestLockInOneProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	lock, err := TakeLock(path)
	must(t, err)
	if _, err := TakeLock(path); lathe.CodeOf(err) != lathe.CodeConflict {
		t.Errorf("second lock: %v", err)
	}
	if got := Holder(path); got != os.Getpid() {
		t.Errorf("holder %d, want %d", got, os.Getpid())
	}
	must(t, lock.Close())
	if got := Holder(path); got != 0 {
		t.Errorf("holder %d after close", got)
	}
	again, err := TakeLock(path)
	must(t, err)
	must(t, again.Close())
}
