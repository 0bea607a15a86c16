package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"lathe"
	"lathe/internal/disk"
	"lathe/internal/guard"
	"lathe/internal/seal"
)

// sealer seals the values of rows under the key of their project.
type sealer struct{ keys *seal.Keyring }

// Seal implements store.Sealer.
func (s sealer) Seal(project lathe.Project, purpose string, plain []byte) ([]byte, error) {
	key, err := s.keys.ProjectKey(project)
	if err != nil {
		return nil, err
	}
	return seal.Seal(seal.Derive(key, "rows"), plain, seal.Associate(string(project), purpose)), nil
}

// Open implements store.Sealer.
func (s sealer) Open(project lathe.Project, purpose string, sealed []byte) ([]byte, error) {
	key, err := s.keys.ProjectKey(project)
	if err != nil {
		return nil, err
	}
	return seal.Open(seal.Derive(key, "rows"), sealed, seal.Associate(string(project), purpose))
}

// ensureOwner makes the owner's key at the first start. The file is written last, so a start that was cut off makes
// another key at the next one; keys without a file are revoked then.
func (a *App) ensureOwner(ctx context.Context, keys *guard.Keys) error {
	_, err := a.home.fs.Stat(ownerFile)
	if err == nil {
		return nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("app: owner's key: %w", err)
	}
	old, _, err := a.store.FindKeys(ctx, lathe.AllProjects, lathe.Page{Limit: 1000})
	if err != nil {
		return err
	}
	for _, k := range old {
		if _, err := keys.RevokeKey(ctx, lathe.AllProjects, k.ID); err != nil {
			return err
		}
	}
	_, key, err := keys.CreateOwner(ctx)
	if err != nil {
		return err
	}
	return disk.WriteFile(a.home.fs, ownerFile, []byte(key+"\n"))
}

// OwnerKeyDamaged says that a home's owner.key does not hold a key, and how to get another one.
func OwnerKeyDamaged(path string) error {
	return lathe.Errorf(lathe.CodeCorrupt, "app: the owner's key in %s is damaged", path).
		WithHint("put the file back from a copy, or delete it: the next start makes a new key and revokes the old one")
}
