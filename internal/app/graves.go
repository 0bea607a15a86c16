package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"time"

	"lathe"
	"lathe/internal/app/native"
	"lathe/internal/child"
	"lathe/internal/disk"
	"lathe/internal/seal"
)

// graves remembers what was ended for good: erased rows, revoked keys. It lies in the keys folder, which no restore
// rolls back, and every start holds the database to it: what a backup brings back is ended again before anybody is
// served.
type graves struct {
	fs  disk.FS
	key seal.Key
	mu  sync.Mutex
	all []grave
}

// grave is one thing that stays ended: rows of one segment of one dataset, or an API key. A dataset that has the same
// rows by another way, because somebody added them again, is another dataset or another segment.
type grave struct {
	Project lathe.Project  `json:"project"`
	Dataset string         `json:"dataset,omitempty"`
	Created time.Time      `json:"created,omitzero"` // of the dataset
	Segment lathe.BlobName `json:"segment,omitzero"`
	Ordinal int            `json:"ordinal,omitempty"` // of the segment
	Rows    []int64        `json:"rows,omitempty"`
	Key     string         `json:"key,omitempty"`
}

const (
	gravesFile = keysDir + "/graves"
	maxGraves  = 256 << 20 // bytes of the file
)

var gravesPurpose = seal.Associate("graves", "1")

// openGraves reads the file; a home without one has nothing to remember.
func openGraves(f disk.FS, key seal.Key) (*graves, error) {
	g := &graves{fs: f, key: key}
	sealed, err := disk.ReadFile(f, gravesFile, maxGraves)
	if errors.Is(err, fs.ErrNotExist) {
		return g, nil
	}
	if err != nil {
		return nil, fmt.Errorf("app: graves: %w", err)
	}
	data, err := seal.Open(key, sealed, gravesPurpose)
	if err == nil {
		err = json.Unmarshal(data, &g.all)
	}
	if err != nil {
		return nil, lathe.Errorf(lathe.CodeCorrupt, "app: the file %s is damaged: %w", gravesFile, err).
			WithHint("%s", keysHint)
	}
	return g, nil
}

// add remembers more, durably before it returns. It comes before the deed: a crash in between ends too much on the next
// start, never too little.
func (g *graves) add(more ...grave) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	all := append(slices.Clone(g.all), more...)
	data, err := json.Marshal(all)
	if err != nil {
		return fmt.Errorf("app: graves: %w", err)
	}
	if err := disk.WriteFile(g.fs, gravesFile, seal.Seal(g.key, data, gravesPurpose)); err != nil {
		return err
	}
	g.all = all
	return nil
}

// buryKeys revokes again what a restore brought back.
func (g *graves) buryKeys(ctx context.Context, keys lathe.KeyStore) error {
	for _, dead := range g.all {
		if dead.Key == "" {
			continue
		}
		key, err := keys.FindKey(ctx, dead.Project, dead.Key)
		if err == nil && key.RevokedAt == nil {
			_, err = keys.RevokeKey(ctx, dead.Project, dead.Key)
		}
		if err != nil && lathe.CodeOf(err) != lathe.CodeNotFound {
			return err
		}
	}
	return nil
}

// mortalKeys is a lathe.KeyStore whose revocations outlive a restore.
type mortalKeys struct {
	lathe.KeyStore
	graves *graves
}

// RevokeKey implements lathe.KeyStore.
func (k mortalKeys) RevokeKey(ctx context.Context, project lathe.Project, id string) (lathe.Key, error) {
	if _, err := k.FindKey(ctx, project, id); err != nil {
		return lathe.Key{}, err
	}
	if err := k.graves.add(grave{Project: project, Key: id}); err != nil {
		return lathe.Key{}, err
	}
	return k.KeyStore.RevokeKey(ctx, project, id)
}

// buryRows erases again, in every dataset, the rows that a restore brought back.
func (h *holding) buryRows(ctx context.Context) error {
	type place struct {
		project lathe.Project
		dataset string
	}
	gone := map[place][]grave{}
	for _, dead := range h.graves.all {
		if dead.Dataset != "" {
			at := place{dead.Project, dead.Dataset}
			gone[at] = append(gone[at], dead)
		}
	}
	for at, dead := range gone {
		err := h.buryDataset(ctx, at.project, at.dataset, dead)
		if err != nil && lathe.CodeOf(err) != lathe.CodeNotFound {
			return err
		}
	}
	return nil
}

// buryDataset erases the rows that should be gone and are not.
func (h *holding) buryDataset(ctx context.Context, project lathe.Project, name string, dead []grave) error {
	dataset, err := h.FindDataset(ctx, project, name)
	if err != nil {
		return err
	}
	job, version, err := h.everything(ctx, project, name)
	if err != nil {
		return err
	}
	for _, s := range job.Data.Segments {
		there := erasedRows(job.Data.Erased, s.Ordinal)
		var rows []int64
		for _, d := range dead {
			if d.Created.Equal(dataset.CreatedAt) && d.Ordinal == s.Ordinal && d.Segment == s.Blob.Name {
				rows = append(rows, missing(d.Rows, there)...)
			}
		}
		if len(rows) > 0 {
			slices.Sort(rows)
			job.Gone = append(job.Gone, lathe.Erasure{Segment: s.Ordinal, Rows: slices.Compact(rows)})
		}
	}
	if len(job.Gone) == 0 {
		return nil
	}
	m, err := h.work.makes(ctx, project, child.Job{Kind: native.KindShape, Spec: job, Inputs: h.work.inputs(project, job.Data)})
	if err != nil {
		return err
	}
	_, err = h.CommitDataset(ctx, project, m.draft(name, "erase again after a restore", version.Number))
	return err
}

// missing gives the rows of want that there, ascending, lacks.
func missing(want, there []int64) []int64 {
	var rows []int64
	for _, row := range want {
		if _, ok := slices.BinarySearch(there, row); !ok {
			rows = append(rows, row)
		}
	}
	return rows
}
