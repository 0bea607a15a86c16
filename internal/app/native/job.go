package native

import (
	"encoding/json"
	"fmt"

	"lathe"
	"lathe/internal/data/table"
)

// The kinds of work that a child does.
const (
	KindIngest   = "ingest"
	KindShape    = "shape"
	KindTrain    = "train"
	KindPredict  = "predict"
	KindEvaluate = "evaluate"
)

// The names of inputs and streams. Segments are inputs named by SegmentInput.
const (
	InputFile       = "file"
	InputPackage    = "package"
	InputCheckpoint = "checkpoint"

	StreamSegment    = "segment"
	StreamMade       = "made"
	StreamCheckpoint = "checkpoint"
	StreamPackage    = "package"
	StreamTable      = "table"
	EventResult      = "result"
	EventExtra       = "extra"
)

// Data is a dataset version as a child reads it: the segments come as inputs.
type Data struct {
	Dataset  string          `json:"dataset"`
	Version  int             `json:"version"`
	Digest   string          `json:"digest"`
	Segments []lathe.Segment `json:"segments"`
	Erased   []lathe.Erasure `json:"erased,omitempty"`
	Schema   table.Schema    `json:"schema"`
}

// Blob names the object of a segment.
func (d *Data) Blob(segment int) lathe.BlobName {
	for _, s := range d.Segments {
		if s.Ordinal == segment {
			return s.Blob.Name
		}
	}
	return lathe.BlobName{}
}

// IngestJob asks to read a file into a segment. Previous holds the segments that it is appended to, where it is.
type IngestJob struct {
	Add      lathe.AddDataset `json:"add"`
	Previous *Data            `json:"previous,omitempty"`
}

// SegmentInput names the input of a segment.
func SegmentInput(i int) string { return fmt.Sprintf("segment-%d", i) }

// Made describes the dataset version that a child made. It comes as a stream of JSON, after that of the segment.
type Made struct {
	Rows    int64           `json:"rows"`   // of the version
	Digest  string          `json:"digest"` // of the version
	Columns []table.Field   `json:"columns"`
	Profile json.RawMessage `json:"profile"`          // table.Profile
	Added   int64           `json:"added"`            // rows of the new segment
	Erased  []lathe.Erasure `json:"erased,omitempty"` // instead of a segment: the rows that go
	Segment string          `json:"segment_digest"`   // digest of its rows
}

// ShapeJob asks for a new table from an old one. Just one of clean, split, erase and gone is set.
type ShapeJob struct {
	Data  Data             `json:"data"`
	Clean *lathe.CleanSpec `json:"clean,omitempty"`
	Split *lathe.SplitSpec `json:"split,omitempty"`
	Erase *lathe.EraseSpec `json:"erase,omitempty"`

	Gone []lathe.Erasure `json:"gone,omitempty"` // an erasure by rows, where Erase is nil

	// Newest lists the segments of the newest version; for an erasure Data holds those of all versions.
	Newest []int `json:"newest,omitempty"`
}

// TrainJob asks for a model.
type TrainJob struct {
	Run    string          `json:"run"`
	Spec   lathe.TrainSpec `json:"spec"`
	Data   Data            `json:"data"`
	Resume bool            `json:"resume"` // InputCheckpoint is there
}

// TableJob asks for predictions or metrics over CSV, or over a dataset where there is one.
type TableJob struct {
	Model   string `json:"model"`
	Version int    `json:"version"`
	Data    *Data  `json:"data,omitempty"`
}
