package native

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"lathe"
	"lathe/internal/child"
	"lathe/internal/data/table"
)

// readData reads a dataset version: its segments in order, without what was erased.
func readData(c *child.Conn, d Data) (*lathe.Batch, error) {
	parts := make([]*lathe.Batch, len(d.Segments))
	for i, segment := range d.Segments {
		b, err := readSegment(c, d, i)
		if err != nil {
			return nil, err
		}
		parts[i] = table.Drop(b, d.erased(segment.Ordinal))
	}
	return table.Concat(parts)
}

// readSegment reads a segment with all its rows.
func readSegment(c *child.Conn, d Data, i int) (*lathe.Batch, error) {
	r, err := c.Input(SegmentInput(i))
	if err != nil {
		return nil, err
	}
	b, _, err := table.ReadSegment(r, table.Limits{})
	if err = errors.Join(err, r.Close()); err != nil {
		return nil, fmt.Errorf("native: segment %d of %s: %w", d.Segments[i].Ordinal, d.Dataset, err)
	}
	return b, nil
}

// ingest is the work of a child that reads a file.
func ingest(_ context.Context, c *child.Conn) error {
	var job IngestJob
	if err := c.Spec(&job); err != nil {
		return err
	}
	o, err := options(job)
	if err != nil {
		return err
	}
	r, err := c.Input(InputFile)
	if err != nil {
		return err
	}
	t, err := table.ReadCSV(r, o)
	if err = errors.Join(err, r.Close()); err != nil {
		return err
	}
	if job.Previous == nil {
		return send(c, t.Batch, t.Batch)
	}
	before, err := readData(c, *job.Previous)
	if err != nil {
		return err
	}
	added, err := table.Conform(t.Batch, job.Previous.Schema)
	if err != nil {
		return err
	}
	whole, err := table.Concat([]*lathe.Batch{before, added})
	if err != nil {
		return err
	}
	return send(c, added, whole)
}

// options are how the caller wants the file to be read. A file that is appended keeps the kinds that the dataset has.
func options(job IngestJob) (o table.Options, err error) {
	switch d := job.Add.Delimiter; {
	case d == "":
	case d == "\\t" || d == "tab":
		o.Delimiter = '\t'
	case len(d) == 1:
		o.Delimiter = d[0]
	default:
		return o, lathe.Errorf(lathe.CodeInvalid, "native: delimiter %q is not one character", d).
			WithField("delimiter").WithHint("use one of , ; | or tab, or leave it out to have it found")
	}
	headers := map[string]table.Header{"": table.HeaderAuto, "auto": table.HeaderAuto, "yes": table.HeaderYes, "no": table.HeaderNo}
	header, ok := headers[job.Add.Header]
	if !ok {
		return o, lathe.Errorf(lathe.CodeInvalid, "native: header %q is not known", job.Add.Header).
			WithField("header").WithHint("use auto, yes or no")
	}
	o.Header = header
	if job.Previous != nil {
		o.Kinds = job.Previous.Schema.Kinds()
	}
	return o, nil
}

// send streams a new segment and the description of the version that it completes.
func send(c *child.Conn, added, whole *lathe.Batch) error {
	m, err := describe(whole)
	if err != nil {
		return err
	}
	m.Added, m.Segment = int64(added.Rows), m.Digest
	if added != whole {
		m.Segment = table.DigestOf(added)
	}
	err = c.Stream(StreamSegment, nil, func(w io.Writer) error { return table.WriteSegment(w, added, table.Infer(added)) })
	if err != nil {
		return err
	}
	return sendMade(c, m)
}

// describe makes the record of a version that reads so.
func describe(whole *lathe.Batch) (Made, error) {
	schema := table.Infer(whole)
	profile, err := json.Marshal(table.NewProfile(whole, schema))
	if err != nil {
		return Made{}, fmt.Errorf("native: profile: %w", err)
	}
	return Made{Rows: int64(whole.Rows), Digest: table.DigestOf(whole), Columns: schema, Profile: profile}, nil
}

func sendMade(c *child.Conn, m Made) error {
	return c.Stream(StreamMade, nil, func(w io.Writer) error { return json.NewEncoder(w).Encode(m) })
}

// shape is the work of a child that makes a table from a stored one.
func shape(_ context.Context, c *child.Conn) error {
	var job ShapeJob
	if err := c.Spec(&job); err != nil {
		return err
	}
	if job.Erase != nil || job.Gone != nil {
		return erase(c, job)
	}
	b, err := readData(c, job.Data)
	if err != nil {
		return err
	}
	if job.Clean != nil {
		b, err = clean(b, *job.Clean)
	} else {
		b, err = split(b, *job.Split)
	}
	if err != nil {
		return err
	}
	if b.Rows == 0 || len(b.Columns) == 0 {
		return lathe.Errorf(lathe.CodeInvalid, "native: nothing is left of %q", job.Data.Dataset).
			WithHint("look at what is missing first: lathe data profile %s", job.Data.Dataset)
	}
	return send(c, b, b)
}

// split adds the column split.
func split(b *lathe.Batch, spec lathe.SplitSpec) (*lathe.Batch, error) {
	const name = "split"
	if b.Column(name) != nil {
		return nil, lathe.Errorf(lathe.CodeConflict, "native: the dataset has a column %q already", name).
			WithField(name).WithHint("drop it first: lathe data clean NAME --drop-columns split")
	}
	if _, err := table.ParseRatios(spec.Ratio); err != nil {
		return nil, err
	}
	parts, err := table.NewSplit(b, table.SplitOptions{Split: spec.Ratio, Stratify: spec.Stratify, Seed: spec.Seed})
	if err != nil {
		return nil, err
	}
	column := lathe.NewColumn(name, lathe.String, b.Rows)
	for part, rows := range map[string][]int{"train": parts.Train, "validation": parts.Validation, "test": parts.Test} {
		for _, i := range rows {
			column.Strings[i] = part
		}
	}
	out := &lathe.Batch{Rows: b.Rows, Columns: append(append([]lathe.Column{}, b.Columns...), column)}
	for i, part := range column.Strings {
		if part == "" {
			out.Columns[len(out.Columns)-1].SetMissing(i)
		}
	}
	return out, nil
}

// erase finds the rows whose value in a column is the one given, in every segment that any version reads, and describes
// what is left of the newest version.
func erase(c *child.Conn, job ShapeJob) error {
	var left []*lathe.Batch
	var found []lathe.Erasure
	for i, segment := range job.Data.Segments {
		b, err := readSegment(c, job.Data, i)
		if err != nil {
			return err
		}
		newest := slices.Contains(job.Newest, segment.Ordinal)
		gone := job.Data.erased(segment.Ordinal)
		var rows []int64
		switch {
		case job.Erase == nil:
			rows = erasedIn(job.Gone, segment.Ordinal)
		case newest || b.Column(job.Erase.Column) != nil: // an old version may have had other columns
			if rows, err = matching(b, job.Erase.Column, job.Erase.Equals, gone); err != nil {
				return err
			}
		}
		if len(rows) > 0 {
			found = append(found, lathe.Erasure{Segment: segment.Ordinal, Rows: rows})
		}
		if newest {
			left = append(left, table.Drop(b, merge(gone, rows)))
		}
	}
	if len(found) == 0 {
		return lathe.Errorf(lathe.CodeNotFound, "native: no row of %q has that value in column %q", job.Data.Dataset, job.Erase.Column).
			WithField("equals").WithHint("values are compared as text, as `lathe data show` prints them")
	}
	whole, err := table.Concat(left)
	if err != nil {
		return err
	}
	m, err := describe(whole)
	if err != nil {
		return err
	}
	m.Erased = found
	return sendMade(c, m)
}

// matching lists the rows, ascending, that are not gone yet and whose cell reads as the text.
func matching(b *lathe.Batch, column, text string, gone []int64) ([]int64, error) {
	at := b.Column(column)
	if at == nil {
		return nil, table.NoColumn(b, "column", column)
	}
	one := &lathe.Batch{Rows: b.Rows, Columns: []lathe.Column{*at}}
	var rows []int64
	for i := range b.Rows {
		if len(gone) > 0 && gone[0] == int64(i) {
			gone = gone[1:]
			continue
		}
		if cell := table.Rows(one, i, 1)[0][0]; cell != nil && cellText(cell) == text {
			rows = append(rows, int64(i))
		}
	}
	return rows, nil
}

// cellText writes a cell as the command line shows it.
func cellText(v any) string {
	if x, ok := v.(float64); ok {
		return strconv.FormatFloat(x, 'g', -1, 64)
	}
	return fmt.Sprint(v)
}

// merge joins two ascending lists without common members.
func merge(a, b []int64) []int64 {
	out := append(slices.Clone(a), b...)
	slices.Sort(out)
	return out
}

// erased lists the rows of a segment that are gone.
func (d *Data) erased(segment int) []int64 { return erasedIn(d.Erased, segment) }

func erasedIn(list []lathe.Erasure, segment int) []int64 {
	var rows []int64
	for _, e := range list {
		if e.Segment == segment {
			rows = merge(rows, e.Rows)
		}
	}
	return rows
}

// clean does the steps that a caller asks for.
func clean(b *lathe.Batch, spec lathe.CleanSpec) (*lathe.Batch, error) {
	out, _, err := table.Clean(b, spec)
	return out, err
}
