package supervise

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fsnotify/fsnotify"
	"github.com/hashicorp/go-hclog"
)

// A watcher says that something has happened in a directory, which may come and go. While it is not there, the nearest one above it is watched.
// It only makes things quick: the directory is looked at every few seconds all the same.
type watcher struct {
	dir     string
	fs      *fsnotify.Watcher // nil: there is none to be had
	at      string            // what is watched
	watched os.FileInfo       // the directory that was there under that name; nil: none
	changes chan struct{}
	log     hclog.Logger
}

func newWatcher(dir string, log hclog.Logger) *watcher {
	w := &watcher{dir: filepath.Clean(dir), changes: make(chan struct{}, 1), log: log}
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
		select {
		case e, more := <-events:
			if !more {
				events = nil
			} else if !w.concerns(e.Name) {
				continue
			}
		case _, more := <-errs: // an overflow, say: look
			if !more {
				errs = nil
			}
		}
		select {
		case w.changes <- struct{}{}:
		default: // somebody will look anyway
		}
	}
}

// concerns says whether what has happened to a name is of the directory: to it, in it, or to one above it.
func (w *watcher) concerns(name string) bool {
	within := func(a, b string) bool { return strings.HasPrefix(a+"/", strings.TrimSuffix(b, "/")+"/") }
	return within(name, w.dir) || within(w.dir, name)
}

// ensure watches the directory that is there now, and says whether one is watched. Call it before looking at it.
func (w *watcher) ensure() bool {
	if w.fs == nil {
		return false
	}
	for {
		dir, now := w.nearest()
		if now == nil {
			return false
		}
		if w.watched != nil && w.at == dir && os.SameFile(w.watched, now) && slices.Contains(w.fs.WatchList(), dir) {
			return true
		}
		_ = w.fs.Remove(w.at) // an earlier one, if there was one
		w.at, w.watched = dir, nil
		if err := w.fs.Add(dir); err != nil {
			w.log.Warn("the plugin directory cannot be watched", "error", err)
			return false
		}
		w.watched = now // and look once more: what was made before it was watched has told nobody
	}
}

// nearest is the directory, or the nearest one above it that is there; nil if none is.
func (w *watcher) nearest() (string, os.FileInfo) {
	for dir := w.dir; ; dir = filepath.Dir(dir) {
		if i, err := os.Stat(dir); err == nil && i.IsDir() {
			return dir, i
		}
		if dir == filepath.Dir(dir) {
			return "", nil
		}
	}
}

func (w *watcher) close() {
	if w.fs != nil {
		w.fs.Close()
	}
}
