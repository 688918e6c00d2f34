package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"shmbus/internal/bench"
	"shmbus/internal/bytesize"
	"shmbus/internal/cli"
	"shmbus/internal/wholefile"
)

// benchOptions are the flags of bench. benchspec.go makes a measurement of them, internal/bench does it, and benchtext.go, benchplot.go,
// benchjson.go and benchsvg.go show what came of it.
type benchOptions struct {
	mode        string
	size        bytesize.Size
	count       uint64
	duration    time.Duration
	publishers  int
	subscribers int
	policy      string
	exclusive   bool
	early       bool
	time        bool
	wait        string
	batch       int
	pin         string
	slots, cell int
	turns       int
	svg         string
	json        bool
}

func (a *app) benchCommand() *cobra.Command {
	o := &benchOptions{size: 64}
	c := &cobra.Command{
		Use:   "bench",
		Short: "Measure throughput or latency between processes, beside the bare hardware",
		Long: `Bench starts a process for each publisher and subscriber, on a bus of its own
in memory, and measures frames a second (--mode throughput) or half the round
trip of a frame through two topics (--mode latency).

A machine's own figures change with where its cores are placed and what else
runs. So the measurement takes turns with the bare hardware, between the
first publisher and the first subscriber: a cache line that goes back and forth
("line"), a message of one stamp line and one payload line that does ("ring"),
and such messages one way ("stream"). Figures are medians of the turns, with
the least and the most; ratios are taken within a turn. Trust ratios, and ten
turns or more.

Every frame is read and checked. On a lossless topic each must come once and in
order, on one that overwrites each must come or be counted as lost; otherwise
bench fails with exit code 1. In throughput mode a rate is what each
subscriber received, on average. In latency mode there is one publisher; all
subscribers read its frames and the first one answers. Each round trip is
timed, and what looking at the clock costs is taken off.

--json prints one object. In throughput mode its latency_ns is null; in latency
mode its rates are of round trips.`,
		Example: `  buscat bench
  buscat bench --mode latency --svg latency.svg
  buscat bench --batch 32 --exclusive
  buscat bench --policy overwrite --publishers 2 --size 1KiB
  buscat bench --mode latency --wait block --json | jq .latency_ns.p99
  buscat bench --mode latency --wait block --size 1MiB --early-wake`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 0 && c.Flags().Changed("pin") {
				return usage(c, "--pin %s: what to pin to is written behind '=': --pin=%[1]s", args[0])
			}
			return cli.Nothing(c, args)
		},
		RunE: func(c *cobra.Command, _ []string) error { return a.runBench(c, o) },
	}
	f := c.Flags()
	f.SortFlags = false
	f.StringVar(&o.mode, "mode", bench.ThroughputMode, "`what` to measure: throughput or latency")
	f.Var(&o.size, "size", "`bytes` in a frame; units like 1KiB are understood")
	f.Uint64Var(&o.count, "count", 0, "measure `N` frames, or round trips, in all (default: as many as take\n--duration)")
	f.DurationVar(&o.duration, "duration", 2*time.Second, "time of the measurement in all; the bare hardware takes a little more")
	f.IntVar(&o.publishers, "publishers", 1, "`number` of publishers")
	f.IntVar(&o.subscribers, "subscribers", 1, "`number` of subscribers")
	f.StringVar(&o.policy, "policy", "lossless", "of the topic: lossless or overwrite")
	f.BoolVar(&o.exclusive, "exclusive", false, "the topic takes one publisher only")
	f.BoolVar(&o.time, "time", false, "frames carry their time")
	f.StringVar(&o.wait, "wait", "", "how subscribers wait: spin, adaptive or block (default: spin if there is\na CPU for each process, or else adaptive)")
	f.BoolVar(&o.early, "early-wake", false, "wake subscribers while a frame of 32 KiB or more is still being\nwritten, as bus.EarlyWake does")
	f.IntVar(&o.batch, "batch", 1, "`frames` a call; a subscriber takes what is there, up to 32")
	f.StringVar(&o.pin, "pin", "", "pin each process to a CPU: true, false, or a list of CPUs like 0,2,\npublishers first (default: true if there are enough)")
	f.Lookup("pin").NoOptDefVal = "true"
	f.IntVar(&o.slots, "slots", 0, "`number` of slots in the ring (default: by size)")
	f.Var((*bytesize.Size)(&o.cell), "cell", "payload `bytes` in a slot (default: by size)")
	f.IntVar(&o.turns, "turns", 0, "how often to take turns with the bare hardware (default 21, less if\n--duration is short)")
	f.StringVar(&o.svg, "svg", "", "draw the result into `FILE`; -: instead of the text")
	f.BoolVar(&o.json, "json", false, "print a JSON object")
	return c
}

func (a *app) runBench(c *cobra.Command, o *benchOptions) error {
	spec, err := o.spec(c)
	if err != nil {
		return err
	}
	if a.dir == "" && c.Flags().Changed("bus") {
		return usage(c, "--bus names no directory")
	}
	if o.svg == "-" && o.json {
		return usage(c, "--svg - and --json: both are for standard output; name a file for the picture")
	}
	spec.Bus, spec.Stderr = a.dir, a.errOut
	toFile := o.svg != "" && o.svg != "-"
	draw := wholefile.Replace
	if i, err := os.Stat(o.svg); toFile && err == nil && !i.Mode().IsRegular() && !i.IsDir() { // a pipe or a device: nothing is to be replaced
		draw = func(path string, picture []byte) error { return os.WriteFile(path, picture, 0o666) }
	} else if toFile { // a mistake is better found now than in the end
		if err := wholefile.CanReplace(o.svg); err != nil {
			return fmt.Errorf("--svg: %w", err)
		}
	}
	for _, w := range benchWarnings(spec, bench.AllowedCPUs()) {
		a.say("%s", w)
	}
	done := a.progress(c.Context(), &spec)
	r, err := measureBench(c.Context(), spec)
	done()
	if err != nil {
		return err
	}
	text := benchText(r)
	switch {
	case o.svg == "-":
		text = benchSVG(r)
	case o.json:
		if text, err = marshal(newBenchJSON(r)); err != nil {
			return err
		}
		text = append(text, '\n')
	}
	if _, err = a.out.Write(text); err != nil {
		return outputError(err)
	}
	if toFile {
		return draw(o.svg, benchSVG(r))
	}
	return nil
}

// measureBench measures. What it has begun, it ends: main must not end the process before its children have, and their files are gone.
func measureBench(ctx context.Context, spec bench.Spec) (*bench.Result, error) {
	finishing.Add(1)
	defer finishing.Done()
	return bench.Measure(ctx, spec)
}

// progress shows on a terminal how far a measurement is. What it returns takes that away. A terminal that takes nothing, after Ctrl-S, holds the
// measurement up, but not its end when ctx is done.
func (a *app) progress(ctx context.Context, spec *bench.Spec) (done func()) {
	f, ok := a.errOut.(*os.File)
	if !ok || !isTerminal(f) {
		return func() {}
	}
	const wipe = "\r\x1b[K"
	_, _ = f.WriteString("measuring")
	spec.Progress = func(turn int) {
		written := make(chan struct{})
		go func() {
			defer close(written)
			_, _ = f.WriteString(wipe + fmt.Sprintf("measuring: %d of %d turns done", turn, spec.Turns))
		}()
		select {
		case <-written: // not beside the next turn
		case <-ctx.Done():
		}
	}
	return func() { _, _ = f.WriteString(wipe) }
}
