package table

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"math"
	"runtime"
	"strconv"
	"sync"

	"lathe"
)

// Digest is SHA-256 over a table's canonical rows. Two tables with the same columns in order and the same values in order
// have the same digest, however their files are written: line ends, quotes, delimiter, 1 or 1.0 or 1e0. Segments are
// added one after another, without their erased rows; a table cut otherwise into segments has the same digest.
//
// What is hashed, after the text "lathe rows 1": for each column its name's length in decimal, ':' and the name; then for
// each row '\n' and its cells. A cell is
//
//	m                   missing
//	i 8 BYTES           a whole number within int64, little-endian, whether it is stored as int64 or as float64
//	n 8 BYTES           any other number: its IEEE 754 bits, little-endian
//	t or f              a boolean
//	s LENGTH : BYTES    a string, its length in bytes in decimal
//
// (without the blanks). -0 is 0. A column's kind is not hashed, as int64 widens to float64 when a later segment needs it.
type Digest struct {
	names []string
	hash  hash.Hash
	bufs  [][]byte // one for each core
	rows  int64
}

const digestPrefix = "lathe rows 1"

// NewDigest starts a digest over columns of these names, in this order.
func NewDigest(names []string) *Digest {
	d := &Digest{names: names, hash: sha256.New()}
	head := []byte(digestPrefix)
	for _, name := range names {
		head = appendText(head, name)
	}
	d.hash.Write(head) // never fails
	return d
}

// Add adds b's rows but those that erased lists, ascending. b's columns are found by name.
func (d *Digest) Add(b *lathe.Batch, erased []int64) error {
	columns := make([]*lathe.Column, len(d.names))
	for k, name := range d.names {
		if k < len(b.Columns) && b.Columns[k].Name == name {
			columns[k] = &b.Columns[k]
		} else if columns[k] = b.Column(name); columns[k] == nil {
			return lathe.Errorf(lathe.CodeInternal, "table: digest: column %s is absent", quote(name))
		}
	}
	d.addRows(columns, kept(b.Rows, erased))
	return nil
}

// blockRows is how many rows one core writes down at a time, while the others write the rows that follow.
const blockRows = 2048

// addRows hashes rows in order; what is hashed is written by all cores, as that takes most of the time.
func (d *Digest) addRows(columns []*lathe.Column, rows []int) {
	d.rows += int64(len(rows))
	workers := runtime.GOMAXPROCS(0)
	for len(d.bufs) < workers {
		d.bufs = append(d.bufs, nil)
	}
	for len(rows) > 0 {
		var group sync.WaitGroup
		used := 0
		for ; used < workers && len(rows) > 0; used++ {
			n := min(blockRows, len(rows))
			block, buf := rows[:n], &d.bufs[used]
			rows = rows[n:]
			group.Go(func() { *buf = appendRows((*buf)[:0], columns, block) })
		}
		group.Wait()
		for _, buf := range d.bufs[:used] {
			d.hash.Write(buf) // never fails
		}
	}
}

// kept lists the rows that erased, ascending, does not.
func kept(rows int, erased []int64) []int {
	keep := make([]int, 0, rows)
	for i := range rows {
		for len(erased) > 0 && erased[0] < int64(i) {
			erased = erased[1:]
		}
		if len(erased) == 0 || erased[0] != int64(i) {
			keep = append(keep, i)
		}
	}
	return keep
}

func appendRows(buf []byte, columns []*lathe.Column, rows []int) []byte {
	for _, i := range rows {
		buf = append(buf, '\n')
		for _, c := range columns {
			buf = appendCanonical(buf, c, i)
		}
	}
	return buf
}

// Rows counts the rows added.
func (d *Digest) Rows() int64 { return d.rows }

// Sum gives the digest so far, hexadecimal.
func (d *Digest) Sum() string {
	return hex.EncodeToString(d.hash.Sum(nil))
}

func appendText(buf []byte, s string) []byte {
	buf = strconv.AppendInt(buf, int64(len(s)), 10)
	return append(append(buf, ':'), s...)
}

func appendCanonical(buf []byte, c *lathe.Column, i int) []byte {
	if c.IsMissing(i) {
		return append(buf, 'm')
	}
	switch c.Kind {
	case lathe.Float64:
		return appendNumber(buf, c.Floats[i])
	case lathe.Int64:
		return binary.LittleEndian.AppendUint64(append(buf, 'i'), uint64(c.Ints[i]))
	case lathe.Bool:
		if c.Bools[i] {
			return append(buf, 't')
		}
		return append(buf, 'f')
	default:
		return appendText(append(buf, 's'), c.Strings[i])
	}
}

func appendNumber(buf []byte, f float64) []byte {
	if f == math.Trunc(f) && f >= -0x1p63 && f < 0x1p63 { // -0 is 0 here
		return binary.LittleEndian.AppendUint64(append(buf, 'i'), uint64(int64(f)))
	}
	return binary.LittleEndian.AppendUint64(append(buf, 'n'), math.Float64bits(f))
}

// DigestOf is the digest of one whole table.
func DigestOf(b *lathe.Batch) string {
	d := NewDigest(columnNames(b))
	columns := make([]*lathe.Column, len(b.Columns))
	for i := range b.Columns {
		columns[i] = &b.Columns[i]
	}
	d.addRows(columns, kept(b.Rows, nil))
	return d.Sum()
}

func columnNames(b *lathe.Batch) []string {
	names := make([]string, len(b.Columns))
	for i := range b.Columns {
		names[i] = b.Columns[i].Name
	}
	return names
}
