package plugins

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// The errors are KeyErrors.

// LookUp finds the program of a command that has no '/' in it: in the PATH that the plugin will have, which is that of its env, or else this
// process's. Directories in it that are relative do not count: they would be others for whoever looks.
func (m *Manifest) LookUp() (string, error) {
	path, own := m.Env["PATH"]
	if !own {
		path = os.Getenv("PATH")
	}
	for _, dir := range filepath.SplitList(path) {
		if !filepath.IsAbs(dir) {
			continue
		}
		file := filepath.Join(dir, m.Command[0])
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return file, nil
		}
	}
	if own {
		return "", &KeyError{"command", fmt.Errorf("%q is not in PATH of env, %q", m.Command[0], path)}
	}
	return "", &KeyError{"command", fmt.Errorf("%q is not in PATH, %q", m.Command[0], path)}
}

// RunAs finds the user of a manifest, by name or else by number. Only root can run a plugin as another user than this process's. "" is nobody.
func RunAs(name string) (*user.User, error) {
	if name == "" {
		return nil, nil
	}
	u, err := user.Lookup(name)
	if errors.As(err, new(user.UnknownUserError)) {
		if _, nerr := strconv.ParseUint(name, 10, 32); nerr == nil {
			u, err = user.LookupId(name)
		}
	}
	switch {
	case errors.As(err, new(user.UnknownUserError)), errors.As(err, new(user.UnknownUserIdError)):
		return nil, &KeyError{"user", fmt.Errorf("there is no user %q", name)}
	case err != nil:
		return nil, &KeyError{"user", fmt.Errorf("%q: %w", name, err)}
	}
	if self := os.Geteuid(); self != 0 && u.Uid != strconv.Itoa(self) {
		return nil, &KeyError{"user", fmt.Errorf("%q: only root can run a plugin as another user; start busd as root, or leave user out", name)}
	}
	return u, nil
}

// CheckDir says what is wrong with the working directory.
func (m *Manifest) CheckDir() error {
	info, err := os.Stat(m.Dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return &KeyError{"dir", fmt.Errorf("the working directory %s is not there", m.Dir)}
	case err != nil:
		return &KeyError{"dir", fmt.Errorf("the working directory: %w", err)}
	case !info.IsDir():
		return &KeyError{"dir", fmt.Errorf("the working directory %s: %w", m.Dir, syscall.ENOTDIR)}
	}
	return nil
}
