package keeper

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"shmbus/plugins"
)

// tick is the clock tick of /proc: 100 a second on every architecture that Go knows.
const tick = time.Second / 100

// readStat reads /proc/PID/stat; false if there is no such process.
func readStat(pid int) (s procStat, ok bool) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return s, false
	}
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

// isProcess says whether p is there, and no other one of its pid.
func isProcess(p plugins.Process) bool {
	s, ok := readStat(p.PID)
	return ok && (p.Start == 0 || s.start == p.Start)
}

// mostDescendants of a plugin are counted: it may fork without end.
const mostDescendants = 1000

// descendants is a process and those that it and its descendants have started and that have a living parent among them.
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
	return all
}

func ownUsage() Usage {
	u := Usage{Processes: 1}
	var r unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &r) == nil {
		u.CPU = time.Duration(r.Utime.Nano() + r.Stime.Nano())
	}
	if b, err := os.ReadFile("/proc/self/statm"); err == nil {
		if fields := bytes.Fields(b); len(fields) > 1 {
			pages, _ := strconv.ParseInt(string(fields[1]), 10, 64)
			u.RSS = pages * int64(os.Getpagesize())
		}
	}
	return u
}

// allocated is the memory that a segment's file takes.
func allocated(dir, segment string) int64 {
	i, err := os.Stat(filepath.Join(dir, segment+".seg"))
	if err != nil {
		return 0
	}
	if st, ok := i.Sys().(*syscall.Stat_t); ok {
		return st.Blocks * 512
	}
	return i.Size()
}
