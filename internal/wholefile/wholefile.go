// Package wholefile replaces files as a whole: who reads one sees the old content or the new, and what cannot be written takes nothing away.
package wholefile

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Write puts a content in the file at path, which is made with that mode. A link there is replaced.
func Write(path string, content []byte, mode fs.FileMode) error {
	f, err := create(path, mode)
	if err != nil {
		return notWritten(path, err)
	}
	_, err = f.Write(content)
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
		return notWritten(path, err)
	}
	return nil
}

// RemoveUnfinished removes what processes have left beside the file at path that were killed within Write. Its caller is the only one that writes it.
func RemoveUnfinished(path string) {
	all, _ := os.ReadDir(filepath.Dir(path))
	for _, e := range all {
		rest, ok := strings.CutPrefix(e.Name(), filepath.Base(path)+".")
		random, ended := strings.CutSuffix(rest, ending)
		if _, err := strconv.ParseUint(random, 10, 64); ok && ended && err == nil {
			os.Remove(filepath.Join(filepath.Dir(path), e.Name()))
		}
	}
}

// notWritten has an error name the file that was to be written, and not the one that has another name each time: so it is the same error the next time.
func notWritten(path string, err error) error {
	return &os.PathError{Op: "write", Path: path, Err: cause(err)}
}

// cause is an error of the os package without the name of the file.
func cause(err error) error {
	if e := (*os.PathError)(nil); errors.As(err, &e) {
		return e.Err
	}
	if e := (*os.LinkError)(nil); errors.As(err, &e) {
		return e.Err
	}
	return err
}

// Replace is Write for what people name, and what may have been long in the making: a link stays one, a file that is there keeps its mode, and the
// content is on the disk afterwards. If the new file cannot take the old one's place, it stays beside it, and the error names it.
func Replace(path string, content []byte) error {
	f, at, err := beside(path)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		os.Remove(f.Name())
		return notWritten(at, err)
	}
	if err := os.Rename(f.Name(), at); err != nil {
		return fmt.Errorf("%w; the new content is complete in %s: put it where it belongs by hand", err, f.Name())
	}
	return nil
}

// CanReplace is an error if Replace could not be done, as far as that can be told before.
func CanReplace(path string) error {
	f, _, err := beside(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// beside makes the file that is to take the place of the one at path, which may be a link to it: at says where it is.
func beside(path string) (f *os.File, at string, err error) {
	at, old, err := find(path)
	if err != nil {
		return nil, "", err
	}
	mode := fs.FileMode(0o666)
	if old != nil {
		mode = old.Mode().Perm()
	}
	if f, err = create(at, mode); err != nil {
		return nil, "", fmt.Errorf("%s cannot be replaced by a new file beside it: %w", path, cause(err))
	}
	if old != nil {
		_ = f.Chmod(mode) // without the umask, where there are such
	}
	return f, at, nil
}

// find looks for the file at path: at says where it is, old is nil if there is none yet.
func find(path string) (at string, old fs.FileInfo, err error) {
	old, err = os.Stat(path) // what /proc has links to is there, though no path may lead to it
	if errors.Is(err, fs.ErrNotExist) {
		if to, err := os.Readlink(path); err == nil {
			return "", nil, fmt.Errorf("%s is a link to %s, which is not there; remove it, or name another file", path, to)
		}
		return path, nil, nil
	}
	if err != nil {
		return "", nil, fmt.Errorf("%s: %w", path, err)
	}
	if !old.Mode().IsRegular() {
		return "", nil, fmt.Errorf("%s is no regular file, and cannot be replaced; name another one", path)
	}
	if at, err = filepath.EvalSymlinks(path); err != nil {
		return "", nil, fmt.Errorf("%s: %w", path, err)
	}
	f, err := os.OpenFile(at, os.O_WRONLY, 0) // who may not write it may not replace it
	if err != nil {
		return "", nil, err
	}
	return at, old, f.Close()
}

// ending ends the names of files that are not complete, or have not taken their place.
const ending = ".new"

// create makes a new file beside the one at path, under a name that nobody has.
func create(path string, mode fs.FileMode) (*os.File, error) {
	for {
		f, err := os.OpenFile(fmt.Sprintf("%s.%d%s", path, rand.Uint64(), ending), os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode) // no CreateTemp: it knows no umask
		if !errors.Is(err, fs.ErrExist) {
			return f, err
		}
	}
}
