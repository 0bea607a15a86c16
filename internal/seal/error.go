package seal

import (
	"errors"
	"fmt"

	"lathe"
)

// ErrDestroyed is in the chain of every error about a key that was destroyed on purpose. Its code is CodeNotFound.
var ErrDestroyed = errors.New("seal: key was destroyed")

// CorruptError reports sealed bytes that are not what was written, or were sealed under another key or for another
// place. lathe.CodeOf gives CodeCorrupt for it.
type CorruptError struct {
	What   string // "stream", "value", "keyring", ...
	Chunk  int64  // the chunk of a stream, from 0; -1 elsewhere
	Reason string
}

// Error names what is damaged and where.
func (e *CorruptError) Error() string {
	if e.Chunk < 0 {
		return fmt.Sprintf("seal: open %s: %s", e.What, e.Reason)
	}
	return fmt.Sprintf("seal: open %s: chunk %d: %s", e.What, e.Chunk, e.Reason)
}

// Unwrap gives the *lathe.Error that carries the code.
func (e *CorruptError) Unwrap() error {
	return &lathe.Error{Code: lathe.CodeCorrupt, Message: e.Error(), Hint: "restore the damaged file from a backup"}
}

func corrupt(what, format string, args ...any) *CorruptError {
	return &CorruptError{What: what, Chunk: -1, Reason: fmt.Sprintf(format, args...)}
}

func destroyed(what string) error {
	return &lathe.Error{Code: lathe.CodeNotFound, Message: "seal: " + what + " was destroyed", Cause: ErrDestroyed}
}
