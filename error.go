package lathe

import (
	"errors"
	"fmt"
	"strconv"
)

// Code says what kind of failure a caller met. It is stable: clients and tests match on it.
type Code string

// The codes, with the HTTP status that the one mapping in the server gives them.
const (
	CodeInvalid         Code = "invalid"            // 400: a field is wrong
	CodeUnauthenticated Code = "unauthenticated"    // 401: no key, or one that does not hold
	CodeForbidden       Code = "forbidden"          // 403: the key's scopes do not cover this
	CodeNotFound        Code = "not_found"          // 404: unknown, or another project's
	CodeConflict        Code = "conflict"           // 409: exists already, or state forbids it
	CodeTooLarge        Code = "too_large"          // 413: beyond a stated limit
	CodeUnsupported     Code = "unsupported"        // 415: content type or format that is not read
	CodeRateLimited     Code = "rate_limited"       // 429: try again after a while
	CodeExhausted       Code = "insufficient_quota" // 429 with x-should-retry: false
	CodeCancelled       Code = "cancelled"          // 499: the caller went away or stopped it
	CodeInternal        Code = "internal"           // 500: hidden from the caller, logged with its request id
	CodeCorrupt         Code = "corrupt"            // 500: stored bytes are not what was written; named and refused
	CodeUnavailable     Code = "unavailable"        // 503: try again after a while
	CodeStorageFull     Code = "storage_full"       // 507: nothing was written
)

// Error is a failure that a user caused or can mend: what happened and the way out.
type Error struct {
	Code    Code   // what kind
	Field   string // the input it is about, "" where none is
	Message string // what happened, with the values
	Hint    string // the way out, "" where none is known
	Cause   error  // for the log; never shown to a caller
}

// Error implements error with the message alone; the hint travels beside it.
func (e *Error) Error() string { return e.Message }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Errorf makes an *Error with the code and a formatted message; %w keeps a cause.
func Errorf(code Code, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Code: code, Message: err.Error(), Cause: errors.Unwrap(err)}
}

// WithHint sets the way out and returns e.
func (e *Error) WithHint(format string, args ...any) *Error {
	e.Hint = fmt.Sprintf(format, args...)
	return e
}

// WithField names the input that is at fault and returns e.
func (e *Error) WithField(field string) *Error {
	e.Field = field
	return e
}

// CodeOf gives the code of the first *Error in err's chain, CodeInternal for any other error, "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return CodeInternal
}

// quoteShort quotes a name for a message, cut at 80 bytes so that hostile input cannot flood a log.
func quoteShort(s string) string {
	if len(s) > 80 {
		s = s[:80] + "..."
	}
	return strconv.Quote(s)
}
