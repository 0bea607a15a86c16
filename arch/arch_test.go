package arch

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files")

// read reads a module and fails the test where it cannot.
func read(t *testing.T, folder string) *Module {
	t.Helper()
	m, err := Read(os.DirFS(folder))
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Files) == 0 {
		t.Fatalf("%s: no Go files", folder)
	}
	return m
}

func readText(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func report(t *testing.T, found []string) {
	t.Helper()
	for _, f := range found {
		t.Error(f)
	}
}

func TestEdges(t *testing.T)     { report(t, Edges(read(t, ".."))) }
func TestDocs(t *testing.T)      { report(t, Docs(read(t, ".."))) }
func TestSizes(t *testing.T)     { report(t, Sizes(read(t, ".."))) }
func TestLeftovers(t *testing.T) { report(t, Leftovers(read(t, ".."))) }

func TestDependencies(t *testing.T) {
	report(t, Dependencies(read(t, ".."), readText(t, "../docs/dependencies.md")))
}

// TestPlanted runs the checks over a small house with one fault of each kind.
func TestPlanted(t *testing.T) {
	m := read(t, "testdata/planted")
	found := slices.Concat(Edges(m), Docs(m), Sizes(m), Leftovers(m), Dependencies(m, readText(t, "testdata/planted/dependencies.md")))
	got := strings.Join(found, "\n") + "\n"
	const golden = "testdata/planted.txt"
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want := readText(t, golden); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestPlantedHere adds one import to this very module, for each way to break the table.
func TestPlantedHere(t *testing.T) {
	here := read(t, "..")
	for _, c := range []struct{ from, to, want string }{
		{"internal/guard", "lathe/internal/tensor", "the platform knows no tensors"},
		{"internal/tensor", "lathe/internal/guard", "the engine knows no HTTP"},
		{"internal/tensor", "net/http", "know no HTTP"},
		{"internal/nn", "lathe/internal/optim", "a lower row never imports a higher one"},
		{"internal/guard", "lathe/internal/blob", "siblings of a row"},
		{"internal/cpu", "lathe/internal/disk", "leaves do not import each other"},
		{"internal/cpu", "lathe/internal/kernel", "a leaf imports the root alone"},
		{"internal/child", "lathe/internal/app", "columns do not import the meeting place"},
		{".", "lathe/internal/cpu", "imports nothing internal"},
		{"internal/child", "lathe/cmd/lathe", "nothing imports the top"},
		{"internal/child", "lathe/internal/nowhere", "no place in the house"},
	} {
		planted := File{Path: c.from + "/planted_by_test.go", Folder: c.from, Imports: []Place{{c.to, 1}}}
		m := &Module{Path: here.Path, Files: append(slices.Clone(here.Files), planted)}
		found := slices.DeleteFunc(Edges(m), func(s string) bool { return !strings.Contains(s, "planted_by_test.go") })
		if len(found) != 1 || !strings.Contains(found[0], c.want) {
			t.Errorf("%s imports %s: got %q, want %q", c.from, c.to, found, c.want)
		}
	}
}

// TestAllowed holds what the table is there to allow.
func TestAllowed(t *testing.T) {
	for _, c := range []struct{ from, to string }{
		{"internal/cpu", "."},
		{"internal/kernel", "internal/cpu"},
		{"internal/optim", "internal/nn"},
		{"internal/task/tabular", "internal/data/table"},
		{"internal/store", "internal/store/sqlite"},
		{"internal/server/rest", "internal/guard"},
		{"internal/app/native", "internal/child"},
		{"internal/app", "internal/app/native"},
		{"cmd/lathe", "internal/task/tabular"},
	} {
		if why := refusal(place(c.from), place(c.to)); why != "" {
			t.Errorf("%s imports %s: refused: %s", c.from, c.to, why)
		}
	}
}
