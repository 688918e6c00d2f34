package journal

import (
	"bytes"
	"errors"
	"io"
	"sync"
	"time"
)

const (
	mostWaiting   = 1 << 20     // bytes that wait to be written
	closePatience = time.Second // for what waits at the end
)

// A Stream writes a log to where somebody else reads, or does not: a terminal that was stopped, a pipe that nobody drains. Who logs does not wait for
// that; what cannot wait any more is left out and counted. It is safe for concurrent use.
type Stream struct {
	to   io.Writer
	over chan struct{} // closed when all is written, after Close

	mu      sync.Mutex
	come    sync.Cond // something waits, or it was closed
	waiting bytes.Buffer
	lost    loss
	closed  bool
}

// errUnread is why entries are lost.
var errUnread = errors.New("nobody has read what was written before them")

// NewStream is a Stream to a writer. name is of the logger that writes, json says how it writes.
func NewStream(to io.Writer, name string, json bool) *Stream {
	s := &Stream{to: to, over: make(chan struct{}), lost: loss{name: name, json: json}}
	s.come.L = &s.mu
	go s.run()
	return s
}

// Write takes an entry, or several.
func (s *Stream) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lost.entries > 0 || s.waiting.Len()+len(b) > mostWaiting { // what is missing is missing in one place, where it is told
		s.lost.add(errUnread)
	} else {
		s.waiting.Write(b)
	}
	s.come.Signal()
	return len(b), nil
}

// run writes what waits.
func (s *Stream) run() {
	defer close(s.over)
	var b []byte
	for {
		s.mu.Lock()
		for s.waiting.Len() == 0 && s.lost.entries == 0 && !s.closed {
			s.come.Wait()
		}
		b = append(b[:0], s.waiting.Bytes()...)
		s.waiting.Reset()
		if s.lost.entries > 0 { // they came after what has waited
			b = append(b, s.lost.entry()...)
			s.lost.entries = 0
		}
		s.mu.Unlock()
		if len(b) == 0 {
			return
		}
		_, _ = s.to.Write(b) // there is nobody to tell of an error
	}
}

// Close writes what waits, if that does not take long.
func (s *Stream) Close() error {
	s.mu.Lock()
	s.closed = true
	s.come.Signal()
	s.mu.Unlock()
	select {
	case <-s.over:
	case <-time.After(closePatience):
	}
	return nil
}
