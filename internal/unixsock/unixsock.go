// Package unixsock listens on Unix sockets that are their user's alone, and that come back when somebody has removed them.
package unixsock

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
)

// MaxPath is how long the path of a Unix socket may be on Linux, in bytes: 108 with a zero byte behind.
const MaxPath = 107

// A Listener listens on a Unix socket, and removes it in the end. It is safe for concurrent use.
type Listener struct {
	path string

	mu     sync.Mutex
	l      *net.UnixListener
	own    os.FileInfo // of its socket
	closed bool
}

// Listen listens on a socket at path, mode 0600, in place of whatever socket is there. Its caller knows that nobody listens there.
func Listen(path string) (*Listener, error) {
	l := &Listener{path: path}
	return l, l.listen()
}

// making is held by who has the directory aside.
var making sync.Mutex

// listen makes the socket. It is the user's alone from the first moment on: it is made in a directory of its own, and then moved.
func (l *Listener) listen() error {
	fail := func(err error) error { return fmt.Errorf("listen on %s: %w", l.path, err) }
	if n := len(l.path); n > MaxPath {
		return fail(fmt.Errorf("the path of a socket has at most %d bytes, this one has %d: give a shorter directory as state in busd.toml", MaxPath, n))
	}
	if i, err := os.Lstat(l.path); err == nil && i.Mode()&fs.ModeSocket == 0 {
		return fail(errors.New("something is in the way, and is no socket: remove it"))
	}
	making.Lock()
	defer making.Unlock()
	aside := filepath.Join(filepath.Dir(l.path), ".s") // with what is in it no longer than path
	err := os.RemoveAll(aside)
	if err == nil {
		err = os.Mkdir(aside, 0o700)
	}
	if err != nil {
		return fail(err)
	}
	defer os.RemoveAll(aside)
	temp := filepath.Join(aside, "s")
	u, err := net.ListenUnix("unix", &net.UnixAddr{Name: temp, Net: "unix"})
	if err != nil {
		return fail(err)
	}
	u.SetUnlinkOnClose(false)
	var own os.FileInfo
	if err = os.Chmod(temp, 0o600); err == nil {
		own, err = os.Lstat(temp)
	}
	if err == nil {
		err = os.Rename(temp, l.path)
	}
	if err != nil {
		u.Close()
		return fail(err)
	}
	if l.l != nil {
		l.l.Close() // who waits in AcceptUnix goes on with the new one
	}
	l.l, l.own = u, own
	return nil
}

// there says whether the socket is the one at its path.
func (l *Listener) there() bool {
	i, err := os.Lstat(l.path)
	return err == nil && os.SameFile(i, l.own)
}

// Keep makes the socket anew when somebody has removed it: nobody could reach who listens. Call it now and then.
func (l *Listener) Keep() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || l.there() {
		return nil
	}
	return l.listen()
}

// AcceptUnix waits for a connection.
func (l *Listener) AcceptUnix() (*net.UnixConn, error) {
	for {
		l.mu.Lock()
		u := l.l
		l.mu.Unlock()
		c, err := u.AcceptUnix()
		l.mu.Lock()
		replaced := l.l != u
		l.mu.Unlock()
		if err == nil || !replaced {
			return c, err
		}
	}
}

// Accept is AcceptUnix for a net.Listener.
func (l *Listener) Accept() (net.Conn, error) {
	c, err := l.AcceptUnix()
	if err != nil {
		return nil, err
	}
	return c, nil
}

// Addr is the socket's path.
func (l *Listener) Addr() net.Addr { return &net.UnixAddr{Name: l.path, Net: "unix"} }

// Close ends listening and removes the socket, if it is still this one.
func (l *Listener) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	if l.there() {
		_ = os.Remove(l.path)
	}
	return l.l.Close()
}
