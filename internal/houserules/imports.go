package houserules

import (
	"fmt"
	"slices"
	"strings"
)

// Imports run one way: a package imports packages of lower layers and those under its own top folder.
//
//	segment, wake  <-  topics  <-  bus  <-  plugins  <-  cmd, examples
//
// A package under internal/ is of the layer above the highest that it imports itself; one that imports none of them is at the bottom
// and may be used anywhere.
var layers = map[string]int{"segment": 1, "wake": 1, "topics": 2, "bus": 3, "plugins": 4, "cmd": 5, "examples": 5}

// ImportsRunOneWay says what is wrong with the imports within the module of that name. Tests keep to the same rule, except that those
// under internal/ may import anything.
func ImportsRunOneWay(module string, files []*File) []string {
	imports := make(map[string][]string) // of packages that are not tests
	for _, f := range files {
		if !f.IsTest() {
			imports[folder(f.Path)] = append(imports[folder(f.Path)], within(module, f)...)
		}
	}
	var bad []string
	for _, f := range files {
		from := folder(f.Path)
		if f.IsTest() && strings.HasPrefix(from, "internal/") {
			continue
		}
		for _, to := range within(module, f) {
			if to == from || top(to) == top(from) && top(to) != "internal" {
				continue
			}
			if _, known := layers[top(from)]; !known && top(from) != "internal" {
				bad = append(bad, fmt.Sprintf("%s: the folder %s has no layer; give it one in internal/houserules", f.Path, top(from)))
				break
			}
			if lo, hi := layer(to, imports, nil), layer(from, imports, nil); lo >= hi && top(from) != "internal" {
				bad = append(bad, fmt.Sprintf("%s: imports %s, of layer %d, from layer %d", f.Path, to, lo, hi))
			}
		}
	}
	slices.Sort(bad)
	return slices.Compact(bad)
}

// layer is the layer of a folder.
func layer(path string, imports map[string][]string, seen []string) int {
	if top(path) != "internal" {
		return layers[top(path)]
	}
	if slices.Contains(seen, path) {
		return 0
	}
	most := 0
	for _, to := range imports[path] {
		most = max(most, layer(to, imports, append(seen, path)))
	}
	return most
}

// within is the folders of this module that a file imports.
func within(module string, f *File) []string {
	var all []string
	for path := range f.imports() {
		if rest, ok := strings.CutPrefix(path, module+"/"); ok {
			all = append(all, rest)
		}
	}
	slices.Sort(all)
	return all
}

func folder(path string) string {
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		return path[:i]
	}
	return "."
}

func top(path string) string {
	first, _, _ := strings.Cut(path, "/")
	return first
}
