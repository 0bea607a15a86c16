package feature

import (
	"fmt"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"lathe"
	"lathe/internal/data/table"
)

// Limits of a preprocess.json, checked before anything is made from it.
const (
	maxBytes      = 256 << 20
	maxInputs     = 10_000
	maxWidth      = 1_000_000
	maxLevels     = 10_000
	maxLevelBytes = 1 << 20
	maxNameBytes  = 1 << 10
	maxClasses    = 10_000
)

// formatVersion is preprocess.json's; a newer one is refused.
const formatVersion = 1

// Preprocess is a package's preprocess.json: what happens to a row before the model, and what its answer means.
type Preprocess struct {
	Pipeline *Pipeline
	Target   *Target
}

type file struct {
	Format  int       `json:"format"`
	Inputs  []input   `json:"inputs"`
	Dropped []Dropped `json:"dropped"`
	Target  *Target   `json:"target"`
}

// Encode gives the JSON. Floats are written in the shortest form that reads back to the same bits.
func (p *Preprocess) Encode() ([]byte, error) {
	f := file{Format: formatVersion, Inputs: p.Pipeline.inputs, Dropped: p.Pipeline.dropped, Target: p.Target}
	data, err := json.Marshal(f, jsontext.WithIndent(" "), json.Deterministic(true))
	if err != nil {
		return nil, fmt.Errorf("feature: preprocess: encode: %w", err)
	}
	return append(data, '\n'), nil
}

// Decode reads what Encode wrote. data is not trusted: whatever does not fit together is CodeCorrupt.
func Decode(data []byte) (*Preprocess, error) {
	if len(data) > maxBytes {
		return nil, corrupt("%d bytes are more than %d", len(data), maxBytes)
	}
	var f file
	if err := json.Unmarshal(data, &f, json.RejectUnknownMembers(true)); err != nil {
		return nil, corrupt("%w", err)
	}
	if f.Format != formatVersion {
		return nil, lathe.Errorf(lathe.CodeUnsupported, "feature: preprocess: format %d is not known", f.Format).
			WithHint("a newer lathe wrote this package: update this one")
	}
	if err := f.check(); err != nil {
		return nil, err
	}
	p := &Pipeline{inputs: f.Inputs, dropped: f.Dropped}
	if err := p.finish(); err != nil {
		return nil, corrupt("%w", err)
	}
	if f.Target != nil {
		f.Target.prepare()
	}
	return &Preprocess{Pipeline: p, Target: f.Target}, nil
}

// corrupt reports a preprocess.json that no Encode wrote.
func corrupt(format string, args ...any) error {
	e := lathe.Errorf(lathe.CodeCorrupt, "feature: preprocess: %w", fmt.Errorf(format, args...))
	return e.WithHint("the package is damaged, or was not written by lathe: export or train it again")
}

func (f *file) check() error {
	if len(f.Inputs) == 0 || len(f.Inputs) > maxInputs || len(f.Dropped) > maxInputs {
		return corrupt("%d inputs and %d dropped columns, allowed are 1 to %d", len(f.Inputs), len(f.Dropped), maxInputs)
	}
	seen := make(map[string]bool, len(f.Inputs)+len(f.Dropped))
	for i := range f.Inputs {
		if err := f.Inputs[i].check(); err != nil {
			return err
		}
		if seen[f.Inputs[i].Name] {
			return corrupt("input %d appears twice", i)
		}
		seen[f.Inputs[i].Name] = true
	}
	for i, d := range f.Dropped {
		if seen[d.Name] || d.Name == "" || len(d.Name) > maxNameBytes || len(d.Reason) > maxNameBytes {
			return corrupt("dropped column %d appears twice, or has no proper name or reason", i)
		}
		seen[d.Name] = true
	}
	if f.Target != nil {
		return f.Target.check(seen)
	}
	return nil
}

// check holds an input to what fitInput makes.
func (in *input) check() error {
	if in.Name == "" || len(in.Name) > maxNameBytes {
		return corrupt("an input has a name of %d bytes, allowed are 1 to %d", len(in.Name), maxNameBytes)
	}
	if in.Missing != MissingImpute && in.Missing != MissingRefuse {
		return corrupt("input %q: missing is neither impute nor refuse", in.Name)
	}
	if parts := countTrue(in.Numeric != nil, in.Boolean != nil, in.Category != nil, in.Time != nil); parts != 1 {
		return corrupt("input %q has %d of numeric, boolean, category and time, expected 1", in.Name, parts)
	}
	if !in.fits() {
		return corrupt("input %q of kind %s and type %q does not fit what was learnt", in.Name, in.Kind, in.Type)
	}
	switch {
	case in.Numeric != nil:
		return in.Numeric.check()
	case in.Category != nil:
		return in.Category.check()
	case in.Time != nil:
		return in.Time.check()
	}
	return nil
}

// fits tells whether kind and type are ones that the learnt part is made from.
func (in *input) fits() bool {
	switch in.Type {
	case table.Integer, table.Float, table.Boolean, table.Category, table.DateTime:
	default:
		return false
	}
	switch {
	case in.Numeric != nil:
		return in.Kind == lathe.Float64 || in.Kind == lathe.Int64
	case in.Boolean != nil:
		return in.Kind == lathe.Bool
	case in.Time != nil:
		return in.Kind == lathe.String
	default:
		return in.Kind == lathe.String || in.Kind == lathe.Int64 && wholeLevels(in.Category.Levels)
	}
}

func wholeLevels(levels []string) bool {
	for _, level := range levels {
		if v, err := strconv.ParseInt(level, 10, 64); err != nil || strconv.FormatInt(v, 10) != level {
			return false
		}
	}
	return true
}

func countTrue(list ...bool) int {
	n := 0
	for _, v := range list {
		if v {
			n++
		}
	}
	return n
}
