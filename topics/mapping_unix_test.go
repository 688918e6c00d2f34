//go:build unix

package topics

import (
	"os"

	"golang.org/x/sys/unix"
)

// mappings is a real file, mapped twice.
func mappings() []memory {
	return []memory{{"mapping", func(dir string, size int) (a, b []byte, free func(), err error) {
		f, err := os.CreateTemp(dir, "ring")
		if err != nil {
			return nil, nil, nil, err
		}
		defer f.Close()
		defer os.Remove(f.Name())
		if err := f.Truncate(int64(size)); err != nil {
			return nil, nil, nil, err
		}
		if a, err = unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err != nil {
			return nil, nil, nil, err
		}
		if b, err = unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED); err != nil {
			return nil, nil, nil, err
		}
		return a, b, func() { _ = unix.Munmap(a); _ = unix.Munmap(b) }, nil
	}}}
}
