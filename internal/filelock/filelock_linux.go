package filelock

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

func fcntl(f *os.File, cmd int, kind int16) (unix.Flock_t, error) {
	for {
		lk := unix.Flock_t{Type: kind, Whence: io.SeekStart, Len: 1}
		err := unix.FcntlFlock(f.Fd(), cmd, &lk)
		if err == nil {
			return lk, nil
		}
		if !errors.Is(err, unix.EINTR) {
			return lk, &fs.PathError{Op: "lock", Path: f.Name(), Err: err}
		}
	}
}

func try(f *os.File) error {
	_, err := fcntl(f, unix.F_OFD_SETLK, unix.F_WRLCK)
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
		return ErrHeld
	}
	return err
}

func held(f *os.File) (bool, error) {
	lk, err := fcntl(f, unix.F_OFD_GETLK, unix.F_RDLCK)
	return lk.Type != unix.F_UNLCK, err
}

// wait takes the lock for reading, together with all others who wait.
func wait(f *os.File) error {
	_, err := fcntl(f, unix.F_OFD_SETLKW, unix.F_RDLCK)
	return err
}
