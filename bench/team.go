//go:build linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"

	"shmbus/bench/peers"
	"shmbus/internal/cpu"
)

// A team is the processes of one peer in one cell, that move messages when they are told to.
type team struct {
	ctx      context.Context
	server   *server       // that it needs, or nil
	patience time.Duration // for all to connect, or for a turn: a library that loses a message must not hold up all others
	people   []*process    // publishers, then subscribers
	pubs     int
	dir      string
	stop     func() bool // undoes that the team ends with its context
}

// turnPatience is how long a team may take to connect, or for a turn beside slowness times what it is to take: cores that come to be far from each
// other can make it four times that.
const (
	turnPatience = 2 * time.Minute
	slowness     = 4
)

// A process is one of them.
type process struct {
	name  string
	cmd   *exec.Cmd
	in    io.WriteCloser
	hang  sync.Once
	heard chan peers.Report // closed when it says no more
	said  bytes.Buffer      // on its standard error
	ended chan struct{}
}

// startTeam starts processes of the program, whose server is s if it has one, and waits until they are connected. Process i is on CPU i if they are to be
// pinned.
func (l *lab) startTeam(ctx context.Context, s *server, program []string, o peers.Options, pin bool) (*team, error) {
	dir, err := os.MkdirTemp(l.memory, "team-")
	if err != nil {
		return nil, err
	}
	t := &team{ctx: ctx, server: s, patience: turnPatience + slowness*l.long, pubs: o.Pubs, dir: dir}
	o.Dir = dir
	for i := range o.Pubs + o.Subs {
		o.Publisher, o.Index = i < o.Pubs, i
		if !o.Publisher {
			o.Index -= o.Pubs
		}
		p := &process{name: fmt.Sprintf("%s %d", map[bool]string{true: "publisher", false: "subscriber"}[o.Publisher], o.Index+1)}
		on := -1
		if pin {
			on = i
		}
		if err := p.start(append(append([]string(nil), program...), o.Words()...), on); err != nil {
			t.close()
			return nil, err
		}
		t.people = append(t.people, p)
	}
	t.stop = context.AfterFunc(ctx, t.hangUp)
	all, err := t.reports()
	for _, r := range all {
		if err == nil && !r.Ready {
			err = errors.New("a process reports before it is ready")
		}
	}
	if err != nil {
		t.close()
		return nil, errors.Join(ctx.Err(), err)
	}
	return t, nil
}

// start starts the process from a thread that lives as long as it, because the kernel ends it with that thread: nothing is left if this
// program is killed.
func (p *process) start(args []string, on int) (err error) {
	p.cmd = exec.Command(args[0], args[1:]...)
	p.cmd.Stderr = &p.said
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	p.heard, p.ended = make(chan peers.Report), make(chan struct{})
	started := make(chan error)
	go func() {
		err := onThread(on, p.cmd.Start)
		started <- err
		if err != nil {
			return
		}
		p.listen(out)
		_ = p.cmd.Wait()
		close(p.ended)
	}()
	return <-started
}

// onThread calls f on a thread of its own that stays with the goroutine, and is on that CPU meanwhile, unless on is negative.
func onThread(on int, f func() error) error {
	runtime.LockOSThread()
	if on < 0 {
		return f()
	}
	undo, err := cpu.Pin(on)
	if err != nil {
		return err
	}
	defer undo()
	return f()
}

// listen passes on what the process reports. Libraries may print lines of their own.
func (p *process) listen(out io.Reader) {
	defer close(p.heard)
	for in := bufio.NewReader(out); ; {
		b, err := in.ReadBytes('\n')
		if err != nil {
			return
		}
		if b[0] != '{' {
			continue
		}
		var r peers.Report
		if err := json.Unmarshal(b, &r); err != nil {
			r.Err = err.Error()
		}
		p.heard <- r
	}
}

// reports waits for a report of each. If one fails, others may wait for it in vain; then the team is good for nothing more.
func (t *team) reports() ([]peers.Report, error) {
	type answer struct {
		i  int
		r  peers.Report
		ok bool
	}
	all, answers := make([]peers.Report, len(t.people)), make(chan answer, len(t.people))
	for i, p := range t.people {
		go func() {
			r, ok := <-p.heard
			if !ok {
				p.hangUp()
				<-p.ended
			}
			answers <- answer{i, r, ok}
		}()
	}
	var serverEnded <-chan struct{}
	if t.server != nil {
		serverEnded = t.server.ended
	}
	late := time.After(t.patience)
	for range t.people {
		var a answer
		select {
		case a = <-answers:
		case <-serverEnded:
			return nil, t.server.still()
		case <-t.ctx.Done():
			return nil, t.ctx.Err()
		case <-late:
			return nil, fmt.Errorf("not all processes have reported after %v", t.patience)
		}
		switch p := t.people[a.i]; {
		case !a.ok:
			return nil, fmt.Errorf("%s has ended: %v %s", p.name, p.cmd.ProcessState, bytes.TrimSpace(p.said.Bytes()))
		case a.r.Err != "":
			return nil, fmt.Errorf("%s: %s", p.name, a.r.Err)
		}
		all[a.i] = a.r
	}
	return all, nil
}

// run moves n messages in all, subscribers first to be told, and puts together what comes of it.
func (t *team) run(n uint64) (o outcome, err error) {
	for i := len(t.people) - 1; i >= 0; i-- {
		_, _ = fmt.Fprintf(t.people[i].in, "go %d\n", n) // one that has gone does not answer
	}
	all, err := t.reports()
	if err != nil {
		return o, err
	}
	var start, end int64
	for i, r := range all {
		want := n
		if i < t.pubs {
			want /= uint64(t.pubs)
		}
		if r.Count != want {
			return o, fmt.Errorf("%s has moved %d messages of %d", t.people[i].name, r.Count, want)
		}
		if r.Start > 0 && (start == 0 || r.Start < start) {
			start = r.Start
		}
		end = max(end, r.End)
		if r.Hist != nil {
			o.hist = r.Hist
		}
	}
	o.took = time.Duration(max(1, end-start))
	return o, nil
}

func (t *team) pids() (all []int) {
	for _, p := range t.people {
		all = append(all, p.cmd.Process.Pid)
	}
	return all
}

func (p *process) hangUp() { p.hang.Do(func() { p.in.Close() }) }

func (t *team) hangUp() {
	for _, p := range t.people {
		p.hangUp()
	}
}

// patience is how long a process may take to end, once it was told to.
const patience = 3 * time.Second

func (t *team) close() {
	if t.stop != nil {
		t.stop()
	}
	t.hangUp()
	kill := time.AfterFunc(patience, func() {
		for _, p := range t.people {
			_ = p.cmd.Process.Kill()
		}
	})
	defer kill.Stop()
	for _, p := range t.people {
		for range p.heard { // what nobody has asked for, until its end
		}
		<-p.ended
	}
	os.RemoveAll(t.dir)
}
