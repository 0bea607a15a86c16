package lathe

import (
	"context"
	"encoding/json"
	"io"
	"time"
)

// Dataset is a named collection of rows. It holds no rows itself: a version does.
type Dataset struct {
	Project   Project   `json:"project"`
	Name      string    `json:"name"`
	Kind      string    `json:"kind"` // "table"; text, events, images and audio come with their issues
	Version   int       `json:"version"`
	Rows      int64     `json:"rows"` // of the newest version
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

// ColumnInfo is what a version knows of a column: how it is stored and what it means.
type ColumnInfo struct {
	Name string `json:"name"`
	Kind Kind   `json:"kind"`
	Type string `json:"type"` // integer, float, boolean, category, text, datetime, identifier, constant
}

// Segment is an immutable run of rows, stored as one blob. Ordinals count from 0 within the dataset.
type Segment struct {
	Ordinal int    `json:"ordinal"`
	Blob    Blob   `json:"blob"`
	Rows    int64  `json:"rows"`
	Digest  string `json:"digest"` // of the segment's canonical rows
}

// Erasure lists rows of a segment that are gone for every version, old ones too. Rows count from 0, ascending.
type Erasure struct {
	Segment int     `json:"segment"`
	Rows    []int64 `json:"rows"`
}

// DatasetVersion is a watermark over a dataset's segments, read through the erasures: segments [0, Watermark) without
// the rows that are erased. Its digest is over canonical rows, not over file bytes.
type DatasetVersion struct {
	Project   Project         `json:"project"`
	Dataset   string          `json:"dataset"`
	Number    int             `json:"version"`
	Watermark int             `json:"watermark"`
	Rows      int64           `json:"rows"`
	Digest    string          `json:"digest"`
	Columns   []ColumnInfo    `json:"columns"`
	Profile   json.RawMessage `json:"profile,omitempty"` // internal/data/table.Profile
	Origin    string          `json:"origin,omitempty"`  // what made it: "upload churn.csv", "clean churn@1", "erase"
	CreatedAt time.Time       `json:"created_at"`
}

// DatasetDraft is a version about to be committed: the segments that it adds, already durable as blobs.
type DatasetDraft struct {
	Name    string
	Kind    string
	Replace bool // start anew: the version sees just these segments, older versions keep theirs
	Base    int  // the version that the draft was made from; a different newest one is CodeConflict; 0 for the first
	Add     []Segment
	Erase   []Erasure // with no segment to add: the same rows without these
	Rows    int64
	Digest  string
	Columns []ColumnInfo
	Profile json.RawMessage
	Origin  string
}

// DatasetStore keeps datasets. Another project's dataset is as unknown as one that never was: CodeNotFound.
type DatasetStore interface {
	// CommitDataset makes the next version, all of it or nothing.
	CommitDataset(ctx context.Context, project Project, draft DatasetDraft) (DatasetVersion, error)
	FindDataset(ctx context.Context, project Project, name string) (Dataset, error)
	FindDatasets(ctx context.Context, project Project, page Page) ([]Dataset, string, error)
	// FindDatasetVersion gives a version; number 0 is the newest.
	FindDatasetVersion(ctx context.Context, project Project, name string, number int) (DatasetVersion, error)
	FindDatasetVersions(ctx context.Context, project Project, name string) ([]DatasetVersion, error)
	// FindSegments gives what a version reads: its segments in order, and the erasures that touch them.
	FindSegments(ctx context.Context, project Project, name string, number int) ([]Segment, []Erasure, error)
	// DeleteDataset forgets the dataset with all versions; its blobs are collected later.
	DeleteDataset(ctx context.Context, project Project, name string) error
}

// Page asks for a part of a list: at most Limit (0 means 100, at most 1,000) records after the cursor After.
type Page struct {
	After string
	Limit int
}

// AddDataset says how to read an upload.
type AddDataset struct {
	Name      string `json:"name"`
	Append    bool   `json:"append,omitempty"`    // add a segment to the newest version instead of replacing its rows
	File      string `json:"file,omitempty"`      // the original file's name, for the origin and messages only
	Delimiter string `json:"delimiter,omitempty"` // "" finds it out
	Header    string `json:"header,omitempty"`    // "auto", "yes" or "no"
}

// CleanSpec says what to change; each step is applied in the order of the fields.
type CleanSpec struct {
	As             string   `json:"as"`                        // name of the dataset that is made
	DropColumns    []string `json:"drop_columns,omitempty"`    //
	DropMissing    bool     `json:"drop_missing,omitempty"`    // drop rows with a missing value in Columns
	Impute         string   `json:"impute,omitempty"`          // mean, median, mode or constant, over Columns
	Constant       string   `json:"constant,omitempty"`        // for impute: constant
	DropDuplicates bool     `json:"drop_duplicates,omitempty"` //
	Columns        []string `json:"columns,omitempty"`         // none means all
}

// SplitSpec says how to mark rows with a part; the new column "split" holds train, validation or test.
type SplitSpec struct {
	As       string `json:"as"`
	Ratio    string `json:"ratio"`              // "0.7/0.15/0.15"
	Stratify string `json:"stratify,omitempty"` // column
	Seed     uint64 `json:"seed,omitempty"`
}

// EraseSpec picks rows by the value of a column, compared as text.
type EraseSpec struct {
	Column string `json:"column"`
	Equals string `json:"equals"`
}

// DataService is the data part of the product, over DatasetStore and BlobStore. Parsing runs in a child process.
type DataService interface {
	DatasetStore
	// AddDataset reads an upload to its end, and returns when the version is durable.
	AddDataset(ctx context.Context, project Project, add AddDataset, r io.Reader) (DatasetVersion, error)
	// ReadRows gives rows [from, from+n) of a version; n is at most 1,000.
	ReadRows(ctx context.Context, project Project, name string, number int, from int64, n int) (*Batch, error)
	CleanDataset(ctx context.Context, project Project, name string, number int, spec CleanSpec) (DatasetVersion, error)
	SplitDataset(ctx context.Context, project Project, name string, number int, spec SplitSpec) (DatasetVersion, error)
	EraseRows(ctx context.Context, project Project, name string, spec EraseSpec) (DatasetVersion, error)
}
