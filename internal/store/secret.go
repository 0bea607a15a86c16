package store

import (
	"context"

	"github.com/uptrace/bun"

	"lathe"
)

// maxSecret bounds a secret's value in bytes.
const maxSecret = 64 << 10

type secretRow struct {
	bun.BaseModel `bun:"table:secret,alias:secret"`
	Project       string
	Name          string
	SealedValue   []byte
	UpdatedAt     int64
}

func secretPlace(name string) string { return place("secret", name) }

// PutSecret implements lathe.SecretStore; it replaces a value that is there.
func (s *Store) PutSecret(ctx context.Context, project lathe.Project, name string, value []byte) error {
	if err := checkNames(project, "name", name); err != nil {
		return err
	}
	if len(value) == 0 || len(value) > maxSecret {
		return lathe.Errorf(lathe.CodeInvalid, "a secret has 1 to %d bytes, not %d", maxSecret, len(value)).WithField("value")
	}
	sealed, err := s.seal(project, secretPlace(name), value)
	if err != nil {
		return err
	}
	row := secretRow{Project: string(project), Name: name, SealedValue: sealed, UpdatedAt: toMicro(s.now())}
	return s.write(ctx, "put secret", func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.NewInsert().Model(&row).On("CONFLICT (project, name) DO UPDATE").
			Set("sealed_value = EXCLUDED.sealed_value").Set("updated_at = EXCLUDED.updated_at").Exec(ctx)
		return err
	})
}

// Secret implements lathe.SecretStore.
func (s *Store) Secret(ctx context.Context, project lathe.Project, name string) ([]byte, error) {
	var row secretRow
	err := s.r.NewSelect().Model(&row).Where("project = ?", project).Where("name = ?", name).Scan(ctx)
	if err != nil {
		return nil, s.fail("find secret", noRow(err, "secret", name))
	}
	return s.open(project, secretPlace(name), row.SealedValue)
}

// FindSecrets implements lathe.SecretStore: the names, in order.
func (s *Store) FindSecrets(ctx context.Context, project lathe.Project) ([]string, error) {
	names := []string{}
	err := s.r.NewSelect().Model((*secretRow)(nil)).Column("name").Where("project = ?", project).OrderExpr("name").Scan(ctx, &names)
	return names, s.fail("find secrets", err)
}

// DeleteSecret implements lathe.SecretStore.
func (s *Store) DeleteSecret(ctx context.Context, project lathe.Project, name string) error {
	return s.write(ctx, "delete secret", func(ctx context.Context, tx bun.Tx) error {
		n, err := changed(tx.NewDelete().Model((*secretRow)(nil)).Where("project = ?", project).Where("name = ?", name).Exec(ctx))
		if err == nil && n == 0 {
			return unknown("secret", name)
		}
		return err
	})
}
