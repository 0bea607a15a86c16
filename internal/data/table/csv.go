package table

import (
	"bytes"
	"io"
	"runtime"
	"strconv"
	"strings"

	"lathe"
)

// Options say how to read a CSV file. The zero value finds everything out.
type Options struct {
	Delimiter byte                  // 0: found out
	Header    Header                // HeaderAuto: found out
	Names     []string              // replace the file's names, or give them where it has no header
	Kinds     map[string]lathe.Kind // columns whose kind is known: int64 and float64 take any number
	Limits    Limits
	Workers   int // parsers at work at once; 0: one a core
}

// Table is a Batch and how it was written.
type Table struct {
	Batch   *lathe.Batch
	Dialect Dialect
}

// ReadCSV reads a whole CSV file (RFC 4180; UTF-8 with or without a mark; LF or CR LF). Kinds are found from all cells:
// whole numbers within int64 are int64, other numbers float64, true and false bool, anything else string, "007" too.
// What pandas takes for missing is missing; blank lines are skipped, as pandas does. Names lose the blanks around them.
// A CSV at fault is a *lathe.Error with CodeInvalid or CodeTooLarge; errors of r are wrapped.
func ReadCSV(r io.Reader, o Options) (*Table, error) {
	if o.Delimiter != 0 && strings.IndexByte(delimiters, o.Delimiter) < 0 {
		return nil, lathe.Errorf(lathe.CodeInvalid, "table: csv: %q is not a delimiter", string(rune(o.Delimiter))).WithField("delimiter").
			WithHint("use a comma, tab, semicolon or pipe, or leave it out to have it found")
	}
	limits := o.Limits.orDefault()
	s := &splitter{r: r, limits: limits, delimiter: o.Delimiter}
	if err := s.begin(); err != nil {
		return nil, err
	}
	chunks, err := s.all()
	if err != nil {
		return nil, err
	}
	p := &parser{delimiter: s.delimiter, chunks: chunks, workers: o.Workers}
	if p.workers <= 0 {
		p.workers = runtime.GOMAXPROCS(0)
	}
	header, err := p.begin(o, limits)
	if err != nil {
		return nil, err
	}
	if need := s.total + int64(p.rows)*int64(len(p.columns))*cellBytes; need > limits.Memory {
		return nil, tooLarge(limits.Memory)
	}
	if err := p.run(); err != nil {
		return nil, err
	}
	b, err := p.batch()
	return &Table{Batch: b, Dialect: Dialect{Delimiter: s.delimiter, Header: header}}, err
}

// cellBytes is what a cell takes at least: eight bytes for a number; a string's header takes 16 and its text besides.
const cellBytes = 8

// all cuts the whole stream.
func (s *splitter) all() ([]*chunk, error) {
	var chunks []*chunk
	for {
		c, err := s.next()
		if err != nil {
			return nil, err
		}
		if c == nil {
			return chunks, nil
		}
		chunks = append(chunks, c)
	}
}

// begin reads the header, guesses the columns' kinds from the first rows and gives each chunk its place.
func (p *parser) begin(o Options, limits Limits) (header bool, err error) {
	head := p.chunks[0]
	if err := checkText(head.data, head.line); err != nil {
		return false, err
	}
	for head.start < len(head.data) && (head.data[head.start] == '\n' || head.data[head.start] == '\r' && head.data[head.start+1] == '\n') {
		head.start = skipLine(head.data, head.start)
	}
	if err := refuseCR(head, len(p.chunks)); err != nil {
		return false, err
	}
	records := sample(head.data[head.start:], p.delimiter)
	if len(records) == 0 {
		return false, onlyHeader()
	}
	if len(records[0]) > limits.Columns {
		return false, tooManyColumns(len(records[0]), limits.Columns)
	}
	header = o.Header == HeaderYes || o.Header == HeaderAuto && findHeader(records)
	names := names(records[0], header)
	if header {
		_, head.start = cutRecord(head.data, head.start, p.delimiter)
		records = records[1:]
	}
	if len(o.Names) > 0 {
		if len(o.Names) != len(names) {
			return false, lathe.Errorf(lathe.CodeInvalid, "table: csv: %d column names given for %d columns", len(o.Names), len(names)).WithHint("give one name for each column")
		}
		names = o.Names
	}
	if err := checkNames(names, limits); err != nil {
		return false, err
	}
	p.place()
	p.columns = guess(names, records, o.Kinds)
	return header, nil
}

// refuseCR reports a file of one line that has line breaks of old Macintosh computers.
func refuseCR(head *chunk, chunks int) error {
	line := bytes.TrimRight(head.data, "\r\n")
	if chunks > 1 || head.lines > 1 || bytes.IndexByte(line, '\r') < 0 {
		return nil
	}
	return lathe.Errorf(lathe.CodeInvalid, "table: csv: the file ends its lines with CR alone").WithHint("convert it with: tr '\\r' '\\n' < FILE")
}

// names takes the column names from the first record, or makes them.
func names(first [][]byte, header bool) []string {
	names := make([]string, len(first))
	for i, cell := range first {
		if header {
			names[i] = string(trim(cell))
		} else {
			names[i] = "column_" + strconv.Itoa(i+1)
		}
	}
	return names
}

// place gives each chunk the rows after the ones before it, as many as it has lines.
func (p *parser) place() {
	head := p.chunks[0]
	head.lines -= lineAt(head.data, head.start, 0)
	for _, c := range p.chunks {
		c.base = p.rows
		p.rows += c.lines
	}
}

// guess starts each column with what the first records show, which saves passes and decides nothing.
func guess(names []string, records [][][]byte, kinds map[string]lathe.Kind) []*column {
	columns := make([]*column, len(names))
	for k, name := range names {
		c := &column{name: name}
		columns[k] = c
		if kind, ok := kinds[name]; ok {
			c.forced = true
			c.known = [...]class{classFloat, classInt, classBool, classString}[kind]
			continue
		}
		for _, record := range records {
			if k < len(record) {
				c.known |= classify(record[k])
			}
		}
	}
	return columns
}

// batch closes the gaps that blank lines and quoted line breaks left between the chunks' rows.
func (p *parser) batch() (*lathe.Batch, error) {
	rows := 0
	for _, c := range p.chunks {
		if c.base != rows && c.rows > 0 {
			for _, column := range p.columns {
				moveRows(&column.data, rows, c.base, c.rows)
			}
		}
		rows += c.rows
	}
	if rows == 0 {
		return nil, onlyHeader()
	}
	all := &lathe.Batch{Rows: p.rows, Columns: make([]lathe.Column, len(p.columns))}
	for i, c := range p.columns {
		all.Columns[i] = c.data
	}
	return all.Slice(0, rows), nil
}

func moveRows(c *lathe.Column, to, from, n int) {
	switch c.Kind {
	case lathe.Float64:
		copy(c.Floats[to:], c.Floats[from:from+n])
	case lathe.Int64:
		copy(c.Ints[to:], c.Ints[from:from+n])
	case lathe.Bool:
		copy(c.Bools[to:], c.Bools[from:from+n])
	default:
		copy(c.Strings[to:], c.Strings[from:from+n])
	}
	if c.Missing != nil {
		copy(c.Missing[to:], c.Missing[from:from+n])
	}
}

func onlyHeader() error {
	return lathe.Errorf(lathe.CodeInvalid, "table: csv: the file has a header but no rows").
		WithHint("add at least one row below the header; if the first line is a row, say that the file has no header")
}
