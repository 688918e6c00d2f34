package exec

import (
	"errors"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"shmbus/plugins"
)

const (
	maxNotice  = 4 << 10 // bytes
	maxControl = 2 << 10 // bytes: 253 descriptors, the sender's credentials
)

// A notifySocket is where a plugin tells by sd_notify how it is. There is one for each life, so that nothing of an earlier one comes late.
type notifySocket struct {
	path string
	own  os.FileInfo // of the socket
	conn *net.UnixConn
	log  *pluginLog
	uid  uint32

	warned time.Time // when something was logged last: those who are not listened to are not to fill the log
}

// listenNotify makes the socket in a plugin's nook, for u to write to.
func listenNotify(nook plugins.Nook, u *user, log *pluginLog) (*notifySocket, error) {
	if err := nook.CheckNotify(); err != nil {
		return nil, err
	}
	path := nook.Notify()
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return nil, err
	}
	n := &notifySocket{path: path, conn: conn, log: log, uid: u.uid}
	if err = os.Chmod(path, 0o600); err == nil {
		n.own, err = os.Lstat(path)
	}
	if err == nil && u.credential != nil {
		err = os.Chown(path, int(u.uid), -1)
	}
	if err == nil {
		err = n.passCredentials()
	}
	if err != nil {
		n.close()
		return nil, err
	}
	return n, nil
}

func (n *notifySocket) passCredentials() error {
	raw, err := n.conn.SyscallConn()
	if err != nil {
		return err
	}
	var opt error
	err = raw.Control(func(fd uintptr) { opt = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_PASSCRED, 1) })
	return errors.Join(err, opt)
}

// read hands on what the plugin says, until the socket is closed.
func (n *notifySocket) read(told chan<- plugins.Notice, end <-chan struct{}) {
	buf, control := make([]byte, maxNotice), make([]byte, maxControl)
	for {
		size, csize, flags, _, err := n.conn.ReadMsgUnix(buf, control)
		if err != nil {
			return
		}
		from := sender(control[:csize])
		switch {
		case flags&unix.MSG_TRUNC != 0:
			n.warn("a message of sd_notify is too long", "limit", maxNotice)
			continue
		case !n.mine(from):
			n.warn("sd_notify from a process that is not the plugin's is not listened to", "pid", from.Pid, "uid", from.Uid)
			continue
		}
		select {
		case told <- plugins.ParseNotice(buf[:size]):
		case <-end:
			return
		}
	}
}

// warn logs a warning, at most one a second.
func (n *notifySocket) warn(msg string, args ...any) {
	if time.Since(n.warned) >= time.Second {
		n.warned = time.Now()
		n.log.of("runner").Warn(msg, args...)
	}
}

// sender is who has sent a message. Descriptors that came with it are closed: with FDSTORE=1 they are of no use here, and with BARRIER=1
// that is what the sender waits for.
func sender(control []byte) (from unix.Ucred) {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return from
	}
	for _, m := range messages {
		if c, err := unix.ParseUnixCredentials(&m); err == nil {
			from = *c
		}
		if fds, err := unix.ParseUnixRights(&m); err == nil {
			for _, fd := range fds {
				unix.Close(fd)
			}
		}
	}
	return from
}

// mine says whether a message is the plugin's: from one of its processes. Of a process that has ended meanwhile, such as a command that a
// shell script has run to say READY=1, only the user can be told, who could do anything to the plugin anyway.
func (n *notifySocket) mine(from unix.Ucred) bool {
	if from.Pid <= 0 {
		return false
	}
	ok, err := descends(int(from.Pid))
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ESRCH) {
		return from.Uid == n.uid
	}
	return ok && err == nil
}

// close closes the socket, and removes it, if it is not that of another runner by now.
func (n *notifySocket) close() {
	n.conn.Close()
	if i, err := os.Lstat(n.path); err == nil && n.own != nil && os.SameFile(i, n.own) {
		os.Remove(n.path)
	}
}
