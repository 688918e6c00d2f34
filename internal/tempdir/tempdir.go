// Package tempdir makes temporary directories that are removed also where their process was killed: by the next one that asks for a directory
// of that kind.
package tempdir

import "os"

// A Dir is a directory that this process holds.
type Dir struct {
	Path string
	lock *os.File // nil where there are no locks
}

// Remove removes the directory, which may have gone already, with all that is in it, and lets go of it.
func (d *Dir) Remove() error {
	err := os.RemoveAll(d.Path)
	if d.lock != nil {
		d.lock.Close()
	}
	return err
}

// Memory is a directory in memory where there is such a place, or the one for temporary files.
func Memory() string {
	if i, err := os.Stat("/dev/shm"); err == nil && i.IsDir() {
		return "/dev/shm"
	}
	return os.TempDir()
}
