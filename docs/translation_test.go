package docs

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// TestTranslations: the Chinese pages have the sections, commands, outputs and links of the English ones. It comes after
// TestExamples, which may have written new outputs.
func TestTranslations(t *testing.T) {
	for english, chinese := range map[string]string{"../README.md": "../README.zh-CN.md", "http.md": "http.zh-CN.md"} {
		a, b := read(t, english), read(t, chinese)
		if *update {
			b = withBlocks(b, a)
			if err := os.WriteFile(chinese, []byte(b), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, want := levels(b), levels(a); !slices.Equal(got, want) {
			t.Errorf("%s: headings of levels %v, %s has %v", chinese, got, english, want)
		}
		have, want := blocks(b), blocks(a)
		for i := range max(len(have), len(want)) {
			if i >= len(have) || i >= len(want) {
				t.Errorf("%s: %d blocks, %s has %d", chinese, len(have), english, len(want))
				break
			}
			if have[i].info != want[i].info || !slices.Equal(have[i].lines, want[i].lines) {
				t.Errorf("%s:%d: this block differs from line %d of %s:\n%s", chinese, have[i].first, want[i].first, english, strings.Join(want[i].lines, "\n"))
			}
		}
		if got, want := targets(b), targets(a); !slices.Equal(got, want) {
			t.Errorf("%s: links\n%v\n%s has\n%v", chinese, got, english, want)
		}
	}
}

// targets gives the files that a page links, in order, in no language.
func targets(text string) []string {
	var list []string
	for _, m := range link.FindAllStringSubmatch(withoutBlocks(text), -1) {
		target, _, _ := strings.Cut(m[1], "#")
		if target = strings.Replace(target, ".zh-CN", "", 1); target != "README.md" { // each names the other
			list = append(list, target)
		}
	}
	return list
}

func levels(text string) []int {
	var list []int
	for _, m := range headings(text) {
		list = append(list, len(m[1]))
	}
	return list
}

// withBlocks gives a page with the blocks of another, where each has as many.
func withBlocks(page, other string) string {
	have, from := blocks(page), blocks(other)
	if len(have) != len(from) {
		return page
	}
	lines := strings.Split(page, "\n")
	for i, b := range slices.Backward(have) {
		lines = slices.Replace(lines, b.first-1, b.first-1+len(b.lines), from[i].lines...)
	}
	return strings.Join(lines, "\n")
}
