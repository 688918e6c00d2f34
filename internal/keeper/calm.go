package keeper

import (
	"os"
	"time"

	"shmbus/segment"
)

// A bus on which nothing happens is looked at less often: each look wakes this process up, and most of what busd takes when it is idle is
// that. Somebody who leaves or dies ends the calm at once, because the kernel says so; others are seen by the next look.
const (
	calmAfter = 5 // looks in a row that have seen nothing happen
	calmPace  = 3 // intervals from a look to the next one then
)

// A calm knows whether the bus is calm.
type calm struct {
	dir     string
	quiet   int           // looks in a row that have seen nothing happen
	stirred chan struct{} // somebody may have left, or died
	watched os.FileInfo   // the directory that is watched for that
	unwatch func()        // nil: it is not watched, and never calm
}

func newCalm(dir string) *calm { return &calm{dir: dir, stirred: make(chan struct{}, 1)} }

// pace is how long it is to the next look.
func (c *calm) pace(interval time.Duration) time.Duration {
	if c.quiet < calmAfter || c.unwatch == nil {
		return interval
	}
	return calmPace * interval
}

// looked notes what a look has seen.
func (c *calm) looked(happened bool) {
	c.follow()
	if c.quiet++; happened {
		c.quiet = 0
	}
}

// follow keeps the watch on the directory as it is now: it may have been made again.
func (c *calm) follow() {
	info, err := os.Stat(c.dir)
	if err == nil && c.unwatch != nil && os.SameFile(info, c.watched) {
		return
	}
	c.end()
	if err != nil {
		return
	}
	unwatch, err := segment.WatchDeaths(c.dir, func() {
		select {
		case c.stirred <- struct{}{}:
		default: // it is known already
		}
	})
	if err == nil {
		c.unwatch, c.watched = unwatch, info
	}
}

func (c *calm) end() {
	if c.unwatch != nil {
		c.unwatch()
		c.unwatch = nil
	}
}
