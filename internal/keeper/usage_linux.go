package keeper

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// tick is the clock tick of /proc: 100 a second on every architecture that Go knows.
const tick = time.Second / 100

// readProc reads a file of /proc that is no longer than into. It is for files that are read each second: os.ReadFile does twice as much.
func readProc(path string, into []byte) []byte {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	defer unix.Close(fd)
	n, err := unix.Read(fd, into)
	if err != nil {
		return nil
	}
	return into[:n]
}

// readStat reads /proc/PID/stat; false if there is no such process.
func readStat(pid int) (s procStat, ok bool) {
	if pid <= 0 {
		return s, false
	}
	b := readProc("/proc/"+strconv.Itoa(pid)+"/stat", make([]byte, 1024))
	fields := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:]) // the name before may hold anything; fields[0] is field 3, the state
	if len(fields) < 22 {
		return s, false
	}
	number := func(field int) uint64 {
		n, _ := strconv.ParseUint(string(fields[field-3]), 10, 64)
		return n
	}
	for field := 14; field <= 17; field++ { // utime, stime, cutime, cstime
		s.cpu += time.Duration(number(field)) * tick
	}
	s.start, s.rss = number(22), int64(number(24))*int64(os.Getpagesize())
	return s, true
}

// mostDescendants of a plugin are counted: it may fork without end.
const mostDescendants = 1000

// descendants is those that a process and its descendants have started, as far as they have a living parent among them.
func descendants(pid int) []int {
	all := []int{pid}
	for i := 0; i < len(all) && len(all) < mostDescendants; i++ {
		tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", all[i])) // children belong to the thread that started them
		for _, path := range tasks {
			b, _ := os.ReadFile(path)
			for _, child := range bytes.Fields(b) {
				if n, err := strconv.Atoi(string(child)); err == nil && len(all) < mostDescendants {
					all = append(all, n)
				}
			}
		}
	}
	return all[1:]
}

// ownStatm is a descriptor that tells the memory of this process each time it is read.
var ownStatm = sync.OnceValue(func() int {
	fd, err := unix.Open("/proc/self/statm", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1
	}
	return fd
})

func ownUsage() Usage {
	u := Usage{Processes: 1}
	var r unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &r) == nil {
		u.CPU = time.Duration(r.Utime.Nano() + r.Stime.Nano())
	}
	b := make([]byte, 256)
	n, err := unix.Pread(ownStatm(), b, 0)
	if err != nil {
		return u
	}
	if fields := bytes.Fields(b[:n]); len(fields) > 1 {
		pages, _ := strconv.ParseInt(string(fields[1]), 10, 64)
		u.RSS = pages * int64(os.Getpagesize())
	}
	return u
}
