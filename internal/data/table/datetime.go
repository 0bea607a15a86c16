package table

import (
	"strings"
	"sync/atomic"
	"time"
)

// layouts are the forms of date-times that are read. Of dates written with slashes or points only the ones that cannot
// be mistaken are: year first, or day.month.year with points as in German.
var layouts = []string{
	time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05 -0700 MST",
	"2006-01-02 15:04:05", "2006-01-02 15:04", time.DateOnly, "2006/01/02 15:04:05", "2006/01/02 15:04", "2006/01/02", "2006-01",
	"2.1.2006 15:04:05", "2.1.2006 15:04", "2.1.2006", time.RFC1123Z, time.RFC1123,
	"2006年1月2日 15:04:05", "2006年1月2日 15:04", "2006年1月2日",
}

// ParseTime reads a date-time; without a zone it is UTC. Fractions of a second are taken after any layout's seconds.
func ParseTime(s string) (time.Time, bool) {
	var p TimeParser
	return p.Parse(s)
}

// TimeParser is ParseTime for a column: it tries first the layout that fitted last, and then allocates nothing. The zero
// value is ready, and safe for concurrent use.
type TimeParser struct{ last atomic.Int32 }

// Parse reads one date-time.
func (p *TimeParser) Parse(s string) (time.Time, bool) {
	s = strings.TrimSpace(s)
	if len(s) < 7 || len(s) > 64 || s[0]-'0' > 9 && s[3] != ',' {
		return time.Time{}, false
	}
	if t, err := time.Parse(layouts[p.last.Load()], s); err == nil {
		return t, true
	}
	for i, layout := range layouts {
		if layout[0]-'0' <= 9 && (layout[4] == '-') != (s[4] == '-') {
			continue // parsing fails at once, but making its error costs
		}
		if t, err := time.Parse(layout, s); err == nil {
			p.last.Store(int32(i))
			return t, true
		}
	}
	return time.Time{}, false
}
