package supervise

import (
	"os"
	"slices"

	"github.com/fsnotify/fsnotify"
	"github.com/hashicorp/go-hclog"
)

// A watcher says that something has happened in a directory, which may come and go. It only makes things quick: the directory is looked
// at every few seconds all the same.
type watcher struct {
	dir     string
	fs      *fsnotify.Watcher // nil: there is none to be had
	watched os.FileInfo       // the directory that is watched; nil: none
	changes chan struct{}
	log     hclog.Logger
}

func newWatcher(dir string, log hclog.Logger) *watcher {
	w := &watcher{dir: dir, changes: make(chan struct{}, 1), log: log}
	fs, err := fsnotify.NewWatcher()
	if err != nil {
		log.Warn("the plugin directory cannot be watched, and is looked at again and again", "error", err)
		return w
	}
	w.fs = fs
	go w.pump(fs.Events, fs.Errors)
	return w
}

// pump goes on until the watcher is closed.
func (w *watcher) pump(events <-chan fsnotify.Event, errs <-chan error) {
	for events != nil || errs != nil {
		var ok bool
		select {
		case _, ok = <-events:
			if !ok {
				events = nil
			}
		case _, ok = <-errs: // an overflow, say: look
			if !ok {
				errs = nil
			}
		}
		select {
		case w.changes <- struct{}{}:
		default: // somebody will look anyway
		}
	}
}

// ensure watches the directory that is there now, and says whether there is one. Call it before looking at it.
func (w *watcher) ensure() bool {
	if w.fs == nil {
		return false
	}
	now, err := os.Stat(w.dir)
	if err != nil {
		w.watched = nil
		return false
	}
	if w.watched != nil && os.SameFile(w.watched, now) && slices.Contains(w.fs.WatchList(), w.dir) {
		return true
	}
	_ = w.fs.Remove(w.dir) // that of an earlier directory of this name, if there was one
	if err := w.fs.Add(w.dir); err != nil {
		w.log.Warn("the plugin directory cannot be watched", "error", err)
		return false
	}
	w.watched = now
	return true
}

func (w *watcher) close() {
	if w.fs != nil {
		w.fs.Close()
	}
}
