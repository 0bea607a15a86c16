package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"github.com/tink-crypto/tink-go/v2/streamingaead/subtle/noncebased"
)

// A stream is 4 bytes of magic with a version, then Tink's AES256-GCM-HKDF format with segments of 64 KiB: a header
// (its length, 32 bytes of salt, 7 of nonce prefix) and chunks, each with a tag of 16 bytes. Each stream has its own
// AES key, HKDF-SHA-256(key, salt, associated); a chunk's nonce is the prefix, its number and whether it is the last,
// which is what detects truncation and reordering. The first chunk is shorter by what stands before it, so that chunk i
// starts at i * 64 KiB of the file. Source: Hoang et al. 2015, eprint.iacr.org/2015/189; Tink's wire format.
const (
	streamMagic  = "lts\x01"
	saltSize     = 32
	prefixSize   = 7
	tinkHeader   = 1 + saltSize + prefixSize
	streamHeader = len(streamMagic) + tinkHeader
	tagSize      = 16
	gcmNonceSize = 12
	segmentSize  = 64 << 10
)

// Writer encrypts what is written to it. Close writes the last chunk and must be called and checked: a stream without
// its last chunk does not open. Close does not close the writer below. Memory is constant, about 130 KiB.
type Writer struct {
	w   *noncebased.Writer
	err error
}

// NewWriter starts a stream on w and writes its header. The associated data (see Associate) names the object; the
// reader must be given the same.
func NewWriter(w io.Writer, key Key, associated []byte) (*Writer, error) {
	return newWriter(w, key, associated, segmentSize)
}

// newWriter takes the size of a chunk with its tag, so that tests can afford to damage every byte of many chunks.
func newWriter(w io.Writer, key Key, associated []byte, segment int) (*Writer, error) {
	header := make([]byte, streamHeader)
	copy(header, streamMagic)
	header[len(streamMagic)] = tinkHeader
	rand.Read(header[len(streamMagic)+1:]) //nolint:errcheck // never returns an error since Go 1.24
	inner, err := noncebased.NewWriter(noncebased.WriterParams{
		W:                            w,
		SegmentEncrypter:             segmentCipher{streamCipher(key, header, associated)},
		NonceSize:                    gcmNonceSize,
		NoncePrefix:                  header[streamHeader-prefixSize:],
		PlaintextSegmentSize:         segment - tagSize,
		FirstCiphertextSegmentOffset: streamHeader,
	})
	if err != nil {
		return nil, fmt.Errorf("seal: stream: %w", err)
	}
	if _, err := w.Write(header); err != nil {
		return nil, fmt.Errorf("seal: stream: write header: %w", err)
	}
	return &Writer{w: inner}, nil
}

// Write encrypts p. After an error every call gives that error: a stream with a hole would never open.
func (w *Writer) Write(p []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	n, err := w.w.Write(p)
	if err != nil {
		w.err = fmt.Errorf("seal: stream: write: %w", err)
	}
	return n, w.err
}

// Close writes the last chunk. A second call does nothing and gives the same result.
func (w *Writer) Close() error {
	if w.err != nil {
		return w.err
	}
	if err := w.w.Close(); err != nil {
		w.err = fmt.Errorf("seal: stream: close: %w", err)
	}
	return w.err
}

// Reader decrypts a stream. Bytes of a chunk are given out only after the whole chunk was authenticated, and io.EOF
// only after the last one was.
type Reader struct {
	r     *noncebased.Reader
	chunk *int64
	err   error
}

// NewReader reads the header of a stream. A header that is damaged or cut short is a *CorruptError; failures of r
// itself are passed on.
func NewReader(r io.Reader, key Key, associated []byte) (*Reader, error) {
	return newReader(r, key, associated, segmentSize)
}

func newReader(r io.Reader, key Key, associated []byte, segment int) (*Reader, error) {
	header := make([]byte, streamHeader)
	if _, err := io.ReadFull(r, header); errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, corrupt("stream", "header is cut short")
	} else if err != nil {
		return nil, fmt.Errorf("seal: stream: read header: %w", err)
	}
	if string(header[:len(streamMagic)]) != streamMagic || header[len(streamMagic)] != tinkHeader {
		return nil, corrupt("stream", "unknown header % x", header[:len(streamMagic)+1])
	}
	chunk := new(int64)
	inner, err := noncebased.NewReader(noncebased.ReaderParams{
		R:                            r,
		SegmentDecrypter:             countingCipher{segmentCipher{streamCipher(key, header, associated)}, chunk},
		NonceSize:                    gcmNonceSize,
		NoncePrefix:                  header[streamHeader-prefixSize:],
		CiphertextSegmentSize:        segment,
		FirstCiphertextSegmentOffset: streamHeader,
	})
	if err != nil {
		return nil, fmt.Errorf("seal: stream: %w", err)
	}
	return &Reader{r: inner, chunk: chunk}, nil
}

// Read gives authenticated plaintext. Damage is a *CorruptError that names the chunk. Errors stay: Tink's reader would
// report the end of the stream after a last chunk that failed.
func (r *Reader) Read(p []byte) (int, error) {
	if r.err != nil || len(p) == 0 {
		return 0, r.err
	}
	n, err := r.r.Read(p)
	switch {
	case err == nil || err == io.EOF: //nolint:errorlint // io.Reader gives io.EOF itself
		r.err = err
	case errors.Is(err, errSegment):
		r.err = &CorruptError{What: "stream", Chunk: *r.chunk, Reason: "authentication failed: damaged, cut short, reordered, or not for this key and name"}
	default:
		r.err = fmt.Errorf("seal: stream: read: %w", err)
	}
	return n, r.err
}

func streamCipher(key Key, header, associated []byte) cipher.AEAD {
	salt := header[len(streamMagic)+1 : streamHeader-prefixSize]
	derived, err := hkdf.Key(sha256.New, key[:], salt, string(associated), KeySize)
	if err != nil {
		panic("seal: stream: " + err.Error()) // only for an absurd length
	}
	defer clear(derived)
	return gcm(derived)
}

func gcm(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic("seal: aes: " + err.Error()) // only for a key of another length
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic("seal: gcm: " + err.Error())
	}
	return aead
}

var errSegment = errors.New("seal: segment")

// segmentCipher gives Tink's framework its AES-GCM, writing into the framework's buffer.
type segmentCipher struct{ aead cipher.AEAD }

// EncryptSegment seals one chunk.
func (c segmentCipher) EncryptSegment(segment, nonce []byte) ([]byte, error) {
	return c.EncryptSegmentWithDst(nil, segment, nonce)
}

// EncryptSegmentWithDst seals one chunk into dst.
func (c segmentCipher) EncryptSegmentWithDst(dst, segment, nonce []byte) ([]byte, error) {
	return c.aead.Seal(dst, nonce, segment, nil), nil
}

// countingCipher opens chunks and counts those that were right, for the error message.
type countingCipher struct {
	segmentCipher
	chunk *int64
}

// DecryptSegment opens one chunk.
func (c countingCipher) DecryptSegment(segment, nonce []byte) ([]byte, error) {
	return c.DecryptSegmentWithDst(nil, segment, nonce)
}

// DecryptSegmentWithDst opens one chunk into dst.
func (c countingCipher) DecryptSegmentWithDst(dst, segment, nonce []byte) ([]byte, error) {
	plain, err := c.aead.Open(dst, nonce, segment, nil)
	if err != nil {
		return nil, errSegment
	}
	*c.chunk++
	return plain, nil
}
