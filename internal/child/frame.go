package child

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
)

// maxPayload bounds a frame; both sides check it before they allocate.
const maxPayload = 1 << 20

// chunkSize is what one frame of a stream carries: large enough that the switch between two processes does not show,
// small enough that a dozen open inputs cost a few MiB.
const chunkSize = 256 << 10

// kind is the first byte of a frame.
type kind byte

// What the parent sends.
const (
	kindJob       kind = 'J' // JSON jobFrame, the first frame
	kindStop      kind = 'S' // empty: finish, you have the grace time
	kindChunk     kind = 'c' // input id, bytes: the answer to open and next
	kindEnd       kind = 'e' // input id: no more bytes
	kindBadInput  kind = 'x' // input id, JSON lathe.Problem: reading it failed
	kindReady     kind = 'H' // from here on what the child sends: JSON readyFrame, the first frame
	kindPing      kind = 'P' // empty, every second
	kindOpen      kind = 'o' // input id, name: open it and send the first chunk
	kindNext      kind = 'n' // input id: send one more chunk
	kindClose     kind = 'q' // input id: no more of it
	kindEvent     kind = 'V' // JSON eventFrame
	kindStream    kind = 'B' // JSON streamFrame: chunks follow, then the end or an abort
	kindPart      kind = 'C' // bytes of the stream
	kindStreamEnd kind = 'Z' // empty: the stream is whole
	kindAbort     kind = 'A' // text: the stream is not whole
	kindDone      kind = 'D' // empty: the work is done, the last frame
	kindFailed    kind = 'F' // JSON lathe.Problem, the last frame
)

// idSize is the length of an input's id at the start of the frames that have one.
const idSize = 4

// sizes gives the least and the most bytes that each kind of frame may carry.
var sizes = map[kind][2]int{
	kindJob: {2, maxPayload}, kindStop: {0, 0},
	kindChunk: {idSize, maxPayload}, kindEnd: {idSize, idSize}, kindBadInput: {idSize, 64 << 10},
	kindReady: {2, 64 << 10}, kindPing: {0, 0},
	kindOpen: {idSize, idSize + 255}, kindNext: {idSize, idSize}, kindClose: {idSize, idSize},
	kindEvent: {2, maxPayload}, kindStream: {2, maxPayload}, kindPart: {0, maxPayload},
	kindStreamEnd: {0, 0}, kindAbort: {0, 64 << 10}, kindDone: {0, 0}, kindFailed: {2, 64 << 10},
}

// frame is one message. Its payload is valid until the next read.
type frame struct {
	kind    kind
	payload []byte
}

// split takes the input's id off the front.
func (f frame) split() (id uint32, rest []byte) {
	return binary.BigEndian.Uint32(f.payload), f.payload[idSize:]
}

type jobFrame struct {
	Kind string          `json:"kind"`
	Spec json.RawMessage `json:"spec"`
}

type readyFrame struct {
	Gaps []Gap `json:"gaps"`
}

type eventFrame struct {
	Kind string          `json:"kind"`
	Data json.RawMessage `json:"data"`
}

type streamFrame struct {
	Name   string          `json:"name"`
	Header json.RawMessage `json:"header"`
}

// frameReader decodes frames. It is used by one goroutine.
type frameReader struct {
	r   *bufio.Reader
	buf []byte
}

func newFrameReader(r io.Reader) *frameReader {
	return &frameReader{r: bufio.NewReaderSize(r, 64<<10)}
}

// read returns the next frame, io.EOF at a clean end, io.ErrUnexpectedEOF inside a frame.
func (d *frameReader) read() (frame, error) {
	var head [5]byte
	if _, err := io.ReadFull(d.r, head[:]); err != nil {
		return frame{}, err
	}
	f := frame{kind: kind(head[0])}
	size := binary.BigEndian.Uint32(head[1:])
	if err := f.kind.check(size); err != nil {
		return frame{}, err
	}
	if cap(d.buf) < int(size) {
		d.buf = make([]byte, size)
	}
	f.payload = d.buf[:size]
	if _, err := io.ReadFull(d.r, f.payload); err != nil {
		return frame{}, unexpected(err)
	}
	return f, nil
}

// errFrame marks what is no frame of ours, apart from a descriptor that closed.
var errFrame = errors.New("child: frame")

// check refuses unknown kinds and sizes before anything is read or allocated.
func (k kind) check(size uint32) error {
	limits, ok := sizes[k]
	if !ok {
		return fmt.Errorf("%w: unknown kind %#x", errFrame, byte(k))
	}
	if size < uint32(limits[0]) || size > uint32(limits[1]) {
		return fmt.Errorf("%w: kind %q of %d bytes, want %d to %d", errFrame, byte(k), size, limits[0], limits[1])
	}
	return nil
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// frameWriter encodes frames, each in one Write. It is safe for concurrent use.
type frameWriter struct {
	mu  sync.Mutex
	w   io.Writer
	buf []byte
}

// write sends one frame whose payload is parts joined.
func (e *frameWriter) write(k kind, parts ...[]byte) error {
	size := 0
	for _, p := range parts {
		size += len(p)
	}
	if err := k.check(uint32(min(size, maxPayload+1))); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.buf = binary.BigEndian.AppendUint32(append(e.buf[:0], byte(k)), uint32(size))
	for _, p := range parts {
		e.buf = append(e.buf, p...)
	}
	_, err := e.w.Write(e.buf)
	return err
}

// writeJSON sends one frame: prefix, then v as JSON.
func (e *frameWriter) writeJSON(k kind, v any, prefix ...byte) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("child: frame: %w", err)
	}
	return e.write(k, prefix, data)
}

// idBytes is the wire form of an input's id.
func idBytes(id uint32) []byte { return binary.BigEndian.AppendUint32(nil, id) }
