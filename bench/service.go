package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// service is a server that runs beside the benchmark.
type service struct {
	cmd   *exec.Cmd
	log   *os.File
	ended chan struct{}
	err   error // after ended
	url   string
	start time.Time
	ready time.Duration // from the process's start to the first 200
}

// serve starts a server and waits until url answers 200. Stop it.
func (w *world) serve(ctx context.Context, url string, limit time.Duration, name string, args ...string) (*service, error) {
	log, err := os.CreateTemp(w.work(""), "service-*.log")
	if err != nil {
		return nil, fmt.Errorf("serve: %w", err)
	}
	s := &service{cmd: command(context.WithoutCancel(ctx), name, args...), log: log, ended: make(chan struct{}), url: url}
	s.cmd.Stdout, s.cmd.Stderr = log, log
	s.start = time.Now()
	if err := s.cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("serve: %w", err), s.closeLog())
	}
	go func() {
		s.err = s.cmd.Wait()
		close(s.ended)
	}()
	if err := s.await(ctx, limit); err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return s, nil
}

// await asks every millisecond, on a new connection each time, as a load balancer would.
func (s *service) await(ctx context.Context, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for {
		if ask(ctx, client, s.url) {
			s.ready = time.Since(s.start)
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("serve: %s is not ready: %w: %s", s.url, ctx.Err(), s.printed())
		case <-s.ended:
			return fmt.Errorf("serve: %s ended: %w: %s", s.cmd.Path, s.err, s.printed())
		case <-time.After(time.Millisecond):
		}
	}
}

func ask(ctx context.Context, client *http.Client, url string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	answer, err := client.Do(request)
	if err != nil {
		return false
	}
	return answer.Body.Close() == nil && answer.StatusCode == http.StatusOK
}

// printed is the end of what the process printed so far.
func (s *service) printed() string {
	data, err := os.ReadFile(s.log.Name())
	if err != nil {
		return err.Error()
	}
	return tail(string(data))
}

// stop asks the process to end, and kills it when it does not within 20 s, which is an error.
func (s *service) stop() (err error) {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("serve: stop: %w", err)
	}
	select {
	case <-s.ended:
	case <-time.After(20 * time.Second):
		err = errors.Join(fmt.Errorf("serve: %s did not stop in 20 s: %s", s.cmd.Path, s.printed()), s.cmd.Process.Kill())
		<-s.ended
	}
	return errors.Join(err, s.closeLog())
}

func (s *service) closeLog() error {
	return errors.Join(s.log.Close(), os.Remove(s.log.Name()))
}

// freePort finds a port of the loopback that nobody listens on.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("port: %w", err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	return port, l.Close()
}
