//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"shmbus/bench/native"
	"shmbus/bench/report"
	"shmbus/internal/bench"
	"shmbus/internal/tempdir"
)

// dirPrefix is how the names of directories begin that the benchmark makes.
const dirPrefix = "shmbus-lab-"

// A lab is what all cells share.
type lab struct {
	dir     string       // sources and compiled programs
	memory  string       // a directory in memory, where there is one, for what processes share
	held    *tempdir.Dir // memory
	cleaner io.WriteCloser
	cleaned func() error
	self    string // this program
	pin     bool
	long    time.Duration // a turn, roughly
	built   map[string]build
	servers map[string]*server
	all     []contender
	skipped []report.Skipped
}

// A build is a compiled program, or why there is none.
type build struct {
	path string
	err  error
}

// openLab compiles and starts what the peers need whose names begin like that.
func openLab(ctx context.Context, only []string, pin bool) (*lab, error) {
	l := &lab{pin: pin, built: make(map[string]build), servers: make(map[string]*server)}
	if err := l.open(ctx, only); err != nil {
		l.close()
		return nil, errors.Join(ctx.Err(), err)
	}
	return l, nil
}

func (l *lab) open(ctx context.Context, only []string) (err error) {
	if l.self, err = os.Executable(); err != nil {
		return err
	}
	if l.dir, err = os.MkdirTemp("", dirPrefix); err != nil { // it may be on a disk of several machines: who holds another one there cannot be told
		return err
	}
	if l.held, err = tempdir.New(tempdir.Memory(), dirPrefix); err != nil {
		return err
	}
	l.memory = l.held.Path
	if err := l.startCleaner(); err != nil {
		return err
	}
	if err := native.Unpack(l.dir); err != nil {
		return err
	}
	for _, c := range contenders() {
		if c.peer() && !wanted(c.name, only) {
			continue
		}
		switch err := l.prepare(ctx, c); {
		case err != nil && ctx.Err() != nil:
			return ctx.Err()
		case err != nil: // whatever it is, the others can be measured
			l.skipped = append(l.skipped, report.Skipped{Name: c.name, Why: err.Error(), Broken: !missing(err)})
		default:
			l.all = append(l.all, c)
		}
	}
	return nil
}

func wanted(name string, only []string) bool {
	return len(only) == 0 || slices.ContainsFunc(only, func(w string) bool {
		return w != "" && strings.HasPrefix(strings.ToLower(name), strings.ToLower(w))
	})
}

// missing says whether a point of a series is left out for an error: something is not installed, or its server does not run.
func missing(err error) bool {
	var m *native.Missing
	var s *serverError
	return errors.As(err, &m) || errors.As(err, &s)
}

// prepare compiles the contender's program and starts its server, unless that was done for another one.
func (l *lab) prepare(ctx context.Context, c contender) error {
	if c.program != "" {
		b, ok := l.built[c.program]
		if !ok {
			b.path, b.err = native.Build(ctx, l.dir, c.program)
			l.built[c.program] = b
		}
		if b.err != nil {
			return b.err
		}
	}
	if c.server == "" || l.servers[c.server] != nil {
		return nil
	}
	s, err := l.startServer(ctx, c.server)
	if err == nil {
		l.servers[c.server] = s
	}
	return err
}

func (l *lab) close() {
	for _, s := range l.servers {
		s.close()
	}
	if l.cleaner != nil {
		l.cleaner.Close()
		_ = l.cleaned()
	}
	if l.dir != "" {
		os.RemoveAll(l.dir)
	}
	if l.held != nil {
		_ = l.held.Remove()
	}
}

// pins says whether a cell's processes are pinned. Two are, to two CPUs. Of more, which have to share a CPU is the kernel's to say, and to change: pinned,
// one of two CPUs would have two thirds of the work of three.
func (l *lab) pins(c report.Cell) bool { return l.pin && c.Processes() <= 2 }

// list says what can be measured.
func (l *lab) list(out io.Writer, cells []report.Cell, grown []series) {
	for _, c := range cells {
		fmt.Fprintln(out, c.Name())
		for i := range l.all {
			if l.all[i].takesPart(c) {
				fmt.Fprintln(out, "   ", l.all[i].name)
			}
		}
	}
	for _, s := range grown {
		fmt.Fprintln(out, s.name)
		var seen []string
		for _, p := range s.points {
			if !slices.Contains(seen, p.curve) {
				seen = append(seen, p.curve)
				fmt.Fprintln(out, "   ", p.curve)
			}
		}
	}
	for _, s := range l.skipped {
		fmt.Fprintf(out, "skipped: %s: %s\n", s.Name, s.Why)
	}
}

// cpus is how many CPUs this process may use.
func cpus() int { return len(bench.AllowedCPUs()) }
