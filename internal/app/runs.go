package app

import (
	"context"
	"encoding/json"
	"fmt"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	"lathe"
	"lathe/internal/task/tabular"
)

// running is lathe.RunService: it checks what is asked, and lets others watch what happens.
type running struct {
	lathe.RunStore
	data   lathe.DatasetStore
	models lathe.ModelStore
	hub    *hub
}

// Train implements lathe.RunService.
func (s *running) Train(ctx context.Context, project lathe.Project, spec lathe.TrainSpec) (lathe.Run, error) {
	version, err := s.data.FindDatasetVersion(ctx, project, spec.Dataset, spec.DatasetVersion)
	if err != nil {
		return lathe.Run{}, err
	}
	spec.DatasetVersion = version.Number
	if err := checkColumns(version, spec.Target); err != nil {
		return lathe.Run{}, err
	}
	if spec.Name == "" {
		spec.Name = spec.Dataset
	}
	if err := lathe.CheckName("name", spec.Name); err != nil {
		return lathe.Run{}, err
	}
	if spec, err = tabular.Resolve(spec); err != nil {
		return lathe.Run{}, err
	}
	if err := s.sameTarget(ctx, project, spec); err != nil {
		return lathe.Run{}, err
	}
	text, err := json.Marshal(spec)
	if err != nil {
		return lathe.Run{}, fmt.Errorf("app: train: %w", err)
	}
	return s.CreateRun(ctx, project, lathe.Run{Kind: lathe.RunTrain, Spec: text})
}

// sameTarget keeps a model's versions comparable: one that predicts something else needs a name of its own, or the next
// deploy would change what an endpoint answers.
func (s *running) sameTarget(ctx context.Context, project lathe.Project, spec lathe.TrainSpec) error {
	model, err := s.models.FindModel(ctx, project, spec.Name)
	if lathe.CodeOf(err) == lathe.CodeNotFound {
		return nil
	}
	if err != nil {
		return err
	}
	newest, err := s.models.FindModelVersion(ctx, project, spec.Name, strconv.Itoa(model.Version))
	if err != nil {
		return err
	}
	var m struct {
		Target string `json:"target"`
	}
	if err := json.Unmarshal(newest.Manifest, &m); err != nil || m.Target == spec.Target {
		return err
	}
	return lathe.Errorf(lathe.CodeConflict, "app: train: model %q predicts %q, not %q", spec.Name, m.Target, spec.Target).
		WithField("name").WithHint("give the new model a name of its own: --name %s-%s", spec.Name, spec.Target)
}

// checkColumns refuses a target that the dataset lacks before anything is queued.
func checkColumns(version lathe.DatasetVersion, target string) error {
	names := make([]string, 0, len(version.Columns))
	for _, c := range version.Columns {
		if c.Name == target {
			return nil
		}
		names = append(names, c.Name)
	}
	sort.Strings(names)
	if len(names) > 20 {
		names = append(names[:20], "...")
	}
	message := fmt.Sprintf("dataset %q has no column %q", version.Dataset, target)
	if target == "" {
		message = "no target column was named"
	}
	return lathe.Errorf(lathe.CodeInvalid, "app: train: %s", message).WithField("target").
		WithHint("name one of: %s", strings.Join(names, ", "))
}

// WatchRun implements lathe.RunService.
func (s *running) WatchRun(ctx context.Context, project lathe.Project, id string, after int64, each func(lathe.Event) error) error {
	for {
		wake := s.hub.wait(project, id)
		run, err := s.FindRun(ctx, project, id)
		if err != nil {
			return err
		}
		if after, err = s.replay(ctx, project, id, after, each); err != nil {
			return err
		}
		if run.State.Final() && after >= run.Seq {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-wake:
		case <-time.After(2 * time.Second): // another process may have written
		}
	}
}

// replay hands out what is stored after a seq and returns the newest seq.
func (s *running) replay(ctx context.Context, project lathe.Project, id string, after int64, each func(lathe.Event) error) (int64, error) {
	const page = 500
	for {
		events, err := s.FindEvents(ctx, project, id, after, page)
		if err != nil {
			return after, err
		}
		for _, e := range events {
			if err := each(e); err != nil {
				return after, err
			}
			after = e.Seq
		}
		if len(events) < page {
			return after, nil
		}
	}
}

// hub wakes those who watch a run when something was committed to it.
type hub struct {
	mu      sync.Mutex
	waiting map[runKey]chan struct{}
}

type runKey struct {
	project lathe.Project
	id      string
}

func newHub() *hub { return &hub{waiting: map[runKey]chan struct{}{}} }

// wait gives a channel that is closed at the next notify. Take it before looking, so that nothing falls between.
func (h *hub) wait(project lathe.Project, id string) <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	key := runKey{project, id}
	if h.waiting[key] == nil {
		h.waiting[key] = make(chan struct{})
	}
	return h.waiting[key]
}

// notify wakes everyone who waits for the run.
func (h *hub) notify(project lathe.Project, id string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	key := runKey{project, id}
	if wake := h.waiting[key]; wake != nil {
		delete(h.waiting, key)
		close(wake)
	}
}
