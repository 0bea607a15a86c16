package store

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"

	"github.com/uptrace/bun"

	"lathe"
)

type keyRow struct {
	bun.BaseModel `bun:"table:api_key,alias:api_key"`
	Project       string
	ID            string
	Kind          lathe.KeyKind
	Name          string
	Scopes        string
	Limits        string
	Hash          []byte
	CreatedAt     int64
	ExpiresAt     *int64
	RevokedAt     *int64
}

func (r *keyRow) record() (lathe.Key, error) {
	key := lathe.Key{
		Project: lathe.Project(r.Project), ID: r.ID, Kind: r.Kind, Name: r.Name, Hash: r.Hash,
		CreatedAt: fromMicro(r.CreatedAt), ExpiresAt: fromMicroOrNull(r.ExpiresAt), RevokedAt: fromMicroOrNull(r.RevokedAt),
	}
	err := first(json.Unmarshal([]byte(r.Scopes), &key.Scopes), json.Unmarshal([]byte(r.Limits), &key.Limits))
	if err != nil {
		return key, fmt.Errorf("store: key %s: %w", r.ID, err)
	}
	return key, nil
}

// CreateKey implements lathe.KeyStore. It fills Project, CreatedAt, and ID where that is empty. Only an owner's key
// belongs to lathe.AllProjects. A hash that is stored already is CodeConflict.
func (s *Store) CreateKey(ctx context.Context, project lathe.Project, key lathe.Key) (lathe.Key, error) {
	if err := checkKey(project, &key); err != nil {
		return lathe.Key{}, err
	}
	now := s.now()
	if key.ID == "" {
		id, err := newID(now, s.opts.Random)
		if err != nil {
			return lathe.Key{}, err
		}
		key.ID = id
	}
	key.Project, key.CreatedAt = project, now
	row, err := newKeyRow(&key)
	if err != nil {
		return lathe.Key{}, err
	}
	err = s.write(ctx, "create key", func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.NewInsert().Model(row).Exec(ctx)
		return err
	})
	if err != nil {
		return lathe.Key{}, err
	}
	return row.record()
}

func newKeyRow(k *lathe.Key) (*keyRow, error) {
	scopes, err := json.Marshal(k.Scopes)
	if err != nil {
		return nil, fmt.Errorf("store: scopes: %w", err)
	}
	limits, err := json.Marshal(k.Limits)
	if err != nil {
		return nil, fmt.Errorf("store: limits: %w", err)
	}
	return &keyRow{
		Project: string(k.Project), ID: k.ID, Kind: k.Kind, Name: k.Name, Scopes: string(scopes), Limits: string(limits),
		Hash: k.Hash, CreatedAt: toMicro(k.CreatedAt), ExpiresAt: toMicroOrNull(k.ExpiresAt), RevokedAt: toMicroOrNull(k.RevokedAt),
	}, nil
}

func checkKey(project lathe.Project, k *lathe.Key) error {
	switch {
	case k.Kind != lathe.KindOwner && k.Kind != lathe.KindService && k.Kind != lathe.KindCaller:
		return lathe.Errorf(lathe.CodeInvalid, "there is no kind of key %s", quote(string(k.Kind))).WithField("kind")
	case (project == lathe.AllProjects) != (k.Kind == lathe.KindOwner):
		return lathe.Errorf(lathe.CodeInvalid, "only the owner's key is of all projects").WithField("project")
	case len(k.Hash) != sha256.Size:
		return lathe.Errorf(lathe.CodeInvalid, "a key's hash has %d bytes, not %d", sha256.Size, len(k.Hash)).WithField("hash")
	case project != lathe.AllProjects && checkProject(project) != nil:
		return checkProject(project)
	}
	return first(checkText("name", k.Name, 200), checkText("id", k.ID, 64))
}

// FindKeyByHash implements lathe.KeyStore: the one query that looks in all projects, because a key tells its project.
// Hashes are HMACs, so the time of the look-up says nothing about a key.
func (s *Store) FindKeyByHash(ctx context.Context, hash []byte) (lathe.Key, error) {
	var row keyRow
	if err := s.r.NewSelect().Model(&row).Where("hash = ?", hash).Scan(ctx); err != nil {
		return lathe.Key{}, s.fail("find key by hash", noRow(err, "key", "by this hash"))
	}
	return row.record()
}

// FindKey implements lathe.KeyStore.
func (s *Store) FindKey(ctx context.Context, project lathe.Project, id string) (lathe.Key, error) {
	row, err := findKey(ctx, s.r, project, id)
	if err != nil {
		return lathe.Key{}, s.fail("find key", err)
	}
	return row.record()
}

func findKey(ctx context.Context, db bun.IDB, project lathe.Project, id string) (*keyRow, error) {
	row := &keyRow{}
	err := db.NewSelect().Model(row).Where("project = ?", project).Where("id = ?", id).Scan(ctx)
	return row, noRow(err, "key", id)
}

// FindKeys implements lathe.KeyStore, oldest first.
func (s *Store) FindKeys(ctx context.Context, project lathe.Project, page lathe.Page) ([]lathe.Key, string, error) {
	var rows []keyRow
	q, limit, err := pageQuery(s.r.NewSelect().Model(&rows).Where("project = ?", project), page, "id", false)
	if err != nil {
		return nil, "", err
	}
	if err := q.Scan(ctx); err != nil {
		return nil, "", s.fail("find keys", err)
	}
	rows, next := cutPage(rows, limit, func(r *keyRow) string { return r.ID })
	out := make([]lathe.Key, len(rows))
	for i := range rows {
		if out[i], err = rows[i].record(); err != nil {
			return nil, "", err
		}
	}
	return out, next, nil
}

// RevokeKey implements lathe.KeyStore. A key that is revoked already keeps its time.
func (s *Store) RevokeKey(ctx context.Context, project lathe.Project, id string) (lathe.Key, error) {
	var row *keyRow
	err := s.write(ctx, "revoke key", func(ctx context.Context, tx bun.Tx) (err error) {
		_, err = tx.NewUpdate().Model((*keyRow)(nil)).Set("revoked_at = COALESCE(revoked_at, ?)", toMicro(s.now())).
			Where("project = ?", project).Where("id = ?", id).Exec(ctx)
		if err != nil {
			return err
		}
		row, err = findKey(ctx, tx, project, id)
		return err
	})
	if err != nil {
		return lathe.Key{}, err
	}
	return row.record()
}
