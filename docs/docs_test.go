// Package docs holds the documents to the product: their commands run and print what they show, their links lead
// somewhere, the house that they describe is the one that stands.
package docs

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// folder is where the binary is made.
var folder string

func TestMain(m *testing.M) {
	var err error
	if folder, err = os.MkdirTemp("", "lathe-docs-"); err != nil {
		panic(err)
	}
	code := m.Run()
	if err := os.RemoveAll(folder); err != nil {
		panic(err)
	}
	os.Exit(code)
}

// build makes the binary that the tests run, once.
var build = sync.OnceValues(func() (string, error) {
	binary := filepath.Join(folder, "lathe")
	if out, err := exec.Command("go", "build", "-o", binary, "../cmd/lathe").CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return binary, nil
})

// product gives the binary.
func product(t *testing.T) string {
	t.Helper()
	binary, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return binary
}

// pages are the documents for people, from the project's root.
func pages(t *testing.T) []string {
	t.Helper()
	var found []string
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/adr/*.md", "samples/*.md"} {
		list, err := fs.Glob(os.DirFS(".."), pattern)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, list...)
	}
	if !slices.Contains(found, "README.md") || !slices.Contains(found, "docs/ARCHITECTURE.md") {
		t.Fatalf("documents are missing: %v", found)
	}
	return found
}

// link matches the target of a Markdown link.
var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

// TestLinks follows the links between the documents, to the heading.
func TestLinks(t *testing.T) {
	for _, page := range pages(t) {
		text := withoutBlocks(read(t, "../"+page))
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			target, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			file := page
			if target != "" {
				file = path.Join(path.Dir(page), target)
			}
			if _, err := os.Stat("../" + file); err != nil {
				t.Errorf("%s: the link %s leads nowhere", page, m[1])
				continue
			}
			if anchor != "" && !slices.Contains(anchors(read(t, "../"+file)), anchor) {
				t.Errorf("%s: %s has no heading #%s", page, file, anchor)
			}
		}
	}
}

// withoutBlocks leaves out fenced blocks and code in lines, where a bracket is no link.
func withoutBlocks(text string) string {
	var kept []string
	open := false
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "```") {
			open = !open
		} else if !open {
			kept = append(kept, line)
		}
	}
	return regexp.MustCompile("`[^`\n]*`").ReplaceAllString(strings.Join(kept, ""), "")
}

// heading matches a Markdown heading.
var heading = regexp.MustCompile(`(?m)^(#+) (.+)$`)

// anchors gives the headings as GitHub names them.
func anchors(text string) []string {
	var names []string
	for _, m := range headings(text) {
		name := strings.ToLower(strings.ReplaceAll(m[2], "`", ""))
		name = regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(name, "")
		names = append(names, strings.ReplaceAll(name, " ", "-"))
	}
	return names
}

func headings(text string) [][]string {
	outside := ""
	open := false
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "```") {
			open = !open
		} else if !open {
			outside += line
		}
	}
	return heading.FindAllStringSubmatch(outside, -1)
}

// room matches a row of the house in ARCHITECTURE.md: a folder in code marks at its start.
var room = regexp.MustCompile("(?m)^\\| `([^`]+)` \\| (.+) \\|$")

// TestRooms: each folder with Go files is in the table of ARCHITECTURE.md, and nothing else is.
func TestRooms(t *testing.T) {
	have := folders(t)
	var told []string
	for _, m := range room.FindAllStringSubmatch(read(t, "ARCHITECTURE.md"), -1) {
		told = append(told, m[1])
		if !slices.Contains(have, m[1]) {
			t.Errorf("ARCHITECTURE.md: the table tells of %s, which is not there", m[1])
		}
	}
	for _, folder := range have {
		if !slices.Contains(told, folder) {
			t.Errorf("ARCHITECTURE.md: the table does not tell of %s", folder)
		}
	}
}

// folders finds the folders that hold Go files, without those that are only data of tests.
func folders(t *testing.T) []string {
	t.Helper()
	var found []string
	err := fs.WalkDir(os.DirFS(".."), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := path.Base(name)
		if d.IsDir() && name != "." && (strings.HasPrefix(base, ".") || base == "testdata" || base == "node_modules") {
			return fs.SkipDir
		}
		folder := path.Dir(name)
		if folder == "." {
			folder = "lathe"
		}
		if strings.HasSuffix(base, ".go") && !slices.Contains(found, folder) {
			found = append(found, folder)
		}
		return nil
	})
	if err != nil || len(found) < 20 {
		t.Fatalf("%v: %v", found, err)
	}
	return found
}

// subcommand matches a line of the lists in help.
var subcommand = regexp.MustCompile(`(?m)^  ([a-z]+) +[A-Z]`)

// TestCommands: cli.md tells of every command.
func TestCommands(t *testing.T) {
	t.Parallel()
	text := read(t, "cli.md")
	binary := product(t)
	count := 0
	var look func(words ...string)
	look = func(words ...string) {
		out, err := exec.Command(binary, append(slices.Clone(words), "--help")...).CombinedOutput()
		if err != nil {
			t.Fatalf("lathe %v: %v\n%s", words, err, out)
		}
		list, _, _ := strings.Cut(string(out), "\nFlags:")
		for _, m := range subcommand.FindAllStringSubmatch(list, -1) {
			if m[1] == "help" || m[1] == "completion" {
				continue
			}
			count++
			name := append(slices.Clone(words), m[1])
			if !strings.Contains(text, "`lathe "+strings.Join(name, " ")) {
				t.Errorf("cli.md does not tell of `lathe %s`", strings.Join(name, " "))
			}
			look(name...)
		}
	}
	look()
	if count < 20 {
		t.Errorf("%d commands found", count)
	}
}

// TestRoutes: http.md, in both languages, tells of every route of the platform's API.
func TestRoutes(t *testing.T) {
	t.Parallel()
	term := openTerminal(t, product(t))
	term.run("lathe up")
	key := strings.TrimSpace(read(t, filepath.Join(term.home, ".lathe", "owner.key")))
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+term.address+"/openapi.json", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+key)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var document struct {
		Paths map[string]map[string]any `json:"paths"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&document); err != nil || len(document.Paths) < 20 {
		t.Fatalf("openapi.json: %d paths: %v", len(document.Paths), err)
	}
	for _, page := range []string{"http.md", "http.zh-CN.md"} {
		text := read(t, page)
		for route, operations := range document.Paths {
			for method := range operations {
				if want := "`" + strings.ToUpper(method) + " " + route + "`"; !strings.Contains(text, want) {
					t.Errorf("%s does not tell of %s", page, want)
				}
			}
		}
	}
}

// TestMessages: the errors that operations.md explains are those that the code gives.
func TestMessages(t *testing.T) {
	var code strings.Builder
	err := filepath.WalkDir("..", func(name string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") {
			var data []byte
			data, err = os.ReadFile(name)
			code.Write(data)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(read(t, "operations.md"), "| message |")
	if !found {
		t.Fatal("operations.md has no table of messages")
	}
	table, _, _ = strings.Cut(table, "\n\n")
	rows := regexp.MustCompile("(?m)^\\| `([^`]+)`").FindAllStringSubmatch(table, -1)
	if len(rows) < 8 {
		t.Fatalf("%d messages found", len(rows))
	}
	for _, m := range rows {
		for part := range strings.SplitSeq(m[1], "...") {
			if part = strings.TrimSpace(part); !strings.Contains(code.String(), part) {
				t.Errorf("operations.md: no code says %q", part)
			}
		}
	}
}
