package segment

import (
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sync"
)

// A mapped file can be cut short by whoever may write to it. An access to what is gone is a memory fault, which ends a Go program,
// or, after debug.SetPanicOnFault, a panic. Those who make such accesses on behalf of callers recover from it and ask Fault.

// ranges are the mappings of this process, so that a fault can be told from one of somebody else's.
var ranges struct {
	mu  sync.Mutex
	all map[*byte]mappedRange // by their first byte
}

type mappedRange struct {
	b    []byte
	off  int64 // in the file
	path string
	id   fileID
}

func remember(b []byte, off int64, f *file) {
	ranges.mu.Lock()
	defer ranges.mu.Unlock()
	if ranges.all == nil {
		ranges.all = make(map[*byte]mappedRange)
	}
	ranges.all[&b[0]] = mappedRange{b, off, f.path, f.id}
}

func forget(b []byte) {
	ranges.mu.Lock()
	defer ranges.mu.Unlock()
	delete(ranges.all, &b[0])
}

// Fault makes an error of what was recovered from: an ErrTruncated if it is a memory fault in a mapping of this package, because the
// file has been cut short, or an ErrNoSpace, because the file has a hole there and the file system nothing to fill it with. It is
// nil for any other panic, which is to go on.
//
// The access must not be made in the function that defers the recover, but in one that it calls and that is not inlined.
func Fault(recovered any) error {
	e, ok := recovered.(interface {
		runtime.Error
		Addr() uintptr
	})
	if !ok {
		return nil
	}
	return faultAt(e.Addr())
}

// faultAt is Fault for an address.
func faultAt(addr uintptr) error {
	ranges.mu.Lock()
	defer ranges.mu.Unlock()
	for _, r := range ranges.all {
		if !contains(r.b, addr) {
			continue
		}
		at := r.off + int64(offsetIn(r.b, addr))
		if st, err := statPath(r.path, false); err == nil && st.id == r.id && st.size > at {
			if err := noSpaceInHole(filepath.Dir(r.path), r.path, at); err != nil {
				return err
			}
			return fault(ErrTruncated, r.path, "file", "has been cut short while it was in use, and is long again: what was at byte %d is gone", at)
		}
		return fault(ErrTruncated, r.path, "file", "has been cut short while it was in use: byte %d is gone", at)
	}
	return nil
}

// Guard runs f and makes an error, as Fault does, of a memory fault in it. It is for what is not done for every frame.
func Guard(f func() error) (err error) {
	old := debug.SetPanicOnFault(true)
	defer func() {
		debug.SetPanicOnFault(old)
		if r := recover(); r != nil {
			if err = Fault(r); err == nil {
				panic(r)
			}
		}
	}()
	return run(f)
}

//go:noinline
func run(f func() error) error { return f() }
