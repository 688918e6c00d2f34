package filetail

import (
	"os"
	"path/filepath"
	"slices"
)

// A file that is renamed from a path that is followed to another one is read once: by the tail that has it, until its time there is over. Then it
// is passed on to the tail of its new path, which has waited, with the place in it. So no line is published twice, and those of a file come in
// their order. Nobody waits yet if the file has just been renamed, or once more: so it stays open until each path has been looked at, or its
// name is seen to be none that is followed. A path that leads to the same file as another one, by a symbolic link, is no such case: both have it.

// elsewhere says whether a file that t's path leads to was read under another path, and has lost that name. Who has it still as the file of its path
// is told that it is an old one.
func (f *follower) elsewhere(t *tail, in *input) bool {
	if in.id == "" || f.files[in.id] < 2 {
		return false
	}
	for path, places := range f.saved.Files { // of paths that are still to be opened
		for _, was := range places {
			if path != t.path && was.is(in) && !in.isAt(path) {
				return true
			}
		}
	}
	for _, other := range f.tails {
		if i := slices.IndexFunc(other.old, func(old *input) bool { return old.id == in.id }); i >= 0 {
			if other != t && other.old[i].grown() { // t was told, and it is for that one to read
				f.busy[other] = true
			}
			return true
		}
		if other.in != nil && in.id == other.in.id && !in.isAt(other.path) {
			other.retire(other.in)
			other.in, other.skip = nil, false
			f.busy[other] = true
			return true
		}
	}
	return false
}

// pass hands a file whose time is over to the path that leads to it now and waits for it, if there is one.
func (f *follower) pass(in *input) bool {
	for _, t := range f.tails {
		if t.in == nil && in.isAt(t.path) {
			t.take(in)
			f.busy[t] = true
			return true
		}
	}
	return false
}

// sought says whether another path may lead to an old file of t that could not be passed on: it has a name, none is seen that is not followed, and since
// its time was over there have not been two scans, between which each path is looked at.
func (t *tail) sought(in *input) bool {
	f := t.f
	info, err := in.file.Stat()
	if err != nil || deleted(info) {
		return false
	}
	path := seen(info, filepath.Dir(t.path))
	if path == "" {
		path = seen(info, in.dir)
	}
	if path != "" && !slices.ContainsFunc(f.patterns, func(p pattern) bool { return p.match(path) }) {
		return false
	}
	if in.over == 0 {
		in.over = f.scans
	}
	return f.scans < in.over+2
}

// seen is the path of a file in a directory; "" if it is not seen there.
func seen(file os.FileInfo, dir string) string {
	around, _ := os.ReadDir(dir)
	for _, e := range around {
		if info, err := e.Info(); err == nil && os.SameFile(info, file) {
			return filepath.Join(dir, e.Name())
		}
	}
	return ""
}

// isAt says whether a path leads to the file.
func (in *input) isAt(path string) bool {
	now, err := os.Stat(path)
	if err != nil {
		return false
	}
	open, err := in.file.Stat()
	return err == nil && os.SameFile(now, open)
}
