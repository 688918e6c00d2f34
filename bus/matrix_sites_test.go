//go:build linux && shmbus_sched

package bus_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"shmbus/internal/mem"
	"shmbus/segment"
)

// Fault points: with this build tag each store, CAS and addition in shared memory, each payload word, and each step of growing and making
// files is one, without a word in the source: the hook behind internal/mem finds out who calls. A site is a file, a line and an
// operation.

// stores are the operations that change shared memory.
var stores = map[mem.Op]bool{mem.OpStore: true, mem.OpRelease: true, mem.OpSwap: true, mem.OpAdd: true, mem.OpSet: true}

// caller is the first file and line on the stack that is not internal/mem's.
func caller() string {
	var pcs [16]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs[:])])
	for {
		f, more := frames.Next()
		dir, file := filepath.Split(f.File)
		if base := filepath.Base(dir); base != "mem" || !more {
			return fmt.Sprintf("%s/%s:%d", base, file, f.Line)
		}
	}
}

// atSites calls f before each operation at a site.
func atSites(f func(site string)) {
	var inside atomic.Bool
	mem.Hook = func(op mem.Op, _ uintptr, _, _ uint64) (uint64, bool) {
		if stores[op] && !inside.Load() {
			f(caller() + " " + op.String())
		}
		return 0, false
	}
	segment.OnPoint(func(name string) { f("segment, " + name) })
}

// dieAt ends this process, as kill -9 does, before the operation at a site is done for the n-th time.
func dieAt(site string, n int) {
	var count atomic.Int64
	atSites(func(s string) {
		if s == site && count.Add(1) == int64(n) {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	})
}

// A site in the source.
type site struct {
	name string // as atSites says it
	text string // "Writer.take: w.line.claim.StoreRelease(t + 1)"
}

// sourceSites are the calls of storing methods in topics/ and segment/, in the bell, and of who rings it.
func sourceSites(t *testing.T) []site {
	t.Helper()
	names := map[string]bool{"Store": true, "StoreRelease": true, "CompareAndSwap": true, "Add": true, "Set": true}
	var files []string
	for _, pattern := range []string{"../topics/*.go", "../segment/*.go", "../wake/bell.go", "../wake/ringer.go"} {
		f, err := filepath.Glob(pattern)
		noError(t, err)
		files = append(files, f...)
	}
	var all []site
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") || strings.HasSuffix(path, "_other.go") {
			continue
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
		noError(t, err)
		for _, d := range file.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			ast.Inspect(fn, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				sel, ok := call.Fun.(*ast.SelectorExpr)
				if !ok || !names[sel.Sel.Name] {
					return true
				}
				if x, ok := sel.X.(*ast.Ident); ok && x.Name == "unsafe" {
					return true // arithmetic
				}
				var text bytes.Buffer
				noError(t, printer.Fprint(&text, set, call))
				at := set.Position(sel.Sel.Pos())
				all = append(all, site{
					fmt.Sprintf("%s/%s:%d %s", filepath.Base(filepath.Dir(path)), filepath.Base(path), at.Line, sel.Sel.Name),
					strings.Join(strings.Fields(fn.Name.Name+": "+text.String()), " "),
				})
				return true
			})
		}
	}
	slices.SortFunc(all, func(a, b site) int { return strings.Compare(a.name, b.name) })
	return slices.CompactFunc(all, func(a, b site) bool { return a.name == b.name })
}
