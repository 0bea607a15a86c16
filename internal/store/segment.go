package store

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/uptrace/bun"

	"lathe"
)

type segmentRow struct {
	bun.BaseModel `bun:"table:dataset_segment,alias:dataset_segment"`
	Project       string
	Dataset       string
	Ordinal       int
	BlobName      string
	BlobBytes     int64
	BlobAt        int64
	RowCount      int64
	Digest        string
}

func (r *segmentRow) record() (lathe.Segment, error) {
	blob, err := toBlob(r.BlobName, r.BlobBytes, r.BlobAt)
	return lathe.Segment{Ordinal: r.Ordinal, Blob: blob, Rows: r.RowCount, Digest: r.Digest}, err
}

// toBlob makes the record of a blob from its three columns; no name makes the zero blob.
func toBlob(name string, bytes, at int64) (lathe.Blob, error) {
	if name == "" {
		return lathe.Blob{}, nil
	}
	n, err := lathe.ParseBlobName(name)
	return lathe.Blob{Name: n, Bytes: bytes, At: fromMicro(at)}, err
}

type erasureRow struct {
	bun.BaseModel `bun:"table:dataset_erasure,alias:dataset_erasure"`
	Project       string
	Dataset       string
	Segment       int
	Erased        []byte
}

// FindSegments implements lathe.DatasetStore.
func (s *Store) FindSegments(ctx context.Context, project lathe.Project, name string, number int) ([]lathe.Segment, []lathe.Erasure, error) {
	var segments []lathe.Segment
	var erasures []lathe.Erasure
	err := s.read(ctx, "find segments", func(ctx context.Context, tx bun.Tx) error {
		version, err := findDatasetVersion(ctx, tx, project, name, number)
		if err != nil {
			return err
		}
		if segments, err = findSegments(ctx, tx, &version); err != nil {
			return err
		}
		erasures, err = findErasures(ctx, tx, &version)
		return err
	})
	return segments, erasures, err
}

func findSegments(ctx context.Context, db bun.IDB, v *datasetVersionRow) ([]lathe.Segment, error) {
	var rows []segmentRow
	err := db.NewSelect().Model(&rows).Where("project = ?", v.Project).Where("dataset = ?", v.Dataset).
		Where("ordinal >= ?", v.FirstSegment).Where("ordinal < ?", v.Watermark).OrderExpr("ordinal").Scan(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]lathe.Segment, len(rows))
	for i := range rows {
		if out[i], err = rows[i].record(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func findErasures(ctx context.Context, db bun.IDB, v *datasetVersionRow) ([]lathe.Erasure, error) {
	var rows []erasureRow
	err := db.NewSelect().Model(&rows).Where("project = ?", v.Project).Where("dataset = ?", v.Dataset).
		Where("segment >= ?", v.FirstSegment).Where("segment < ?", v.Watermark).OrderExpr("segment").Scan(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]lathe.Erasure, len(rows))
	for i := range rows {
		out[i].Segment = rows[i].Segment
		if out[i].Rows, err = decodeErased(rows[i].Erased); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// encodeErased packs ascending row numbers as the gaps between them, each an unsigned varint.
func encodeErased(rows []int64) []byte {
	out := []byte{}
	before := int64(-1)
	for _, row := range rows {
		out = binary.AppendUvarint(out, uint64(row-before-1))
		before = row
	}
	return out
}

func decodeErased(data []byte) ([]int64, error) {
	out := []int64{}
	before := int64(-1)
	for len(data) > 0 {
		gap, n := binary.Uvarint(data)
		if n <= 0 || gap >= uint64(math.MaxInt64-before) {
			return nil, lathe.Errorf(lathe.CodeCorrupt, "store: erasure: bad gap after row %d", before)
		}
		before += int64(gap) + 1
		out = append(out, before)
		data = data[n:]
	}
	return out, nil
}

// mergeErased unites two ascending lists and tells how many rows of the second are new.
func mergeErased(old, add []int64) (merged []int64, fresh int64) {
	merged = append(slices.Clone(old), add...)
	slices.Sort(merged)
	merged = slices.Compact(merged)
	return merged, int64(len(merged) - len(old))
}

// checkErased refuses rows that are not ascending within the segment.
func checkErased(e lathe.Erasure, rows int64) error {
	for i, row := range e.Rows {
		if row < 0 || row >= rows || i > 0 && row <= e.Rows[i-1] {
			return lathe.Errorf(lathe.CodeInvalid, "row %d of segment %d cannot be erased: rows ascend from 0 to %d", row, e.Segment, rows-1).
				WithField(fmt.Sprintf("erase[%d]", i))
		}
	}
	return nil
}
