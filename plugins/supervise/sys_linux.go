package supervise

import (
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"shmbus/plugins"
)

const supported = true

// An identity tells a file's content from any other without reading it: every write changes it, and so does a rename over it.
type identity struct {
	Dev, Ino   uint64
	Size       int64
	Mtim, Ctim int64 // ns
}

func identify(i os.FileInfo) identity {
	st := i.Sys().(*syscall.Stat_t)
	return identity{uint64(st.Dev), st.Ino, st.Size, st.Mtim.Nano(), st.Ctim.Nano()}
}

// owner is the user a file belongs to.
func owner(i os.FileInfo) int { return int(i.Sys().(*syscall.Stat_t).Uid) }

// beingWritten says whether somebody has the file open for writing. The kernel grants a read lease only when nobody has. Where it grants
// none for another reason, because the file is another's or on a file system without leases, nobody is said to write.
func beingWritten(path string) bool {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return false
	}
	defer f.Close() // and with it the lease
	_, err = unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_RDLCK)
	return errors.Is(err, unix.EAGAIN)
}

// start starts a command in a session of its own, and returns a pidfd of it that is for waitFor.
func start(c *exec.Cmd) (*os.File, error) {
	fd := -1
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, PidFD: &fd}
	if err := c.Start(); err != nil {
		return nil, err
	}
	if fd < 0 {
		_ = c.Process.Kill()
		_ = c.Wait()
		return nil, errors.New("this kernel has no pidfds; Linux 5.10 or later does")
	}
	return pidfd(fd)
}

func pidfd(fd int) (*os.File, error) {
	if err := unix.SetNonblock(fd, true); err != nil { // so that Go's poller waits for it, and no thread
		unix.Close(fd)
		return nil, fmt.Errorf("pidfd: %w", err)
	}
	return os.NewFile(uintptr(fd), "pidfd"), nil
}

// openProcess is a pidfd of p, if p still is the process that was meant: what is checked after the pidfd was opened is true of the
// process it stands for, for as long as that lives.
func openProcess(p plugins.Process) (*os.File, error) {
	if p.PID <= 1 || p.PID > math.MaxInt32 {
		return nil, fmt.Errorf("pid %d is none of a plugin", p.PID)
	}
	fd, err := unix.PidfdOpen(p.PID, 0)
	if err != nil {
		return nil, fmt.Errorf("process %d: %w", p.PID, err)
	}
	now, err := processOf(p.PID)
	if err == nil && now != p {
		err = fmt.Errorf("process %d is another one now", p.PID)
	}
	if err != nil {
		unix.Close(fd)
		return nil, err
	}
	return pidfd(fd)
}

// processOf is the process that has a pid now.
func processOf(pid int) (p plugins.Process, err error) {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return p, err
	}
	fields, err := statOf(pid)
	if err != nil {
		return p, err
	}
	start, err := strconv.ParseUint(fields[19], 10, 64)
	return plugins.Process{PID: pid, Start: start, Boot: strings.TrimSpace(string(boot))}, err
}

// statOf is the fields of /proc/PID/stat from the third on, which is the state: what is before it, the name, may hold anything.
func statOf(pid int) ([]string, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil, err
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if len(fields) < 20 {
		return nil, fmt.Errorf("/proc/%d/stat: %q", pid, stat)
	}
	return fields, nil
}

// suspended says whether a process is stopped, by SIGSTOP, a terminal or a debugger.
func suspended(pid int) bool {
	fields, err := statOf(pid)
	return err == nil && (fields[0] == "T" || fields[0] == "t")
}

// sendSignal sends a signal to the process of a pidfd. A process that has ended is no error.
func sendSignal(f *os.File, s syscall.Signal) error {
	return send(f, s, 0)
}

// killGroup kills the process of a pidfd, and the process group that it leads; before Linux 6.9 the process alone.
func killGroup(f *os.File) error {
	const processGroup = 1 << 2 // PIDFD_SIGNAL_PROCESS_GROUP
	if err := send(f, syscall.SIGKILL, processGroup); err != nil && !errors.Is(err, unix.EINVAL) {
		return err
	}
	return send(f, syscall.SIGKILL, 0)
}

func send(f *os.File, s syscall.Signal, flags int) error {
	rc, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var serr error
	if err := rc.Control(func(fd uintptr) { serr = unix.PidfdSendSignal(int(fd), s, nil, flags) }); err != nil {
		return err
	}
	if errors.Is(serr, unix.ESRCH) {
		return nil
	}
	return serr
}

// waitFor waits until the process of a pidfd has ended, which makes the pidfd readable.
func waitFor(f *os.File) error {
	rc, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var perr error
	err = rc.Read(func(fd uintptr) bool {
		poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		n, err := unix.Poll(poll, 0)
		if err != nil && !errors.Is(err, unix.EINTR) {
			perr = err
			return true
		}
		return n > 0
	})
	return errors.Join(err, perr)
}

// keepFiles sees to it that no child gets a file of this process that it is not given, not even one that this process was started with.
func keepFiles() error { return unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC) }

// peer is the user and the process at the other end of a Unix socket.
func peer(c *net.UnixConn) (uid, pid int, err error) {
	rc, err := c.SyscallConn()
	if err != nil {
		return 0, 0, err
	}
	var cred *unix.Ucred
	var cerr error
	if err := rc.Control(func(fd uintptr) { cred, cerr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }); err != nil {
		return 0, 0, err
	}
	if cerr != nil {
		return 0, 0, cerr
	}
	return int(cred.Uid), int(cred.Pid), nil
}

// changed is when a file was changed last in any way. Unlike its mtime, nobody can set it.
func (i identity) changed() time.Time { return time.Unix(0, i.Ctim) }
