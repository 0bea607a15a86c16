package native

import (
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
	Segments int             `json:"segments"`
	Erased   []lathe.Erasure `json:"erased,omitempty"`
	Schema   table.Schema    `json:"schema"`
}

// IngestJob asks to read a file into a segment. Previous holds the segments that it is appended to, where it is.
type IngestJob struct {
	Add      lathe.AddDataset `json:"add"`
	Previous *Data            `json:"previous,omitempty"`
}

// Made describes the dataset version that a child made; the new segment comes as a stream.
type Made struct {
	Rows    int64         `json:"rows"`   // of the version
	Digest  string        `json:"digest"` // of the version
	Columns []table.Field `json:"columns"`
	Profile table.Profile `json:"profile"`
	Added   int64         `json:"added"`          // rows of the new segment
	Segment string        `json:"segment_digest"` // digest of its rows
}

// ShapeJob asks for a new table from an old one. Just one of the three is set.
type ShapeJob struct {
	Data  Data             `json:"data"`
	Clean *lathe.CleanSpec `json:"clean,omitempty"`
	Split *lathe.SplitSpec `json:"split,omitempty"`
}

// TrainJob asks for a model.
type TrainJob struct {
	Run    string          `json:"run"`
	Spec   lathe.TrainSpec `json:"spec"`
	Data   Data            `json:"data"`
	Resume bool            `json:"resume"` // InputCheckpoint is there
}

// TableJob asks for predictions or metrics over CSV.
type TableJob struct {
	Model   string `json:"model"`
	Version int    `json:"version"`
}
