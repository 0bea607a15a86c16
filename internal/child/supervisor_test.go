package child_test

import (
	"context"
	"encoding/json"
	"testing"

	"lathe/internal/child"
)

func TestSmoke(t *testing.T) {
	s := child.NewSupervisor(child.Options{})
	defer s.Stop()
	for n := range acts {
		err := s.Run(context.Background(), child.Job{Kind: "try", Spec: n}, child.Handler{Event: func(kind string, data json.RawMessage) error {
			t.Log(n, kind, string(data))
			return nil
		}})
		t.Log(err)
	}
	for _, k := range []string{"problem", "internal", "panic", "exit", "segv", "flood", "close", "environ", "hog"} {
		err := s.Run(context.Background(), child.Job{Kind: k}, child.Handler{Event: func(kind string, data json.RawMessage) error {
			t.Log(k, kind, string(data))
			return nil
		}})
		t.Log(k, err)
	}
	t.Log(s.Probe(context.Background()))
}
