//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"shmbus/bench/growth"
	"shmbus/bench/native"
	"shmbus/bench/report"
	"shmbus/internal/bench"
)

// How long a turn of growth-idle is, and how long what has just started has before it; and how many turns there are.
const (
	idleTime   = 30 * time.Second
	idleQuick  = 5 * time.Second
	idleTiny   = 200 * time.Millisecond
	idleSettle = 2 * time.Second
	idleTurns  = 3
)

// An idler is a process that waits for what does not come.
type idler struct {
	pid   int
	still func() error // that it waits
	end   func()
	err   error // why it is not there, or does not wait any more

	part float64       // of a CPU, in the turn that was measured last
	long time.Duration // of that turn
	due  bool          // it has not been told yet
}

// idlers wait side by side: a turn is one for all of them, that the first who is asked for it takes, and that others are told of.
type idlers struct {
	ctx          context.Context
	settle, long time.Duration
	began        time.Time
	all          []*idler
	err          error // why there are none
}

// idlePoints: what idle processes take of a CPU. All are started with the first point.
func idlePoints(settle, long time.Duration) (all []point) {
	g := &idlers{settle: settle, long: long}
	for x := range report.IdleNames {
		all = append(all, point{curve: report.IdleCurve, x: float64(x), most: idleTurns, start: func(ctx context.Context, l *lab) (taker, error) {
			if x == 0 {
				g.err = g.start(ctx, l)
			}
			if g.err != nil {
				return nil, g.err
			}
			if err := g.all[x].err; err != nil {
				return nil, err
			}
			return &idleTaker{idlers: g, who: g.all[x]}, nil
		}})
	}
	return all
}

// idleTopics is how many the bus has, and manyTopics how many a WaitSet looks at.
const (
	idleTopics = 11
	manyTopics = 1000
)

// start starts all of them, on a bus whose topics have a publisher that does nothing.
func (g *idlers) start(ctx context.Context, l *lab) error {
	dir, err := os.MkdirTemp(l.memory, "idle-")
	if err != nil {
		return err
	}
	b := filepath.Join(dir, "bus")
	var names []string
	for i := range manyTopics {
		names = append(names, fmt.Sprint("t/", i))
	}
	few := growth.IdleArgs{Topics: names[:idleTopics], Waits: 1}
	many := growth.IdleArgs{Topics: names, Waits: manyTopics}
	g.ctx = ctx
	g.all = []*idler{
		report.IdleSubscriber: idleScene(ctx, bench.CrewSpec{Publishers: 1, Subscribers: 1, Bus: b}, few),
		report.IdleTap:        l.idleCommand(ctx, "buscat", "tap", "--bus", b, names[0]),
		report.IdleLossless:   l.idleCommand(ctx, "buscat", "tap", "--bus", b, "--lossless", names[0]),
		report.IdleWaitSet:    idleScene(ctx, bench.CrewSpec{Publishers: 1, Subscribers: 1}, many),
		report.IdleBusd:       l.idleCommand(ctx, "busd", "run", "--bus", b, "--plugins", filepath.Join(dir, "plugins")),
	}
	context.AfterFunc(ctx, func() { // also where not all of them have become points
		for _, i := range g.all {
			i.end()
		}
	})
	g.began = time.Now()
	return nil
}

// idleScene is the subscriber's process of a crew.
func idleScene(ctx context.Context, spec bench.CrewSpec, a growth.IdleArgs) *idler {
	t, err := play(ctx, spec, growth.Idle, a, sceneTaker{})
	if err != nil {
		return &idler{err: err, end: func() {}}
	}
	s := t.(*sceneTaker)
	i := &idler{pid: s.crew.Pids()[1], end: sync.OnceFunc(s.close)}
	i.still = func() error {
		_, err := s.task.Run(1)
		return err
	}
	if i.err = i.still(); i.err != nil {
		i.end()
	}
	return i
}

// idleCommand is one of shmbus's commands.
func (l *lab) idleCommand(ctx context.Context, name string, args ...string) *idler {
	path, err := l.command(ctx, name)
	if err != nil {
		return &idler{err: err, end: func() {}}
	}
	s, err := start(ctx, name, nil, append([]string{path}, args...)...)
	if err != nil {
		return &idler{err: err, end: func() {}}
	}
	return &idler{pid: s.cmd.Process.Pid, end: s.close, still: s.still}
}

// command builds one of shmbus's commands, once.
func (l *lab) command(ctx context.Context, name string) (string, error) {
	b, ok := l.built[name]
	if !ok {
		b.path = filepath.Join(l.dir, name)
		b.err = buildCommand(ctx, name, b.path)
		l.built[name] = b
	}
	return b.path, b.err
}

func buildCommand(ctx context.Context, name, path string) error {
	dir, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "shmbus").Output()
	if err != nil {
		return errors.Join(ctx.Err(), &native.Missing{What: "source of " + name, Install: "start it with go, in the directory bench"})
	}
	c := native.Command(ctx, filepath.Dir(path), "go", "build", "-o", path, "./cmd/"+name)
	c.Dir = strings.TrimSpace(string(dir))
	if said, err := c.CombinedOutput(); err != nil {
		return errors.Join(ctx.Err(), fmt.Errorf("building %s: %w: %s", name, err, oneLine(said)))
	}
	return nil
}

// pause is until that time, or until the end of all.
func (g *idlers) pause(until time.Time) error {
	t := time.NewTimer(time.Until(until))
	defer t.Stop()
	select {
	case <-t.C:
	case <-g.ctx.Done():
	}
	return g.ctx.Err()
}

// measure is a turn.
func (g *idlers) measure() error {
	before := make([]time.Duration, len(g.all))
	start := time.Now()
	for n, i := range g.all {
		if i.err == nil {
			before[n], i.err = cpuTime([]int{i.pid})
		}
	}
	if err := g.pause(start.Add(g.long)); err != nil {
		return err
	}
	for n, i := range g.all {
		if i.err != nil {
			continue
		}
		after, err := cpuTime([]int{i.pid})
		i.long, i.due = time.Since(start), true
		i.part = float64(after-before[n]) / float64(i.long)
		i.err = errors.Join(err, i.still()) // behind the looks at the clocks: to be asked takes time
	}
	return nil
}

// An idleTaker is the point of one of them.
type idleTaker struct {
	*idlers
	who     *idler
	settled bool
}

// turn takes as long as is usual here, whatever others take.
func (t *idleTaker) turn(time.Duration) (map[string]float64, error) {
	if !t.settled { // the first one is not counted
		t.settled = true
		return nil, t.pause(t.began.Add(t.settle))
	}
	if !t.who.due && t.who.err == nil {
		if err := t.measure(); err != nil {
			return nil, err
		}
	}
	t.who.due = false
	return map[string]float64{"cpu": t.who.part, "long": float64(t.who.long)}, t.who.err
}

func (t *idleTaker) close() { t.who.end() }
