package segment

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

const (
	extSegment = ".seg"
	extBell    = ".bell"
	extLease   = ".lease"
	extNew     = ".new" // of a file that is being made aside; such names also begin with a dot
	lockName   = "bus.lock"
	maxName    = 64
)

// CheckName says what is wrong with a segment's name: names have 1 to 64 letters, digits, '.', '_' and '-', and begin with
// neither '.' nor '-'.
func CheckName(name string) error {
	if name == "" || len(name) > maxName {
		return fmt.Errorf("segment name %q has %d bytes, must have 1 to %d", name, len(name), maxName)
	}
	if name[0] == '.' || name[0] == '-' {
		return fmt.Errorf("segment name %q must not begin with %q", name, name[0])
	}
	for i := range len(name) {
		if c := name[i]; !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
			c == '.' || c == '_' || c == '-') {
			return fmt.Errorf("segment name %q has %q in it: only letters, digits, '.', '_' and '-'", name, c)
		}
	}
	return nil
}

// List is the names of the segments in a directory, sorted. That a name is listed does not say that it can be opened: Open says why not, also of what is no
// regular file. If the directory is missing the error is an fs.ErrNotExist, unless there could be no segment in it either: where there is no backend that comes first.
func List(dir string) ([]string, error) {
	if err := backend(); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), extSegment)
		if ok && CheckName(name) == nil {
			names = append(names, name)
		}
	}
	return names, nil
}

// asidePath is where NAME.seg, NAME.bell or NAME.lease is made before it gets its name. Each creation has names of its own: if rm takes the lock
// file away from under one, there may be two, and none must give a name to what the other has not finished.
func asidePath(dir, name, ext string, nonce uint64) string {
	return filepath.Join(dir, "."+name+ext+"."+strconv.FormatUint(nonce, 36)+extNew)
}

// asideOf is where what is no file of a segment is made before it gets its name: each time elsewhere.
func asideOf(path string) string {
	dir, base := filepath.Split(path)
	return filepath.Join(dir, "."+base+"."+strconv.FormatUint(rand.Uint64(), 36)+extNew)
}

// isAsideOf tells names that asideOf makes for what has the name base.
func isAsideOf(base, name string) bool {
	name, ok := strings.CutPrefix(name, "."+base+".")
	number, isNew := strings.CutSuffix(name, extNew)
	n, err := strconv.ParseUint(number, 36, 64)
	return ok && isNew && err == nil && strconv.FormatUint(n, 36) == number
}

// isAside tells files left by a creation that did not end.
func isAside(base string) bool {
	if isAsideOf(lockName, base) {
		return true
	}
	base, ok := strings.CutSuffix(base, extNew)
	if !ok || !strings.HasPrefix(base, ".") {
		return false
	}
	for range 2 { // older versions put nothing between the two extensions
		ext := filepath.Ext(base)
		base = strings.TrimSuffix(base, ext)
		if ext == extSegment || ext == extBell || ext == extLease {
			return base != "" && CheckName(base[1:]) == nil
		}
	}
	return false
}
