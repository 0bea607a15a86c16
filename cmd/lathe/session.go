package main

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"lathe"
	"lathe/internal/app"
	"lathe/internal/client"
	"lathe/internal/guard"
)

// session is one command's way to a service: its client, its output, and the service itself where the command had to
// start one.
type session struct {
	*client.Client
	*output
	own *app.App
}

// withSession runs f with a session and ends it. Without a service on the home's socket one is started in this process;
// it serves until its last client has left.
func withSession(cmd *cobra.Command, o *options, f func(ctx context.Context, s *session) error) error {
	ctx := cmd.Context()
	s, err := connect(ctx, cmd, o)
	if err != nil {
		return err
	}
	err = f(ctx, s)
	s.Close()
	if s.own != nil {
		err = errors.Join(err, s.own.Linger(ctx))
	}
	return err
}

func connect(ctx context.Context, cmd *cobra.Command, o *options) (*session, error) {
	s := &session{output: newOutput(cmd, o)}
	if o.url != "" {
		c, err := client.URL(o.url, o.key, o.project)
		s.Client = c
		return s, err
	}
	const tries = 300 // another command may be about to listen, or to leave
	for try := 0; ; try++ {
		if alive(ctx, app.Socket(o.home)) {
			break
		}
		own, err := app.Start(ctx, app.Options{Home: o.home, Quiet: true})
		if err == nil {
			s.own = own
			break
		}
		if !errors.Is(err, app.ErrInUse) || try == tries {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
	key, err := ownerKey(o)
	if err != nil {
		if s.own != nil {
			err = errors.Join(err, s.own.Close())
		}
		return nil, err
	}
	s.Client = client.Unix(app.Socket(o.home), key, o.project)
	return s, nil
}

// alive tells whether something accepts connections on the socket.
func alive(ctx context.Context, socket string) bool {
	conn, err := (&net.Dialer{Timeout: 2 * time.Second}).DialContext(ctx, "unix", socket)
	if err != nil {
		return false
	}
	return conn.Close() == nil
}

// ownerKey is the key that was given, or the home's.
func ownerKey(o *options) (string, error) {
	if o.key != "" {
		return o.key, nil
	}
	data, err := os.ReadFile(filepath.Join(o.home, "owner.key"))
	if errors.Is(err, fs.ErrNotExist) {
		return "", lathe.Errorf(lathe.CodeUnauthenticated, "the home %q has no owner.key", o.home).
			WithHint("give a key with --key or LATHE_KEY")
	}
	if err != nil {
		return "", lathe.Errorf(lathe.CodeUnauthenticated, "the owner's key cannot be read: %w", err).
			WithHint("give a key with --key or LATHE_KEY")
	}
	key := strings.TrimSpace(string(data))
	if !guard.IsKey(key) {
		return "", app.OwnerKeyDamaged(filepath.Join(o.home, "owner.key"))
	}
	return key, nil
}
