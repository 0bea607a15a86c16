// Package pack reads and writes the .lathe package: one model in one file, which gives the same predictions wherever it
// is opened.
//
// A package is a zip archive whose entries are stored, not compressed: manifest.json first, then the files that it lists
// with their SHA-256. Nothing else is allowed inside, so a package cannot hold a path, a link or a bomb. The same model
// always gives the same bytes. docs/adr/0003-model-package.md has the format.
package pack

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"lathe"
)

// FormatVersion is the newest format that this code reads and the one that it writes.
const FormatVersion = 1

// The files of a package. Manifest is always there; the runtime that the manifest names says which others it needs.
const (
	ManifestFile   = "manifest.json"
	WeightsFile    = "weights.safetensors"
	PreprocessFile = "preprocess.json"
	EvaluationFile = "evaluation.json"
	CardFile       = "card.md"
	ExampleFile    = "example.json"
)

var known = map[string]bool{WeightsFile: true, PreprocessFile: true, EvaluationFile: true, CardFile: true, ExampleFile: true}

// Manifest says what the package is and where it came from.
type Manifest struct {
	Format    int               `json:"format"`
	Runtime   string            `json:"runtime"` // who can open it: native
	Task      string            `json:"task"`
	Recipe    string            `json:"recipe"`
	Inputs    []lathe.Input     `json:"inputs"`
	Outputs   []lathe.Output    `json:"outputs"`
	Classes   []string          `json:"classes,omitempty"`
	ClassKind lathe.Kind        `json:"class_kind"` // how a predicted class is given: the target's kind
	Target    string            `json:"target"`
	Network   json.RawMessage   `json:"network,omitempty"` // shape of the network, for the runtime alone
	Lineage   Lineage           `json:"lineage"`
	Files     map[string]string `json:"files"` // SHA-256 of each, hexadecimal
}

// Lineage is what it takes to make the model again.
type Lineage struct {
	Dataset        string            `json:"dataset"`
	DatasetVersion int               `json:"dataset_version"`
	DatasetDigest  string            `json:"dataset_digest"`
	CodeVersion    string            `json:"code_version"`
	Seed           uint64            `json:"seed"`
	Split          string            `json:"split"`
	Rows           lathe.RowCounts   `json:"rows"`
	Parameters     map[string]string `json:"parameters"` // every number of the recipe, defaults too
	Steps          int64             `json:"steps"`      // really done
	WeightsDigest  string            `json:"weights_digest"`
}

// Package is a package in memory.
type Package struct {
	Manifest Manifest
	Files    map[string][]byte // by name, without the manifest
}

// check holds a package to the format. field-level errors are CodeCorrupt: a package is made by a program.
func (p *Package) check() error {
	m := &p.Manifest
	if m.Format < 1 || m.Format > FormatVersion {
		return lathe.Errorf(lathe.CodeUnsupported, "pack: format %d is not known, this build reads 1 to %d", m.Format, FormatVersion).
			WithField("format").WithHint("open it with a newer lathe")
	}
	if m.Runtime == "" || m.Task == "" || len(m.Outputs) == 0 {
		return corrupt("manifest lacks runtime, task or outputs")
	}
	for name := range m.Files {
		if _, ok := p.Files[name]; !ok {
			return corrupt("file %q is listed and not there", name)
		}
	}
	for name, data := range p.Files {
		if !known[name] {
			return corrupt("file %q does not belong into a package", name)
		}
		if want := m.Files[name]; want != digest(data) {
			return corrupt("file %q has SHA-256 %s, the manifest says %q", name, digest(data), want)
		}
	}
	return nil
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func corrupt(format string, args ...any) error {
	return lathe.Errorf(lathe.CodeCorrupt, "pack: "+format, args...).
		WithHint("the file is damaged or no .lathe package; export it again")
}

// size is how many bytes all files hold.
func (p *Package) size() (n int64) {
	for _, data := range p.Files {
		n += int64(len(data))
	}
	return n
}

// String names the package for messages.
func (p *Package) String() string {
	return fmt.Sprintf("%s %s package, %d bytes", p.Manifest.Recipe, p.Manifest.Task, p.size())
}
