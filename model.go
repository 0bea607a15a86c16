package lathe

import (
	"context"
	"encoding/json"
	"io"
	"time"
)

// The aliases with a meaning of their own; any other valid name may be given too.
const (
	AliasChampion = "champion" // what deploy takes when no version is named
	AliasPrevious = "previous" // the champion before; rollback swaps the two
)

// Model is a name with numbered versions.
type Model struct {
	Project   Project        `json:"project"`
	Name      string         `json:"name"`
	Task      string         `json:"task"`
	Version   int            `json:"version"` // the newest
	Aliases   map[string]int `json:"aliases"`
	CreatedAt time.Time      `json:"created_at"`
	UpdatedAt time.Time      `json:"updated_at"`
}

// ModelVersion is one stored package.
type ModelVersion struct {
	Project    Project         `json:"project"`
	Model      string          `json:"model"`
	Number     int             `json:"version"`
	Package    Blob            `json:"package"`
	Digest     string          `json:"digest"` // SHA-256 of the package file, hexadecimal
	Task       string          `json:"task"`
	Recipe     string          `json:"recipe"`
	Manifest   json.RawMessage `json:"manifest"`             // the package's manifest.json
	Evaluation json.RawMessage `json:"evaluation,omitempty"` // the package's evaluation.json
	Run        string          `json:"run,omitempty"`
	CreatedAt  time.Time       `json:"created_at"`
}

// ModelStore keeps models. A reference is "", a version number, or an alias; "" is the champion, or the newest version
// where there is none.
type ModelStore interface {
	CreateModelVersion(ctx context.Context, project Project, version ModelVersion) (ModelVersion, error)
	FindModel(ctx context.Context, project Project, name string) (Model, error)
	FindModels(ctx context.Context, project Project, page Page) ([]Model, string, error)
	FindModelVersion(ctx context.Context, project Project, name, ref string) (ModelVersion, error)
	FindModelVersions(ctx context.Context, project Project, name string) ([]ModelVersion, error)
	// SetAlias moves an alias; moving champion leaves the old one as previous, in the same transaction.
	SetAlias(ctx context.Context, project Project, name, alias string, number int) (Model, error)
	// RollbackModel makes previous the champion and the champion previous.
	RollbackModel(ctx context.Context, project Project, name string) (Model, error)
	// DeleteModelVersion forgets one version, or with number 0 the whole model; CodeConflict while an endpoint uses it.
	DeleteModelVersion(ctx context.Context, project Project, name string, number int) error
}

// ModelService is the model part of the product.
type ModelService interface {
	ModelStore
	// PromoteModel is SetAlias behind the gates: a version that does not beat its baseline is CodeConflict without force.
	PromoteModel(ctx context.Context, project Project, name, alias string, number int, force bool) (Model, error)
	// ImportPackage checks a .lathe file whole and stores it as the next version.
	ImportPackage(ctx context.Context, project Project, name string, r io.Reader) (ModelVersion, error)
	// ExportPackage streams the .lathe file.
	ExportPackage(ctx context.Context, project Project, name, ref string) (ModelVersion, io.ReadCloser, error)
	// ModelCard gives the package's card, Markdown.
	ModelCard(ctx context.Context, project Project, name, ref string) (string, error)
	// PredictTable reads CSV and streams CSV: prediction, and for classes one probability_CLASS column each. The names
	// are extra columns that were ignored.
	PredictTable(ctx context.Context, project Project, name, ref string, r io.Reader, w io.Writer) (extra []string, err error)
	// Evaluate reads CSV with the target and gives the metrics.
	Evaluate(ctx context.Context, project Project, name, ref string, r io.Reader) (EvalResult, error)
	// EvaluateDataset does the same on a stored dataset; number 0 is its newest version.
	EvaluateDataset(ctx context.Context, project Project, name, ref, dataset string, number int) (EvalResult, error)
}

// EvalResult is what `lathe eval --json` prints.
type EvalResult struct {
	Model     string                `json:"model"`
	Version   int                   `json:"version"`
	Rows      int                   `json:"rows"`
	Metrics   map[string]float64    `json:"metrics"`
	Intervals map[string][2]float64 `json:"intervals,omitempty"` // 95 % bootstrap
	Confusion [][]float64           `json:"confusion,omitempty"`
	Classes   []string              `json:"classes,omitempty"`
}
