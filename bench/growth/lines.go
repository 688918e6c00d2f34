//go:build linux

package growth

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"shmbus/internal/bench"
	"shmbus/internal/cpu"
	"shmbus/internal/mem"
)

// Waits that are no bus: the two lines that a frame must have, in memory of the two processes; and to sleep in the kernel until they are there.
const (
	BareSpin  bench.Wait = "spin, no bus"
	BareFutex bench.Wait = "futex, no bus"
)

// line is what a stamp or the payload of a frame takes.
type line struct {
	word mem.Word
	rest [7]mem.Plain
}

// lines are for one sender and one receiver, each with a mapping.
type lines struct {
	read, asleep  *mem.Word
	stamps, cells []line
	i             uint64 // sent, or received
	sleeps        bool
	sleep         func(w *mem.Word, while uint32) // in the kernel
	over          atomic.Bool                     // who sleeps is to wake, and to come back with errOver
}

var errOver = errors.New("nobody waits any more")

// openLines maps memory for so many frames. All who give the same name have it in common; it is removed with the crew.
func openLines(p bench.Place, name string, slots int) (*lines, func(), error) {
	path := filepath.Join(filepath.Dir(p.Bus.Dir()), "lines-"+strings.Map(func(r rune) rune {
		if r == '/' || r == '$' {
			return '-'
		}
		return r
	}, name))
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	all := int64(2+2*slots) * 64
	if err := unix.Fallocate(int(f.Fd()), 0, 0, all); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	m, err := unix.Mmap(int(f.Fd()), 0, int(all), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE)
	if err != nil {
		return nil, nil, err
	}
	v, err := mem.View[line](m, 0, 2+2*slots)
	if err != nil {
		return nil, nil, err
	}
	l := &lines{read: &v[0].word, asleep: &v[1].word, stamps: v[2 : 2+slots], cells: v[2+slots:], sleep: waitOn}
	l.i = l.read.Load()
	return l, func() { _ = unix.Munmap(m) }, nil
}

// put stores a frame.
func (l *lines) put(word uint64) {
	at := l.i & uint64(len(l.stamps)-1)
	l.i++
	c := &l.cells[at]
	c.word.StoreRelease(word)
	for j := range c.rest {
		c.rest[j].Set(word)
	}
	if l.sleeps {
		l.stamps[at].word.Store(l.i)
	} else {
		l.stamps[at].word.StoreRelease(l.i)
	}
}

// send waits for room, stores a frame, and wakes the receiver if it sleeps.
func (l *lines) send(word uint64) {
	for l.i-l.read.Load() >= uint64(len(l.stamps)) {
		cpu.Pause(1)
	}
	l.put(word)
	if l.sleeps && l.asleep.Load() == 1 {
		l.asleep.Store(0)
		wakeOne(l.asleep)
	}
}

// end wakes who sleeps, for good.
func (l *lines) end() {
	l.over.Store(true)
	l.asleep.Store(0)
	wakeOne(l.asleep)
}

// receive waits for the next frame.
func (l *lines) receive() (uint64, error) {
	at := l.i & uint64(len(l.stamps)-1)
	for s := &l.stamps[at].word; s.Load() != l.i+1; {
		if !l.sleeps {
			cpu.Pause(1)
			continue
		}
		l.asleep.Store(1)
		if s.Load() == l.i+1 {
			l.asleep.Store(0)
			break
		}
		if l.over.Load() { // behind the store: whoever has set it sees that one, or the word has changed before the kernel looks at it
			return 0, errOver
		}
		l.sleep(l.asleep, 1)
	}
	c := &l.cells[at]
	word := c.word.Load()
	for j := range c.rest {
		if c.rest[j].Get() != word {
			return 0, fmt.Errorf("frame %d of the bare lines is torn", l.i+1)
		}
	}
	l.i++
	l.read.StoreRelease(l.i)
	return word, nil
}
