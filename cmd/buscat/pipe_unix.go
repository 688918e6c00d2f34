//go:build unix

package main

import (
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// watchReader calls gone when the other end of out is closed, if out is a pipe, a socket or a terminal: who has nothing to write would
// not notice, and not everybody who writes to a terminal is told by a signal that it is gone. stop ends the watch.
func watchReader(out io.Writer, gone func()) (stop func()) {
	nothing := func() {}
	f, ok := out.(*os.File)
	if !ok {
		return nothing
	}
	info, err := f.Stat()
	if err != nil || info.Mode()&(fs.ModeNamedPipe|fs.ModeSocket|fs.ModeCharDevice) == 0 {
		return nothing
	}
	conn, err := f.SyscallConn()
	if err != nil {
		return nothing
	}
	fd := -1
	if conn.Control(func(n uintptr) { fd = int(n) }) != nil {
		return nothing
	}
	end, stopper, err := os.Pipe() // closing the one end ends the poll on the other
	if err != nil {
		return nothing
	}
	device := info.Mode()&fs.ModeCharDevice != 0
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer end.Close()
		fds := []unix.PollFd{{Fd: int32(fd)}, {Fd: int32(end.Fd())}}
		for {
			_, err := unix.Poll(fds, -1)
			switch {
			case err == unix.EINTR:
			case err != nil, fds[1].Revents != 0, fds[0].Revents&unix.POLLNVAL != 0: // this cannot be polled here
				return
			case device && fds[0].Revents&unix.POLLHUP == 0: // nor one that is in an error from the beginning
				return
			case fds[0].Revents != 0:
				gone()
				return
			}
		}
	}()
	return func() {
		_ = stopper.Close()
		<-done
	}
}
