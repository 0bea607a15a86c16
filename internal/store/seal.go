package store

import (
	"encoding/json"
	"strings"

	"lathe"
)

// maxSealed bounds one sealed value, 32 MiB: a statement carries it in hexadecimal through the database's memory.
const maxSealed = 32 << 20

// place names where a sealed value lies, for Sealer's purpose. Names hold no '/', so places never collide.
func place(parts ...string) string { return strings.Join(parts, "/") }

// seal encrypts a value; nil stays nil.
func (s *Store) seal(project lathe.Project, where string, plain []byte) ([]byte, error) {
	if plain == nil {
		return nil, nil
	}
	if len(plain) > maxSealed {
		return nil, lathe.Errorf(lathe.CodeTooLarge, "%s has %d bytes", where, len(plain)).
			WithHint("at most %d bytes are kept", maxSealed)
	}
	return s.opts.Keys.Seal(project, where, plain)
}

func (s *Store) open(project lathe.Project, where string, sealed []byte) ([]byte, error) {
	if sealed == nil {
		return nil, nil
	}
	return s.opts.Keys.Open(project, where, sealed)
}

// openJSON opens a JSON value; none gives nil.
func (s *Store) openJSON(project lathe.Project, where string, sealed []byte) (json.RawMessage, error) {
	plain, err := s.open(project, where, sealed)
	return json.RawMessage(plain), err
}

// checkJSON refuses bytes that would break a document when they are sent on; none is fine.
func checkJSON(field string, data json.RawMessage) error {
	if data != nil && !json.Valid(data) {
		return lathe.Errorf(lathe.CodeInvalid, "%s is not JSON", field).WithField(field)
	}
	return nil
}
