// Package lathe holds the nouns of the service and the interfaces between its parts.
//
// Two columns of packages meet only here: the engine, which knows neither HTTP nor SQL, and the platform, which knows
// no tensors. What they hand each other is a Batch, a Runtime or one of the records below. The package imports nothing
// internal; docs/ARCHITECTURE.md gives the whole house.
//
// Every record that is stored belongs to one Project, and every service method takes that project as a parameter of
// its own, so that a query without one does not compile.
package lathe

import (
	"regexp"
	"time"
)

// Version is the code version recorded in every package that is trained; a release build sets it with -ldflags.
var Version = "0.1.0-dev"

// Project is the tenant: every row, blob, event, cache entry and key belongs to one.
type Project string

// DefaultProject exists from the first start.
const DefaultProject Project = "default"

// Clock tells the time; tests inject one that stands still.
type Clock func() time.Time

// NameHint says what CheckName accepts.
const NameHint = "use 1 to 64 letters, digits, '-', '_' or '.', starting with a letter or a digit"

var namePattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// windowsDevices cannot be file names on Windows, and so never names of ours: an export must open anywhere.
var windowsDevices = regexp.MustCompile(`^(?i:con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)`)

// CheckName validates the name of a project, dataset, model, alias, endpoint or secret. The error is a *Error with
// CodeInvalid that names field.
func CheckName(field, name string) error {
	if namePattern.MatchString(name) && !windowsDevices.MatchString(name) {
		return nil
	}
	return &Error{Code: CodeInvalid, Field: field, Message: field + " " + quoteShort(name) + " is not a valid name", Hint: NameHint}
}
