package dash

import (
	"net"
	"net/http"
	"slices"
	"sync"
)

// mostConnections at once. Who comes then takes the place of one that asks nothing, the longest of those; if all ask something it waits until one ends.
const mostConnections = 128

// A limited listener has a limited number of connections. Its server tells it by state what they do.
type limited struct {
	net.Listener
	most int

	mu      sync.Mutex
	changed sync.Cond // there is a place, or it is closed
	closed  bool
	taken   int        // places
	idle    []net.Conn // the longest first
	waiting bool       // somebody has come for whom there is no place
	ending  bool       // an idle connection is being ended, which may make one
}

func limit(l net.Listener, most int) *limited {
	limited := &limited{Listener: l, most: most}
	limited.changed.L = &limited.mu
	return limited
}

// Accept waits for a connection, and for a place for it.
func (l *limited) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.taken >= l.most && !l.closed {
		l.waiting = true
		l.makeRoom()
		l.changed.Wait()
	}
	l.waiting = false
	if l.closed {
		c.Close()
		return nil, net.ErrClosed
	}
	l.taken++
	return &placed{Conn: c, leave: sync.OnceFunc(l.leave)}, nil
}

// leave gives a place back.
func (l *limited) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.taken--
	l.changed.Broadcast()
}

// state is the server's ConnState. Who has come and not asked yet is as idle as who does not ask any more.
func (l *limited) state(c net.Conn, s http.ConnState) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i := slices.Index(l.idle, c); i >= 0 {
		l.idle = slices.Delete(l.idle, i, i+1)
	}
	if s == http.StateNew || s == http.StateIdle {
		l.idle = append(l.idle, c)
		l.makeRoom()
	}
}

// makeRoom ends an idle connection if somebody waits for its place, and the next one if that had none any more: its server closes it before it tells
// so by state. The caller holds l.mu.
func (l *limited) makeRoom() {
	if !l.waiting || l.taken < l.most || l.ending || len(l.idle) == 0 {
		return
	}
	longest := l.idle[0]
	l.idle, l.ending = l.idle[1:], true
	go func() {
		longest.Close() // that of TLS says goodbye, which may take its time
		l.mu.Lock()
		defer l.mu.Unlock()
		l.ending = false
		l.makeRoom()
	}()
}

// Close ends listening.
func (l *limited) Close() error {
	l.mu.Lock()
	l.closed = true
	l.changed.Broadcast()
	l.mu.Unlock()
	return l.Listener.Close()
}

// A placed connection gives its place back.
type placed struct {
	net.Conn
	leave func()
}

// Close ends the connection.
func (c *placed) Close() error {
	defer c.leave()
	return c.Conn.Close()
}
