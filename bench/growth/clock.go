//go:build linux

package growth

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"shmbus/internal/bench"
)

// A clock tells, in a few nanoseconds, the time of bench.Now, which all processes share and which takes a system call. All set it in the same
// way, so that what the setting is wrong by is the same on both sides, but for a few nanoseconds.
type clock struct {
	start time.Time
	base  int64
}

func newClock() *clock {
	c := &clock{start: time.Now()}
	least := time.Hour
	for range 2000 {
		before := time.Since(c.start)
		now := bench.Now()
		after := time.Since(c.start)
		if d := after - before; d < least {
			least, c.base = d, now-int64(before+d/2)
		}
	}
	return c
}

func (c *clock) now() int64 { return c.base + int64(time.Since(c.start)) }

// until looks at the clock until it is that late, and gives the last look.
func (c *clock) until(t int64) int64 {
	for {
		if now := c.now(); now >= t {
			return now
		}
	}
}

// used is the processor time that this process has taken, in ns.
func used() int64 {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &t)
	return t.Nano()
}

// switches is how often the kernel has taken a processor away from a thread of this process, because it waits or for another one.
func switches() float64 {
	var u unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_SELF, &u)
	return float64(u.Nvcsw + u.Nivcsw)
}

// threads is how many this process has.
func threads() (int, error) {
	all, err := os.ReadDir("/proc/self/task")
	return len(all), err
}

// private is how much memory only this process has: pages, and the tables of pages, in bytes.
func private() (int64, error) {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	sum, found := int64(0), 0
	for in := bufio.NewScanner(bytes.NewReader(b)); in.Scan(); {
		name, value, _ := strings.Cut(in.Text(), ":")
		if name != "RssAnon" && name != "VmPTE" {
			continue
		}
		kib, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(value, "kB")), 10, 64)
		if err != nil {
			return 0, err
		}
		sum += kib << 10
		found++
	}
	if found != 2 {
		return 0, fmt.Errorf("of RssAnon and VmPTE the kernel tells %d", found)
	}
	return sum, nil
}
