package table

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"math"

	"lathe"
)

// A segment file holds an immutable run of rows, column by column within groups of rows, so that any number of rows is
// written and read in bounded memory. All numbers are little-endian; each checksum is CRC-32C.
//
//	"LTHSEG" version:u16 length:u32 header checksum:u32       the header is JSON: {"columns": Schema}
//	group:  rows:u32 (above 0) length:u64 payload checksum:u32
//	end:    0:u32 rows:u64 checksum:u32
//
// A group's payload holds its columns in order: a flag byte (1: some rows are missing), for that flag a bitmap of
// missing rows, then float64 and int64 as 8 bytes each, bool as a bitmap, string as a u32 length each and then all bytes.
// A missing row holds the zero value. The checksums of groups and of the end begin with the group's ordinal, so that none
// can be moved, lost or repeated. The same Batch and Schema give the same bytes.
const (
	segmentMagic   = "LTHSEG"
	segmentVersion = 1

	// groupRows is how many rows a group has at most; wide tables have fewer, for groups of at most groupCells cells.
	groupRows  = 65_536
	groupCells = 4 << 20

	maxSegmentHeader = 64 << 20
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

type segmentHeader struct {
	Columns Schema `json:"columns"`
}

// WriteSegment writes b, whose columns are schema's in the same order. It returns the writer's errors as they are.
func WriteSegment(w io.Writer, b *lathe.Batch, schema Schema) error {
	if err := matches(b, schema); err != nil {
		return err
	}
	header, err := json.Marshal(segmentHeader{schema})
	if err != nil {
		return fmt.Errorf("table: segment: write: %w", err)
	}
	buf := append([]byte(segmentMagic), segmentVersion, 0)
	buf = binary.LittleEndian.AppendUint32(buf, uint32(len(header)))
	buf = append(buf, header...)
	buf = binary.LittleEndian.AppendUint32(buf, crc32.Checksum(buf, castagnoli))
	if _, err := w.Write(buf); err != nil {
		return fmt.Errorf("table: segment: write: %w", err)
	}
	step, group := max(1, min(groupRows, groupCells/max(1, len(schema)))), uint32(0)
	for from := 0; from < b.Rows; from += step {
		buf = appendGroup(buf[:0], b.Slice(from, min(from+step, b.Rows)), group)
		if _, err := w.Write(buf); err != nil {
			return fmt.Errorf("table: segment: write: %w", err)
		}
		group++
	}
	buf = binary.LittleEndian.AppendUint64(make([]byte, 4), uint64(b.Rows))
	buf = binary.LittleEndian.AppendUint32(buf, groupChecksum(group, buf))
	if _, err := w.Write(buf); err != nil {
		return fmt.Errorf("table: segment: write: %w", err)
	}
	return nil
}

// matches tells whether b has just the schema's columns, in order and kind.
func matches(b *lathe.Batch, schema Schema) error {
	if err := b.Check(); err != nil {
		return err
	}
	if len(b.Columns) != len(schema) {
		return lathe.Errorf(lathe.CodeInternal, "table: segment: %d columns, the schema has %d", len(b.Columns), len(schema))
	}
	for i := range schema {
		if c := &b.Columns[i]; c.Name != schema[i].Name || c.Kind != schema[i].Kind {
			return lathe.Errorf(lathe.CodeInternal, "table: segment: column %d is %s %s, in the schema %s %s", i, quote(c.Name), c.Kind, quote(schema[i].Name), schema[i].Kind)
		}
	}
	return nil
}

func groupChecksum(group uint32, data []byte) uint32 {
	sum := crc32.Checksum(binary.LittleEndian.AppendUint32(nil, group), castagnoli)
	return crc32.Update(sum, castagnoli, data)
}

func appendGroup(buf []byte, b *lathe.Batch, group uint32) []byte {
	buf = binary.LittleEndian.AppendUint32(buf, uint32(b.Rows))
	buf = append(buf, make([]byte, 8)...)
	for i := range b.Columns {
		buf = appendColumn(buf, &b.Columns[i])
	}
	binary.LittleEndian.PutUint64(buf[4:], uint64(len(buf)-12))
	return binary.LittleEndian.AppendUint32(buf, groupChecksum(group, buf))
}

func appendColumn(buf []byte, c *lathe.Column) []byte {
	if hasMissing(c) {
		buf = appendBits(append(buf, 1), c.Missing)
	} else {
		buf = append(buf, 0)
	}
	switch c.Kind {
	case lathe.Float64:
		for i, v := range c.Floats {
			if c.IsMissing(i) {
				v = 0
			}
			buf = binary.LittleEndian.AppendUint64(buf, math.Float64bits(v))
		}
	case lathe.Int64:
		for i, v := range c.Ints {
			if c.IsMissing(i) {
				v = 0
			}
			buf = binary.LittleEndian.AppendUint64(buf, uint64(v))
		}
	case lathe.Bool:
		values := make([]bool, len(c.Bools))
		for i, v := range c.Bools {
			values[i] = v && !c.IsMissing(i)
		}
		buf = appendBits(buf, values)
	default:
		buf = appendStrings(buf, c)
	}
	return buf
}

func hasMissing(c *lathe.Column) bool {
	for _, m := range c.Missing {
		if m {
			return true
		}
	}
	return false
}

func appendBits(buf []byte, values []bool) []byte {
	at := len(buf)
	buf = append(buf, make([]byte, (len(values)+7)/8)...)
	for i, v := range values {
		if v {
			buf[at+i/8] |= 1 << (i % 8)
		}
	}
	return buf
}

func appendStrings(buf []byte, c *lathe.Column) []byte {
	for i, v := range c.Strings {
		n := len(v)
		if c.IsMissing(i) {
			n = 0
		}
		buf = binary.LittleEndian.AppendUint32(buf, uint32(n))
	}
	for i, v := range c.Strings {
		if !c.IsMissing(i) {
			buf = append(buf, v...)
		}
	}
	return buf
}
