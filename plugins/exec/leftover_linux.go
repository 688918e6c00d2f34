package exec

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"shmbus/plugins"
)

// patience is how long killed processes may take to be gone. Tests have less.
var patience = 10 * time.Second

// glance is how often they are looked for meanwhile.
const glance = 20 * time.Millisecond

// killLeftovers ends what a runner before this one has left: the plugin it has noted, and every process with the environment that runners
// give to this plugin. The caller holds the runner's lock, so that none of them has a runner now. It says how many there were.
func killLeftovers(spec *plugins.Spec, old plugins.State) (int, error) {
	killed := 0
	for end := time.Now().Add(patience); ; {
		n := 0
		for _, pid := range pids() {
			if pid == os.Getpid() {
				continue
			}
			k, err := killIf(pid, func() bool { return pid == old.Plugin.PID && same(old.Plugin) || marked(pid, spec) })
			if err != nil {
				return killed, fmt.Errorf("end process %d, which an earlier runner has left: %w", pid, err)
			}
			if k {
				n++
			}
		}
		if n == 0 {
			return killed, nil
		}
		killed = max(killed, n)
		if time.Now().After(end) {
			return killed, fmt.Errorf("%d processes that an earlier runner has left do not end", n)
		}
		time.Sleep(glance) // they are not this process's children: nothing tells of their end
	}
}

// same says whether a process that was noted is there still, and no zombie.
func same(p plugins.Process) bool {
	now, err := identity(p.PID)
	s, _ := readStat(p.PID)
	return err == nil && now == p && !s.ended
}

// marked says whether a process has the environment that a runner gives to the plugin. That of a zombie is empty.
func marked(pid int, spec *plugins.Spec) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	if err != nil {
		return false
	}
	want := []byte(plugins.EnvNotify + "=" + spec.Place.Plugin(spec.Name).Notify())
	for v := range bytes.SplitSeq(b, []byte{0}) {
		if bytes.Equal(v, want) {
			return true
		}
	}
	return false
}

// killRest ends every process that comes from this one, and takes note of their ends, which ends the plugin's life. It says how many there
// were beside the main process.
func (r *runner) killRest() (int, error) {
	defer r.main.close()
	seen, bad := make(map[int]bool), error(nil)
	tick := time.NewTicker(glance)
	defer tick.Stop()
	for end := time.Now().Add(patience); ; {
		if !r.reap() {
			return len(seen), nil
		}
		r.cgroup.kill()
		r.signalGroup(unix.SIGKILL)
		for pid, s := range descendants() {
			if s.ended {
				continue
			}
			_, err := killIf(pid, func() bool {
				ok, err := descends(pid)
				return ok && err == nil
			})
			if err != nil {
				bad = fmt.Errorf("kill process %d: %w", pid, err) // of another user, perhaps: it may end by itself
			}
			if pid != r.main.pid {
				seen[pid] = true
			}
		}
		if time.Now().After(end) {
			return len(seen), errors.Join(fmt.Errorf("%d processes cannot be ended", len(descendants())), bad)
		}
		select {
		case <-r.children:
		case <-tick.C:
		}
	}
}

// signalGroup sends a signal to the plugin's process group: to all at once, also those that have children quicker than they could be
// looked for. The handle means this group and no later one with its number, even when the main process is gone.
func (r *runner) signalGroup(sig unix.Signal) {
	if r.main.pid == 0 {
		return
	}
	err := unix.PidfdSendSignal(r.main.handle, sig, nil, unix.PIDFD_SIGNAL_PROCESS_GROUP)
	if err != nil && !errors.Is(err, unix.ESRCH) && !r.main.exited { // before Linux 6.9. Nobody has waited for the main process, so that its number is its own.
		_ = unix.Kill(-r.main.pid, sig)
	}
}

// reap takes note of children that have ended, and says whether there are others. It must not run while a child is being started.
func (r *runner) reap() (more bool) {
	for {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, unix.WNOHANG, nil)
		switch {
		case err == unix.EINTR:
		case err != nil: // ECHILD
			return false
		case pid == 0:
			return true
		case pid == r.main.pid:
			r.main.exited, r.main.status = true, status
		}
	}
}
