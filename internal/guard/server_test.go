package guard

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"lathe"
)

// serve runs a gate's server on loopback until the test ends.
func (w *world) serve(t *testing.T, edit func(*http.Server)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := w.gate.Server()
	if edit != nil {
		edit(s)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

// TestServerLimits: the limits that keep 10,000 slow connections cheap are set, and none is longer than promised.
func TestServerLimits(t *testing.T) {
	s := newWorld(t).gate.Server()
	if s.ReadHeaderTimeout <= 0 || s.ReadHeaderTimeout > 10*time.Second || s.IdleTimeout <= 0 || s.IdleTimeout > 10*time.Second ||
		s.ReadTimeout <= 0 || s.ReadTimeout > 10*time.Second || s.WriteTimeout <= 0 || s.MaxHeaderBytes > 32<<10 {
		t.Errorf("%+v", s)
	}
}

func TestHugeHeader(t *testing.T) {
	w := newWorld(t)
	w.gate.Handle("GET /open", Need{Open: true}, http.HandlerFunc(ok))
	conn, err := net.Dial("tcp", w.serve(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	go func() { // the server stops reading before all is sent
		_, _ = fmt.Fprintf(conn, "GET /open HTTP/1.1\r\nHost: localhost\r\nX: %s\r\n\r\n", strings.Repeat("a", 1<<20))
	}()
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil || !strings.Contains(line, "431") {
		t.Errorf("%q, %v", line, err)
	}
}

// TestSlowBody: a body that stops coming ends the request. The server's time-out is shortened; the test waits for the
// answer, however long it takes.
func TestSlowBody(t *testing.T) {
	w := newWorld(t)
	got := make(chan error, 1)
	w.gate.Handle("POST /b", Need{Open: true}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := ReadBody(r)
		got <- err
		if err != nil {
			Fail(w, r, err)
		}
	}))
	address := w.serve(t, func(s *http.Server) { s.ReadTimeout = 50 * time.Millisecond })
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "POST /b HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nabc"); err != nil {
		t.Fatal(err)
	}
	if err := <-got; lathe.CodeOf(err) != lathe.CodeCancelled {
		t.Errorf("%v", err)
	}
	if rest, err := io.ReadAll(conn); err != nil || !strings.Contains(string(rest), "Connection: close") && !strings.Contains(string(rest), "499") {
		t.Errorf("%q, %v", rest, err)
	}
}

// TestSurplus: a client that sends all of a body that is too large before it reads still learns the reason.
func TestSurplus(t *testing.T) {
	w := newWorld(t)
	w.gate.Handle("POST /b", Need{Open: true, Body: 10}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := ReadBody(r)
		Fail(w, r, err)
	}))
	w.gate.Handle("POST /key", Need{Verb: lathe.VerbRead, Body: 1 << 30}, http.HandlerFunc(ok))
	address := w.serve(t, nil)
	for head, status := range map[string]string{
		"b HTTP/1.1\r\nContent-Length: 33554432\r\n\r\n": "413", "b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2000000\r\n": "413",
		"key HTTP/1.1\r\nContent-Length: 33554432\r\n\r\n": "401",
	} {
		head = strings.Replace(head, "\r\n", "\r\nHost: localhost\r\n", 1)
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, "POST /"+head+strings.Repeat("x", 32<<20)); err != nil {
			t.Fatal(err)
		}
		line, err := bufio.NewReader(conn).ReadString('\n')
		if err != nil || !strings.Contains(line, status) {
			t.Errorf("%q, %v", line, err)
		}
	}
}

// TestLongHandler: once the body is through, the server's time-out for reading does not end the request.
func TestLongHandler(t *testing.T) {
	w := newWorld(t)
	release := make(chan struct{})
	w.gate.Handle("POST /b", Need{Open: true}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := ReadBody(r); err != nil {
			Fail(w, r, err)
			return
		}
		<-release
		if err := r.Context().Err(); err != nil {
			Fail(w, r, err)
			return
		}
		ok(w, r)
	}))
	address := w.serve(t, func(s *http.Server) { s.ReadTimeout = 20 * time.Millisecond })
	for _, body := range []string{"", "abc"} {
		time.AfterFunc(100*time.Millisecond, func() { release <- struct{}{} })
		res, err := http.Post("http://"+address+"/b", "text/plain", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if res.Body.Close(); res.StatusCode != 200 {
			t.Errorf("%q: %d", body, res.StatusCode)
		}
	}
}

// TestRevokedStream: over a real connection, an upload and downloads of a revoked key end, also where the handler does not look.
func TestRevokedStream(t *testing.T) {
	w := newWorld(t)
	started := make(chan struct{}, 3)
	ended := make(chan error, 3)
	w.gate.Handle("POST /up", Need{Verb: lathe.VerbRead, Stream: true, Body: 1 << 40}, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		started <- struct{}{}
		_, err := io.Copy(io.Discard, r.Body)
		ended <- err
	}))
	w.gate.Handle("GET /down", Need{Verb: lathe.VerbRead, Stream: true}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ok(w, r)
		started <- struct{}{}
		<-r.Context().Done()
		ended <- r.Context().Err()
	}))
	w.gate.Handle("GET /deaf", Need{Verb: lathe.VerbRead, Stream: true}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		started <- struct{}{}
		for {
			if _, err := w.Write(make([]byte, 1000)); err != nil {
				ended <- err
				return
			}
		}
	}))
	key, secret := w.key(t, "a", nil, lathe.Scope{Verb: lathe.VerbRead})
	address := w.serve(t, nil)
	for _, head := range []string{"POST /up HTTP/1.1\r\nContent-Length: 1000000\r\n", "GET /down HTTP/1.1\r\n", "GET /deaf HTTP/1.1\r\n"} {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, head+"Host: localhost\r\nAuthorization: Bearer "+secret+"\r\n\r\nabc"); err != nil {
			t.Fatal(err)
		}
		go func() { _, _ = io.Copy(io.Discard, conn) }() // until the server closes it
		<-started
	}
	if _, err := w.keys.RevokeKey(t.Context(), "a", key.ID); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		select {
		case err := <-ended:
			if err == nil {
				t.Error("ended without an error")
			}
		case <-time.After(20 * time.Second):
			t.Fatal("a stream goes on")
		}
	}
}

// TestSlowBodiesAreCheap: a client that claims a long body and sends none holds little memory. The bound is what 10,000
// slow connections may cost; it counts the clients' ends too.
func TestSlowBodiesAreCheap(t *testing.T) {
	const clients, each = 300, 32 << 10
	w := newWorld(t)
	entered := make(chan struct{}, clients)
	w.gate.Handle("POST /b", Need{Open: true}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		entered <- struct{}{}
		if _, err := ReadBody(r); err != nil {
			Fail(w, r, err)
		}
	}))
	address := w.serve(t, nil)
	used := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc + m.StackInuse)
	}
	before := used()
	for range clients {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := io.WriteString(conn, "POST /b HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\nabc"); err != nil {
			t.Fatal(err)
		}
	}
	for range clients {
		<-entered
	}
	if got := (used() - before) / clients; got > each {
		t.Errorf("%d bytes a connection", got)
	}
}
