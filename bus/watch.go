package bus

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fsnotify/fsnotify"

	"shmbus/wake"
)

// rescan is how often everything is looked at without an event: events can be lost, and a watch on a directory that was removed
// and made again is silently gone. A look wakes the Go runtime up, which takes up to a millisecond of a processor: more often would be
// too much for one that waits. Where there are no file events, everything is found by looking.
const (
	rescan      = 5 * time.Second
	rescanBlind = time.Second
)

// A watcher looks after the attachments of a Bus: it notices segments that were deleted or replaced, a lease that is gone, and
// wakes those who wait for a topic when something in the bus directory changes. When a participant may have died it reaps what that one
// held, and wakes everybody, because the dead may have owed them a wake. It is started by the first handle.
type watcher struct {
	bus  *Bus
	fs   *fsnotify.Watcher // nil: rescans alone
	stop chan struct{}
	done chan struct{}
	once sync.Once

	changed chan struct{} // something in the directory has
	blind   atomic.Bool   // file events have failed for good

	died      chan struct{} // somebody may have
	unwatch   func()        // ends the watch for deaths; nil if there is none
	mourned   os.FileInfo   // the directory that is watched for deaths
	recurring int           // how often the dead have been looked for since

	mu      sync.Mutex
	waiting map[*wake.Waiter]struct{}
	watched string // the directory, or the ancestor of it that exists
	inode   os.FileInfo
}

// startWatch starts the watcher if it does not run. The caller holds b.mu.
func (b *Bus) startWatch() *watcher {
	if b.watch != nil {
		return b.watch
	}
	w := &watcher{
		bus: b, stop: make(chan struct{}), done: make(chan struct{}), died: make(chan struct{}, 1), changed: make(chan struct{}, 1),
		waiting: make(map[*wake.Waiter]struct{}),
	}
	fs, err := fsnotify.NewWatcher()
	if err != nil {
		b.log.Warn("no file events, looking now and then instead", "error", err)
	} else {
		w.fs = fs
		go w.pump(fs)
	}
	w.follow()
	b.watch = w
	go w.run()
	return w
}

func (w *watcher) close() {
	w.once.Do(func() { close(w.stop) })
	<-w.done
}

// enlist makes the waiter be poked by changes, from now on.
func (w *watcher) enlist(x *wake.Waiter) {
	w.mu.Lock()
	w.waiting[x] = struct{}{}
	w.mu.Unlock()
}

func (w *watcher) dismiss(x *wake.Waiter) {
	w.mu.Lock()
	delete(w.waiting, x)
	w.mu.Unlock()
}

func (w *watcher) run() {
	defer close(w.done)
	if w.fs != nil {
		defer w.fs.Close()
	}
	every := rescan
	if w.fs == nil {
		every = rescanBlind
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	again := time.NewTimer(every)
	again.Stop()
	defer again.Stop()
	defer w.watchDeaths("")
	for {
		select {
		case <-w.stop:
			w.poke()
			return
		case <-w.changed:
			if w.blind.Swap(false) {
				tick.Reset(rescanBlind)
			}
		case <-w.died:
			w.recurring = 0
			w.bus.afterDeath()
			again.Reset(deathDelays[0])
			continue
		case <-again.C:
			w.bus.afterDeath()
			if w.recurring++; w.recurring < len(deathDelays) {
				again.Reset(deathDelays[w.recurring])
			}
			continue
		case <-tick.C: // only now and then: a segment that cannot be opened is, each time, a hint at a death
			w.bus.meet()
			w.bus.sweep()
			w.bus.freeDeserted()
		}
		w.follow()
		w.bus.lookAfter()
		w.poke()
	}
}

// pump takes file events as they come, and says that there were some. It does nothing else: fsnotify sends with its lock held, and
// whoever calls it meanwhile waits for that lock, so the one who calls must not be the one who receives.
func (w *watcher) pump(fs *fsnotify.Watcher) {
	for {
		select {
		case _, ok := <-fs.Events:
			if !ok {
				return
			}
		case err, ok := <-fs.Errors:
			if !ok {
				return
			}
			w.bus.log.Warn("file events were lost, looking again", "error", err)
			if !errors.Is(err, fsnotify.ErrEventOverflow) { // its descriptor is gone, say
				w.blind.Store(true)
			}
		}
		select {
		case w.changed <- struct{}{}:
		default: // one look serves them all
		}
	}
}

func (w *watcher) poke() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for x := range w.waiting {
		x.Poke()
	}
}

// follow keeps the watch on the bus directory, or on its nearest ancestor while it is not there. A directory that was made again
// under the same name is another one.
func (w *watcher) follow() {
	w.watchDeaths(w.bus.dir)
	if w.fs == nil {
		return
	}
	dir := w.bus.dir
	info, err := os.Stat(dir)
	for err != nil && dir != filepath.Dir(dir) {
		dir = filepath.Dir(dir)
		info, err = os.Stat(dir)
	}
	if err != nil {
		return
	}
	// An inode's number may be used again at once: the watch must still be there, too.
	if dir == w.watched && os.SameFile(info, w.inode) && slices.Contains(w.fs.WatchList(), dir) {
		return
	}
	if w.watched != "" {
		_ = w.fs.Remove(w.watched) // it may be gone, and its watch with it
	}
	w.watched, w.inode = "", nil
	if err := w.fs.Add(dir); err != nil {
		w.bus.log.Debug("cannot watch", "path", dir, "error", err)
		return
	}
	w.watched, w.inode = dir, info
	if dir != w.bus.dir {
		if _, err := os.Stat(w.bus.dir); err == nil {
			w.follow() // it was made in between
		}
	}
}

// lookAfter checks what the Bus stands on.
func (b *Bus) lookAfter() {
	all := make(map[*attachment]uint32) // the state that its handles are to have
	sizes := make(map[*attachment]int64)
	b.mu.Lock()
	add := func(at *attachment) {
		if _, seen := all[at]; !seen {
			all[at] = portOpen
			at.refs++
		}
	}
	for p := range b.handles {
		add(p.at)
	}
	for _, m := range []map[string]*attachment{b.open, b.taps} {
		for _, at := range m {
			add(at)
		}
	}
	b.mu.Unlock()
	for at := range all {
		sizes[at], _ = at.seg.Size()
		if !at.whole() {
			all[at] = portCut
		} else if gone := at.seg.Gone(); gone != nil {
			at.setStale(gone)
			all[at] = portStale
		} else if err := at.check(); err != nil {
			b.log.Error("the lease is gone", "path", at.seg.Path(), "error", err)
			all[at] = portLost
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for p := range b.handles {
		if s, looked := all[p.at]; s != portOpen {
			p.setState(s)
		} else if end := p.entry.Offset + p.entry.Size; looked && end > sizes[p.at] {
			if size, err := p.at.seg.Size(); err == nil && end > size { // now: it may have grown, and the topic been made
				p.setState(portCut)
			}
		}
	}
	for at, s := range all {
		if s != portOpen {
			b.drop(at)
		}
		_ = at.release()
	}
}
