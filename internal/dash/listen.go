package dash

import (
	"fmt"
	"net"
	"os"
	"path/filepath"

	"shmbus/plugins"
)

// listen opens what is configured.
func (c Config) listen(place plugins.Place) (net.Listener, error) {
	if c.Listen == "" || c.Listen == unix {
		return listenUnix(place.Web())
	}
	l, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return nil, fmt.Errorf("web.listen = %q: %w", c.Listen, err)
	}
	host, _, _ := net.SplitHostPort(c.Listen)
	if at, ok := l.Addr().(*net.TCPAddr); loopback(host) && (!ok || !at.IP.IsLoopback()) {
		l.Close()
		return nil, fmt.Errorf("web.listen = %q: here %s is %v, which others can reach; say 127.0.0.1", c.Listen, host, l.Addr())
	}
	return l, nil
}

// longestPath is how long the path of a Unix socket may be, on Linux.
const longestPath = 107

// A unixListener removes its socket in the end.
type unixListener struct {
	*net.UnixListener
	path string
	own  os.FileInfo
}

// listenUnix listens on a socket at path that is the user's alone from the first moment on: it is made in a directory of its own, and then
// moved. What a busd that was killed has left at path is replaced; busd's lock keeps two from being there at once.
func listenUnix(path string) (net.Listener, error) {
	fail := func(err error) (net.Listener, error) { return nil, fmt.Errorf("listen on %s: %w", path, err) }
	if len(path) > longestPath {
		return fail(fmt.Errorf("the path of a Unix socket has at most %d bytes, this one has %d; put the bus in a directory of a shorter name", longestPath, len(path)))
	}
	aside := filepath.Join(filepath.Dir(path), ".web") // a shorter name than path has, so that it fits as well
	err := os.RemoveAll(aside)
	if err == nil {
		err = os.Mkdir(aside, 0o700)
	}
	if err != nil {
		return fail(err)
	}
	defer os.RemoveAll(aside)
	temp := filepath.Join(aside, "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: temp, Net: "unix"})
	if err != nil {
		return fail(err)
	}
	l.SetUnlinkOnClose(false)
	if err = os.Chmod(temp, 0o600); err == nil {
		err = os.Rename(temp, path)
	}
	var own os.FileInfo
	if err == nil {
		own, err = os.Lstat(path)
	}
	if err != nil {
		l.Close()
		return fail(err)
	}
	return &unixListener{l, path, own}, nil
}

// Close ends listening and removes the socket, if it is still this one.
func (l *unixListener) Close() error {
	err := l.UnixListener.Close()
	if i, serr := os.Lstat(l.path); serr == nil && os.SameFile(i, l.own) {
		_ = os.Remove(l.path)
	}
	return err
}
