package torture

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"lathe"
	"lathe/internal/client"
	"lathe/samples"
)

// TestSecondService starts a service in a home that has one: it is refused with a way out, and the first goes on.
func TestSecondService(t *testing.T) {
	s := up(t, newHome(t))
	_, stderr, code := invoke(t, s.home, "up", "--addr", "127.0.0.1:0")
	want := fmt.Sprintf("held by process %d", s.cmd.Process.Pid)
	if code != 1 || !strings.Contains(stderr, "lathe: error: ") || !strings.Contains(stderr, want) || !strings.Contains(stderr, "lathe: hint: ") {
		t.Errorf("exit code %d, %s", code, stderr)
	}
	s.healthy()
	if code := s.terminate(); code != 0 {
		t.Errorf("exit code %d; the log: %s", code, s.log.text())
	}
	if _, err := os.Stat(filepath.Join(s.home, "owner.key")); err != nil {
		t.Error(err)
	}
}

// TestCommandsTogether starts eight commands at once where there is neither service nor home: one of them serves, the
// others are its clients, and all succeed.
func TestCommandsTogether(t *testing.T) {
	home := newHome(t)
	file := filepath.Join(filepath.Dir(home), "penguins.csv")
	must(t, os.WriteFile(file, samples.Penguins, 0o600))
	for round := range 3 {
		var group sync.WaitGroup
		for i := range 8 {
			group.Go(func() {
				_, stderr, code := invoke(t, home, "data", "add", file, fmt.Sprintf("p%d-%d", round, i))
				if code != 0 {
					t.Errorf("exit code %d: %s", code, stderr)
				}
			})
		}
		group.Wait()
	}
	s := up(t, home)
	var list struct{ Items []lathe.Dataset }
	s.do(http.MethodGet, client.Path("datasets"), nil, &list)
	if len(list.Items) != 24 {
		t.Errorf("%d datasets", len(list.Items))
	}
	s.healthy()
}
