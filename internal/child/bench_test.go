package child_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"testing"

	"lathe/internal/child"
)

// BenchmarkStart is a child from its start to its end.
func BenchmarkStart(b *testing.B) {
	s := child.NewSupervisor(child.Options{})
	defer s.Stop()
	for b.Loop() {
		if err := s.Run(b.Context(), child.Job{Kind: "echo", Spec: []string{}}, child.Handler{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkInput is 64 MiB down to a child that takes their checksum.
func BenchmarkInput(b *testing.B) {
	s := child.NewSupervisor(child.Options{})
	defer s.Stop()
	data := bytes.Repeat([]byte("lathe...."), 64<<20/9)
	in := child.Input{Name: "in", Open: func(context.Context) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(data)), nil
	}}
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if err := s.Run(b.Context(), child.Job{Kind: "echo", Spec: []string{"in"}, Inputs: []child.Input{in}}, child.Handler{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkStream is three streams of 800 kB up.
func BenchmarkStream(b *testing.B) {
	s := child.NewSupervisor(child.Options{})
	defer s.Stop()
	discard := func(_ string, _ json.RawMessage, r io.Reader) error {
		_, err := io.Copy(io.Discard, r)
		return err
	}
	for b.Loop() {
		if err := s.Run(b.Context(), child.Job{Kind: "stream"}, child.Handler{Stream: discard}); err != nil {
			b.Fatal(err)
		}
	}
}
