package houserules

import (
	"fmt"
	"path"
	"regexp"
	"strings"
)

// fileName is a word in a package's description that names a file of it, or several.
var fileName = regexp.MustCompile(`[a-z][a-z0-9_*]*\.go`)

// Listed finds the files of a package whose description, in doc.go, tells in which order to read its files, and leaves them out; and those that it names and
// that are not there.
func Listed(dir string, files []*File) []string {
	var names []string
	text := ""
	for _, f := range files {
		switch {
		case path.Dir(f.Path) != dir || f.IsTest():
		case path.Base(f.Path) == "doc.go":
			text = f.Syntax.Doc.Text()
		default:
			names = append(names, path.Base(f.Path))
		}
	}
	var bad []string
	met := make(map[string]bool)
	said := fileName.FindAllString(text, -1)
	for _, name := range names {
		found := false
		for _, s := range said {
			if is, err := path.Match(s, name); err == nil && is {
				found, met[s] = true, true
			}
		}
		if !found {
			bad = append(bad, fmt.Sprintf("%s/doc.go does not say what %s is", dir, name))
		}
	}
	for _, s := range said {
		if !met[s] && !strings.HasPrefix(s, "doc.") {
			bad = append(bad, fmt.Sprintf("%s/doc.go names %s, which is not there", dir, s))
		}
	}
	return bad
}
