package sqlite

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
)

// The WAL: a header of 32 bytes, then frames of a header of 24 bytes and a page. A frame belongs to the WAL while it
// carries the salts of the header and the running checksum over all before it; a frame with a database size ends a
// transaction. Source: https://sqlite.org/fileformat2.html#the_write_ahead_log
const (
	walHeader   = 32
	frameHeader = 24
	frameSize   = frameHeader + pageSize
	// walMagic is of a WAL whose checksums were computed on a little-endian machine; SQLite runs on one here, always.
	walMagic   = 0x377f0682
	walVersion = 3007000
)

// frameHead is the header of a frame.
type frameHead struct {
	page uint32
	size uint32 // of the database in pages, where the frame ends a transaction; else 0
	salt [2]uint32
	sum  [2]uint32
}

func parseFrame(b []byte) frameHead {
	u := func(i int) uint32 { return binary.BigEndian.Uint32(b[i:]) }
	return frameHead{u(0), u(4), [2]uint32{u(8), u(12)}, [2]uint32{u(16), u(20)}}
}

// walSum goes on with a running checksum; len(b) is a multiple of 8.
func walSum(sum [2]uint32, b []byte) [2]uint32 {
	s0, s1 := sum[0], sum[1]
	for ; len(b) >= 8; b = b[8:] {
		s0 += binary.LittleEndian.Uint32(b) + s1
		s1 += binary.LittleEndian.Uint32(b[4:]) + s0
	}
	return [2]uint32{s0, s1}
}

// frameSum is the checksum that frame (header and page) must carry after one with checksum before.
func frameSum(before [2]uint32, frame []byte) [2]uint32 {
	return walSum(walSum(before, frame[:8]), frame[frameHeader:])
}

// parseWAL gives the salts and first checksum of a WAL's header.
func parseWAL(b []byte) (position, bool) {
	u := func(i int) uint32 { return binary.BigEndian.Uint32(b[i:]) }
	p := position{salt: [2]uint32{u(16), u(20)}, sum: [2]uint32{u(24), u(28)}}
	ok := u(0) == walMagic && u(4) == walVersion && u(8) == pageSize && walSum([2]uint32{}, b[:24]) == p.sum
	return p, ok
}

// frameOf gives the number from 1 of the frame whose header or, with skip frameHeader, page is at off; 0 for none.
func frameOf(off, skip int64) uint32 {
	off -= walHeader + skip
	if off < 0 || off%frameSize != 0 {
		return 0
	}
	return uint32(off/frameSize) + 1 //nolint:gosec // SQLite counts frames in 32 bits
}

func frameOffset(frame uint32) int64 { return walHeader + int64(frame-1)*frameSize }

// sumOffset is where the running checksum after a number of frames is stored.
func sumOffset(frames uint32) int64 {
	if frames == 0 {
		return walHeader - 8
	}
	return frameOffset(frames) + frameHeader - 8
}

// walScan is what a WAL holds, as SQLite would recover it.
type walScan struct {
	header   bool
	end      position            // after the last good frame
	commit   position            // after the last frame that ends a transaction
	size     uint32              // of the database in pages then; 0 without a transaction
	pages    map[uint32]struct{} // in transactions
	sealed   [2]uint32           // checksum after the frame that was asked for
	reserved []uint32            // pages of a transaction without its end
}

// scanWAL walks a WAL until the first byte that does not belong, and notes the checksum after frame want. It fails only
// when r does.
func scanWAL(r io.Reader, want uint32) (walScan, error) {
	s := walScan{pages: map[uint32]struct{}{}}
	in := bufio.NewReaderSize(r, 64*frameSize)
	head := make([]byte, walHeader)
	if _, err := io.ReadFull(in, head); err != nil {
		return s, ended(err)
	}
	if s.end, s.header = parseWAL(head); !s.header {
		return s, nil
	}
	s.commit = s.end
	frame := make([]byte, frameSize)
	for {
		if _, err := io.ReadFull(in, frame); err != nil {
			return s, ended(err)
		}
		if !s.add(frame, want) {
			return s, nil
		}
	}
}

func (s *walScan) add(frame []byte, want uint32) bool {
	h := parseFrame(frame)
	if h.page == 0 || h.salt != s.end.salt || h.sum != frameSum(s.end.sum, frame) {
		return false
	}
	s.end.frames++
	s.end.sum = h.sum
	if s.end.frames == want {
		s.sealed = h.sum
	}
	s.reserved = append(s.reserved, h.page)
	if h.size == 0 {
		return true
	}
	s.commit, s.size = s.end, h.size
	for _, page := range s.reserved {
		s.pages[page] = struct{}{}
	}
	s.reserved = s.reserved[:0]
	return true
}

// ended makes the end of the input no error.
func ended(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}
