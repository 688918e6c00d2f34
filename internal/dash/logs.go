package dash

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"shmbus/bus"
	"shmbus/plugins"
)

// Limits of a log that is shown.
const (
	mostLines   = 200
	mostBytes   = 256 << 10
	mostEntries = 200      // in a second
	mostEntry   = 16 << 10 // bytes of one, as JSON
)

// logPath is the path of the log of a name that was asked for.
func (d *Dash) logPath(w http.ResponseWriter, r *http.Request) (name, path string, ok bool) {
	name = r.PathValue("name")
	path, err := d.place.LogOf(name)
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return "", "", false
	}
	return name, path, true
}

// logFile answers with the last lines of a log.
func (d *Dash) logFile(w http.ResponseWriter, r *http.Request) {
	name, path, ok := d.logPath(w, r)
	if !ok {
		return
	}
	b, err := end(path)
	if errors.Is(err, os.ErrNotExist) {
		http.Error(w, name+" has no log file (yet)", http.StatusNotFound)
		return
	}
	if err != nil {
		http.Error(w, "the log cannot be read: "+printable(err.Error(), 300), http.StatusInternalServerError)
		return
	}
	if n := bytes.Count(b, []byte("\n")); n < mostLines { // it was begun anew lately
		if before, err := end(path + ".1"); err == nil {
			b = append(before, b...)
		}
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, strings.ToValidUTF8(string(lastLines(b, mostLines)), "�"))
}

// end is the last bytes of a file, from the beginning of a line on.
func end(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // it may be a pipe that somebody has put there
	if err != nil {
		return nil, err
	}
	defer f.Close()
	i, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !i.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no file", path)
	}
	from := max(0, i.Size()-mostBytes)
	b, err := io.ReadAll(io.NewSectionReader(f, from, mostBytes))
	if err != nil {
		return nil, err
	}
	if from > 0 {
		_, b, _ = bytes.Cut(b, []byte("\n"))
	}
	return b, nil
}

// lastLines is the last n lines of b.
func lastLines(b []byte, n int) []byte {
	at := len(bytes.TrimSuffix(b, []byte("\n")))
	for ; n > 0 && at >= 0; n-- {
		at = bytes.LastIndexByte(b[:at], '\n')
	}
	return b[at+1:]
}

// tail sends what comes on a log's topic. Who writes a flood is shown a part of it, and how much is left out.
func (d *Dash) tail(w http.ResponseWriter, r *http.Request) {
	name, _, ok := d.logPath(w, r)
	if !ok {
		return
	}
	select {
	case d.tails <- struct{}{}:
		defer func() { <-d.tails }()
	default:
		http.Error(w, fmt.Sprintf("%d logs are followed already", mostTails), http.StatusServiceUnavailable)
		return
	}
	s := newStream(w)
	greet := sync.OnceFunc(func() { _ = s.send([]byte(": " + name + "\n\n")) }) // when nothing that comes is missed any more
	sub, err := d.bus.Subscribe(r.Context(), plugins.TopicLogs+name, bus.ReadOnly(), bus.Block(), bus.OnWait(greet))
	if err != nil {
		return
	}
	greet()
	defer sub.Close()
	var t throttle
	for f, err := range sub.Frames(r.Context()) {
		if err != nil {
			return
		}
		e, err := bus.Decode[plugins.LogEntry](f)
		lost := sub.Lost()
		show, skipped := t.take(time.Now(), lost)
		if err != nil || !show {
			continue
		}
		if skipped > 0 && s.send(fmt.Appendf(nil, "data: {\"skipped\": %d}\n\n", skipped)) != nil {
			return
		}
		b, err := json.Marshal(e)
		if err != nil || len(b) > mostEntry { // a field that JSON does not have, or a very long one
			e = plugins.LogEntry{
				Time: e.Time, Level: printable(e.Level, 20), Name: printable(e.Name, 200),
				Msg: printable(e.Msg, mostEntry/4) + " (cut off here; the log file has all of it)",
			}
			b, _ = json.Marshal(e)
		}
		if s.send(fmt.Appendf(nil, "data: %s\n\n", b)) != nil {
			return
		}
	}
}

// A throttle lets so many entries a second through, and counts the others.
type throttle struct {
	since   time.Time
	n       int
	skipped uint64
	lost    uint64
}

// take says whether an entry is shown, and how many were not shown before it. lost is how many the subscription has lost so far.
func (t *throttle) take(now time.Time, lost uint64) (show bool, skipped uint64) {
	if now.Sub(t.since) >= second {
		t.since, t.n = now, 0
	}
	t.skipped += lost - t.lost
	t.lost = lost
	if t.n++; t.n > mostEntries {
		t.skipped++
		return false, 0
	}
	skipped, t.skipped = t.skipped, 0
	return true, skipped
}
