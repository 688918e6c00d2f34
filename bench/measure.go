//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"shmbus/bench/report"
)

// How long the bare line, the bare ring and the bare stream are measured before each turn, and the one that the contenders are compared with:
// the CPUs take some ten milliseconds to come to their speed.
const (
	bareTime   = 5 * time.Millisecond
	bareLonger = 8
)

// growthTime is the part of a contender's turn that a point's turn takes: there are many.
const growthTime = 2. / 3

// measure measures the cells and the series, one after the other.
func (l *lab) measure(ctx context.Context, cells []report.Cell, grown []series, rounds int, long time.Duration) (*report.Result, error) {
	start := time.Now()
	l.long = long
	r := &report.Result{Session: report.Session{
		Date: start.Format(time.DateTime), Machine: machine(), Versions: l.versions(ctx), Rounds: rounds, RunTime: long.String(), Skipped: l.skipped,
	}}
	if r.Machine["pinned"] = "two processes to two CPUs, and no more than two"; !l.pin {
		r.Machine["pinned"] = "only the bare hardware"
	}
	bare, err := startCalibrator(ctx)
	if err != nil {
		return nil, errors.Join(ctx.Err(), err)
	}
	defer bare.crew.Close()
	for i, c := range cells {
		fmt.Fprintf(os.Stderr, "%s: %d of %d cells, %v\n", c.Name(), i+1, len(cells), time.Since(start).Round(time.Second))
		t, err := l.cell(ctx, bare, c, rounds, long)
		if err != nil {
			return nil, errors.Join(ctx.Err(), err)
		}
		r.Tables = append(r.Tables, *t)
	}
	for i, s := range grown {
		g, err := l.grow(ctx, bare, s, rounds, time.Duration(float64(long)*growthTime), func(round int) {
			fmt.Fprintf(os.Stderr, "%s: %d of %d series, round %d of %d, %v\n", s.name, i+1, len(grown), round, rounds, time.Since(start).Round(time.Second))
		})
		if err != nil {
			return nil, errors.Join(ctx.Err(), err)
		}
		r.Growth = append(r.Growth, *g)
	}
	r.Skipped = l.skipped // and points of series
	r.Took = time.Since(start).Round(time.Second).String()
	return r, nil
}

// An entrant is a contender in a cell.
type entrant struct {
	runner
	server *server // or nil
	count  uint64  // messages of a turn, or round trips
	line   report.Line
}

// turn runs the entrant, and sees what CPU time that takes.
func (e *entrant) turn() (o outcome, err error) {
	pids := e.pids()
	if e.server != nil {
		if err := e.server.still(); err != nil {
			return o, err
		}
		pids = append(pids, e.server.cmd.Process.Pid)
	}
	before, err := cpuTime(pids)
	if err != nil {
		return o, err
	}
	if o, err = e.run(e.count); err != nil {
		return o, err
	}
	after, err := cpuTime(pids)
	o.cpu = after - before
	return o, err
}

// cell starts all contenders, finds how many messages each moves in a turn, and gives them turns, each round in another order. A
// contender that fails is out of it, and its line says why.
func (l *lab) cell(ctx context.Context, bare *calibrator, cell report.Cell, rounds int, long time.Duration) (*report.Table, error) {
	var all []*entrant
	defer func() {
		for _, e := range all {
			if e.runner != nil {
				e.close()
			}
		}
	}()
	for i := range l.all {
		c := &l.all[i]
		if !c.takesPart(cell) {
			continue
		}
		e := &entrant{line: report.Line{Name: c.name, Bare: c.bare, Ours: c.ours(), Against: c.against(cell)}, server: l.servers[c.server]}
		all = append(all, e)
		var err error
		if e.runner, err = c.start(ctx, l, cell); err == nil {
			e.count, err = enough(e.run, long, uint64(cell.Pubs))
		}
		if err := e.out(ctx, err); err != nil {
			return nil, err
		}
	}
	for round := range rounds {
		for i := range all {
			e := all[(i+round)%len(all)]
			if e.line.Err != "" {
				continue
			}
			beside, err := bare.measure(cell.Mode)
			if err != nil {
				return nil, err
			}
			o, err := e.turn()
			if err == nil {
				e.line.Runs = append(e.line.Runs, o.result(round, beside, e.count))
			}
			if err := e.out(ctx, err); err != nil {
				return nil, err
			}
		}
	}
	t := &report.Table{Cell: cell}
	for _, e := range all {
		t.Lines = append(t.Lines, e.line)
	}
	return t, nil
}

// out takes note of an entrant's error, and ends its processes: one that spins for another that is gone would take part in all turns that
// follow. It is an error of the whole only if that is at its end.
func (e *entrant) out(ctx context.Context, err error) error {
	if err != nil && ctx.Err() == nil {
		e.line.Err = err.Error()
		if e.runner != nil {
			e.close()
			e.runner = nil
		}
	}
	return ctx.Err()
}

// result is a turn's figures.
func (o outcome) result(round int, beside report.Bare, n uint64) report.Run {
	r := report.Run{Round: round, Bare: beside, Count: n, NS: float64(o.took) / float64(n), CPU: float64(o.cpu) / float64(n)}
	if o.hist != nil {
		r.CPU /= 2 // a round trip is two messages
		half := func(q float64) float64 { return float64(o.hist.Quantile(q)) / 2 }
		r.NS, r.P99, r.P999, r.Max = half(.5), half(.99), half(.999), half(1)
	}
	return r
}

// enough finds how many messages take so long, roughly, and runs a few times on the way. It is a multiple of each.
func enough(run func(n uint64) (outcome, error), long time.Duration, each uint64) (uint64, error) {
	for n := 16 * each; ; n *= 4 {
		o, err := run(n)
		if err != nil {
			return 0, err
		}
		if o.took >= long/4 {
			n = max(1, uint64(float64(n)*float64(long)/float64(o.took)))
			return (n + each - 1) / each * each, nil
		}
	}
}
