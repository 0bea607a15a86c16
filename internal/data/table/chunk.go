package table

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"lathe"
)

// Chunk sizes: half a core's second-level cache, and a smaller first one, as most request bodies are small.
const (
	firstChunkBytes = 64 << 10
	chunkBytes      = 512 << 10
)

// chunk is a piece of a file that holds whole records and ends with a line break. padding zero bytes follow data in its
// array.
type chunk struct {
	data  []byte
	start int // where the first row begins: after the header in the first chunk
	line  int // number of the first line
	lines int // line breaks, those inside quotes included: no fewer than rows
	base  int // the lines of all chunks before, less the header: where its rows are stored
	rows  int // rows parsed
}

// splitter cuts a stream into chunks at line breaks outside quotes.
type splitter struct {
	r         io.Reader
	limits    Limits
	delimiter byte
	rest      []byte // bytes read that follow the last chunk
	line      int    // number of the next chunk's first line
	total     int64
	eof       bool
}

// begin reads the first bytes, refuses what is no CSV and finds the delimiter where none is given.
func (s *splitter) begin() error {
	s.line = 1
	head := make([]byte, min(firstChunkBytes, s.limits.LineBytes+1))
	n, err := io.ReadFull(s.r, head)
	if err = s.ended(err); err != nil {
		return err
	}
	s.rest = bytes.TrimPrefix(head[:n], []byte("\ufeff"))
	if err := refuseForeign(s.rest); err != nil {
		return err
	}
	if len(bytes.TrimSpace(s.rest)) == 0 && s.eof {
		return lathe.Errorf(lathe.CodeInvalid, "table: csv: the file is empty").WithHint("give a file with a header line and at least one row")
	}
	if s.delimiter == 0 {
		whole := s.rest
		if end := bytes.LastIndexByte(whole, '\n'); end >= 0 && !s.eof {
			whole = whole[:end+1]
		}
		s.delimiter = findDelimiter(whole)
	}
	return nil
}

// ended notes the end of the stream; any other error is returned with its place.
func (s *splitter) ended(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		s.eof = true
		return nil
	}
	if err != nil {
		return fmt.Errorf("table: csv: read after %d bytes: %w", s.total+int64(len(s.rest)), err)
	}
	return nil
}

// next gives the next chunk, or nil at the end. It holds one chunk more than it gave, and at most one line.
func (s *splitter) next() (*chunk, error) {
	size := chunkBytes
	if s.line == 1 {
		size = firstChunkBytes
	}
	for {
		data, err := s.fill(min(max(size, len(s.rest)), s.limits.LineBytes+1))
		if err != nil || len(data) == 0 {
			return nil, err
		}
		if end := lastRecord(data, s.delimiter); end > 0 {
			return s.cut(data, end)
		}
		if s.eof || len(data) > s.limits.LineBytes {
			return nil, s.tooLong(data)
		}
		s.rest, size = data, 2*len(data)
	}
}

// fill gives the rest with what follows it, up to size bytes; at the end of the stream it completes the last line.
func (s *splitter) fill(size int) ([]byte, error) {
	if s.eof && len(s.rest) == 0 {
		return nil, nil
	}
	data := make([]byte, max(size, len(s.rest)), max(size, len(s.rest))+1+padding)
	n := copy(data, s.rest)
	if !s.eof && n < len(data) {
		m, err := io.ReadFull(s.r, data[n:])
		if err = s.ended(err); err != nil {
			return nil, err
		}
		n += m
	}
	data = data[:n]
	if s.eof && n > 0 && data[n-1] != '\n' {
		data = append(data, '\n')
	}
	return data, nil
}

// cut makes data[:end] the next chunk and keeps what follows.
func (s *splitter) cut(data []byte, end int) (*chunk, error) {
	s.rest = bytes.Clone(data[end:])
	full := data[: end+padding : end+padding]
	clear(full[end:])
	c := &chunk{data: full[:end], line: s.line, lines: bytes.Count(data[:end], []byte{'\n'})}
	s.line += c.lines
	s.total += int64(end)
	if s.total > s.limits.Memory {
		return nil, tooLarge(s.limits.Memory)
	}
	return c, nil
}

// lastRecord gives the end of the last whole record in data, 0 where none ends.
func lastRecord(data []byte, delimiter byte) int {
	if bytes.IndexByte(data, '"') < 0 {
		return bytes.LastIndexByte(data, '\n') + 1
	}
	end := 0
	for end < len(data) {
		n := bytes.IndexByte(data[end:], '\n')
		if n < 0 {
			break
		}
		if bytes.IndexByte(data[end:end+n], '"') >= 0 {
			n = recordLength(data[end:], delimiter)
			if n < 0 {
				break
			}
		}
		end += n + 1
	}
	return end
}

// recordLength counts a record's bytes before its line break, or gives -1 where it does not end in data.
func recordLength(data []byte, delimiter byte) int {
	for i := 0; i < len(data); i++ {
		if data[i] == '"' {
			end := closeQuote(data, i)
			if end < 0 {
				return -1
			}
			i = end + 1
		}
		i += plainLength(data[i:], delimiter)
		if i < len(data) && data[i] == '\n' {
			return i
		}
	}
	return -1
}

// tooLong reports a record that does not end: a quote that is never closed, or a line beyond the limit.
func (s *splitter) tooLong(data []byte) error {
	if s.eof && len(data) <= s.limits.LineBytes+1 {
		return lathe.Errorf(lathe.CodeInvalid, "table: csv: the quote opened in the record at line %d is never closed", s.line).
			WithHint("close the quote, or double it where it belongs to the text")
	}
	e := lathe.Errorf(lathe.CodeTooLarge, "table: csv: line %d is longer than the limit of %d bytes", s.line, s.limits.LineBytes)
	if bytes.IndexByte(data, '"') >= 0 {
		return e.WithHint("a quote in it may never be closed; otherwise check that this is a CSV file with one row a line")
	}
	if bytes.IndexByte(data, '\r') >= 0 {
		return e.WithHint("the file ends its lines with CR alone: convert it with: tr '\\r' '\\n' < FILE")
	}
	return e.WithHint("check that this is a CSV file with one row a line")
}

func tooLarge(limit int64) error {
	return lathe.Errorf(lathe.CodeTooLarge, "table: csv: the table needs more than the limit of %d bytes of memory", limit).
		WithHint("split the file and add its parts one after another, or raise the limit")
}
