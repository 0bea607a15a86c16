package lathe

import (
	"context"
	"encoding/json"
	"time"
)

// RunState is where a run stands.
type RunState string

// The states of a run. The last three are final, but for resume: a stopped or failed run may be queued again and goes
// on from its checkpoint.
const (
	RunQueued    RunState = "queued"
	RunRunning   RunState = "running"
	RunStopped   RunState = "stopped"
	RunFailed    RunState = "failed"
	RunSucceeded RunState = "succeeded"
)

// Final tells whether the run rests.
func (s RunState) Final() bool { return s == RunStopped || s == RunFailed || s == RunSucceeded }

// Run is one piece of work with a state, a log, live metrics and checkpoints.
type Run struct {
	Project    Project         `json:"project"`
	ID         string          `json:"id"`
	Kind       string          `json:"kind"` // train or verify
	State      RunState        `json:"state"`
	Stopping   bool            `json:"stopping,omitempty"` // asked to stop at the next checkpoint
	Spec       json.RawMessage `json:"spec"`               // TrainSpec or VerifySpec, with defaults filled in
	Result     json.RawMessage `json:"result,omitempty"`   // TrainResult or VerifyResult
	Error      *Problem        `json:"error,omitempty"`
	Attempt    int             `json:"attempt"`        // how often a worker took it
	Seq        int64           `json:"seq"`            // of the newest event
	Step       int64           `json:"step,omitempty"` // of the newest checkpoint
	Checkpoint *Blob           `json:"checkpoint,omitempty"`
	CreatedAt  time.Time       `json:"created_at"`
	StartedAt  *time.Time      `json:"started_at,omitempty"`
	FinishedAt *time.Time      `json:"finished_at,omitempty"`
}

// Problem is an Error as it is stored and sent.
type Problem struct {
	Code    Code   `json:"code"`
	Field   string `json:"field,omitempty"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

// Event is one line of a run's stream. Seq counts from 1 without gaps.
type Event struct {
	Run  string          `json:"run"`
	Seq  int64           `json:"seq"`
	Time time.Time       `json:"time"`
	Kind string          `json:"kind"` // state, log, warning, progress, metric, checkpoint, result
	Data json.RawMessage `json:"data"`
}

// Lease is the right to work on a run. Token rises with every claim; whatever is written under an older token fails
// with CodeConflict, so that a stale holder cannot commit.
type Lease struct {
	Project Project
	Run     string
	Holder  string
	Token   int64
}

// Outcome ends a run. Model is stored in the same transaction as the state, or neither is. Result is asked for the run's
// result, inside that transaction, with the number that the model's version got (0 without a model); nil gives none.
type Outcome struct {
	State  RunState
	Result func(version int) (json.RawMessage, error)
	Error  *Problem
	Model  *ModelVersion // Number is given by the store
}

// RunStore keeps runs, their events and their leases.
type RunStore interface {
	// CreateRun stores a queued run and what the queue needs to find it, in one transaction. It fills ID and CreatedAt.
	CreateRun(ctx context.Context, project Project, run Run) (Run, error)
	FindRun(ctx context.Context, project Project, id string) (Run, error)
	FindRuns(ctx context.Context, project Project, page Page) ([]Run, string, error)
	// FindEvents gives events after a seq, oldest first, at most limit.
	FindEvents(ctx context.Context, project Project, id string, after int64, limit int) ([]Event, error)

	// ClaimRun takes the lease of a queued run, or of a running one whose lease is past ttl; CodeConflict otherwise.
	ClaimRun(ctx context.Context, project Project, id, holder string, ttl time.Duration) (Run, Lease, error)
	// RenewLease moves the lease's end and tells whether the run was asked to stop.
	RenewLease(ctx context.Context, lease Lease, ttl time.Duration) (stopping bool, err error)
	// ReleaseRun puts the run back into the queue at once.
	ReleaseRun(ctx context.Context, lease Lease) error
	// AppendEvents stores events with the next seqs and returns the newest seq.
	AppendEvents(ctx context.Context, lease Lease, events []Event) (int64, error)
	// SaveCheckpoint names a durable blob as the run's checkpoint.
	SaveCheckpoint(ctx context.Context, lease Lease, step int64, blob Blob) error
	// FinishRun ends the run; with a model, its version comes back numbered.
	FinishRun(ctx context.Context, lease Lease, outcome Outcome) (Run, *ModelVersion, error)

	// StopRun marks a running run as stopping and stops a queued one.
	StopRun(ctx context.Context, project Project, id string) (Run, error)
	// ResumeRun queues a stopped or failed run again; its checkpoint stays.
	ResumeRun(ctx context.Context, project Project, id string) (Run, error)
	// RequeueLost queues again every running run whose holder is not holder: at start, when the home's lock proves that
	// no other process works on it. It returns what it queued.
	RequeueLost(ctx context.Context, holder string) ([]Run, error)
}

// TrainSpec asks for a training run. Zero values mean the recipe's default; the run's stored spec has them filled in.
type TrainSpec struct {
	Dataset        string            `json:"dataset"`
	DatasetVersion int               `json:"dataset_version,omitempty"` // 0: the newest
	Target         string            `json:"target"`
	Task           string            `json:"task,omitempty"`   // auto, binary, multiclass, regression
	Recipe         string            `json:"recipe,omitempty"` // auto, mlp, majority
	Name           string            `json:"name,omitempty"`   // of the model; the dataset's by default
	Epochs         int               `json:"epochs,omitempty"`
	Batch          int               `json:"batch,omitempty"`
	LearningRate   float64           `json:"learning_rate,omitempty"`
	Split          string            `json:"split,omitempty"` // ratios or a column's name
	BudgetSeconds  float64           `json:"budget_seconds,omitempty"`
	Seed           uint64            `json:"seed,omitempty"`
	Set            map[string]string `json:"set,omitempty"` // any other number of the recipe, by name
}

// RowCounts is how many rows each part held.
type RowCounts struct {
	Train      int `json:"train"`
	Validation int `json:"validation"`
	Test       int `json:"test"`
}

// TrainSeconds is where the time went.
type TrainSeconds struct {
	Read  float64 `json:"read"`
	Train float64 `json:"train"`
	Total float64 `json:"total"`
}

// Candidate is one line of the leaderboard.
type Candidate struct {
	Recipe     string             `json:"recipe"`
	Validation map[string]float64 `json:"validation"`
	Test       map[string]float64 `json:"test"`
	Seconds    float64            `json:"seconds"`
	Bytes      int64              `json:"bytes"`
	P50US      float64            `json:"p50_us"`
}

// TrainResult is how a training run ended: what `lathe train --json` prints.
type TrainResult struct {
	Run        string             `json:"run"`
	Model      string             `json:"model"`
	Version    int                `json:"version"`
	Task       string             `json:"task"`
	Recipe     string             `json:"recipe"`
	Rows       RowCounts          `json:"rows"`
	Steps      int64              `json:"steps"`
	Seconds    TrainSeconds       `json:"seconds"`
	Validation map[string]float64 `json:"validation"` // null without a validation part
	Test       map[string]float64 `json:"test"`
	Candidates []Candidate        `json:"candidates"`
	Digest     string             `json:"weights_digest"`
	Warnings   []string           `json:"warnings,omitempty"`
}

// The kinds of runs.
const (
	RunTrain  = "train"
	RunVerify = "verify"
)

// VerifySpec asks to train a version again and to compare.
type VerifySpec struct {
	Model   string    `json:"model"`
	Version int       `json:"version"`
	Expect  string    `json:"expect"` // digest of the version's weights
	Train   TrainSpec `json:"train"`  // made from the version's lineage, with the steps that it really did
}

// VerifyResult is how a verifying run ended: what `lathe models verify --json` prints.
type VerifyResult struct {
	Run     string  `json:"run"`
	Model   string  `json:"model"`
	Version int     `json:"version"`
	Same    bool    `json:"same"`
	Expect  string  `json:"expect"`
	Digest  string  `json:"weights_digest"`
	Steps   int64   `json:"steps"`
	Seconds float64 `json:"seconds"`
}

// RunService is the work part of the product, over RunStore and the queue.
type RunService interface {
	FindRun(ctx context.Context, project Project, id string) (Run, error)
	FindRuns(ctx context.Context, project Project, page Page) ([]Run, string, error)
	FindEvents(ctx context.Context, project Project, id string, after int64, limit int) ([]Event, error)
	// Train checks the spec against the data, fills in the defaults and queues the run.
	Train(ctx context.Context, project Project, spec TrainSpec) (Run, error)
	// Verify queues a run that trains a version again from its lineage and compares the weights, bit by bit. A version
	// whose rows are no longer what they were cannot be verified: CodeConflict.
	Verify(ctx context.Context, project Project, model, ref string) (Run, error)
	// WatchRun calls each for every event after a seq, old ones first and then live, until the run rests, ctx ends or
	// each returns an error.
	WatchRun(ctx context.Context, project Project, id string, after int64, each func(Event) error) error
	StopRun(ctx context.Context, project Project, id string) (Run, error)
	ResumeRun(ctx context.Context, project Project, id string) (Run, error)
}
