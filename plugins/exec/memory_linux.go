package exec

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// How often the memory of a plugin with a limit is looked at; and how often, at most, new processes of it are looked for, which means
// looking at all processes of the machine, and is to take no more than a part of the time: a hundred runners may be at it.
const (
	memoryGlance = 250 * time.Millisecond
	memorySweep  = time.Second
	sweepPart    = 200
)

// checkMemory kills the plugin if its processes take more memory than they may.
func (l *life) checkMemory() {
	limit := int64(l.spec.Limits.Memory)
	if l.ending {
		return
	}
	if newest := newestPID(); (newest == "" || newest != l.newest) && time.Now().After(l.sweep) { // there are processes that were not there
		began := time.Now()
		l.known, l.newest = slices.Collect(maps.Keys(descendants())), newest
		took := time.Since(began)
		l.sweep = began.Add(max(memorySweep, sweepPart*took))
	}
	resident := int64(0)
	for _, pid := range l.known {
		resident += residentSize(pid)
	}
	if resident <= limit {
		return
	}
	// Pages that several processes share, such as those of a program or of a ring, were counted once for each of them.
	fair := int64(0)
	l.known = slices.Collect(maps.Keys(descendants())) // without those that have ended: their pids may be others' now
	for _, pid := range l.known {
		fair += fairSize(pid)
	}
	if fair > limit {
		l.fail(Memory, unix.SIGKILL, "memory: its %d processes take %d bytes, and may take %d", len(l.known), fair, limit)
	}
}

// checkKills sees whether the kernel has killed the plugin, because its control group has taken more memory than it may.
func (l *life) checkKills() {
	if l.cgroup == nil || !l.cgroup.limited {
		return
	}
	if l.cgroup.outOfMemory() > 0 {
		l.fail(Memory, unix.SIGKILL, "memory: its processes take more than the %d bytes that they may", int64(l.spec.Limits.Memory))
	}
}

// newestPID is the pid that was given last on this machine, to a process or a thread.
func newestPID() string {
	b, _ := os.ReadFile("/proc/loadavg")
	f := strings.Fields(string(b))
	if len(f) == 0 {
		return ""
	}
	return f[len(f)-1]
}

// residentSize is the memory that a process has mapped and that is there, in bytes; 0 if it has ended.
func residentSize(pid int) int64 {
	var buf [256]byte
	b, _ := readProc(buf[:], pid, "statm")
	if f := strings.Fields(string(b)); len(f) > 1 {
		n, _ := strconv.ParseInt(f[1], 10, 64)
		return n * int64(os.Getpagesize())
	}
	return 0
}

// fairSize is the same with a process's share of pages that others have as well. It takes the kernel longer to tell.
func fairSize(pid int) int64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return residentSize(pid)
	}
	for line := range bytes.Lines(b) {
		if rest, ok := bytes.CutPrefix(line, []byte("Pss:")); ok {
			n, _ := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(string(rest)), "kB")), 10, 64)
			return n << 10
		}
	}
	return 0
}
