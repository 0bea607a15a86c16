package table

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestInfer(t *testing.T) {
	tests := []struct {
		name string
		cell func(i int) string
		want string
	}{
		{"count", func(i int) string { return fmt.Sprint(i % 9) }, Integer},
		{"price", func(i int) string { return fmt.Sprint(float64(i) + 0.5) }, Float},
		{"flag", func(i int) string { return fmt.Sprint(i%2 == 0) }, Boolean},
		{"city", func(i int) string { return []string{"Bonn", "Rome", "New York"}[i%3] }, Category},
		{"numbered", func(i int) string { return fmt.Sprint(i + 17) }, Identifier},
		{"customer_id", func(i int) string { return fmt.Sprint(i*i + 3) }, Identifier},
		{"userId", func(i int) string { return fmt.Sprint(i*31 + 3) }, Identifier},
		{"squares", func(i int) string { return fmt.Sprint(i * i) }, Integer},
		{"hash", func(i int) string { return fmt.Sprintf("k%08x", i*2654435761) }, Identifier},
		{"nearly unique", func(i int) string { return fmt.Sprintf("k%d", max(1, i)) }, Identifier},
		{"day", func(i int) string { return time.Unix(int64(i)*86400, 0).UTC().Format(time.DateOnly) }, DateTime},
		{"day with gaps", func(i int) string { return []string{"", "2024-05-06T07:08:09Z", "2024-05-06 07:08"}[i%3] }, DateTime},
		{"review", func(i int) string { return fmt.Sprintf("I stayed %d nights and liked the food very much indeed", i) }, Text},
		{"点评", func(i int) string {
			return fmt.Sprintf("送餐很快，味道也不错，下次还会再点第%d次", i)
		}, Text},
		{"long category", func(i int) string {
			return []string{"a rather long name of one of the two classes", "the other one of the two"}[i%2]
		}, Category},
		{"same", func(int) string { return "x" }, Constant},
		{"none", func(int) string { return "" }, Constant},
		{"one or none", func(i int) string { return []string{"", "x"}[i%2] }, Category},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var text strings.Builder
			fmt.Fprintf(&text, "%s,other\n", test.name)
			for i := range 60 {
				fmt.Fprintf(&text, "\"%s\",%d\n", test.cell(i), i%2)
			}
			schema := Infer(mustRead(t, text.String(), Options{Header: HeaderYes}).Batch)
			if schema[0].Type != test.want {
				t.Errorf("got %s %s, want %s", schema[0].Kind, schema[0].Type, test.want)
			}
		})
	}
}

func TestParseTime(t *testing.T) {
	for text, want := range map[string]string{
		"2026-11-23": "2026-11-23T00:00:00Z", "2026-11-23 17:30": "2026-11-23T17:30:00Z", "2026-11-23 17:30:05": "2026-11-23T17:30:05Z",
		"2026-11-23T17:30:05.25Z": "2026-11-23T17:30:05.25Z", "2026-11-23T17:30:05+08:00": "2026-11-23T09:30:05Z", "2026-11": "2026-11-01T00:00:00Z",
		"2026/11/23": "2026-11-23T00:00:00Z", "23.11.2026": "2026-11-23T00:00:00Z", "2026年1月2日": "2026-01-02T00:00:00Z",
		"Mon, 02 Jan 2006 15:04:05 GMT": "2006-01-02T15:04:05Z", " 2026-11-23 ": "2026-11-23T00:00:00Z", "2026-11-23 17:30:05.5": "2026-11-23T17:30:05.5Z",
	} {
		got, ok := ParseTime(text)
		if !ok || got.UTC().Format(time.RFC3339Nano) != want {
			t.Errorf("%q: %v %v, want %s", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "2026", "20261123", "11/12/2026", "2026-13-01", "2026-02-30", "yesterday", "12:30:00", "1.5", "99999999999999999999", strings.Repeat("2", 100)} {
		if got, ok := ParseTime(text); ok {
			t.Errorf("%q read as %v", text, got)
		}
	}
}

func FuzzParseTime(f *testing.F) {
	for _, text := range []string{"2026-11-23", "23.11.2026", "Mon, 02 Jan 2006 15:04:05 GMT", "1"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		first, ok := ParseTime(text)
		var p TimeParser
		p.Parse("2006年1月2日")
		if again, same := p.Parse(text); same != ok || !again.Equal(first) {
			t.Errorf("%q: %v %v, after another layout %v %v", text, first, ok, again, same)
		}
	})
}
