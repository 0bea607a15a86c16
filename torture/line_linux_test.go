package torture

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"testing"

	"lathe"
	"lathe/internal/client"
)

// endless is a CSV file of five gigabytes whose second line does not end. It measures who reads it on the way.
type endless struct {
	mu      sync.Mutex
	s       *service
	head    string
	line    byte // what fills it
	sent    int64
	sampled int64
	most    map[string]int64 // peak memory, by who
}

const (
	endlessSize = 5 << 30
	sampleEvery = 4 << 20
)

// Read implements io.Reader.
func (e *endless) Read(p []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.sent >= endlessSize {
		return 0, io.EOF
	}
	if e.sent-e.sampled >= sampleEvery {
		e.sampled = e.sent
		e.sample()
	}
	n := copy(p, e.head)
	e.head = e.head[n:]
	for i := n; i < len(p); i++ {
		p[i] = e.line
	}
	e.sent += int64(len(p))
	return len(p), nil
}

func (e *endless) sample() {
	e.most["service"] = max(e.most["service"], peak(e.s.cmd.Process.Pid))
	for _, c := range e.s.children("ingest") {
		e.most["child"] = max(e.most["child"], peak(c.pid))
	}
}

// TestEndlessLine sends lines of five gigabytes: they are refused early, and nobody's memory grows with them.
func TestEndlessLine(t *testing.T) {
	s := up(t, newHome(t))
	for name, e := range map[string]*endless{
		"plain":  {head: "a,b\n", line: 'x'},
		"quoted": {head: "a,b\n1,\"", line: '\n'},
		"header": {head: "", line: 'h'},
	} {
		e.s, e.most = s, map[string]int64{}
		err := s.Send(context.Background(), http.MethodPost, client.Path("datasets", "endless"), "text/csv", e, nil)
		var known *lathe.Error
		if !errors.As(err, &known) || known.Code != lathe.CodeTooLarge || known.Hint == "" {
			t.Errorf("%s: %v", name, err)
		}
		e.mu.Lock() // the request's goroutine may still be reading
		e.sample()
		const most = 320 << 20 // the gate lets a client send 256 MiB more, so that it reads the refusal instead of a broken pipe
		if e.sent > 4*most || e.most["service"] > most || e.most["child"] > most || e.most["child"] == 0 {
			t.Errorf("%s: %d bytes were taken, peak memory %v", name, e.sent, e.most)
		}
		t.Logf("%s: refused after %d MiB; peak memory: service %d MiB, child %d MiB", name, e.sent>>20, e.most["service"]>>20, e.most["child"]>>20)
		e.mu.Unlock()
	}
	s.healthy()
}
