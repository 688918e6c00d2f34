package httpin

import (
	"errors"
	"fmt"
	"net"
	"os"

	"shmbus/plugins"
)

// listen opens the one socket that the config names.
func listen(c Config) (net.Listener, error) {
	if c.Socket != "" {
		mode, err := c.mode()
		if err != nil {
			return nil, err
		}
		l, err := listenUnix(c.Socket, mode)
		if err != nil {
			return nil, plugins.BadConfig("socket", "%w", err)
		}
		return l, nil
	}
	l, err := net.Listen("tcp", c.Address)
	if err != nil {
		return nil, plugins.BadConfig("address", "%w", err)
	}
	return l, nil
}

// making ends the name of a socket that has not its mode yet.
const making = ".new"

// listenUnix listens on a Unix socket, in place of one that nobody listens on. It gets its name when it has its mode, so that nobody can
// use it before.
func listenUnix(path string, mode os.FileMode) (net.Listener, error) {
	if info, err := os.Lstat(path); err == nil {
		if info.Mode()&os.ModeSocket == 0 {
			return nil, fmt.Errorf("%s is there, and is no socket", path)
		}
		if c, err := net.Dial("unix", path); err == nil {
			c.Close()
			return nil, fmt.Errorf("%s: somebody listens there", path)
		}
	}
	made := path + making
	if err := os.Remove(made); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: made, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false)
	var own os.FileInfo
	if err = os.Chmod(made, mode); err == nil {
		own, err = os.Lstat(made)
	}
	if err == nil {
		err = os.Rename(made, path)
	}
	if err != nil {
		l.Close()
		os.Remove(made)
		return nil, err
	}
	return &unixListener{l, path, own}, nil
}

// A unixListener removes its socket when it is closed.
type unixListener struct {
	*net.UnixListener
	path string
	own  os.FileInfo
}

// lost says that the path of a socket does not lead to the listener any more: nobody can reach it. An address cannot be lost.
func lost(l net.Listener) error {
	u, ok := l.(*unixListener)
	if !ok {
		return nil
	}
	now, err := os.Lstat(u.path)
	if err == nil && !os.SameFile(now, u.own) {
		err = fmt.Errorf("%s is another file", u.path)
	}
	if err != nil {
		return fmt.Errorf("the socket was removed: %w", err)
	}
	return nil
}

func (l *unixListener) Addr() net.Addr { return &net.UnixAddr{Name: l.path, Net: "unix"} }

func (l *unixListener) Close() error {
	gone := lost(l)
	err := l.UnixListener.Close()
	if err == nil && gone == nil { // once, and not what somebody else has made in its place
		os.Remove(l.path)
	}
	return err
}
