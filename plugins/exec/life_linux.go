package exec

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"shmbus/plugins"
)

// A life is one run of the plugin, from its start to the end of its last process. It is for Run's goroutine.
type life struct {
	*runner
	began   time.Time
	problem string // why it is ended, or has failed; "": it is not, or it was told to
	hint    string // what may be the reason if it does not get ready
	ending  bool
	asked   bool          // to stop, by whoever told the runner to
	greeted bool          // the contract is known
	said    bool          // READY=1, or need not
	ready   bool          // both
	since   time.Time     // it is ready
	well    time.Duration // for how long it has been ready, until its end or until it was told to end

	limit    *time.Timer // for getting ready
	steady   *time.Timer // for being ready long enough
	watchdog *time.Timer // for WATCHDOG=1
	doubt    bool        // watchdog has fired once
	kill     *time.Timer // for ending
	until    time.Time   // kill fires
	over     bool        // it has

	known  []int     // the plugin's processes, as of the last look for them
	sweep  time.Time // not before then comes the next one
	newest string    // process on the machine at that look

	pipes
	socket   *notifySocket
	notices  chan plugins.Notice   // from the socket
	contract chan plugins.Contract // it is known
}

// live starts the plugin, and returns when it and all of its processes have ended.
func (r *runner) live(ctx context.Context) outcome {
	l := &life{
		runner: r, limit: idle(), steady: idle(), watchdog: idle(), kill: idle(),
		notices: make(chan plugins.Notice), contract: make(chan plugins.Contract, 1),
	}
	r.board.phase(plugins.Starting, func(s *plugins.State) {
		s.Next, s.Status, s.Contract = time.Time{}, "", r.spec.Contract
	})
	r.log.last.forget()
	if err := l.begin(); err != nil {
		r.event(NotStarted, err.Error())
		return outcome{problem: err.Error()}
	}
	l.watch(ctx)
	return l.finish(ctx)
}

// doubtful is how much longer than its time a plugin's WATCHDOG=1 is waited for.
const doubtful = 100 * time.Millisecond

// idle is a timer that does not run.
func idle() *time.Timer {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return t
}

// watch returns when the plugin's main process has ended and nothing more is to be waited for, or when its time to end is over.
func (l *life) watch(ctx context.Context) {
	var memory, again <-chan time.Time
	if l.spec.Limits.Memory > 0 && (l.cgroup == nil || !l.cgroup.limited) {
		t := time.NewTicker(memoryGlance)
		defer t.Stop()
		memory = t.C
	}
	for stop := ctx.Done(); !l.over; {
		if l.main.exited {
			if !l.asked || !l.groupLives() {
				return
			}
			again = time.After(glance) // the others of its group have their time as well; nothing tells of their ends
		}
		select {
		case <-stop:
			stop, l.asked = nil, true
			l.runner.told(ctx)
			l.end(unix.SIGTERM)
		case <-l.children:
			l.reap()
		case <-again:
		case <-l.kill.C:
			l.over = true
		case <-l.limit.C:
			l.fail(NotReady, unix.SIGTERM, "not ready within %v: %s%s", time.Duration(l.spec.Ready), l.missing(), l.hint)
		case <-l.watchdog.C:
			if !l.doubt { // what it has said may not have been read yet, on a busy machine
				l.doubt = true
				l.watchdog.Reset(doubtful)
				continue
			}
			l.fail(Watchdog, unix.SIGABRT, "watchdog: it has not said WATCHDOG=1 within %v", time.Duration(l.spec.Watchdog))
		case <-memory:
			l.checkMemory()
		case <-l.steady.C:
			l.policy.steady()
			l.board.set(func(s *plugins.State) { s.Tries, s.Problem = 0, "" }) // that is over
		case c := <-l.contract:
			l.greeted = true
			l.board.set(func(s *plugins.State) { s.Contract = c })
			l.checkReady()
		case n := <-l.notices:
			l.notice(n)
		case err := <-l.outputEnd:
			l.outputEnded(err)
		}
	}
}

// notice takes note of what the plugin has told.
func (l *life) notice(n plugins.Notice) {
	if n.Status != "" {
		l.board.status(n.Status)
	}
	if n.Ready {
		l.said = true
		l.checkReady()
	}
	if n.Watchdog && l.spec.Watchdog > 0 && l.ready && !l.ending {
		l.doubt = false
		l.watchdog.Reset(time.Duration(l.spec.Watchdog))
	}
	if n.Trigger {
		l.fail(Watchdog, unix.SIGABRT, "watchdog: it has said WATCHDOG=trigger")
	}
}

// checkReady sees whether the plugin is ready now.
func (l *life) checkReady() {
	if l.ready || l.ending || !l.greeted || !l.said {
		return
	}
	l.ready, l.since = true, time.Now()
	l.limit.Stop()
	l.steady.Reset(time.Duration(l.spec.Restart.Steady)) // not from the start: one that never gets ready would be steady while it is waited for
	if l.spec.Watchdog > 0 {
		l.watchdog.Reset(time.Duration(l.spec.Watchdog))
	}
	l.board.phase(plugins.Running, func(*plugins.State) {})
	l.event(Ready, fmt.Sprintf("after %v", time.Since(l.began).Round(time.Millisecond)))
}

// missing is what the plugin has not said for being ready.
func (l *life) missing() string {
	if !l.greeted {
		return "it has not said its handshake, the first line of standard output"
	}
	return "it has not said READY=1 to NOTIFY_SOCKET"
}

// outputEnded takes note of how the plugin's standard output has ended.
func (l *life) outputEnded(err error) {
	l.outputDone = true
	f := (*fault)(nil)
	switch {
	case !errors.As(err, &f):
	case f.atEnd:
		l.atEnd = f
	default:
		l.fail(f.event, unix.SIGTERM, "%v", f.err)
	}
}

// fail ends the plugin because of a problem, of which there is an event. If it is ending already there is none.
func (l *life) fail(event string, sig unix.Signal, format string, args ...any) {
	if l.ending {
		return
	}
	l.problem = fmt.Sprintf(format, args...)
	l.event(event, l.problem)
	l.end(sig)
}

// end tells the plugin's group to end, and gives it its time for that. SIGKILL gives none.
func (l *life) end(sig unix.Signal) {
	if l.ending {
		return
	}
	l.ending = true
	l.limit.Stop()
	l.steady.Stop()
	l.watchdog.Stop()
	l.rate()
	if l.main.exited {
		return
	}
	if sig == unix.SIGKILL {
		l.kill.Reset(0)
		return
	}
	grace := time.Duration(l.spec.Grace)
	l.kill.Reset(grace)
	l.until = time.Now().Add(grace)
	l.signalGroup(sig)
	l.signalGroup(unix.SIGCONT) // one that is stopped is to see the signal
}

// rate notes for how long the plugin has been ready. The time that it takes to end is not among it: a failure does not become a steady run by that.
func (l *life) rate() {
	if l.ready {
		l.well = time.Since(l.since)
	}
}

// groupLives says whether a process of the plugin's group is left.
func (l *life) groupLives() bool {
	for _, s := range descendants() {
		if s.pgrp == l.main.pid && !s.ended {
			return true
		}
	}
	return false
}

// finish ends what is left of the plugin, waits for what it has written to be published, and says how it was.
func (l *life) finish(ctx context.Context) outcome {
	if !l.ending {
		l.rate()
	}
	l.steady.Stop()
	o, ran := outcome{well: l.well, asked: l.asked}, time.Since(l.began)
	l.checkKills()
	late := l.over && !l.main.exited && l.problem == ""
	n, err := l.killRest()
	if l.main.exited {
		l.event(Exited, fmt.Sprintf("%s, after %v", describe(l.main.status), ran.Round(time.Millisecond)))
	}
	if n > 0 {
		l.event(Leftovers, fmt.Sprintf("%d processes that it has left", n))
	}
	if err == nil { // otherwise the next runner has to know of it
		l.board.set(func(s *plugins.State) { s.Plugin = plugins.Process{} })
	}
	l.drain(ctx)
	if l.atEnd != nil && clean(l.main.status) {
		l.fail(l.atEnd.event, unix.SIGTERM, "%v", l.atEnd.err)
	}
	l.socket.close()
	l.cgroup.close()
	l.pid.Store(0)
	switch {
	case err != nil:
		o.problem, o.fatal = err.Error(), true
	case late:
		o.problem = fmt.Sprintf("it has not ended within %v of SIGTERM, and was killed", time.Duration(l.spec.Grace))
	case l.problem == "" && !l.asked && !clean(l.main.status):
		o.problem = describe(l.main.status) + l.log.last.tell()
	default:
		o.problem = l.problem
	}
	return o
}

func clean(s unix.WaitStatus) bool { return s.Exited() && s.ExitStatus() == 0 }

// describe says how a process has ended.
func describe(s unix.WaitStatus) string {
	if !s.Signaled() {
		return fmt.Sprintf("exit code %d", s.ExitStatus())
	}
	how := fmt.Sprintf("killed by %s (%v)", unix.SignalName(s.Signal()), s.Signal())
	if s.CoreDump() {
		how += ", core dumped"
	}
	return how
}
