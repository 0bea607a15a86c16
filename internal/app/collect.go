package app

import (
	"context"
	"time"

	"lathe"
	"lathe/internal/store"
)

// An object is durable before the row that names it, so one without a row may be about to get it. Only those that have
// been without one for longer than any upload, training or backup lasts are collected.
const (
	collectGrace = 48 * time.Hour
	collectEvery = time.Hour
)

// care does what has to be done now and then, until ctx ends.
func (a *App) care(ctx context.Context) {
	requeue, collect := time.NewTicker(leaseTTL), time.NewTicker(collectEvery)
	defer requeue.Stop()
	defer collect.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-requeue.C:
			// A run whose end could not be stored, as on a full disk, is taken up again.
			if _, err := a.store.RequeueExpired(ctx); err != nil {
				a.options.Log.Warn("lost runs were not queued again", "error", err)
			}
		case <-collect.C:
			if n, err := a.sweep(ctx); err != nil {
				a.options.Log.Warn("unused objects were not collected", "error", err)
			} else if n > 0 {
				a.options.Log.Info("unused objects collected", "objects", n)
			}
		}
	}
}

// sweep deletes what is old and unused. Objects are listed before references are read: one that got its row in between
// is then seen as used.
func (a *App) sweep(ctx context.Context) (n int, err error) {
	var old []store.BlobReference
	before := a.options.Clock().Add(-collectGrace)
	err = a.blobs.List(ctx, func(project lathe.Project, b lathe.Blob) error {
		if b.At.Before(before) {
			old = append(old, store.BlobReference{Project: project, Name: b.Name})
		}
		return ctx.Err()
	})
	if err != nil || len(old) == 0 {
		return 0, err
	}
	// Whoever is storing now may be about to name one of them; there is another hour.
	if !a.work.storing.TryLock() {
		return 0, nil
	}
	defer a.work.storing.Unlock()
	used, err := a.store.FindBlobReferences(ctx)
	if err != nil {
		return 0, err
	}
	for _, o := range old {
		if _, ok := used[o]; ok {
			continue
		}
		if err := a.blobs.Delete(ctx, o.Project, o.Name); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}
