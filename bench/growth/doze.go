//go:build linux

package growth

import (
	"context"
	"runtime"

	"shmbus/internal/bench"
)

// A doze is what a goroutine waits for without a bus: the two lines of a frame, and a futex of its own, with a thread that stays with it.
type doze struct {
	lines  *lines
	locked bool
}

func (d *doze) receive(_ context.Context, c *clock) (now int64, sent uint64, err error) {
	if !d.locked {
		runtime.LockOSThread()
		d.locked = true
	}
	sent, err = d.lines.receive()
	return c.now(), sent, err
}

func (d *doze) end() { d.lines.end() }

// sleepingLines are lines whose receiver sleeps, unmapped with the part. They have as many places as a topic of Blocked has slots.
func (me *part) sleepingLines(p bench.Place, name string) (*lines, error) {
	l, unmap, err := openLines(p, name, blockedSlots)
	if err != nil {
		return nil, err
	}
	l.sleeps, l.sleep = true, waitTold
	me.closers = append(me.closers, unmap)
	return l, nil
}
