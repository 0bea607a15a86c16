package table

import (
	"bytes"
	"strconv"
	"sync"
	"sync/atomic"

	"lathe"
)

// column is one column while it is parsed. A pass parses it as its kind; a cell that does not fit adds to misfit, and
// the next pass takes the kind that holds everything met so far.
type column struct {
	name   string
	forced bool  // the kind was given: a misfit is an error
	known  class // met in the passes before
	done   bool
	misfit atomic.Uint32
	data   lathe.Column
	mask   sync.Mutex // guards making data.Missing
}

// accepts gives the classes that the column's pass can store without looking again.
func (c *column) accepts() class {
	switch {
	case c.known&classString != 0:
		return ^classMissing
	case c.known.kind() == lathe.String:
		return c.known // bool beside numbers, or whole numbers beyond int64: each new class matters
	case c.known&classFloat != 0:
		return classInt | classFloat | classBig
	default:
		return c.known
	}
}

// missing gives the column's mask, made on first use.
func (c *column) missing(rows int) []bool {
	c.mask.Lock()
	defer c.mask.Unlock()
	if c.data.Missing == nil {
		c.data.Missing = make([]bool, rows)
	}
	return c.data.Missing
}

// parser turns chunks into columns, pass by pass, each pass on all workers.
type parser struct {
	delimiter byte
	chunks    []*chunk
	columns   []*column
	rows      int // places for rows: the lines of all chunks
	workers   int
}

// run parses until every column has a kind that holds all its cells. Kinds only widen, so at most a few passes follow
// the first, each over the columns that did not fit.
func (p *parser) run() error {
	for {
		for _, c := range p.columns {
			if !c.done {
				c.data = lathe.NewColumn(c.name, c.known.kind(), p.rows)
			}
		}
		if err := p.pass(); err != nil {
			return err
		}
		again := false
		for _, c := range p.columns {
			met := class(c.misfit.Swap(0))
			c.known |= met
			c.done = met == 0
			again = again || met != 0
		}
		if !again {
			return nil
		}
	}
}

// pass parses all chunks once. Of several errors the first in the file is returned, whichever worker met it.
func (p *parser) pass() error {
	var (
		next   atomic.Int64
		failed atomic.Int64
		group  sync.WaitGroup
		errs   = make([]error, len(p.chunks))
	)
	failed.Store(int64(len(p.chunks)))
	for range min(p.workers, len(p.chunks)) {
		group.Go(func() {
			w := newWorker(p)
			for i := next.Add(1) - 1; i < failed.Load(); i = next.Add(1) - 1 {
				if errs[i] = w.parse(p.chunks[i]); errs[i] != nil {
					storeMin(&failed, i)
				}
			}
		})
	}
	group.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func storeMin(a *atomic.Int64, v int64) {
	for old := a.Load(); v < old && !a.CompareAndSwap(old, v); old = a.Load() {
	}
}

// mode is how a worker stores a column's cells.
type mode uint8

const (
	modeSkip mode = iota
	modeFloat
	modeInt
	modeBool
	modeString
	modeNone // nothing but missing cells so far
)

// slot is a worker's view of a column during one chunk.
type slot struct {
	mode    mode
	accepts class
	floats  []float64
	ints    []int64
	bools   []bool
	missing []bool
	text    []byte // the chunk's strings, one after another
	ends    []int  // where each ends in text
}

type worker struct {
	p       *parser
	powers  *powers
	slots   []slot
	scratch []byte // an unquoted field
}

func newWorker(p *parser) *worker {
	return &worker{p: p, powers: powerTable(), slots: make([]slot, len(p.columns))}
}

// open readies the slots for a chunk. Columns that are done, or already known not to fit, are skipped.
func (w *worker) open() {
	for i, c := range w.p.columns {
		s := &w.slots[i]
		s.accepts = c.accepts()
		s.floats, s.ints, s.bools = c.data.Floats, c.data.Ints, c.data.Bools
		s.missing, s.text, s.ends = nil, s.text[:0], s.ends[:0]
		switch {
		case c.done || c.misfit.Load() != 0:
			s.mode = modeSkip
		case c.known == classMissing:
			s.mode = modeNone
		default:
			s.mode = [...]mode{modeFloat, modeInt, modeBool, modeString}[c.data.Kind]
		}
	}
}

// parse reads a chunk's records into its rows.
func (w *worker) parse(c *chunk) error {
	if err := checkText(c.data, c.line); err != nil {
		return err
	}
	w.open()
	c.rows = 0
	data := c.data[: len(c.data)+padding : len(c.data)+padding]
	for i := c.start; i < len(c.data); {
		if data[i] == '\n' || data[i] == '\r' && data[i+1] == '\n' {
			i = skipLine(data, i)
			continue
		}
		next, err := w.record(c, data, i)
		if err != nil {
			return err
		}
		i = next
		c.rows++
	}
	w.close(c)
	return nil
}

// record reads the record at data[i:] and gives the place of the next.
func (w *worker) record(c *chunk, data []byte, i int) (int, error) {
	begin, row, last := i, c.base+c.rows, len(w.slots)-1
	for k := range w.slots {
		s := &w.slots[k]
		stop := w.p.delimiter
		if k == last {
			stop = '\n'
		}
		switch s.mode {
		case modeFloat:
			if f, next, ok := scanFloat(w.powers, data, i); ok && ends(data, next, stop) {
				s.floats[row] = f
				i = next + 1
				continue
			}
		case modeInt:
			if v, next, ok := scanWhole(data, i); ok && ends(data, next, stop) {
				s.ints[row] = v
				i = next + 1
				continue
			}
		}
		cell, next, err := w.field(c, data, i)
		if err != nil {
			return 0, err
		}
		if data[next] != stop {
			return 0, w.ragged(c, begin)
		}
		if err := w.store(c, k, row, cell, i); err != nil {
			return 0, err
		}
		i = next + 1
	}
	if data[i-1] == '\n' {
		return i, nil
	}
	return i + 1, nil // the last cell was a number before CR LF
}

// ends tells whether a field ends at data[i]: at stop, or at CR LF where stop is LF.
func ends(data []byte, i int, stop byte) bool {
	return data[i] == stop || stop == '\n' && data[i] == '\r' && data[i+1] == '\n'
}

// field cuts the field at data[i:] and gives the place of what ends it: a delimiter or LF.
func (w *worker) field(c *chunk, data []byte, i int) ([]byte, int, error) {
	if data[i] == '"' {
		return w.quoted(c, data, i)
	}
	n := plainLength(data[i:len(c.data)], w.p.delimiter)
	cell := data[i : i+n]
	if data[i+n] == '\n' && n > 0 && cell[n-1] == '\r' {
		cell = cell[:n-1]
	}
	return cell, i + n, nil
}

// quoted cuts a quoted field. After its closing quote only blanks may come before the field ends: other text there
// would leave open what was meant.
func (w *worker) quoted(c *chunk, data []byte, i int) ([]byte, int, error) {
	end := closeQuote(data[:len(c.data)], i)
	if end < 0 {
		return nil, 0, lathe.Errorf(lathe.CodeInvalid, "table: csv: line %d opens a quote that is never closed", lineAt(c.data, i, c.line)).
			WithHint("close the quote, or double it where it belongs to the text")
	}
	next := end + 1 + plainLength(data[end+1:len(c.data)], w.p.delimiter)
	if len(bytes.Trim(data[end+1:next], " \t\r")) > 0 {
		return nil, 0, lathe.Errorf(lathe.CodeInvalid, "table: csv: line %d has text after a closing quote", lineAt(c.data, end, c.line)).
			WithHint("double the quotes that belong to the text: \"say \"\"hello\"\"\"")
	}
	cell := data[i+1 : end]
	if bytes.IndexByte(cell, '"') < 0 {
		return cell, next, nil
	}
	w.scratch = w.scratch[:0]
	for k := 0; k < len(cell); k++ {
		w.scratch = append(w.scratch, cell[k])
		if cell[k] == '"' {
			k++
		}
	}
	return w.scratch, next, nil
}

// ragged reports the record at data[begin:], which has more or fewer fields than the first.
func (w *worker) ragged(c *chunk, begin int) error {
	record, _ := cutRecord(c.data, begin, w.p.delimiter)
	return lathe.Errorf(lathe.CodeInvalid, "table: csv: line %d has %d fields, expected %d", lineAt(c.data, begin, c.line), len(record), len(w.slots)).
		WithField("line "+strconv.Itoa(lineAt(c.data, begin, c.line))).
		WithHint("quote texts that contain the delimiter %q, or mend the line", string(w.p.delimiter))
}

// store puts a cell into column k, or notes that it does not fit.
func (w *worker) store(c *chunk, k, row int, cell []byte, at int) error {
	s := &w.slots[k]
	if s.mode == modeSkip {
		return nil
	}
	bare := trim(cell)
	if missing(bare) {
		if s.missing == nil {
			s.missing = w.p.columns[k].missing(w.p.rows)
		}
		s.missing[row] = true
		if s.mode == modeString {
			s.ends = append(s.ends, len(s.text))
		}
		return nil
	}
	if s.keep(row, cell, bare) {
		return nil
	}
	met := classify(bare)
	if w.p.columns[k].forced && !(s.mode == modeInt && met&(classFloat|classBig) != 0) {
		return w.p.columns[k].refuse(bare, lineAt(c.data, at, c.line))
	}
	if w.p.columns[k].forced {
		met = classFloat
	}
	w.p.columns[k].misfit.Or(uint32(met))
	s.mode = modeSkip
	return nil
}

// keep stores a cell that has a value, and reports false where its class does not fit the slot.
func (s *slot) keep(row int, cell, bare []byte) bool {
	switch s.mode {
	case modeFloat:
		f, ok := scanNumber(bare)
		s.floats[row] = f
		return ok
	case modeInt:
		v, ok := scanInt(bare)
		s.ints[row] = v
		return ok
	case modeBool:
		v, ok := boolean(bare)
		s.bools[row] = v
		return ok
	case modeString:
		if s.accepts&classString == 0 && classify(bare)&^s.accepts != 0 {
			return false
		}
		s.text = append(s.text, cell...)
		s.ends = append(s.ends, len(s.text))
		return true
	default:
		return false
	}
}

// close hands the chunk's strings over: one allocation a column.
func (w *worker) close(c *chunk) {
	for k := range w.slots {
		s := &w.slots[k]
		if s.mode != modeString {
			continue
		}
		text, from := string(s.text), 0
		for r, end := range s.ends {
			w.p.columns[k].data.Strings[c.base+r] = text[from:end]
			from = end
		}
	}
}

// refuse reports a cell that a column of given kind cannot take.
func (c *column) refuse(cell []byte, line int) error {
	e := lathe.Errorf(lathe.CodeInvalid, "table: csv: line %d: column %s takes %s values, not %s", line, quote(c.name), c.data.Kind, quote(string(cell))).WithField(c.name)
	if c.data.Kind == lathe.Bool {
		return e.WithHint("write true or false, or leave the cell empty")
	}
	return e.WithHint("write a plain number such as 1234.5, without thousands separators, units or signs of currency, or leave the cell empty")
}

// scanWhole reads up to 18 digits, with their sign, at b[i:]; longer numbers are left to scanInt.
func scanWhole(b []byte, i int) (v int64, next int, ok bool) {
	neg := b[i] == '-'
	if neg || b[i] == '+' {
		i++
	}
	first := i
	for b[i]-'0' <= 9 {
		v = v*10 + int64(b[i]-'0')
		i++
	}
	if neg {
		v = -v
	}
	digits := i - first
	return v, i, digits > 0 && digits <= 18 && (digits == 1 || b[first] != '0')
}
