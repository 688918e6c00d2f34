package filetail

import (
	"cmp"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// later is what the name of a file that was rotated has behind its old one: a number or a date.
var later = regexp.MustCompile(`^[-.][0-9][-._:T0-9]*$`)

// squeezed ends the name of a file that was compressed.
var squeezed = regexp.MustCompile(`\.(gz|bz2|xz|zst|lz4|Z)$`)

// missed is the files that have had a path's name while nobody looked, in the order of their times: those around it with a number or a date behind its name
// that were written to since it was read last, as no file is that was read before. known are those that the state file has, and now the one that
// has the name. found: the last one of known is here, as it was; otherwise there may be a copy of it, or what was written to it is missed.
func (f *follower) missed(path string, known []place, now *input, found bool) (all []*input) {
	last := known[len(known)-1]
	// Who copies a file truncates it then, so it has its name still. Of others that begin like it, by the header of a log for instance, all is new.
	truncated := !found && now != nil && now.id == last.File
	type candidate struct {
		path string
		time time.Time
	}
	var candidates []candidate
	names := []string{filepath.Base(path)}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		names = append(names, filepath.Base(real))
	}
	for _, dir := range last.dirs(path) {
		around, _ := os.ReadDir(dir) // in one that cannot be read there is nothing to be found
		for _, e := range around {
			file := filepath.Join(dir, e.Name())
			whole := squeezed.ReplaceAllString(e.Name(), "")
			rotated := slices.ContainsFunc(names, func(name string) bool {
				end, ok := strings.CutPrefix(whole, name)
				return ok && later.MatchString(end)
			})
			if !rotated || slices.ContainsFunc(f.patterns, func(p pattern) bool { return p.match(file) }) { // it is followed by itself
				continue
			}
			info, err := e.Info()
			if err != nil || !info.Mode().IsRegular() || info.ModTime().Before(last.Time) {
				continue
			}
			if whole != e.Name() {
				f.log.Warn("a file was rotated and compressed while nobody looked; what was written to it since then may be missed", "path", path, "file", file)
				continue
			}
			candidates = append(candidates, candidate{file, info.ModTime()})
		}
	}
	slices.SortStableFunc(candidates, func(a, b candidate) int { return cmp.Or(a.time.Compare(b.time), -cmp.Compare(a.path, b.path)) })
	for _, c := range candidates {
		in, err := f.openInput(c.path)
		if err != nil {
			f.log.Warn("a file that was rotated while nobody looked cannot be read", "path", path, "file", c.path, "error", err)
			continue
		}
		if now != nil && in.id == now.id || slices.ContainsFunc(known, func(p place) bool { return p.is(in) }) { // not by the ID alone: a file that is deleted leaves its own to others
			_ = f.closeInput(in)
			continue
		}
		if truncated && last.Length > 0 && last.begins(in) { // the copy; those after it are of what was written later
			truncated, found = false, true
			err = in.begin(last.Offset)
		}
		if err != nil {
			f.log.Warn("a file that was rotated while nobody looked cannot be read", "path", path, "file", c.path, "error", errors.Join(err, f.closeInput(in)))
			continue
		}
		f.log.Info("a file was rotated while nobody looked, and is read", "path", path, "file", c.path)
		all = append(all, in)
	}
	if !found {
		f.log.Warn("the file that was followed is not here any more; what was written to it since then is missed", "path", path)
	}
	return all
}
