//go:build torture

package torture

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"sort"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"lathe/internal/client"
	"lathe/samples"
)

// TestTortureConnections opens 10,000 connections that send nothing, or a header without an end: the service closes
// them all by itself, keeps answering others meanwhile, and pays little for each.
func TestTortureConnections(t *testing.T) {
	s := up(t, newHome(t))
	s.upload("penguins", samples.Penguins)
	s.finish(s.train("penguins", 2, nil).ID)
	s.do(http.MethodPut, client.Path("endpoints", "penguins"), map[string]any{"model": "penguins"}, nil)
	before, calm := resident(t, s.cmd.Process.Pid), s.latencies(300)
	const most = 10_000
	open := make([]net.Conn, 0, most)
	for i := range most {
		conn, err := net.Dial("tcp", s.addr)
		if errors.Is(err, syscall.EMFILE) {
			t.Fatalf("%d connections: raise the limit of open files: %v", i, err)
		}
		must(t, err)
		if i%2 == 0 {
			_, err = conn.Write([]byte("POST /predict HTTP/1.1\r\nHost: " + s.addr + "\r\nX-Slow: "))
			must(t, err)
		}
		open = append(open, conn)
	}
	during, busy := resident(t, s.cmd.Process.Pid), s.latencies(300)
	if each := (during - before) / most; each > 32<<10 {
		t.Errorf("%d bytes of memory a connection", each)
	}
	var group sync.WaitGroup
	for _, conn := range open {
		group.Go(func() {
			must(t, conn.SetReadDeadline(time.Now().Add(patience)))
			_, err := io.Copy(io.Discard, conn) // ends when the service closes it
			if errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error("a connection was not closed")
			}
			_ = conn.Close() // from this side, too
		})
	}
	group.Wait()
	s.healthy()
	t.Logf("%d connections: %d bytes of memory each; p99 of a prediction %v, before %v", most, (during-before)/most, busy, calm)
}

// latencies asks for predictions one after the other and gives the 99th percentile of their times.
func (s *service) latencies(n int) time.Duration {
	s.t.Helper()
	times := make([]time.Duration, n)
	for i := range times {
		began := time.Now()
		s.do(http.MethodPost, "/predict", []map[string]any{penguin}, nil)
		times[i] = time.Since(began)
	}
	sort.Slice(times, func(i, j int) bool { return times[i] < times[j] })
	return times[n*99/100]
}

// TestTortureOverload asks with 2,000 callers at once: each gets an answer, or is told to come back.
func TestTortureOverload(t *testing.T) {
	s := up(t, newHome(t))
	s.upload("penguins", samples.Penguins)
	s.finish(s.train("penguins", 2, nil).ID)
	s.do(http.MethodPut, client.Path("endpoints", "penguins"), map[string]any{"model": "penguins"}, nil)
	csv := "island,sex\n" + strings.Repeat("Biscoe,male\n", 2000)
	counts := map[int]int{}
	var mu sync.Mutex
	var group sync.WaitGroup
	for i := range 2000 {
		group.Go(func() {
			path, kind, body := "/predict", "application/json", `[{"island":"Biscoe"}]`
			if i%100 == 0 { // a child each
				path, kind, body = client.Path("models", "penguins", "versions", "1", "predictions"), "text/csv", csv
			}
			r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, "http://"+s.addr+path, strings.NewReader(body))
			must(t, err)
			r.Header.Set("Content-Type", kind)
			r.Header.Set("Authorization", "Bearer "+s.key())
			answer, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Errorf("no answer: %v", err)
				return
			}
			var data bytes.Buffer
			_, err = data.ReadFrom(answer.Body)
			if err != nil || answer.StatusCode >= 500 && answer.StatusCode != 503 || answer.StatusCode >= 429 && answer.Header.Get("Retry-After") == "" {
				t.Errorf("%d %v %s", answer.StatusCode, err, data.Bytes())
			}
			_ = answer.Body.Close() // read to its end
			mu.Lock()
			counts[answer.StatusCode]++
			mu.Unlock()
		})
	}
	group.Wait()
	http.DefaultClient.CloseIdleConnections()
	s.healthy()
	t.Logf("answers by status: %v", counts)
}
