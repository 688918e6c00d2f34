package supervise

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"shmbus/plugins"
)

// trusted says why a file or directory is none whose content busd runs: others than its own user and root may change it. Whose
// directories it lies in is not looked at.
func trusted(path string, i os.FileInfo) error {
	if u := owner(i); u != os.Geteuid() && u != 0 {
		return fmt.Errorf("%s belongs to user %d, who may change what is run here: chown it to %d (who runs busd) or to root", path, u, os.Geteuid())
	}
	if m := i.Mode().Perm(); m&0o022 != 0 {
		return fmt.Errorf("%s may be written by others (mode %04o), who could run anything here: chmod go-w %s", path, m, path)
	}
	return nil
}

// trustedIn is trusted for a file within a directory, and for the directories between them. What is not there, or not in it, is not looked at.
func trustedIn(dir, path string) error {
	rel, err := filepath.Rel(dir, path)
	if err != nil || !filepath.IsLocal(rel) {
		return nil
	}
	at := dir
	for _, part := range strings.Split(rel, string(filepath.Separator)) {
		at = filepath.Join(at, part)
		info, err := os.Stat(at)
		if err != nil {
			return nil
		}
		if err := trusted(at, info); err != nil {
			return err
		}
	}
	return nil
}

// programs says whether a directory is one of programs, all of which would be run if it was taken for one of plugins.
func programs(path string, i os.FileInfo) error {
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "/bin", "/sbin", "/usr/bin", "/usr/sbin") {
		if other, err := os.Stat(dir); err == nil && filepath.IsAbs(dir) && os.SameFile(i, other) {
			return fmt.Errorf("%s is in PATH: it has programs in it, not plugins", path)
		}
	}
	return nil
}

// MakePlace makes the directory of a place, or takes the one that is there: it has to be the caller's own, and is for nobody else.
func MakePlace(place plugins.Place) error {
	path := string(place)
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	i, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if !i.IsDir() || owner(i) != os.Geteuid() {
		return fmt.Errorf("%s is no directory of user %d, who runs busd: remove it, or give another one as state in busd.toml", path, os.Geteuid())
	}
	if i.Mode().Perm() != 0o700 {
		return os.Chmod(path, 0o700)
	}
	return nil
}
