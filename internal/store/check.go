package store

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"lathe"
)

// first gives the first error of several checks.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// checkProject refuses what could never be a project. Reads need no check: they find nothing.
func checkProject(project lathe.Project) error { return lathe.CheckName("project", string(project)) }

// checkNames validates the project and one name.
func checkNames(project lathe.Project, field, name string) error {
	if err := checkProject(project); err != nil {
		return err
	}
	return lathe.CheckName(field, name)
}

// checkText validates free text: UTF-8 without control characters, at most limit bytes. A NUL would end a statement.
func checkText(field, text string, limit int) error {
	switch {
	case len(text) > limit:
		return lathe.Errorf(lathe.CodeTooLarge, "%s has %d bytes", field, len(text)).WithField(field).
			WithHint("use at most %d bytes", limit)
	case !utf8.ValidString(text) || !printable(text):
		return lathe.Errorf(lathe.CodeInvalid, "%s %s is not printable text", field, quote(text)).WithField(field).
			WithHint("use UTF-8 without control characters")
	}
	return nil
}

func printable(text string) bool { return !strings.ContainsFunc(text, unicode.IsControl) }

// checkBlob refuses a record that names no object.
func checkBlob(field string, blob lathe.Blob) error {
	if blob.Name.IsZero() || blob.Bytes < 0 {
		return lathe.Errorf(lathe.CodeInvalid, "%s names no stored object", field).WithField(field)
	}
	return nil
}
