package objcode

import (
	"fmt"
	"strings"
)

// A Pick chooses instructions of a function.
type Pick func(f *Func, i int) bool

// Is picks instructions of these classes.
func Is(classes ...Class) Pick {
	return func(f *Func, i int) bool {
		for _, c := range classes {
			if f.Insts[i].Class == c {
				return true
			}
		}
		return false
	}
}

// IsAt picks instructions of a class that access the field at off.
func IsAt(c Class, off uintptr) Pick {
	return func(f *Func, i int) bool { return f.Insts[i].Class == c && f.At(i, uint32(off)) }
}

// Calls picks calls of a function.
func Calls(callee string) Pick {
	return func(f *Func, i int) bool { return f.Insts[i].Class == Call && f.Insts[i].Callee == callee }
}

// Count is how many instructions are picked.
func (f *Func) Count(p Pick) int {
	n := 0
	for i := range f.Insts {
		if p(f, i) {
			n++
		}
	}
	return n
}

// Between says what is wrong if some path leads from a from to a to without a via between them. It is wrong as well if there is no from,
// no to, or no way from one to the other: then the question was not the right one. A nil from is the function's start. A path ends at the
// first to.
func (f *Func) Between(from, via, to Pick) error {
	starts := []int{0}
	if from != nil {
		starts = nil
		for i := range f.Insts {
			if from(f, i) {
				starts = append(starts, f.next(i)...)
			}
		}
	}
	if len(starts) == 0 {
		return fmt.Errorf("%s: nothing to start from", f.Name)
	}
	if _, reached := f.walk(starts, func(*Func, int) bool { return false }, to); !reached {
		return fmt.Errorf("%s: no path at all to where it should lead", f.Name)
	}
	if path, reached := f.walk(starts, via, to); reached {
		return fmt.Errorf("%s: a path without what should lie on it: %s", f.Name, path)
	}
	return nil
}

// walk looks for the shortest path from one of the starts to an instruction picked by to that avoids those picked by via.
func (f *Func) walk(starts []int, via, to Pick) (path string, reached bool) {
	before := make(map[int]int)
	var queue []int
	visit := func(i, from int) {
		if _, seen := before[i]; !seen && i >= 0 && i < len(f.Insts) {
			before[i] = from
			queue = append(queue, i)
		}
	}
	for _, s := range starts {
		visit(s, -1)
	}
	for len(queue) > 0 {
		i := queue[0]
		queue = queue[1:]
		if to(f, i) {
			var lines []string
			for ; i >= 0; i = before[i] {
				if s := f.Insts[i].Source; len(lines) == 0 || lines[0] != s {
					lines = append([]string{s}, lines...)
				}
			}
			return strings.Join(lines, " "), true
		}
		if via(f, i) {
			continue
		}
		for _, n := range f.next(i) {
			visit(n, i)
		}
	}
	return "", false
}
