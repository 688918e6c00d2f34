//go:build linux

package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"time"

	"shmbus/bench/report"
	"shmbus/internal/bench"
)

// A series is what shmbus costs as something grows: points that take turns, like the contenders of a cell.
type series struct {
	name   string
	points []point
}

// most is how many turns any of its points takes at most; 0: as many as there are rounds.
func (s *series) most() (n int) {
	for _, p := range s.points {
		if p.most == 0 {
			return 0
		}
		n = max(n, p.most)
	}
	return n
}

// A point is one turn after the other of the same thing.
type point struct {
	curve string
	x     float64
	start func(ctx context.Context, l *lab) (taker, error)
	most  int // turns, if it takes long and what it shows is plain; 0: one in each round
}

// A taker takes a turn that is to last so long, roughly. The first one is not counted.
type taker interface {
	turn(long time.Duration) (map[string]float64, error)
	close()
}

// A walker is a point that has started.
type walker struct {
	taker
	most  int
	point report.Point
}

// grow measures a series. A point that fails is out of it, and says why.
func (l *lab) grow(ctx context.Context, bare *calibrator, s series, rounds int, long time.Duration, round func(int)) (*report.Growth, error) {
	start := time.Now()
	if n := s.most(); n > 0 {
		rounds = min(rounds, n)
	}
	var all []*walker
	defer func() {
		for _, w := range all {
			if w.taker != nil {
				w.close()
			}
		}
	}()
	for _, p := range s.points {
		w, err := &walker{point: report.Point{Curve: p.curve, X: p.x}}, error(nil)
		w.most = cmp.Or(p.most, rounds)
		if w.taker, err = p.start(ctx, l); missing(err) {
			l.skip(s.name, p, err)
			continue
		}
		if all = append(all, w); err == nil {
			_, err = w.turn(long)
		}
		if err := w.out(ctx, err); err != nil {
			return nil, err
		}
	}
	for r := range rounds {
		round(r + 1)
		for i := range all {
			w := all[(i+r)%len(all)]
			if w.point.Err != "" || r >= w.most {
				continue
			}
			beside, err := bare.line()
			if err != nil {
				return nil, err
			}
			f, err := w.turn(long)
			if err == nil {
				w.point.Turns = append(w.point.Turns, report.Turn{Round: r, Bare: beside, Figures: f})
			}
			if err := w.out(ctx, err); err != nil {
				return nil, err
			}
		}
	}
	g := &report.Growth{Name: s.name, Date: start.Format(time.DateTime), Took: time.Since(start).Round(time.Second).String(), Rounds: rounds}
	for _, w := range all {
		g.Points = append(g.Points, w.point)
	}
	return g, nil
}

// skip takes note of a point that cannot be measured here.
func (l *lab) skip(name string, p point, err error) {
	l.skipped = append(l.skipped, report.Skipped{Name: fmt.Sprintf("%s, %s at %s", name, p.curve, report.Place(name, p.x)), Why: err.Error()})
}

// out is like entrant.out.
func (w *walker) out(ctx context.Context, err error) error {
	if err != nil && ctx.Err() == nil {
		w.point.Err = err.Error()
		if w.taker != nil {
			w.close()
			w.taker = nil
		}
	}
	return ctx.Err()
}

// A freshTaker starts what takes a turn anew each time.
type freshTaker func() (taker, error)

func (start freshTaker) turn(long time.Duration) (map[string]float64, error) {
	one, err := start()
	if err != nil {
		return nil, err
	}
	defer one.close()
	return one.turn(long)
}

func (freshTaker) close() {}

// A sceneTaker plays a scene of package growth with a crew of its own.
type sceneTaker struct {
	crew  *bench.Crew
	task  *bench.Task
	each  uint64                                  // frames that a run is a multiple of
	least uint64                                  // frames
	count func(long time.Duration) uint64         // of frames; nil: as many as take so long
	n     uint64                                  // of frames
	stay  bool                                    // nothing is closed after a turn: nobody waits on it
	bench func(o bench.Outcome, n uint64) float64 // ns a frame, of the run's time; nil: there is no such figure
}

// play starts a crew that plays the scene.
func play(ctx context.Context, spec bench.CrewSpec, scene string, args any, t sceneTaker) (taker, error) {
	job, err := bench.SceneJob(scene, args)
	if err != nil {
		return nil, err
	}
	spec.Stderr = os.Stderr
	if t.crew, err = bench.Start(ctx, spec); err != nil {
		return nil, err
	}
	if t.task, err = t.crew.Task(job); err != nil {
		t.crew.Close()
		return nil, err
	}
	t.each = max(1, t.each)
	return &t, nil
}

// perFrame is the time of a run by its frames.
func perFrame(o bench.Outcome, n uint64) float64 { return float64(o.Took) / float64(n) }

func (t *sceneTaker) turn(long time.Duration) (f map[string]float64, err error) {
	if t.n == 0 {
		if t.count != nil {
			t.n = t.count(long)
		} else if t.n, err = enough(t.run, long, t.each); err != nil {
			return nil, err
		}
		t.n = max(t.n, t.least)
	}
	o, err := t.task.Run(t.n)
	if err == nil && !t.stay { // what waits would take part in what others measure
		err = t.task.Close()
	}
	if err != nil {
		return nil, err
	}
	f = o.Figures
	if f == nil {
		f = make(bench.Figures)
	}
	if t.bench != nil {
		f["ns"] = t.bench(o, t.n)
	}
	if len(f) == 0 {
		return nil, fmt.Errorf("a turn of %d frames has come to nothing", t.n)
	}
	return f, nil
}

func (t *sceneTaker) run(n uint64) (outcome, error) {
	o, err := t.task.Run(n)
	return outcome{took: o.Took}, err
}

func (t *sceneTaker) close() { t.crew.Close() }
