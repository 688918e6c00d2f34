package segment

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// MakeDir makes a bus directory with the mode and the group of the options, whatever the umask. Missing parents are made 0755. A
// directory that is there is left as it is. A default directory that belongs to another user is an ErrForeignDir, a file system
// on which processes do not share memory an ErrFileSystem.
func MakeDir(dir string, o Options) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	if _, err := statPath(dir, false); err == nil {
		return checkDir(dir)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := makeParents(filepath.Dir(dir)); err != nil {
		return err
	}
	if err := makeAside(dir, o, false); err != nil {
		return err
	}
	return checkDir(dir)
}

// makeParents is os.MkdirAll, whatever the umask: it would keep a group away from a directory that is made for it. As there, a directory
// in one with the set-group-ID bit has it too.
func makeParents(dir string) error {
	if _, err := statPath(dir, true); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := makeParents(filepath.Dir(dir)); err != nil {
		return err
	}
	return makeAside(dir, Options{Mode: 0o755}, true)
}

// makeAside makes a directory aside and renames it into place, so that nobody sees it with another mode, nor stays with it if this process
// ends here. One that is there meanwhile is left as it is. heir: it keeps the set-group-ID bit that it was born with.
func makeAside(dir string, o Options, heir bool) error {
	sweepAside(dir)
	aside := asideOf(dir)
	err := makeDir(aside, o, heir)
	inPlace := errors.Is(err, fs.ErrNotExist) // swept by another maker, while this process was stopped
	if err == nil {
		point("dir made aside")
		if err = renameNew(aside, dir); err != nil {
			os.Remove(aside)
			inPlace = !errors.Is(err, fs.ErrExist) // swept, or a file system that cannot
		}
	}
	if inPlace {
		err = makeDir(dir, o, heir)
	}
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

// sweepAside removes what makers of a directory that ended amid it have left beside it. What has anything in it is nobody's that makes one, and stays.
func sweepAside(dir string) {
	parent, base := filepath.Split(dir)
	entries, _ := os.ReadDir(parent) // who may not look removes nothing
	for _, e := range entries {
		if isAsideOf(base, e.Name()) && old(e) {
			_ = syscall.Rmdir(filepath.Join(parent, e.Name()))
		}
	}
}

func makeDir(dir string, o Options, heir bool) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	err := func() error {
		f, err := openDir(dir)
		if errors.Is(err, fs.ErrPermission) { // an odd umask has taken the owner's own bits
			if err = os.Chmod(dir, 0o700); err == nil {
				f, err = openDir(dir)
			}
		}
		if err != nil {
			return err
		}
		defer f.close()
		m := fileModes{group: -1, must: true}
		if o.Group != nil {
			m.group = *o.Group
		}
		mode := o.dirMode()
		if heir {
			i, err := os.Stat(dir)
			if err != nil {
				return err
			}
			mode |= i.Mode() & fs.ModeSetgid
		}
		return m.apply(f, mode)
	}()
	if err != nil {
		os.Remove(dir)
	}
	return err
}

// checkDir refuses a directory that cannot be a bus, or that somebody else put where this user's own belongs.
func checkDir(dir string) error {
	st, err := statPath(dir, true)
	if err != nil {
		return err
	}
	if !st.mode.IsDir() {
		return &fs.PathError{Op: "open", Path: dir, Err: syscall.ENOTDIR}
	}
	if dir == builtinDir() {
		if st, err = statPath(dir, false); err != nil { // the link's owner counts, if it is one
			return err
		}
		if uid := os.Geteuid(); st.uid != uid {
			return fmt.Errorf("segment: %s belongs to user %d, not to user %d: somebody put it there; remove it, or set "+
				"SHMBUS_DIR to another directory: %w", dir, st.uid, uid, ErrForeignDir)
		}
	}
	return checkFileSystem(dir)
}

// point is called at named places between steps, for tests that end the process there.
var point = func(string) {}
