package arch

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// The limits of STYLE, which tests keep as well; generated files are free.
const (
	maxFileLines     = 600
	maxFunctionLines = 70
)

// Edges reports each import that the table does not allow, and each package that is not in it.
func Edges(m *Module) []string {
	var found []string
	for _, folder := range slices.Sorted(maps.Keys(m.folders())) {
		from := place(folder)
		if from < 0 {
			found = append(found, folder+": this package has no place in the house; put it into the lowest row of arch/house.go "+
				"that has all it needs, and into the table of docs/ARCHITECTURE.md")
			continue
		}
		for _, f := range m.folders()[folder] {
			found = append(found, m.edges(f, from)...)
		}
	}
	return found
}

func (m *Module) edges(f File, from int) []string {
	var found []string
	for _, imp := range f.Imports {
		why := ""
		if !f.Test { // tests start processes to kill them
			why = barred(imp.Text, house[from].column)
		}
		if folder, ok := m.inside(imp.Text); ok && folder != f.Folder {
			why = m.refused(from, folder)
		}
		if why != "" {
			found = append(found, fmt.Sprintf("%s:%d: imports %s: %s (docs/ARCHITECTURE.md)", f.Path, imp.Line, imp.Text, why))
		}
	}
	return found
}

func (m *Module) refused(from int, folder string) string {
	to := place(folder)
	if to < 0 {
		return "which has no place in the house"
	}
	why := refusal(from, to)
	if why == "" {
		return ""
	}
	return fmt.Sprintf("from %q to %q; %s", house[from].name, house[to].name, why)
}

// barred says why a column may not import a package from outside the module.
func barred(target string, from column) string {
	for _, f := range foreign {
		for _, prefix := range f.prefixes {
			if slices.Contains(f.barred, from) && (target == prefix || strings.HasPrefix(target, prefix+"/")) {
				return f.why
			}
		}
	}
	return ""
}

// Docs reports packages whose comment is missing, doubled or does not begin as gofmt's readers expect.
func Docs(m *Module) []string {
	var found []string
	byFolder := m.folders()
	for _, folder := range slices.Sorted(maps.Keys(byFolder)) {
		var with []string
		files := commented(byFolder[folder])
		for _, f := range files {
			if f.Doc == "" {
				continue
			}
			with = append(with, f.Path)
			want := "Package " + f.Package + " "
			if f.Package == "main" {
				want = "Command "
			}
			if !strings.HasPrefix(f.Doc, want) {
				found = append(found, fmt.Sprintf("%s: the package comment begins with %.30q; begin it with %q", f.Path, f.Doc, want))
			}
		}
		if len(with) != 1 {
			found = append(found, fmt.Sprintf("%s: %d package comments %v; write one, that says what the package is for", folder, len(with), with))
		}
	}
	return found
}

// commented gives the files of a package that its comment may stand in: those of its tests only when it has no others.
func commented(files []File) []File {
	code := slices.DeleteFunc(slices.Clone(files), func(f File) bool { return f.Test })
	if len(code) == 0 {
		return files
	}
	return code
}

// Sizes reports files and functions that are too long.
func Sizes(m *Module) []string {
	var found []string
	for _, f := range m.Files {
		if f.Generated {
			continue
		}
		if f.Lines > maxFileLines {
			found = append(found, fmt.Sprintf("%s: %d lines, at most %d; split it by noun", f.Path, f.Lines, maxFileLines))
		}
		for _, fn := range f.Functions {
			if fn.Lines > maxFunctionLines {
				found = append(found, fmt.Sprintf("%s:%d: %s has %d lines, at most %d; give its steps names", f.Path, fn.Line, fn.Name, fn.Lines, maxFunctionLines))
			}
		}
	}
	return found
}

// Leftovers reports work that was left for later, and tests that do not test.
func Leftovers(m *Module) []string {
	var found []string
	for _, f := range m.Files {
		for _, l := range f.Leftovers {
			found = append(found, fmt.Sprintf("%s:%d: %s; do it now, open an issue, or take it out", f.Path, l.Line, l.Text))
		}
	}
	return found
}

// required matches one requirement of go.mod.
var required = regexp.MustCompile(`(?m)^(?:require )?\s*([^\s/]+\.[^\s]+) v\S+`)

// explained matches a line of the table in docs/dependencies.md: the module and why it is there.
var explained = regexp.MustCompile("(?m)^\\| `([^`]+)` \\|(.*)\\|$")

// Dependencies reports modules that are imported and not explained in the list, and those explained that go.mod has not.
func Dependencies(m *Module, list string) []string {
	reasons := map[string]string{}
	for _, match := range explained.FindAllStringSubmatch(list, -1) {
		reasons[match[1]] = strings.Trim(match[2], " |")
	}
	modules := m.modules()
	used := m.used(modules)
	var found []string
	for _, module := range slices.Sorted(maps.Keys(used)) {
		if len(reasons[module]) < 20 {
			found = append(found, fmt.Sprintf("%s: imports %s, which docs/dependencies.md does not explain; say what it is for, what else was weighed and its licence",
				used[module], module))
		}
	}
	for _, module := range slices.Sorted(maps.Keys(reasons)) {
		if !slices.Contains(modules, module) {
			found = append(found, fmt.Sprintf("docs/dependencies.md: go.mod does not name %s; take the line out", module))
		}
	}
	return found
}

// modules gives what go.mod requires.
func (m *Module) modules() []string {
	var modules []string
	for _, match := range required.FindAllStringSubmatch(m.GoMod, -1) {
		modules = append(modules, match[1])
	}
	return modules
}

// used gives the modules that are imported, each with one file that does.
func (m *Module) used(modules []string) map[string]string {
	used := map[string]string{}
	for _, f := range m.Files {
		for _, imp := range f.Imports {
			if module := longest(modules, imp.Text); module != "" && !f.Outside {
				used[module] = f.Path
			}
		}
	}
	return used
}

// longest gives the module that a package belongs to.
func longest(modules []string, target string) string {
	best := ""
	for _, module := range modules {
		if (target == module || strings.HasPrefix(target, module+"/")) && len(module) > len(best) {
			best = module
		}
	}
	return best
}
