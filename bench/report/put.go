package report

import (
	"os"
	"path/filepath"

	"shmbus/internal/wholefile"
)

// put replaces the file at path, or makes it, and its directory.
func put(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	return wholefile.Replace(path, content)
}

// CanPut is an error if the file at path could not be made or replaced. It makes the directory.
func CanPut(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	return wholefile.CanReplace(path)
}
