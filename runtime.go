package lathe

import (
	"context"
	"io"
	"sort"
	"strings"
)

// Runtime executes a model. What it can do beyond that is asked by type assertion on the small interfaces: Predictor
// here, others with the issues that bring them. It is safe for concurrent use; Close comes after the last call.
type Runtime interface {
	Describe() *Description
	Close() error
}

// Predictor answers a Batch with a Batch of as many rows. It runs on the caller's goroutine and does not change in.
// The columns of in are found by name, in any order; a column that the signature does not know is CodeInvalid.
// The result's columns are Description.Outputs.
type Predictor interface {
	Predict(ctx context.Context, in *Batch) (*Batch, error)
}

// Description says what a runtime holds and takes.
type Description struct {
	Runtime string   `json:"runtime"` // native, onnx, llama, upstream, assistant
	Task    string   `json:"task"`    // binary, multiclass, regression
	Recipe  string   `json:"recipe"`
	Inputs  []Input  `json:"inputs"`
	Outputs []Output `json:"outputs"`
	Classes []string `json:"classes,omitempty"` // in the order of the probability columns
	Bytes   int64    `json:"bytes"`             // in memory
}

// Input is one field that a model takes.
type Input struct {
	Name    string   `json:"name"`
	Kind    Kind     `json:"kind"`
	Type    string   `json:"type"`              // as ColumnInfo.Type
	Missing string   `json:"missing"`           // "impute": learnt in training; "refuse": CodeInvalid that names the field
	Levels  []string `json:"levels,omitempty"`  // categories known from training
	Unseen  string   `json:"unseen,omitempty"`  // what another category counts as
	Example any      `json:"example,omitempty"` // a value that occurs
}

// Output is one column of the answer. The first is "prediction"; each class has "probability_CLASS".
type Output struct {
	Name string `json:"name"`
	Kind Kind   `json:"kind"`
}

// PackageFile is a stored package as an Opener reads it: all in memory, decrypted once.
type PackageFile interface {
	io.ReaderAt
	Size() int64
}

// Opener makes a runtime from a package.
type Opener func(ctx context.Context, file PackageFile) (Runtime, error)

// Runtimes is the registry of openers by the kind that a package's manifest names. It is filled before serving starts
// and not changed after.
type Runtimes map[string]Opener

// Open makes a runtime of the kind; an unknown kind is CodeUnsupported and lists those that are there.
func (r Runtimes) Open(ctx context.Context, kind string, file PackageFile) (Runtime, error) {
	open, ok := r[kind]
	if !ok {
		return nil, Errorf(CodeUnsupported, "lathe: runtime %s is not in this build", quoteShort(kind)).
			WithHint("this build has: %s", strings.Join(r.kinds(), ", "))
	}
	return open(ctx, file)
}

func (r Runtimes) kinds() []string {
	kinds := make([]string, 0, len(r))
	for kind := range r {
		kinds = append(kinds, kind)
	}
	sort.Strings(kinds)
	return kinds
}
