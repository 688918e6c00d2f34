package exec

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"shmbus/plugins"
)

// A stat is what is needed of /proc/PID/stat.
type stat struct {
	ppid, pgrp int
	start      uint64
	ended      bool // a zombie
}

func readStat(pid int) (s stat, err error) {
	var buf [1024]byte
	b, err := readProc(buf[:], pid, "stat")
	if err != nil {
		return s, err
	}
	_, after, _ := bytes.Cut(b[max(bytes.LastIndexByte(b, ')'), 0):], []byte(" ")) // the name before it may hold anything
	f := strings.Fields(string(after))                                             // from field 3 on
	if len(f) < 20 {
		return s, fmt.Errorf("/proc/%d/stat: %q", pid, b)
	}
	s.ended = f[0] == "Z" || f[0] == "X"
	s.ppid, _ = strconv.Atoi(f[1])
	s.pgrp, _ = strconv.Atoi(f[2])
	s.start, err = strconv.ParseUint(f[19], 10, 64)
	return s, err
}

// readProc reads the beginning of a file in /proc/PID. It is for those that are read of all processes again and again: os.ReadFile takes
// several times as long.
func readProc(buf []byte, pid int, name string) ([]byte, error) {
	path := fmt.Sprintf("/proc/%d/%s", pid, name)
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	n, err := unix.Read(fd, buf)
	if err != nil {
		return nil, &os.PathError{Op: "read", Path: path, Err: err}
	}
	return buf[:n], nil
}

// pids is every process there is.
func pids() (all []int) {
	d, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer d.Close()
	names, _ := d.Readdirnames(-1)
	for _, n := range names {
		if pid, err := strconv.Atoi(n); err == nil {
			all = append(all, pid)
		}
	}
	return all
}

// descendants is every process that comes from this one, with what is known of each. This process adopts those whose parents have ended,
// so that nobody gets away.
func descendants() map[int]stat {
	self := os.Getpid()
	all := make(map[int]stat)
	for _, pid := range pids() {
		if s, err := readStat(pid); err == nil {
			all[pid] = s
		}
	}
	mine := make(map[int]stat)
	for pid := range all {
		var line []int
		for at := pid; at != self && all[at].ppid != 0 && len(line) <= len(all); at = all[at].ppid {
			line = append(line, at)
			if _, ok := mine[at]; ok || all[at].ppid == self {
				for _, p := range line {
					mine[p] = all[p]
				}
				break
			}
		}
	}
	return mine
}

// descends says whether a process comes from this one.
func descends(pid int) (bool, error) {
	self := os.Getpid()
	for range 1 << 15 {
		s, err := readStat(pid)
		if err != nil {
			return false, err
		}
		if s.ppid == self {
			return true, nil
		}
		if pid = s.ppid; pid <= 1 {
			return false, nil
		}
	}
	return false, nil
}

// identity is how a process is told from a later one with its pid.
func identity(pid int) (plugins.Process, error) {
	s, err := readStat(pid)
	if err != nil {
		return plugins.Process{}, err
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return plugins.Process{PID: pid, Start: s.start, Boot: strings.TrimSpace(string(boot))}, err
}

// killIf kills a process if is says that it is the one meant. It is looked at only when there is a handle on it, which means this process
// and no later one with its pid.
func killIf(pid int, is func() bool) (bool, error) {
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EINVAL) { // the pid is that of a thread by now
		return false, nil
	}
	if err != nil {
		return false, gone(err)
	}
	defer unix.Close(fd)
	if !is() {
		return false, nil
	}
	if err := unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0); err != nil {
		return false, gone(err)
	}
	return true, nil
}

// gone leaves out that there is no such process.
func gone(err error) error {
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	return err
}
