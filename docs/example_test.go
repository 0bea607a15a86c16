package docs

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what the commands really print into the documents")

// walked are the documents whose examples run, each from its beginning in a new home. The Chinese ones show the same
// commands and outputs as the English ones, which TestTranslations holds them to.
var walked = []string{"../README.md", "http.md", "cli.md", "operations.md", "security.md"}

// example is one command of a document with the output that the document shows.
type example struct {
	line    int // of the command, from 1
	command string
	output  []string
	first   int    // line of the output, from 1
	answer  string // what a Python example prints: the comment at its end
}

// block is a fenced block.
type block struct {
	info  string // after the fence: "console", "console skip", "sh"
	first int    // line of its first line, from 1
	lines []string
}

// blocks finds the fenced blocks of a document.
func blocks(text string) []block {
	var found []block
	open := false
	for i, line := range strings.Split(text, "\n") {
		info, fence := strings.CutPrefix(line, "```")
		switch {
		case fence && !open:
			found, open = append(found, block{info: info, first: i + 2}), true
		case fence:
			open = false
		case open:
			last := &found[len(found)-1]
			last.lines = append(last.lines, line)
		}
	}
	return found
}

// examples finds the commands that a reader is shown to type: the lines after "$ " in console blocks. A command goes on
// over a backslash at the end of a line, and to the end of a quoted text. "console skip" is for what a test cannot do.
func examples(text string) []example {
	var found []example
	for _, b := range blocks(text) {
		if b.info == "python" {
			found = append(found, script(b))
		}
		if b.info != "console" {
			continue
		}
		for i := 0; i < len(b.lines); i++ {
			command, ok := strings.CutPrefix(b.lines[i], "$ ")
			if b.lines[i] == "^C" {
				command, ok = "^C", true
			}
			if !ok {
				last := &found[len(found)-1]
				last.output = append(last.output, b.lines[i])
				continue
			}
			e := example{line: b.first + i, command: command}
			for unfinished(e.command) && i+1 < len(b.lines) {
				i++
				e.command += "\n" + b.lines[i]
			}
			e.first = b.first + i + 1
			found = append(found, e)
		}
	}
	return found
}

// script is a Python example as a command; it gets the owner's key, as its reader would give it.
func script(b block) example {
	_, answer, _ := strings.Cut(b.lines[len(b.lines)-1], "  # ")
	command := "LATHE_KEY=$(cat ~/.lathe/owner.key) \"$PYTHON\" - <<'END'\n" + strings.Join(b.lines, "\n") + "\nEND"
	return example{line: b.first, command: command, first: b.first + len(b.lines), answer: answer}
}

func unfinished(command string) bool {
	return strings.HasSuffix(command, "\\") || strings.Count(command, "'")%2 == 1
}

// TestExamples runs what the documents show, in order, with the real binary.
func TestExamples(t *testing.T) {
	binary := product(t)
	for _, name := range walked {
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			text := read(t, name)
			list := examples(text)
			if len(list) == 0 {
				t.Fatal("no examples")
			}
			term := openTerminal(t, binary)
			for i, e := range list {
				list[i].output = walk(t, term, e)
			}
			if *update {
				write(t, name, text, list)
			}
		})
	}
}

// walk runs one example and gives the output that the document should show.
func walk(t *testing.T, term *terminal, e example) []string {
	t.Helper()
	if e.command == "^C" {
		term.interrupt()
		return e.output
	}
	got := term.run(e.command)
	if e.answer != "" {
		if strings.TrimSpace(got) != e.answer {
			t.Errorf("line %d: the script prints\n%s\nand should print %q", e.line, got, e.answer)
		}
		return nil
	}
	if matches(plain(strings.Join(e.output, "\n")), plain(got)) {
		return e.output
	}
	elided := slices.ContainsFunc(e.output, func(s string) bool { return strings.Contains(s, "...") })
	if *update && !elided && !strings.Contains(got, "panic:") {
		return strings.Split(strings.TrimRight(got, "\n"), "\n")
	}
	t.Errorf("line %d: $ %s\nprints\n%s\nand the document shows\n%s", e.line, e.command, got, strings.Join(e.output, "\n"))
	return e.output
}

// write puts outputs into a document, from its end, so that the lines before keep their numbers.
func write(t *testing.T, name, text string, list []example) {
	t.Helper()
	old := examples(text)
	lines := strings.Split(text, "\n")
	for i, e := range slices.Backward(old) {
		lines = slices.Replace(lines, e.first-1, e.first-1+len(e.output), list[i].output...)
	}
	if err := os.WriteFile(name, []byte(strings.Join(lines, "\n")), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestRunner holds the runner itself to what it should find: a test that cannot fail is a bug.
func TestRunner(t *testing.T) {
	text := "a\n```console\n$ echo a \\\n  b\na b\n$ echo '{\n}'\n```\n```console skip\n$ never\n```\n```sh\n$ nor\n```\n```console\n^C\nend\n```\n"
	got := fmt.Sprint(examples(text))
	want := fmt.Sprint([]example{
		{3, "echo a \\\n  b", []string{"a b"}, 5, ""},
		{6, "echo '{\n}'", nil, 8, ""},
		{16, "^C", []string{"end"}, 17, ""},
	})
	if got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	for _, c := range []struct {
		want, got string
		ok        bool
	}{
		{"a\nb", "a\nb\n", true},
		{"a\nb", "a", false},
		{"a", "a\nb", false},
		{"", "error", false},
		{"error", "", false},
		{"...", "a\nb", true},
		{"a\n...\nd", "a\nb\nc\nd", true},
		{"a\n...\nd", "a\nb\nc", false},
		{"a ... c", "a b c", true},
		{"a ... c", "a b d", false},
		{"accuracy  0.9", "accuracy 0.9", true},
		{"accuracy  0.9", "accuracy 0.8", false},
		{"mlp 0.99 0.02 27.4 KiB 0.3 µs", "mlp 0.99   0.10 9 B  1 µs", true},
		{"mlp 0.99 0.02 27.4 KiB 0.3 µs", "mlp 0.98   0.10 9 B  1 µs", false},
		{"key lathe_caller_LLOpFaFrkukv9yd0eubvQCwraLfz4Z08TVTj", "key lathe_caller_Xk5qi3m5lTkvfilZp51paEmqFvmn5m0XRLcX", true},
		{"key lathe_caller_LLOpFaFrkukv9yd0eubvQCwraLfz4Z08TVTj", "key lathe_owner_Xk5qi3m5lTkvfilZp51paEmqFvmn5m0XRLcX", false},
		{"run 06h0k85gp1we9y0snysfkcxrng", "run 06h0k8kgq07vjnxk73ev4a4snc", true},
		{"2026-11-23 18:17:35 x", "2027-01-02 08:17:35 x", true},
		{"2026-11-23 18:17:35 x", "2027-01-02 08:17:35 y", false},
	} {
		if matches(plain(c.want), plain(c.got)) != c.ok {
			t.Errorf("%q against %q: not %v", c.want, c.got, c.ok)
		}
	}
}
