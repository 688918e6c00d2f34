package httpin

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
)

// listen opens the one socket that the config names.
func listen(c Config) (net.Listener, error) {
	switch {
	case (c.Socket == "") == (c.Address == ""):
		return nil, errors.New("config: one of socket and address says where to listen")
	case c.Socket != "":
		mode, err := strconv.ParseUint(c.Mode, 8, 32)
		if err != nil || mode > 0o777 {
			return nil, fmt.Errorf("config: mode = %.40q: a mode in octal, like 0600", c.Mode)
		}
		l, err := listenUnix(c.Socket, os.FileMode(mode))
		if err != nil {
			return nil, fmt.Errorf("config: socket: %w", err)
		}
		return l, nil
	}
	at, err := netip.ParseAddrPort(c.Address)
	if err != nil || !at.Addr().IsLoopback() {
		return nil, fmt.Errorf("config: address = %.80q: a loopback address and a port, like 127.0.0.1:8080 or [::1]:8080", c.Address)
	}
	l, err := net.Listen("tcp", c.Address)
	if err != nil {
		return nil, fmt.Errorf("config: address: %w", err)
	}
	return l, nil
}

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
	making := path + ".new"
	if err := os.Remove(making); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: making, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false)
	if err = os.Chmod(making, mode); err == nil {
		err = os.Rename(making, path)
	}
	if err != nil {
		l.Close()
		os.Remove(making)
		return nil, err
	}
	return &unixListener{l, path}, nil
}

// A unixListener removes its socket when it is closed.
type unixListener struct {
	*net.UnixListener
	path string
}

func (l *unixListener) Addr() net.Addr { return &net.UnixAddr{Name: l.path, Net: "unix"} }

func (l *unixListener) Close() error {
	err := l.UnixListener.Close()
	if err == nil { // once
		os.Remove(l.path)
	}
	return err
}
