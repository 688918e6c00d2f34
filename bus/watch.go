package bus

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"
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
		b.log.Warn("no file events, looking now and then instead", "error", err)
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
	every := rescan
	if w.fs == nil {
		every = rescanBlind
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-w.stop:
			w.poke()
			return
		case e, ok := <-events:
			if !ok {
				events, errs = nil, nil
				tick.Reset(rescanBlind)
				continue
			}
			w.drain(events)
			w.bus.log.Trace("file event", "path", e.Name, "op", e.Op)
		case err := <-errs:
			w.bus.log.Warn("file events were lost, looking again", "error", err)
			if !errors.Is(err, fsnotify.ErrEventOverflow) { // its descriptor is gone, say; it would go on saying so
				events, errs, w.fs = nil, nil, nil
				tick.Reset(rescanBlind)
			}
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
		if at.seg.Stale() {
			at.setStale()
			all[at] = portStale
		} else if err := at.check(); err != nil {
			b.log.Error("the lease is gone", "path", at.seg.Path(), "error", err)
			all[at] = portLost
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for p := range b.handles {
		if s := all[p.at]; s != portOpen {
			p.setState(s)
		}
	}
	for at, s := range all {
		if s != portOpen {
			b.drop(at)
		}
		_ = at.release()
	}
}
