//go:build linux

package segment

import (
	"fmt"
	"io/fs"
	"unsafe"

	"golang.org/x/sys/unix"
)

// mapShared maps size bytes of the file from off on: the first `writable` bytes for writing, the rest for reading. eager: all pages
// are there when it returns. The caller has checked the range against the size of the file; should the file have shrunk since,
// it is an ErrTruncated, and not a SIGBUS.
func mapShared(f *file, off, size, writable int64, eager bool) ([]byte, error) {
	prot := unix.PROT_READ
	if writable > 0 {
		prot |= unix.PROT_WRITE
	}
	at, fixed := place(off, size)
	p, err := unix.MmapPtr(f.fd, off, at, uintptr(size), prot, unix.MAP_SHARED|fixed)
	if err != nil {
		if at != nil {
			unix.MunmapPtr(at, uintptr(size))
		}
		return nil, mapError(f, off, size, err)
	}
	b := unsafe.Slice((*byte)(p), size)
	if 0 < writable && writable < size {
		err = unix.Mprotect(b[writable:], unix.PROT_READ)
	}
	if err == nil && eager {
		err = populate(f, off, b, writable)
	}
	if err != nil {
		unmap(b)
		return nil, mapError(f, off, size, err)
	}
	remember(b, off, f)
	return b, nil
}

// place takes addresses for a mapping that can have huge pages: those that are as far from a multiple of their size as the offset in
// the file is. The kernel looks for such addresses itself only on a file system that was mounted for huge pages. nil: any will do.
func place(off, size int64) (at unsafe.Pointer, fixed int) {
	if first, end := hugeWithin(off, size); first == end {
		return nil, 0
	}
	h := hugePage()
	p, err := unix.MmapPtr(-1, 0, nil, uintptr(size+h), unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE)
	if err != nil {
		return nil, 0
	}
	skip := (off - int64(uintptr(p))) & (h - 1)
	at = unsafe.Add(p, skip)
	if skip > 0 {
		unix.MunmapPtr(p, uintptr(skip))
	}
	unix.MunmapPtr(unsafe.Add(at, size), uintptr(h-skip))
	return at, unix.MAP_FIXED
}

func mapError(f *file, off, size int64, err error) error {
	if err == unix.EFAULT {
		return fault(ErrTruncated, f.path, "file", "no memory behind bytes %d to %d: it was cut short, or it has holes and the "+
			"file system is full", off, off+size)
	}
	return &fs.PathError{Op: fmt.Sprintf("mapping %d bytes of", size), Path: f.path, Err: err}
}

// madvise is a variable so that tests can stand for an older kernel.
var madvise = unix.Madvise

// populate brings the pages in. Kernels before 5.14 have no advice for that: there the range is mapped once more in place.
func populate(f *file, off int64, b []byte, writable int64) error {
	for _, part := range []struct {
		b            []byte
		off          int64
		advice, prot int
	}{
		{b[:writable], off, unix.MADV_POPULATE_WRITE, unix.PROT_READ | unix.PROT_WRITE},
		{b[writable:], off + writable, unix.MADV_POPULATE_READ, unix.PROT_READ},
	} {
		if len(part.b) == 0 {
			continue
		}
		err := retry(func() error { return madvise(part.b, part.advice) })
		if err == unix.EINVAL {
			_, err = unix.MmapPtr(f.fd, part.off, unsafe.Pointer(&part.b[0]), uintptr(len(part.b)), part.prot,
				unix.MAP_SHARED|unix.MAP_FIXED|unix.MAP_POPULATE)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// unmap ends a mapping.
func unmap(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	forget(b) // before somebody else's memory can come to lie there
	return unix.MunmapPtr(unsafe.Pointer(&b[0]), uintptr(len(b)))
}

// protect makes a part of a mapping writable or not.
func protect(b []byte, writable bool) error {
	prot := unix.PROT_READ
	if writable {
		prot |= unix.PROT_WRITE
	}
	return unix.Mprotect(b, prot)
}

// revoke puts private zeroed memory in the place of a mapping. The kernel does it in one step: an access of another thread finds
// the old memory or the new, and never none.
func revoke(b []byte) error {
	_, err := unix.MmapPtr(-1, 0, unsafe.Pointer(&b[0]), uintptr(len(b)), unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_FIXED|unix.MAP_NORESERVE)
	return err
}

// contains tells whether an address, as given by a runtime.Error of a memory fault, lies in b.
func contains(b []byte, addr uintptr) bool {
	if len(b) == 0 {
		return false
	}
	first := uintptr(unsafe.Pointer(&b[0]))
	return addr >= first && addr-first < uintptr(len(b))
}

// offsetIn is where in b an address lies that b contains.
func offsetIn(b []byte, addr uintptr) uintptr { return addr - uintptr(unsafe.Pointer(&b[0])) }
