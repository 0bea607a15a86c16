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

// The types of a column: what it means, where lathe.Kind is how it is stored. They are lathe.ColumnInfo.Type's values.
const (
	Integer    = "integer"
	Float      = "float"
	Boolean    = "boolean"
	Category   = "category"
	Text       = "text"       // long or many-worded strings
	DateTime   = "datetime"   // stored as strings; see ParseTime
	Identifier = "identifier" // unique or nearly so: says nothing about other rows
	Constant   = "constant"   // one value, or none at all
)

// Field is one column's name, storage and meaning.
type Field = lathe.ColumnInfo

// Schema lists a table's columns in order; the order is part of it.
type Schema []Field

// Column finds a column by name, or nil.
func (s Schema) Column(name string) *Field {
	for i := range s {
		if s[i].Name == name {
			return &s[i]
		}
	}
	return nil
}

// Names lists the columns in order.
func (s Schema) Names() []string {
	names := make([]string, len(s))
	for i := range s {
		names[i] = s[i].Name
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
