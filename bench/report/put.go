package report

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// put gives the file at path a new content, all at once: what cannot be written takes nothing away of what is there.
func put(path string, content []byte) error {
	f, path, err := openNew(path)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

// CanPut is an error if the file at path could not be made or replaced. It makes the directory.
func CanPut(path string) error {
	f, _, err := openNew(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// openNew opens a new file that is to take the place of the one at path, which may be a link to it: at says where it is. It makes the directory.
func openNew(path string) (f *os.File, at string, err error) {
	if at, err = filepath.EvalSymlinks(path); errors.Is(err, fs.ErrNotExist) {
		at, err = path, os.MkdirAll(filepath.Dir(path), 0o777)
	}
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", path, err)
	}
	old, err := os.Stat(at)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		old = nil
	case err != nil:
		return nil, "", err
	case !old.Mode().IsRegular():
		return nil, "", fmt.Errorf("%s is no regular file, and cannot be replaced; name another one", path)
	}
	if f, err = os.OpenFile(fmt.Sprintf("%s.%d.new", at, os.Getpid()), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666); err != nil {
		return nil, "", err
	}
	if old != nil {
		_ = f.Chmod(old.Mode().Perm()) // where there are such
	}
	return f, at, nil
}
