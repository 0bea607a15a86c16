package queue_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"lathe"
	"lathe/internal/queue"
)

// TestMain turns the test binary into the process that TestKill kills.
func TestMain(m *testing.M) {
	if path := os.Getenv("LATHE_TEST_VICTIM"); path != "" {
		victim(path, os.Getenv("LATHE_TEST_CLAIM") == "1")
		return
	}
	os.Exit(m.Run())
}

// victim queues a run, works on it and hangs, after the claim or before it.
func victim(path string, claim bool) {
	t := &testing.T{} // failures show as an early exit
	h := open(t, path, queue.Options{})
	h.create(t, 2)
	err := h.queue.Start(ctx, func(ctx context.Context, p lathe.Project, id string) error {
		if claim {
			_, _, err := h.store.ClaimRun(ctx, p, id, "victim", time.Hour)
			must(t, err)
		}
		fmt.Println(id)
		select {}
	})
	must(t, err)
	select {}
}

// TestKill: the process dies with kill -9 while it works; the next start works on the same run again, once, and on the
// one that waited.
func TestKill(t *testing.T) {
	for name, claim := range map[string]string{"after the claim": "1", "before the claim": "0"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "lathe.db")
			id := runVictim(t, path, claim)
			h := open(t, path, queue.Options{})
			defer func() { must(t, h.db.Close()) }()
			lost, err := h.store.RequeueLost(ctx, "survivor")
			must(t, err)
			if want := map[string]int{"1": 1, "0": 0}[claim]; len(lost) != want || want == 1 && lost[0].ID != id {
				t.Errorf("%d runs were lost, want %d", len(lost), want)
			}
			worked := make(chan string, 10)
			must(t, h.queue.Start(ctx, func(ctx context.Context, p lathe.Project, id string) error {
				done, err := h.finish(ctx, p, id)
				if done {
					worked <- id
				}
				return err
			}))
			if first := <-worked; first != id {
				t.Errorf("worked on %s first, want %s", first, id)
			}
			<-worked
			must(t, h.queue.Stop(ctx))
			if len(worked) > 0 {
				t.Errorf("%s was worked on once more", <-worked)
			}
			if n := h.jobs(t, "completed"); n != 2 {
				t.Errorf("%d jobs completed, want 2", n)
			}
		})
	}
}

// runVictim starts the victim, kills it while it works and gives the id of its run.
func runVictim(t *testing.T, path, claim string) string {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "LATHE_TEST_VICTIM="+path, "LATHE_TEST_CLAIM="+claim)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	line := bufio.NewScanner(out)
	if !line.Scan() {
		t.Fatalf("the victim said nothing: %v", cmd.Wait())
	}
	id := line.Text()
	must(t, cmd.Process.Kill())
	if err := cmd.Wait(); err == nil {
		t.Fatal("the victim ended by itself")
	}
	return id
}
