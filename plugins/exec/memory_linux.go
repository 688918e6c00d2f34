package exec

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// memoryGlance is how often the memory of a plugin with a limit is looked at.
const memoryGlance = 250 * time.Millisecond

// checkMemory kills the plugin if its processes take more memory than they may.
func (l *life) checkMemory() {
	limit := int64(l.spec.Limits.Memory)
	if l.ending {
		return
	}
	pids := descendants()
	resident := int64(0)
	for pid := range pids {
		resident += residentSize(pid)
	}
	if resident <= limit {
		return
	}
	// Pages that several processes share, such as those of a program or of a ring, were counted once for each of them.
	fair := int64(0)
	for pid := range pids {
		fair += fairSize(pid)
	}
	if fair > limit {
		l.fail(Memory, unix.SIGKILL, "memory: its %d processes take %d bytes, and may take %d", len(pids), fair, limit)
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

// residentSize is the memory that a process has mapped and that is there, in bytes; 0 if it has ended.
func residentSize(pid int) int64 {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
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
