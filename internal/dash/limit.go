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
	places chan struct{}
	closed chan struct{}
	once   sync.Once

	mu      sync.Mutex
	idle    []net.Conn // the longest first
	waiting bool       // somebody has come for whom there is no place
}

func limit(l net.Listener, most int) *limited {
	return &limited{Listener: l, places: make(chan struct{}, most), closed: make(chan struct{})}
}

// Accept waits for a connection, and for a place for it.
func (l *limited) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	select {
	case l.places <- struct{}{}:
	default:
		l.wait(true)
		defer l.wait(false)
		select {
		case l.places <- struct{}{}:
		case <-l.closed:
			c.Close()
			return nil, net.ErrClosed
		}
	}
	return &placed{Conn: c, leave: sync.OnceFunc(func() { <-l.places })}, nil
}

// wait notes whether somebody waits for a place.
func (l *limited) wait(waiting bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting = waiting
	l.makeRoom()
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

// makeRoom ends an idle connection if somebody waits for its place. The caller holds l.mu.
func (l *limited) makeRoom() {
	if l.waiting && len(l.idle) > 0 {
		go l.idle[0].Close() // that of TLS says goodbye, which may take its time
		l.idle = l.idle[1:]
		l.waiting = false
	}
}

// Close ends listening.
func (l *limited) Close() error {
	l.once.Do(func() { close(l.closed) })
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
