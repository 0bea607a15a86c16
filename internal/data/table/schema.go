// Package table reads, describes, stores, cleans and splits tables.
//
// It works over io.Reader and io.Writer and knows neither HTTP nor SQL. A table is a lathe.Batch; what its columns mean
// is a Schema beside it. Every failure that the data's owner can mend is a *lathe.Error whose hint names the way out.
package table

import (
	"strconv"
	"strings"

	"lathe"
)

// Type is what a column means, where lathe.Kind is how it is stored.
type Type string

// The types of a column.
const (
	Integer    Type = "integer"
	Float      Type = "float"
	Boolean    Type = "boolean"
	Category   Type = "category"
	Text       Type = "text"       // long or many-worded strings
	DateTime   Type = "datetime"   // stored as strings; see ParseTime
	Identifier Type = "identifier" // unique or nearly so: says nothing about other rows
	Constant   Type = "constant"   // one value, or none at all
)

// Field is one column's name, storage and meaning.
type Field struct {
	Name string     `json:"name"`
	Kind lathe.Kind `json:"kind"`
	Type Type       `json:"type"`
}

// Schema lists a table's columns in order; the order is part of it.
type Schema struct {
	Fields []Field `json:"fields"`
}

// Field finds a column by name, or nil.
func (s *Schema) Field(name string) *Field {
	for i := range s.Fields {
		if s.Fields[i].Name == name {
			return &s.Fields[i]
		}
	}
	return nil
}

// Names lists the columns in order.
func (s *Schema) Names() []string {
	names := make([]string, len(s.Fields))
	for i := range s.Fields {
		names[i] = s.Fields[i].Name
	}
	return names
}

// quote quotes a value for a message, cut at 80 bytes so that hostile input cannot flood a log.
func quote(s string) string {
	if len(s) > 80 {
		s = strings.ToValidUTF8(s[:80], "") + "..."
	}
	return strconv.Quote(s)
}
