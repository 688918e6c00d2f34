package segment

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A LeftoverKind says what a file is that belongs to no segment.
type LeftoverKind uint8

const (
	// Unfinished: a file of a creation whose process ended before the file had its name.
	Unfinished LeftoverKind = iota
	// HalfGone: what a creation or a removal that did not end has left of a segment, or rm: NAME.seg marked dead, or some of the three files
	// without the others.
	HalfGone
	// Foreign: nothing that this library makes and keeps.
	Foreign
	// Damaged: NAME.seg says that it was removed, and somebody is in it.
	Damaged
)

// A Leftover is a file in a bus directory that belongs to no segment.
type Leftover struct {
	File string // its name in the directory
	Kind LeftoverKind
	id   fileID
}

// Leftovers is the files in a directory that belong to no segment. It changes nothing. Files that somebody living is just making or
// removing are not among them: those hold the lock of the directory from the first to the last. Who makes that lock holds none: its file is one once it is
// a minute old.
func Leftovers(dir string) ([]Leftover, error) {
	first, err := leftovers(dir)
	if err != nil || len(first) == 0 {
		return nil, err
	}
	held := true
	for try := 0; held && try < 6; try++ {
		if held, _, err = Locked(dir); err != nil {
			held = false // who may not ask is told of all there is
		}
		if held {
			time.Sleep(time.Millisecond << try)
		}
	}
	// What was there before and after a moment at which nobody had the lock is nobody's.
	second, err := leftovers(dir)
	return slices.DeleteFunc(second, func(l Leftover) bool {
		return l.Kind != Foreign && held || !slices.Contains(first, l)
	}), err
}

// leftovers looks once.
func leftovers(dir string) ([]Leftover, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for _, e := range entries {
		names[e.Name()] = true
	}
	var all []Leftover
	for _, e := range entries {
		if k, left := judgeFile(dir, e, names); left {
			if st, err := statPath(filepath.Join(dir, e.Name()), false); err == nil {
				all = append(all, Leftover{e.Name(), k, st.id})
			}
		}
	}
	return all, nil
}

// judgeFile says whether a file belongs to no segment, and what it is then.
func judgeFile(dir string, e fs.DirEntry, names map[string]bool) (LeftoverKind, bool) {
	name := e.Name()
	ext := filepath.Ext(name)
	base := strings.TrimSuffix(name, ext)
	switch {
	case e.IsDir() && strings.HasPrefix(name, "."):
		return 0, false // somebody's that works with the bus, such as busd's
	case !e.Type().IsRegular():
		return Foreign, ext != extSegment || CheckName(base) != nil // otherwise it is a segment, which cannot be opened
	case name == lockName:
		return 0, false
	case isAside(name):
		return Unfinished, unfinished(e)
	case CheckName(base) != nil:
		return Foreign, true
	case ext == extSegment:
		dead, err := isDead(dir, base)
		if errors.Is(err, errDeadInUse) {
			return Damaged, true
		}
		return HalfGone, dead
	case ext == extBell || ext == extLease:
		return HalfGone, !names[base+extSegment]
	}
	return Foreign, true
}

// asideLife is how long what is made aside, without the lock of a directory, is left to whoever makes it. One who was stopped for longer finds it gone.
const asideLife = time.Minute

// old says that an entry of a directory has not changed for so long that nobody is just making it.
func old(e fs.DirEntry) bool {
	i, err := e.Info()
	return err == nil && time.Since(i.ModTime()) > asideLife
}

// unfinished says whether a file is left of a creation that did not end. Files of segments are made with the lock of the directory, which whoever asks has, or
// has seen free; that lock itself is not.
func unfinished(e fs.DirEntry) bool {
	return isAside(e.Name()) && (!isAsideOf(lockName, e.Name()) || old(e))
}

// RemoveLeftovers removes what Leftovers finds, except what is Foreign or Damaged. The caller holds the lock of the directory.
func RemoveLeftovers(dir string) error {
	all, err := leftovers(dir)
	if err != nil {
		return err
	}
	var errs []error
	for _, l := range all {
		switch l.Kind {
		case HalfGone:
			errs = append(errs, removeHalf(dir, strings.TrimSuffix(l.File, filepath.Ext(l.File))))
		case Unfinished:
			if err := os.Remove(filepath.Join(dir, l.File)); !errors.Is(err, fs.ErrNotExist) {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

// removeHalf removes what is left of a segment, if it is still that.
func removeHalf(dir, name string) error {
	r, err := lookAt(dir, name)
	if err != nil {
		return err
	}
	defer r.close()
	switch dead, err := r.dead(); {
	case errors.Is(err, errDeadInUse), errors.Is(err, ErrTableHeld): // since it was found; or somebody else is about it
		return nil
	case !dead && !errors.Is(err, fs.ErrNotExist):
		return err
	}
	r.files = slices.DeleteFunc(r.files, func(f *file) bool {
		foreign := checkRegular(f.path) != nil
		if foreign {
			_ = f.close()
		}
		return foreign
	})
	return r.take()
}

// Locked asks whether somebody holds the lock of a directory, and who has taken it last, as that process knows itself; 0 if it is not
// known. It changes nothing. A directory in which nobody has taken it ever is not locked.
func Locked(dir string) (held bool, pid int, err error) {
	path := filepath.Join(dir, lockName)
	f, err := openFile(path, false)
	if errors.Is(err, fs.ErrNotExist) {
		return false, 0, nil
	}
	if err != nil {
		return false, 0, err
	}
	defer f.close()
	held, err = f.locked(0)
	return held, lastLocker(f), err
}

// StoppedProcess says whether a process is stopped, by SIGSTOP, a terminal or a debugger.
func StoppedProcess(pid int) bool {
	state, _ := processStat(strconv.Itoa(pid))
	return pid > 0 && (state == 'T' || state == 't')
}
