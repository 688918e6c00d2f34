//go:build shmbus_sched

package sched

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sort"
	"strings"

	"shmbus/internal/mem"
)

// How a mutation changes a store.
const (
	Record = iota // not at all: the stores are only taken down
	Skip          // it is not made; a swap or an addition says that it was
	Swap          // it is made behind the next store of the same actor
	Weak          // Store becomes StoreRelease
)

// A Mutation changes all stores of one place in the code.
type Mutation struct {
	Site string // as Sites names it
	How  int
	// Beside, if it is set, says which stores do not count as the next one for Swap.
	Beside func(Site) bool
}

// A Site is one place in the code that stores.
type Site struct {
	Name string // file:line
	Func string
	Code string // the line
	Op   mem.Op
}

// sites knows the places in the code that the runs have come by.
type sites struct {
	m     *Mutation
	byPC  map[uintptr]int
	list  []Site
	lines map[string][]string
}

func newSites(m *Mutation) *sites {
	return &sites{m: m, byPC: make(map[uintptr]int), list: make([]Site, 1), lines: make(map[string][]string)}
}

// Sites are the stores that the last searches with a mutation came by, in the order of the code.
func (x *Explorer) Sites() []Site {
	var all []Site
	seen := make(map[string]bool)
	for _, s := range x.sites.list[1:] {
		if s.Op != 0 && !seen[s.Name] {
			seen[s.Name] = true
			all = append(all, s)
		}
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Name < all[j].Name })
	return all
}

// find is the number of the place that called the operation of internal/mem that called hook.
func (s *sites) find() int {
	var pcs [1]uintptr
	if runtime.Callers(4, pcs[:]) == 0 {
		return 0
	}
	if i, ok := s.byPC[pcs[0]]; ok {
		return i
	}
	f, _ := runtime.CallersFrames(pcs[:]).Next()
	name := f.Function[strings.LastIndexByte(f.Function, '/')+1:]
	name = strings.NewReplacer("(*", "", ")", "").Replace(name)
	s.byPC[pcs[0]] = len(s.list)
	s.list = append(s.list, Site{Name: fmt.Sprintf("%s:%04d", filepath.Base(f.File), f.Line), Func: name, Code: s.code(f.File, f.Line)})
	return len(s.list) - 1
}

// code is a line of a source file.
func (s *sites) code(file string, line int) string {
	if _, ok := s.lines[file]; !ok {
		b, _ := os.ReadFile(file)
		s.lines[file] = strings.Split(string(b), "\n")
	}
	if l := s.lines[file]; line <= len(l) {
		return strings.TrimSpace(l[line-1])
	}
	return ""
}

// mutated is access to a word by a store, changed as the mutation says.
func (a *Actor) mutated(op mem.Op, w int, old, new uint64, site int) uint64 {
	s := a.x.sites
	s.list[site].Op = op
	if s.m.How == Record || s.list[site].Name != s.m.Site {
		v := a.access(op, w, old, new, site)
		if a.held != nil && (s.m.Beside == nil || !s.m.Beside(s.list[site])) {
			a.letGo()
		}
		return v
	}
	a.letGo()
	if s.m.How == Weak && op == mem.OpStore {
		return a.access(mem.OpRelease, w, old, new, site)
	}
	if s.m.How != Skip && s.m.How != Swap {
		return a.access(op, w, old, new, site)
	}
	result, writes, value := uint64(0), true, new
	switch op {
	case mem.OpSwap:
		if v := a.access(mem.OpLoad, w, 0, 0, site); v != old {
			writes = false
		} else {
			result = 1
		}
	case mem.OpAdd:
		result = a.access(mem.OpLoad, w, 0, 0, site) + new
		value = result
	}
	if writes && s.m.How == Swap {
		a.held = &store{w, value, site}
	}
	return result
}
