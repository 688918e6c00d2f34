package segment

import (
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Regions on a tmpfs get their memory in huge pages where the kernel has them: they are made and mapped in a fraction of the time, and the
// processor needs fewer entries to find them. No more memory is taken than was asked for: only huge pages that lie wholly in the
// range are made, its ends are of small ones. Where none are to be had, all is of small ones, and nobody is told.

// hugePatience is what huge pages may take, for each MiB: some times of what small ones do. What takes longer is a kernel that moves
// others' memory about to find some, or a virtual machine that has to ask its host for each.
const hugePatience = 2 * time.Millisecond

// hugePage is the size of a huge page in bytes; 0: this kernel has none.
var hugePage = sync.OnceValue(func() int64 { return readNumber("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size") })

// unlimited says that real-time programs may keep a processor for ever. The kernel has every processor do something before it gathers
// pages, and would wait for that one.
var unlimited = sync.OnceValue(func() bool { return readNumber("/proc/sys/kernel/sched_rt_runtime_us") < 0 })

// readNumber is the number that a file of the kernel has; 0 if it has none.
func readNumber(path string) int64 {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	n, _ := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
	return n
}

// hugeWithin is the part of a range that whole huge pages can cover; empty if there is none.
func hugeWithin(off, size int64) (first, end int64) {
	h := hugePage()
	if h <= 0 || size < h {
		return off, off
	}
	first, end = roundUp(off, h), (off+size)&^(h-1)
	return first, max(first, end)
}

// gather makes huge pages for a range that has no memory yet. It tells whether it is worth while to go on like that. It needs no
// mount option: the kernel heeds this advice also where it is not to make huge pages of its own accord. It gathers pages that are
// there, and so each huge page needs one to begin with: its last, so that the file is long enough.
func (f *file) gather(off, size int64) bool {
	first, end := hugeWithin(off, size)
	if first == end {
		return true
	}
	if unlimited() {
		return false
	}
	start, page := time.Now(), int64(os.Getpagesize())
	for at := first; at < end; at += hugePage() {
		if unix.Fallocate(f.fd, 0, at+hugePage()-page, page) != nil {
			return false
		}
	}
	b, err := mapShared(f, first, end-first, end-first, false)
	if err != nil {
		return false
	}
	defer unmap(b)
	if err := madvise(b, unix.MADV_COLLAPSE); err != nil && err != unix.EAGAIN { // EAGAIN: some were not to be had in that moment
		return false
	}
	return time.Since(start) <= hugePatience*time.Duration((end-first)>>20)
}
