package child

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
)

// probeKind is the one kind that every binary can do: it tries what a child must not be able to do.
const probeKind = "probe"

// Probe starts a child that reports what of the lockdown does not hold on this machine: what it could not give up, and
// what it could still do when it tried. An empty list is the good answer. It is for `lathe doctor`.
func (s *Supervisor) Probe(ctx context.Context) ([]Gap, error) {
	gaps := []Gap{}
	event := func(_ string, data json.RawMessage) error {
		var got []Gap
		if err := json.Unmarshal(data, &got); err != nil {
			return fmt.Errorf("child: probe: %w", err)
		}
		gaps = append(gaps, got...)
		return nil
	}
	err := s.Run(ctx, Job{Kind: probeKind, Spec: struct{}{}}, Handler{Event: event})
	return gaps, err
}

// attempts are what must fail, each with the gap that it is when it does not.
var attempts = []struct {
	gap string
	try func() error
}{
	{"network", func() error { return closing(net.Listen("tcp", "127.0.0.1:0")) }},
	{"network", func() error { return closing(net.Dial("udp", "127.0.0.1:9")) }},
	{"files", func() error { return closing(os.Open(os.DevNull)) }},
	{"exec", func() error { return refused(syscall.Exec(nowhere, nil, nil)) }},
	{"processes", func() error {
		_, err := syscall.ForkExec(nowhere, nil, nil)
		return refused(err)
	}},
}

// nowhere is a program that cannot be: to try it is harmless where it is allowed.
const nowhere = "/dev/null/nowhere"

// refused keeps the one error that a filter gives; all others mean that the kernel went on and looked for the file.
func refused(err error) error {
	if errors.Is(err, syscall.EPERM) {
		return err
	}
	return nil
}

// closing closes what should not have opened.
func closing(c interface{ Close() error }, err error) error {
	if err == nil {
		return c.Close()
	}
	return err
}

func probe(_ context.Context, c *Conn) error {
	found := append([]Gap{}, c.gaps...)
	for _, a := range attempts {
		if err := a.try(); err == nil {
			found = append(found, Gap{Name: a.gap, Why: "a child that tried it succeeded"})
		}
	}
	return c.Event("gaps", found)
}
