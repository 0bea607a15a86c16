package lathe

import (
	"context"
	"io"
	"regexp"
	"time"
)

// BlobName names a stored object inside its project: the HMAC-SHA-256 of its content under a key of the project, as 64
// hexadecimal digits. Only ParseBlobName and a BlobStore make one, so a BlobName is always safe as a file name.
type BlobName struct{ name string }

var blobPattern = regexp.MustCompile(`^[0-9a-f]{64}$`)

// ParseBlobName is the one validator of blob names.
func ParseBlobName(name string) (BlobName, error) {
	if !blobPattern.MatchString(name) {
		return BlobName{}, Errorf(CodeInvalid, "lathe: blob name %s is not 64 hexadecimal digits", quoteShort(name)).WithField("blob")
	}
	return BlobName{name}, nil
}

// String gives the 64 digits, "" for the zero name.
func (n BlobName) String() string { return n.name }

// IsZero tells the name of nothing.
func (n BlobName) IsZero() bool { return n.name == "" }

// MarshalText writes the digits.
func (n BlobName) MarshalText() ([]byte, error) { return []byte(n.name), nil }

// UnmarshalText reads and validates the digits; nothing gives the zero name.
func (n *BlobName) UnmarshalText(text []byte) (err error) {
	if len(text) == 0 {
		*n = BlobName{}
		return nil
	}
	*n, err = ParseBlobName(string(text))
	return err
}

// Blob is what is known of a stored object.
type Blob struct {
	Name  BlobName  `json:"name"`
	Bytes int64     `json:"bytes"` // of the plain content
	At    time.Time `json:"at"`    // when it was last written
}

// BlobStore keeps immutable encrypted objects. Content is addressed by project: the same bytes put twice in one project
// are one blob; two projects never share one. Put returns after the object is durable, so a row that names it is
// written later; an object that no row names is collected after a grace period.
type BlobStore interface {
	// Put streams r into a new object. A full disk is CodeStorageFull and leaves nothing.
	Put(ctx context.Context, project Project, r io.Reader) (Blob, error)
	// Open streams the content. CodeNotFound when there is none; a Read of changed bytes fails with CodeCorrupt, and no
	// changed byte is ever returned.
	Open(ctx context.Context, project Project, name BlobName) (io.ReadCloser, error)
	// Delete removes the object; deleting what is not there is no error.
	Delete(ctx context.Context, project Project, name BlobName) error
	// List calls each for every object of every project, in no order, until it returns an error.
	List(ctx context.Context, each func(Project, Blob) error) error
}
