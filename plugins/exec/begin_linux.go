package exec

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"shmbus/plugins"
)

// pipes are the reading ends of a plugin's standard output and error, and what reads them.
type pipes struct {
	out, errs  pipeEnd
	hurry      context.CancelFunc // what has not been published is not to be any more
	outputEnd  chan error
	logEnd     chan error
	outputDone bool
	logDone    bool
	atEnd      *fault        // of standard output, to be told if nothing else is
	gone       chan struct{} // closed when all that could write to them have ended
}

// begin starts the plugin, and what reads from it.
func (l *life) begin() (err error) {
	for _, t := range l.spec.Topics {
		o, err := t.Options()
		if err == nil {
			err = l.bus.CreateTopic(t.Name, o)
		}
		if err != nil {
			return err
		}
	}
	id, err := findUser(l.spec.User)
	if err != nil {
		return err
	}
	p, err := findProgram(l.spec)
	if err != nil {
		return err
	}
	defer p.close()
	if l.socket, err = listenNotify(l.nook, id, l.log); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			l.socket.close()
		}
	}()
	if l.cgroup, err = newCgroup(l.spec); err != nil {
		l.log.of("runner").Warn("the plugin has no control group of its own, though one was delegated", "error", err)
	}
	defer func() {
		if err != nil {
			l.cgroup.close()
		}
	}()
	l.hint = reachHint(l.spec, id)
	out, outWrite, err := pipe()
	if err != nil {
		return err
	}
	errs, errsWrite, err := pipe()
	if err != nil {
		out.Close()
		unix.Close(outWrite)
		return err
	}
	l.main, err = l.start(p, id, outWrite, errsWrite)
	unix.Close(outWrite)
	unix.Close(errsWrite)
	l.began = time.Now()
	if err != nil {
		out.Close()
		errs.Close()
		_, kerr := l.killRest()
		return errors.Join(err, kerr)
	}
	l.pid.Store(int64(l.main.pid))
	l.connect(out, errs)
	process, _ := identity(l.main.pid) // it is there, if only as a zombie: it has not been waited for
	l.board.set(func(s *plugins.State) { s.Plugin = process })
	l.event(Started, p.path)
	if l.hint != "" {
		l.log.of("runner").Warn("the plugin may not get far" + l.hint)
	}
	l.greeted, l.said = l.spec.Contract != "", !l.spec.Notify
	l.limit.Reset(time.Duration(l.spec.Ready))
	l.checkReady()
	return nil
}

// connect starts what reads from the plugin.
func (l *life) connect(out, errs *os.File) {
	l.gone = make(chan struct{})
	l.outputEnd, l.logEnd = make(chan error, 1), make(chan error, 1)
	l.out, l.errs = pipeEnd{out}, pipeEnd{errs}
	var ctx context.Context
	ctx, l.hurry = context.WithCancel(context.Background())
	o := &output{
		spec: l.spec, bus: l.bus, board: l.board, log: l.log, event: l.event, hello: func(c plugins.Contract) { l.contract <- c },
		torn: func() bool { <-l.gone; return l.main.status.Signaled() },
		pace: newPace(l.gone), sinks: make(map[string]*sink), drops: drops{board: l.board, log: l.log.of("runner")},
	}
	go func() { l.outputEnd <- o.run(ctx, l.out) }()
	go func() { l.logEnd <- l.log.read(l.errs, "", newPace(l.gone), nil) }()
	go l.socket.read(l.notices, l.gone)
}

// drain waits until everything that the plugin has written is published and logged. When the runner is to stop, it waits no longer than
// what is left of the plugin's time to end, and a little, because subscribers may keep it waiting.
func (l *life) drain(ctx context.Context) {
	close(l.gone)
	for _, p := range []pipeEnd{l.out, l.errs} {
		_ = p.f.SetReadDeadline(time.Now()) // who is reading looks again
	}
	stop, limit := ctx.Done(), idle()
	for !l.outputDone || !l.logDone {
		select {
		case err := <-l.outputEnd:
			l.outputEnded(err)
		case <-l.logEnd:
			l.logDone = true
		case <-stop:
			stop = nil
			limit.Reset(max(time.Until(l.until), drainLimit))
		case <-limit.C:
			l.log.of("runner").Warn("what the plugin has written last is not published: there is no room, and no more time")
			l.hurry()
			l.out.f.Close()
			l.errs.f.Close()
		}
	}
	l.hurry()
	l.out.f.Close()
	l.errs.f.Close()
}

// drainLimit is the least time that drain has.
const drainLimit = time.Second

// A pipeEnd is read until everybody who writes has closed the pipe; and when all of the plugin's processes have ended, until it is empty,
// even if one of them has given it to a process elsewhere.
type pipeEnd struct{ f *os.File }

func (p pipeEnd) Read(b []byte) (int, error) {
	n, err := p.f.Read(b)
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return n, err
	}
	// All who could have written have ended: what is not there now does not come any more.
	raw, err := p.f.SyscallConn()
	if err != nil {
		return 0, err
	}
	if e := raw.Control(func(fd uintptr) {
		for err = unix.EINTR; err == unix.EINTR; {
			n, err = unix.Read(int(fd), b)
		}
	}); e != nil {
		return 0, e
	}
	if n <= 0 && (err == nil || err == unix.EAGAIN) {
		return 0, io.EOF
	}
	return max(n, 0), err
}

// pipe is a pipe: the end to be read, and the one for the plugin, which waits when it writes.
func pipe() (read *os.File, write int, err error) {
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		return nil, 0, err
	}
	if err := unix.SetNonblock(p[0], true); err != nil {
		unix.Close(p[0])
		unix.Close(p[1])
		return nil, 0, err
	}
	return os.NewFile(uintptr(p[0]), "pipe"), p[1], nil
}

// reachHint says which directory keeps a plugin's user from what it needs, if there is one.
func reachHint(spec *plugins.Spec, u *user) string {
	for _, path := range []string{spec.Place.Plugin(spec.Name).Notify(), spec.Bus} {
		if dir := u.cannotReach(path); dir != "" {
			return fmt.Sprintf("; user %s may not reach %s, because of %s: give that user x permission there", u.name, path, dir)
		}
	}
	return ""
}
