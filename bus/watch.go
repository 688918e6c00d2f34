package bus

import (
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"

	"shmbus/wake"
)

// rescan is how often everything is looked at without an event: events can be lost, and a watch on a directory that was removed
// and made again is silently gone.
const rescan = time.Second

// A watcher looks after the attachments of a Bus: it notices segments that were deleted or replaced, a lease that is gone, and
// wakes those who wait for a topic when something in the bus directory changes. It is started by the first handle.
type watcher struct {
	bus  *Bus
	fs   *fsnotify.Watcher // nil: rescans alone
	stop chan struct{}
	done chan struct{}
	once sync.Once

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
	w := &watcher{bus: b, stop: make(chan struct{}), done: make(chan struct{}), waiting: make(map[*wake.Waiter]struct{})}
	fs, err := fsnotify.NewWatcher()
	if err != nil {
		b.log.Warn("no file events, looking once a second instead", "error", err)
	} else {
		w.fs = fs
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
	var events chan fsnotify.Event
	var errs chan error
	if w.fs != nil {
		defer w.fs.Close()
		events, errs = w.fs.Events, w.fs.Errors
	}
	tick := time.NewTicker(rescan)
	defer tick.Stop()
	for {
		select {
		case <-w.stop:
			w.poke()
			return
		case e := <-events:
			w.drain(events)
			w.bus.log.Trace("file event", "path", e.Name, "op", e.Op)
		case err := <-errs:
			w.bus.log.Warn("file events were lost, looking again", "error", err)
		case <-tick.C:
		}
		w.follow()
		w.bus.lookAfter()
		w.poke()
	}
}

// drain takes the events that are there already: one look serves them all.
func (w *watcher) drain(events chan fsnotify.Event) {
	for range 1000 {
		select {
		case <-events:
		default:
			return
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
	if w.fs == nil {
		return
	}
	dir := w.bus.dir
	info, err := os.Stat(dir)
	for err != nil && dir != filepath.Dir(dir) {
		dir = filepath.Dir(dir)
		info, err = os.Stat(dir)
	}
	if err != nil || dir == w.watched && w.inode != nil && os.SameFile(info, w.inode) {
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
	b.mu.Lock()
	var all []*attachment
	for p := range b.handles {
		all = append(all, p.at)
	}
	b.mu.Unlock()
	stale, lost := map[*attachment]bool{}, map[*attachment]bool{}
	for _, at := range all {
		if _, seen := stale[at]; seen {
			continue
		}
		if stale[at] = at.seg.Stale(); stale[at] {
			at.setStale()
		} else if err := at.check(); err != nil {
			lost[at] = true
			b.log.Error("the lease is gone", "path", at.seg.Path(), "error", err)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for p := range b.handles {
		switch {
		case lost[p.at]:
			p.setState(portLost)
		case stale[p.at]:
			p.setState(portStale)
		}
	}
}
