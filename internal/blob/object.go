package blob

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"

	"lathe"
	"lathe/internal/disk"
	"lathe/internal/seal"
)

// An object's file is 8 bytes of magic with a version, the plain size, the wrapped key, and a stream of package seal.
// The key is random and of this object alone; its wrapping is bound to the project, the name and the size, so a file
// put in another's place does not open.
const (
	magic      = "lblob\x00\x00\x01"
	sizeOffset = len(magic)
	keyOffset  = sizeOffset + 8
	headerSize = keyOffset + seal.WrappedSize
)

// streamAssociated tells an object's stream from others; the key says which object.
var streamAssociated = seal.Associate("lathe", "blob")

type header struct{ size int64 }

func (h header) seal(wrap, key seal.Key, project lathe.Project, name lathe.BlobName) []byte {
	b := append(make([]byte, 0, headerSize), magic...)
	b = binary.BigEndian.AppendUint64(b, uint64(h.size)) //nolint:gosec // never negative
	return append(b, seal.Wrap(wrap, key, h.associated(project, name))...)
}

func (h header) associated(project lathe.Project, name lathe.BlobName) []byte {
	return seal.Associate("lathe", "blob key", string(project), name.String(), strconv.FormatInt(h.size, 10))
}

// parseHeader reads the size, which is only to be trusted once the key was unwrapped.
func parseHeader(b []byte) (header, bool) {
	if len(b) != headerSize || string(b[:sizeOffset]) != magic {
		return header{}, false
	}
	size := int64(binary.BigEndian.Uint64(b[sizeOffset:])) //nolint:gosec // checked below
	return header{size}, size >= 0
}

// reader gives the content of an object, each chunk after it was authenticated.
type reader struct {
	file    disk.File
	stream  *seal.Reader
	ctx     context.Context //nolint:containedctx // io.Reader has no place for it
	project lathe.Project
	name    lathe.BlobName
	left    int64
}

func newReader(ctx context.Context, file disk.File, k projectKeys, project lathe.Project, name lathe.BlobName) (*reader, error) {
	r := &reader{file: file, ctx: ctx, project: project, name: name}
	b := make([]byte, headerSize)
	if _, err := io.ReadFull(file, b); errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, r.damaged(errors.New("the file is cut off"))
	} else if err != nil {
		return nil, fmt.Errorf("blob: open: %w", err)
	}
	h, ok := parseHeader(b)
	if !ok {
		return nil, r.damaged(errors.New("its header is not that of a blob"))
	}
	key, err := seal.Unwrap(k.wrap, b[keyOffset:], h.associated(project, name))
	if err != nil {
		return nil, r.damaged(err)
	}
	r.left = h.size
	if r.stream, err = seal.NewReader(file, key, streamAssociated); err != nil {
		return nil, r.convert(err)
	}
	return r, nil
}

// Read implements io.Reader.
func (r *reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := r.stream.Read(p)
	r.left -= int64(n)
	switch {
	case r.left < 0 || err == io.EOF && r.left != 0: //nolint:errorlint // io.Reader gives io.EOF itself
		return 0, r.damaged(errors.New("it has another size than was written"))
	case err != nil && err != io.EOF: //nolint:errorlint // as above
		return n, r.convert(err)
	}
	return n, err
}

// Close implements io.Closer.
func (r *reader) Close() error { return r.file.Close() }

func (r *reader) convert(err error) error {
	var corrupt *seal.CorruptError
	if errors.As(err, &corrupt) {
		return r.damaged(err)
	}
	return fmt.Errorf("blob: read %s: %w", r.name, err)
}

func (r *reader) damaged(err error) error {
	return lathe.Errorf(lathe.CodeCorrupt, "blob: %s of project %s is damaged: %w", r.name, r.project, err).
		WithHint("bring it back with `lathe restore`, or add the same data again; nothing else is affected")
}
