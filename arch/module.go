package arch

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// Module is what the checks look at: every Go file under a root, whatever its build tags are.
type Module struct {
	Path  string // its import path
	Files []File
	GoMod string
}

// File is one Go file.
type File struct {
	Path      string // slash-separated, from the module's root
	Folder    string // "." for the root
	Package   string
	Doc       string // the package comment
	Test      bool
	Generated bool
	Outside   bool // of a module of its own inside this one, such as internal/kernel/_gen
	Lines     int
	Imports   []Place
	Functions []Function
	Leftovers []Place
}

// Place is something found in a file.
type Place struct {
	Text string
	Line int
}

// Function is one declared function with its length in lines.
type Function struct {
	Name  string
	Line  int
	Lines int
}

// generated is the mark of https://go.dev/s/generatedcode.
var generated = regexp.MustCompile(`(?m)^// Code generated .* DO NOT EDIT\.$`)

var modulePath = regexp.MustCompile(`(?m)^module (\S+)$`)

// Read reads a module. Folders named testdata, node_modules or .x hold nothing of ours.
func Read(root fs.FS) (*Module, error) {
	gomod, err := fs.ReadFile(root, "go.mod")
	if err != nil {
		return nil, fmt.Errorf("arch: read: %w", err)
	}
	match := modulePath.FindSubmatch(gomod)
	if match == nil {
		return nil, fmt.Errorf("arch: read: go.mod names no module")
	}
	m := &Module{Path: string(match[1]), GoMod: string(gomod)}
	return m, m.walk(root, ".", false)
}

func (m *Module) walk(root fs.FS, folder string, outside bool) error {
	entries, err := fs.ReadDir(root, folder)
	if err != nil {
		return fmt.Errorf("arch: read: %w", err)
	}
	for _, e := range entries {
		outside = outside || e.Name() == "go.mod" && folder != "."
	}
	for _, e := range entries {
		name := path.Join(folder, e.Name())
		switch {
		case e.IsDir() && !skipped(e.Name()):
			err = m.walk(root, name, outside)
		case !e.IsDir() && strings.HasSuffix(name, ".go"):
			err = m.add(root, name, outside)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func skipped(folder string) bool {
	return folder == "testdata" || folder == "node_modules" || strings.HasPrefix(folder, ".")
}

func (m *Module) add(root fs.FS, name string, outside bool) error {
	source, err := fs.ReadFile(root, name)
	if err != nil {
		return fmt.Errorf("arch: read: %w", err)
	}
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, name, source, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return fmt.Errorf("arch: read: %w", err)
	}
	f := File{
		Path: name, Folder: path.Dir(name), Package: parsed.Name.Name, Doc: parsed.Doc.Text(), Outside: outside,
		Test: strings.HasSuffix(name, "_test.go"), Generated: generated.Match(source), Lines: bytes.Count(source, []byte("\n")),
	}
	line := func(p token.Pos) int { return set.Position(p).Line }
	if err := f.imports(parsed, line); err != nil {
		return err
	}
	f.functions(parsed, line)
	f.leftovers(parsed, line)
	m.Files = append(m.Files, f)
	return nil
}

func (f *File) imports(parsed *ast.File, line func(token.Pos) int) error {
	for _, spec := range parsed.Imports {
		target, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return fmt.Errorf("arch: read: %s: %w", f.Path, err)
		}
		f.Imports = append(f.Imports, Place{target, line(spec.Pos())})
	}
	return nil
}

func (f *File) functions(parsed *ast.File, line func(token.Pos) int) {
	for _, d := range parsed.Decls {
		if fn, ok := d.(*ast.FuncDecl); ok {
			first, last := line(fn.Pos()), line(fn.End())
			f.Functions = append(f.Functions, Function{fn.Name.Name, first, last - first + 1})
		}
	}
}

// unfinished are the marks of work that was left for later.
var unfinished = regexp.MustCompile(`\b(TODO|FIXME|XXX)\b`)

// leftovers finds those marks in comments, and tests that skip themselves.
func (f *File) leftovers(parsed *ast.File, line func(token.Pos) int) {
	for _, group := range parsed.Comments {
		for _, c := range group.List {
			if mark := unfinished.FindString(c.Text); mark != "" {
				f.Leftovers = append(f.Leftovers, Place{"a comment says " + mark, line(c.Pos())})
			}
		}
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		call, ok := n.(*ast.SelectorExpr)
		if name, isName := selected(call, ok); isName && f.Test && strings.HasPrefix(name, "Skip") {
			f.Leftovers = append(f.Leftovers, Place{"a test calls " + name, line(n.Pos())})
		}
		return true
	})
}

// selected gives the method that is selected on a variable named as tests name their testing.T.
func selected(s *ast.SelectorExpr, ok bool) (string, bool) {
	if !ok {
		return "", false
	}
	x, ok := s.X.(*ast.Ident)
	return s.Sel.Name, ok && (x.Name == "t" || x.Name == "b" || x.Name == "tb" || x.Name == "f")
}

// folders gives the files of each package of the module, without those of modules inside it.
func (m *Module) folders() map[string][]File {
	byFolder := map[string][]File{}
	for _, f := range m.Files {
		if !f.Outside {
			byFolder[f.Folder] = append(byFolder[f.Folder], f)
		}
	}
	return byFolder
}

// inside gives the folder of an import of this module.
func (m *Module) inside(target string) (string, bool) {
	if target == m.Path {
		return ".", true
	}
	return strings.CutPrefix(target, m.Path+"/")
}
