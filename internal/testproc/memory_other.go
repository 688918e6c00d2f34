//go:build !linux

package testproc

import "os"

func sweepOnce() {}

func memoryParent() string { return "" }

func newMemoryDir(parent string) (dir string, free func(), err error) {
	dir, err = os.MkdirTemp(parent, "shmbus-test-")
	return dir, func() {}, err
}
