//go:build !linux

package tempdir

import "os"

// New makes a directory in parent, whose name begins with prefix.
func New(parent, prefix string) (*Dir, error) {
	dir, err := os.MkdirTemp(parent, prefix)
	if err != nil {
		return nil, err
	}
	return &Dir{Path: dir}, nil
}
