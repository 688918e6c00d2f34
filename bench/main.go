//go:build linux

// The benchmark: shmbus beside others who move messages between processes of one machine, and beside what the hardware and the
// kernel can do. docs/BENCHMARKS.md has the method and the figures.
//
//	main.go       flags
//	lab.go        what all cells share: a directory, compiled programs, servers
//	contenders.go who takes part
//	ours.go       shmbus and the bare hardware, by internal/bench
//	team.go       the processes of a peer
//	clean.go      the process that removes what is left
//	servers.go    RouDi, nats-server, redis-server
//	measure.go    rounds
//	series.go     the cost as something grows: rounds of points
//	grown.go      what grows
//	idle.go       what waits for what does not come
//	machine.go    what is measured on, and with which versions
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"shmbus/bench/peers"
	"shmbus/bench/report"
	"shmbus/internal/bench"
)

// The first word of processes that the benchmark starts of itself.
const (
	peerWord  = "peer"
	natsWord  = "nats-server"
	cleanWord = "clean"
)

// noPeer is the word of -peers that means none.
const noPeer = "none"

// serve is what a process does that the benchmark has started; in others it returns at once.
func serve() {
	bench.Serve()
	if len(os.Args) < 2 {
		return
	}
	var err error
	switch os.Args[1] {
	case peerWord:
		err = peers.Serve(os.Args[2:])
	case natsWord:
		signal.Ignore(os.Interrupt, syscall.SIGHUP)
		err = peers.ServeNATS()
	case cleanWord:
		signal.Ignore(os.Interrupt, syscall.SIGHUP, syscall.SIGTERM)
		err = clean(os.Args[2:])
	default:
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func main() {
	serve()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	cells, peers    string
	turns           int
	runTime         time.Duration
	json, from      string
	out             string
	quick, unpinned bool
	list            bool
}

func run(ctx context.Context, args []string) error {
	var o options
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.StringVar(&o.cells, "cells", "", "only these `cells` and series, or those whose names begin so, with commas: latency-spin,throughput-1to1-64,growth")
	f.StringVar(&o.peers, "peers", "", "of the peers only `those` whose names begin so, with commas: iceoryx,NATS; none: no peer at all")
	f.IntVar(&o.turns, "turns", 11, "`rounds`: in each, each contender has a turn")
	f.DurationVar(&o.runTime, "time", 150*time.Millisecond, "of each turn, roughly")
	f.StringVar(&o.json, "json", "", "write all there is to know into `FILE`; cells and series in it that are not measured now stay, with their date and machine")
	f.StringVar(&o.from, "from", "", "measure nothing, show what --json has written into `FILE`")
	f.StringVar(&o.out, "out", "", "put the tables into this Markdown `FILE`, between its markers, and the plots beside it; with -json also those that stay")
	f.BoolVar(&o.quick, "quick", false, "three rounds of short turns: an impression, no figures")
	f.BoolVar(&o.unpinned, "no-pin", false, "leave it to the kernel where processes run; only the bare hardware is pinned")
	f.BoolVar(&o.list, "list", false, "list cells, contenders and series, and who is not installed")
	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	if f.NArg() > 0 {
		return fmt.Errorf("%q: there are only flags; see -help", f.Arg(0))
	}
	if o.quick {
		o.turns, o.runTime = min(o.turns, 3), min(o.runTime, 20*time.Millisecond)
	}
	if o.turns < 1 || o.runTime <= 0 {
		return errors.New("-turns and -time are more than nothing")
	}
	if err := o.known(); err != nil {
		return err
	}
	if err := o.writable(); err != nil { // behind the others: it makes directories
		return err
	}
	old, err := o.before()
	if err != nil {
		return err
	}
	r, err := o.result(ctx)
	if err != nil || r == nil {
		return err
	}
	fmt.Print(r.Text())
	failed := r.Failed()
	if old != nil {
		r.Keep(old)
	}
	if o.json != "" {
		if err := r.Save(o.json); err != nil {
			return err
		}
	}
	if o.out != "" {
		if err := r.Publish(o.out, o.plots()); err != nil {
			return err
		}
	}
	return failed
}

// plots is the directory of the plots.
func (o *options) plots() string { return filepath.Join(filepath.Dir(o.out), "bench") }

// writable is an error if what comes of it could not be written: a mistake is better found now than in the end.
func (o *options) writable() error {
	if o.list {
		return nil
	}
	if o.json != "" {
		if err := report.CanPut(o.json); err != nil {
			return fmt.Errorf("-json: %w", err)
		}
	}
	if o.out != "" {
		if err := report.CanPublish(o.out, o.plots()); err != nil {
			return fmt.Errorf("-out: %w", err)
		}
	}
	return nil
}

// before is what the file has that is to be written, if it is there: what is not measured now stays in it. With -from it is made anew.
func (o *options) before() (*report.Result, error) {
	if o.json == "" || o.from != "" || o.list {
		return nil, nil
	}
	old, err := report.Load(o.json)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return old, err
}

// result measures, or reads what was measured.
func (o *options) result(ctx context.Context) (*report.Result, error) {
	if o.from != "" {
		return report.Load(o.from)
	}
	var cells []report.Cell
	for _, c := range report.Cells() {
		if c.Match(words(o.cells)) {
			cells = append(cells, c)
		}
	}
	how := everything
	if o.quick {
		how = quick
	}
	grown := matchSeries(words(o.cells), how)
	if n := len(bench.AllowedCPUs()); n < 2 {
		return nil, fmt.Errorf("two CPUs are needed; this process may use %d", n)
	}
	lab, err := openLab(ctx, words(o.peers), !o.unpinned)
	if err != nil {
		return nil, err
	}
	defer lab.close()
	if o.list {
		lab.list(os.Stdout, cells, grown)
		return nil, nil
	}
	return lab.measure(ctx, cells, grown, o.turns, o.runTime)
}

// known is an error if a word of -cells or -peers means nothing: what is left out by a typing error would not be missed. With -from they do not count.
func (o *options) known() error {
	if o.from != "" {
		return nil
	}
	for _, w := range words(o.cells) {
		cell := func(c report.Cell) bool { return c.Match([]string{w}) }
		if !slices.ContainsFunc(report.Cells(), cell) && len(matchSeries([]string{w}, quick)) == 0 {
			return fmt.Errorf("-cells %s: there is no such cell; see -list", w)
		}
	}
	for _, w := range words(o.peers) {
		peer := func(c contender) bool { return c.peer() && wanted(c.name, []string{w}) }
		if w != noPeer && !slices.ContainsFunc(contenders(), peer) {
			return fmt.Errorf("-peers %s: no peer's name begins so; see -list", w)
		}
	}
	return nil
}

func words(list string) []string {
	if list == "" {
		return nil
	}
	return strings.Split(list, ",")
}
