// Package houserules has the rules of this source tree that no other tool keeps, as functions over parsed files. Its tests run them
// over the whole module, and each of them over a sample that breaks it.
//
//	rules.go   the rules about one file
//	imports.go the rule about who imports whom
//	listed.go  the rule about lists of files
//	tree.go    finding and parsing the files
package houserules

import (
	"fmt"
	"go/ast"
	"go/token"
	"regexp"
	"strconv"
	"strings"
)

// MaxLines is how many lines a Go file may have.
const MaxLines = 400

// A File is one parsed Go file.
type File struct {
	Path   string // within the module, with slashes
	Source []byte
	Syntax *ast.File
	Set    *token.FileSet
}

// IsTest says whether it is a test file.
func (f *File) IsTest() bool { return strings.HasSuffix(f.Path, "_test.go") }

// at is a finding at a position.
func (f *File) at(pos token.Pos, format string, args ...any) string {
	return fmt.Sprintf("%s:%d: %s", f.Path, f.Set.Position(pos).Line, fmt.Sprintf(format, args...))
}

// imports is what the file imports.
func (f *File) imports() map[string]token.Pos {
	all := make(map[string]token.Pos)
	for _, i := range f.Syntax.Imports {
		if path, err := strconv.Unquote(i.Path.Value); err == nil {
			all[path] = i.Pos()
		}
	}
	return all
}

// Rules are the rules about one file: each says what is wrong.
var Rules = map[string]func(*File) []string{
	"unsafe only in files that say so":       Unsafe,
	"no cgo":                                 Cgo,
	"no long files":                          Long,
	"what is exported is documented":         Documented,
	"tests do not sleep to wait for someone": Sleep,
}

// Unsafe: package unsafe is imported in files named *_unsafe.go or *_unsafe_test.go and nowhere else.
func Unsafe(f *File) []string {
	if strings.HasSuffix(f.Path, "_unsafe.go") || strings.HasSuffix(f.Path, "_unsafe_test.go") {
		return nil
	}
	if pos, ok := f.imports()["unsafe"]; ok {
		return []string{f.at(pos, "imports unsafe; move that to a file named *_unsafe.go")}
	}
	return nil
}

// Cgo: nothing imports "C".
func Cgo(f *File) []string {
	if pos, ok := f.imports()["C"]; ok {
		return []string{f.at(pos, "uses cgo")}
	}
	return nil
}

// Long: a file has at most MaxLines lines.
func Long(f *File) []string {
	if n := strings.Count(string(f.Source), "\n"); n > MaxLines {
		return []string{fmt.Sprintf("%s: %d lines, at most %d are allowed; split it by what it does", f.Path, n, MaxLines)}
	}
	return nil
}

// Documented: every exported identifier has a doc comment, on itself or on its group. Programs and tests export nothing.
func Documented(f *File) []string {
	if f.IsTest() || f.Syntax.Name.Name == "main" {
		return nil
	}
	var bad []string
	for _, d := range f.Syntax.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Name.IsExported() && d.Doc == nil && receiverExported(d) {
				bad = append(bad, f.at(d.Pos(), "%s has no comment", d.Name.Name))
			}
		case *ast.GenDecl:
			bad = append(bad, undocumented(f, d)...)
		}
	}
	return bad
}

func undocumented(f *File, d *ast.GenDecl) []string {
	var bad []string
	for _, s := range d.Specs {
		switch s := s.(type) {
		case *ast.TypeSpec:
			if s.Name.IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil {
				bad = append(bad, f.at(s.Pos(), "%s has no comment", s.Name.Name))
			}
		case *ast.ValueSpec:
			for _, n := range s.Names {
				if n.IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil {
					bad = append(bad, f.at(n.Pos(), "%s has no comment", n.Name))
				}
			}
		}
	}
	return bad
}

// receiverExported says whether a function can be seen from outside: it is no method, or one of an exported type.
func receiverExported(d *ast.FuncDecl) bool {
	if d.Recv == nil || len(d.Recv.List) == 0 {
		return true
	}
	t := d.Recv.List[0].Type
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.IndexListExpr:
			t = x.X
		case *ast.Ident:
			return x.IsExported()
		default:
			return true
		}
	}
}

// excuse is what a sleep in a test must say behind itself.
const excuse = "not synchronisation:"

// Sleep: tests wait for what they wait for, not for time to pass. A sleep that is there for another reason says which, in a comment on
// its line that begins with "not synchronisation:".
func Sleep(f *File) []string {
	if !f.IsTest() {
		return nil
	}
	excused := make(map[int]bool)
	for _, g := range f.Syntax.Comments {
		for _, c := range g.List {
			if strings.Contains(c.Text, excuse) {
				excused[f.Set.Position(c.Pos()).Line] = true
			}
		}
	}
	var bad []string
	ast.Inspect(f.Syntax, func(n ast.Node) bool {
		s, ok := n.(*ast.SelectorExpr)
		if !ok || s.Sel.Name != "Sleep" {
			return true
		}
		if x, ok := s.X.(*ast.Ident); ok && x.Name == "time" && !excused[f.Set.Position(s.Pos()).Line] {
			bad = append(bad, f.at(s.Pos(), "a test sleeps; wait for what it needs, or say why: // %s …", excuse))
		}
		return true
	})
	return bad
}

// machinePath finds absolute paths that exist on one machine only. The words are put together here so that this file has none.
var machinePath = regexp.MustCompile(`(^|[^\w./*-])/(` + strings.Join([]string{"work", "root", `home/\w+`, `Users/\w+`}, "|") + `)(/|\b[^\w-]|$)`)

// Paths finds absolute paths of somebody's machine in a text file of any kind.
func Paths(path string, source []byte) []string {
	var bad []string
	for i, line := range strings.Split(string(source), "\n") {
		if m := machinePath.FindString(line); m != "" {
			bad = append(bad, fmt.Sprintf("%s:%d: names a path of one machine: %q", path, i+1, strings.TrimSpace(m)))
		}
	}
	return bad
}
