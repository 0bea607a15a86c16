package table

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"

	"lathe"
)

// SegmentReader reads a segment group by group. What it reads is not trusted: any difference from what WriteSegment
// writes is CodeCorrupt, and memory grows with what is there, never with what a length claims.
type SegmentReader struct {
	r      io.Reader
	limits Limits
	schema Schema
	group  uint32
	rows   int64
	buf    bytes.Buffer
	done   bool
}

// NewSegmentReader reads the header.
func NewSegmentReader(r io.Reader, limits Limits) (*SegmentReader, error) {
	s := &SegmentReader{r: r, limits: limits.orDefault()}
	fixed := len(segmentMagic) + 6
	if err := s.read(int64(fixed)); err != nil {
		return nil, err
	}
	head := s.buf.Bytes()
	if string(head[:len(segmentMagic)]) != segmentMagic {
		return nil, corrupt("this is no segment")
	}
	if v := binary.LittleEndian.Uint16(head[len(segmentMagic):]); v != segmentVersion {
		return nil, lathe.Errorf(lathe.CodeUnsupported, "table: segment: version %d is not known", v).WithHint("a newer lathe wrote it: update this one")
	}
	n := binary.LittleEndian.Uint32(head[fixed-4:])
	if n > maxSegmentHeader {
		return nil, corrupt("the header has %d bytes", n)
	}
	sum := crc32.Checksum(head, castagnoli)
	if err := s.read(int64(n) + 4); err != nil {
		return nil, err
	}
	body := s.buf.Bytes()
	if crc32.Update(sum, castagnoli, body[:n]) != binary.LittleEndian.Uint32(body[n:]) {
		return nil, corrupt("the header's checksum is wrong")
	}
	return s, s.parseHeader(body[:n])
}

func (s *SegmentReader) parseHeader(data []byte) error {
	var h segmentHeader
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&h); err != nil {
		return corrupt("the header is no JSON: %v", err)
	}
	if len(h.Columns) == 0 || len(h.Columns) > s.limits.Columns {
		return corrupt("%d columns, allowed are 1 to %d", len(h.Columns), s.limits.Columns)
	}
	seen := make(map[string]bool, len(h.Columns))
	for _, c := range h.Columns {
		if c.Name == "" || seen[c.Name] || c.Kind > lathe.String {
			return corrupt("a column has no name or kind, or appears twice")
		}
		seen[c.Name] = true
	}
	s.schema = h.Columns
	return nil
}

// Schema gives the segment's columns.
func (s *SegmentReader) Schema() Schema { return s.schema }

// Next gives the next group of rows, and io.EOF after the last one, when the end was found as it was written.
func (s *SegmentReader) Next() (*lathe.Batch, error) {
	if s.done {
		return nil, io.EOF
	}
	if err := s.read(12); err != nil {
		return nil, err
	}
	var head [12]byte
	copy(head[:], s.buf.Bytes())
	rows, length := binary.LittleEndian.Uint32(head[:]), binary.LittleEndian.Uint64(head[4:])
	if rows == 0 {
		return nil, s.end(head[:], length)
	}
	if rows > groupRows || length > uint64(s.limits.Memory) {
		return nil, corrupt("group %d claims %d rows in %d bytes", s.group, rows, length)
	}
	if err := s.read(int64(length) + 4); err != nil {
		return nil, err
	}
	payload := s.buf.Bytes()[:length]
	sum := crc32.Update(groupChecksum(s.group, head[:]), castagnoli, payload)
	if sum != binary.LittleEndian.Uint32(s.buf.Bytes()[length:]) {
		return nil, corrupt("the checksum of group %d is wrong", s.group)
	}
	b, err := s.parseGroup(payload, int(rows))
	s.group++
	s.rows += int64(rows)
	return b, err
}

// end checks the trailer: its checksum, the number of rows, and that nothing follows.
func (s *SegmentReader) end(head []byte, rows uint64) error {
	if err := s.read(4); err != nil {
		return err
	}
	if groupChecksum(s.group, head) != binary.LittleEndian.Uint32(s.buf.Bytes()) {
		return corrupt("the end's checksum is wrong")
	}
	if rows != uint64(s.rows) {
		return corrupt("%d rows were written, %d are there", rows, s.rows)
	}
	if n, err := io.ReadFull(s.r, make([]byte, 1)); n > 0 || !errors.Is(err, io.EOF) {
		if err != nil {
			return fmt.Errorf("table: segment: read: %w", err)
		}
		return corrupt("bytes follow its end")
	}
	s.done = true
	return io.EOF
}

// read fills buf with the next n bytes.
func (s *SegmentReader) read(n int64) error {
	s.buf.Reset()
	got, err := io.CopyN(&s.buf, s.r, n)
	if errors.Is(err, io.EOF) {
		return corrupt("it ends after %d of %d bytes in group %d", got, n, s.group)
	}
	if err != nil {
		return fmt.Errorf("table: segment: read: %w", err)
	}
	return nil
}

func (s *SegmentReader) parseGroup(payload []byte, rows int) (*lathe.Batch, error) {
	b := &lathe.Batch{Rows: rows, Columns: make([]lathe.Column, len(s.schema))}
	for i, info := range s.schema {
		p := columnParser{data: payload, rows: rows}
		c, ok := p.column(info)
		if !ok {
			return nil, corrupt("column %d of group %d does not fit its %d rows", i, s.group, rows)
		}
		b.Columns[i], payload = c, p.data
	}
	if len(payload) > 0 {
		return nil, corrupt("%d bytes follow the columns of group %d", len(payload), s.group)
	}
	return b, nil
}

// columnParser takes columns off the front of data.
type columnParser struct {
	data []byte
	rows int
}

func (p *columnParser) take(n int) ([]byte, bool) {
	if n < 0 || n > len(p.data) {
		return nil, false
	}
	head := p.data[:n]
	p.data = p.data[n:]
	return head, true
}

func (p *columnParser) column(info Field) (lathe.Column, bool) {
	flag, ok := p.take(1)
	if !ok || flag[0] > 1 {
		return lathe.Column{}, false
	}
	c := lathe.Column{Name: info.Name, Kind: info.Kind}
	if flag[0] == 1 {
		if c.Missing, ok = p.bits(); !ok {
			return c, false
		}
	}
	switch info.Kind {
	case lathe.Float64, lathe.Int64:
		ok = p.numbers(&c)
	case lathe.Bool:
		c.Bools, ok = p.bits()
	default:
		ok = p.strings(&c)
	}
	return c, ok
}

func (p *columnParser) numbers(c *lathe.Column) bool {
	data, ok := p.take(8 * p.rows)
	if !ok {
		return false
	}
	if c.Kind == lathe.Int64 {
		c.Ints = make([]int64, p.rows)
		for i := range c.Ints {
			c.Ints[i] = int64(binary.LittleEndian.Uint64(data[8*i:]))
		}
		return true
	}
	c.Floats = make([]float64, p.rows)
	for i := range c.Floats {
		c.Floats[i] = math.Float64frombits(binary.LittleEndian.Uint64(data[8*i:]))
	}
	return true
}

func (p *columnParser) bits() ([]bool, bool) {
	data, ok := p.take((p.rows + 7) / 8)
	if !ok {
		return nil, false
	}
	values := make([]bool, p.rows)
	for i := range values {
		values[i] = data[i/8]>>(i%8)&1 == 1
	}
	return values, p.rows%8 == 0 || data[len(data)-1]>>(p.rows%8) == 0
}

func (p *columnParser) strings(c *lathe.Column) bool {
	lengths, ok := p.take(4 * p.rows)
	if !ok {
		return false
	}
	total := 0
	for i := range p.rows {
		total += int(binary.LittleEndian.Uint32(lengths[4*i:]))
	}
	data, ok := p.take(total)
	if !ok {
		return false
	}
	text := string(data)
	c.Strings = make([]string, p.rows)
	for i := range c.Strings {
		n := int(binary.LittleEndian.Uint32(lengths[4*i:]))
		c.Strings[i], text = text[:n], text[n:]
	}
	return true
}

// ReadSegment reads a whole segment.
func ReadSegment(r io.Reader, limits Limits) (*lathe.Batch, Schema, error) {
	s, err := NewSegmentReader(r, limits)
	if err != nil {
		return nil, nil, err
	}
	var groups []*lathe.Batch
	var cells int64
	for {
		b, err := s.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, nil, err
		}
		if cells += int64(b.Rows) * int64(len(s.schema)); cells*cellBytes > s.limits.Memory {
			return nil, nil, lathe.Errorf(lathe.CodeTooLarge, "table: segment: more than the limit of %d bytes of memory", s.limits.Memory).WithHint("raise the limit, or read the segment group by group")
		}
		groups = append(groups, b)
	}
	if len(groups) == 0 {
		return emptyBatch(s.schema), s.schema, nil
	}
	b, err := Concat(groups)
	return b, s.schema, err
}

func emptyBatch(schema Schema) *lathe.Batch {
	b := &lathe.Batch{}
	for _, c := range schema {
		b.Columns = append(b.Columns, lathe.NewColumn(c.Name, c.Kind, 0))
	}
	return b
}

// corrupt reports a segment that is not what was written.
func corrupt(format string, args ...any) error {
	return lathe.Errorf(lathe.CodeCorrupt, "table: segment: "+format, args...).WithHint("stored data is damaged: restore it from a backup")
}
