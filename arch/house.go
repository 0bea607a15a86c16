package arch

import "strings"

// column is a part of the house.
type column string

const (
	root     column = "root"
	leaf     column = "leaf"
	engine   column = "engine"
	platform column = "platform"
	meeting  column = "meeting"
	top      column = "top"
)

// row is one line of the table: packages of one column that do not import each other. Of two rows of a column the one
// that comes first is the lower.
type row struct {
	column  column
	name    string
	folders []string // "x/..." stands for every package below x, but not x
}

// house is the table. Put a new package into the lowest row that has all it needs.
var house = []row{
	{root, "root", []string{"."}},

	{leaf, "leaves", []string{
		"internal/cpu", "internal/disk", "internal/dp", "internal/eval", "internal/format/...", "internal/pii",
		"internal/seal", "samples",
	}},

	{engine, "engine 1", []string{"internal/kernel"}},
	{engine, "engine 2, tensor", []string{"internal/tensor"}},
	{engine, "engine 2, autograd", []string{"internal/autograd"}},
	{engine, "engine 2, nn", []string{"internal/nn"}},
	{engine, "engine 2, optim", []string{"internal/optim"}},
	{engine, "engine 3", []string{"internal/data/...", "internal/search"}},
	{engine, "engine 4", []string{"internal/encoder", "internal/feature"}},
	{engine, "engine 5", []string{"internal/learn", "internal/pack"}},
	{engine, "engine 6", []string{"internal/task/..."}},
	{engine, "engine 7", []string{"internal/explain", "internal/report", "internal/shrink", "internal/tune"}},

	{platform, "platform 1", []string{"internal/blob", "internal/client", "internal/guard", "internal/outbound"}},
	{platform, "platform 2, databases", []string{"internal/store/..."}},
	{platform, "platform 2", []string{"internal/source", "internal/store"}},
	{platform, "platform 3", []string{"internal/child", "internal/llm", "internal/queue", "internal/upstream"}},
	{platform, "platform 4", []string{"internal/assistant", "internal/experiment", "internal/observe"}},
	{platform, "platform 5, rows", []string{"internal/server/row"}}, // what the protocols share: rows to a Batch
	{platform, "platform 5, tests of rows", []string{"internal/server/row/rowtest"}},
	{platform, "platform 5", []string{"internal/server/...", "web"}},

	{meeting, "meeting, native", []string{"internal/app/native"}},
	{meeting, "meeting", []string{"internal/app"}},

	{top, "top", []string{"arch", "bench", "bench/...", "cmd/...", "docs", "tests/...", "torture"}},
}

// place finds a folder's height in the house, -1 where it has none. The longest pattern that fits holds.
func place(folder string) int {
	found, length := -1, -1
	for i, r := range house {
		for _, pattern := range r.folders {
			if matches(pattern, folder) && len(pattern) > length {
				found, length = i, len(pattern)
			}
		}
	}
	return found
}

func matches(pattern, folder string) bool {
	if base, ok := strings.CutSuffix(pattern, "/..."); ok {
		return strings.HasPrefix(folder, base+"/")
	}
	return pattern == folder
}

// refusal says why a package at height from may not import one at height to, "" where it may.
func refusal(from, to int) string {
	a, b := house[from], house[to]
	switch {
	case a.column == root:
		return "the root package holds nouns and interfaces and imports nothing internal; move what it needs into it, or the code out of it"
	case b.column == root:
		return ""
	case b.column == top:
		return "nothing imports the top; move what is shared down into a row below both"
	case a.column == leaf && b.column == leaf:
		return "leaves do not import each other; let the caller join them, or move one up into its column"
	case b.column == leaf, a.column == top:
		return ""
	case b.column == meeting && a.column != meeting:
		return "columns do not import the meeting place; define an interface in the root package and let app implement it"
	case a.column == meeting && b.column != meeting:
		return ""
	case a.column == leaf:
		return "a leaf imports the root alone; if it needs more it belongs into a row above"
	case a.column != b.column:
		return between(a.column)
	case from == to:
		return "siblings of a row never import each other; let their caller join them, or move what is shared into a lower row"
	case from < to:
		return "a lower row never imports a higher one; turn the edge round with an interface or a function value"
	default:
		return ""
	}
}

// between says what to do instead of reaching into the other column.
func between(from column) string {
	if from == engine {
		return "the engine knows no HTTP and no SQL; take a reader, a Batch or an interface of the root package, and let app pass it"
	}
	return "the platform knows no tensors; take a Batch, a Runtime or another interface of the root package, and let app pass it"
}

// foreign lists what is outside the module and stays outside of some columns, by prefix of the import path.
var foreign = []struct {
	prefixes []string
	barred   []column
	why      string
}{
	{
		[]string{
			"net/http", "database/sql", "os/exec", "github.com/danielgtaylor/huma", "github.com/ncruces/go-sqlite3",
			"github.com/riverqueue/river", "github.com/spf13/cobra", "github.com/uptrace/bun",
		},
		[]column{root, leaf, engine},
		"nouns, leaves and the engine know no HTTP, no SQL and no processes; that is the platform's, and app joins them",
	},
	{
		[]string{"github.com/spf13/cobra"},
		[]column{platform, meeting},
		"the command line is cmd's alone; take options as values",
	},
}
