package app

import (
	"context"
	"errors"
	"io"

	"lathe"
	"lathe/internal/seal"
)

// objects is a lathe.BlobStore of objects that rows name: one that is not there is damage, not a name that nobody knows.
type objects struct{ lathe.BlobStore }

// Open implements lathe.BlobStore.
func (o objects) Open(ctx context.Context, project lathe.Project, name lathe.BlobName) (io.ReadCloser, error) {
	r, err := o.BlobStore.Open(ctx, project, name)
	if lathe.CodeOf(err) == lathe.CodeNotFound && !errors.Is(err, seal.ErrDestroyed) {
		return nil, lathe.Errorf(lathe.CodeCorrupt, "app: object %s of project %s is missing", name, project).
			WithHint("bring it back with `lathe restore`, or add the same data again; nothing else is affected")
	}
	return r, err
}
