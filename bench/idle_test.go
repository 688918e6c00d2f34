//go:build linux

package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"shmbus/bench/report"
)

// TestIdleThingsAreMeasuredSideBySide: a turn of one is that of all; the next one is another. Who does not wait any more is out, and the others are not.
func TestIdleThingsAreMeasuredSideBySide(t *testing.T) {
	const long = 100 * time.Millisecond
	gone := errors.New("it has gone")
	asked := 0
	still := func() error { asked++; return nil }
	ends := func() error { return gone }
	g := &idlers{ctx: t.Context(), long: long, began: time.Now(), all: []*idler{
		{pid: os.Getpid(), still: still}, {pid: os.Getpid(), still: still}, {pid: os.Getpid(), still: ends},
	}}
	var all []*idleTaker
	for _, i := range g.all {
		all = append(all, &idleTaker{idlers: g, who: i})
	}
	turn := func(i int) (map[string]float64, time.Duration, error) {
		start := time.Now()
		f, err := all[i].turn(0)
		return f, time.Since(start), err
	}
	for i := range all {
		if f, took, err := turn(i); len(f) > 0 || took >= long || err != nil {
			t.Errorf("the turn that does not count: %v, %v, %v", f, took, err)
		}
	}
	for round := range 2 {
		for i := range 2 {
			n := (i + round) % 2 // each round begins with another one
			f, took, err := turn(n)
			if err != nil || f["long"] < float64(long) || f["cpu"] < 0 {
				t.Fatalf("%v, %v", f, err)
			}
			if waited := took >= long; waited != (i == 0) {
				t.Errorf("round %d, process %d: %v", round, n, took)
			}
		}
		if asked != 2*(round+1) {
			t.Errorf("after round %d they have been asked %d times whether they wait", round, asked)
		}
	}
	if _, took, err := turn(2); !errors.Is(err, gone) || took >= long {
		t.Errorf("one that has ended, after %v: %v", took, err)
	}
}

// TestIdleThingsThatCannotBeStartedAreOutOneByOne: what else was measured is not lost for that.
func TestIdleThingsThatCannotBeStartedAreOutOneByOne(t *testing.T) {
	l := &lab{memory: filepath.Join(t.TempDir(), "not-there")}
	g, err := l.grow(t.Context(), nil, series{name: report.GrowthIdle, points: idlePoints(0, time.Millisecond)}, 2, time.Millisecond, func(int) {})
	if err != nil {
		t.Fatal(err)
	}
	if len(g.Points) != len(report.IdleNames) {
		t.Errorf("%d points", len(g.Points))
	}
	for _, p := range g.Points {
		if !strings.Contains(p.Err, "not-there") {
			t.Errorf("%v: %q", p.X, p.Err)
		}
	}
}

func TestTheEndOfAllEndsATurnOfIdleThings(t *testing.T) {
	ctx, end := context.WithCancel(t.Context())
	g := &idlers{ctx: ctx, long: time.Hour, all: []*idler{{pid: os.Getpid(), still: func() error { return nil }}}}
	end()
	if err := g.measure(); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestACommandThatEndsIsNotIdle: it would take nothing at all.
func TestACommandThatEndsIsNotIdle(t *testing.T) {
	l, err := openLab(t.Context(), []string{noPeer}, false)
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	i := l.idleCommand(t.Context(), "buscat", "tap", "--no-such-flag")
	defer i.end()
	if i.err != nil {
		t.Fatal(i.err)
	}
	patiently(t, "end of a command with a flag that it has not", func() bool { return i.still() != nil })
	if err := i.still(); err == nil || !strings.Contains(err.Error(), "buscat has ended: exit status 2") {
		t.Error(err)
	}
	if i := l.idleCommand(t.Context(), "no-such-command"); i.err == nil || missing(i.err) {
		t.Errorf("a command that cannot be built: %v", i.err)
	}
}
