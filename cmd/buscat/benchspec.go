package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"shmbus/bus"
	"shmbus/internal/bench"
	"shmbus/topics"
)

// benchTurns is how many turns a measurement has. A verdict needs ten; more of them are better than longer ones.
const (
	benchTurns   = 21
	verdictTurns = 10
	turnAtLeast  = 50 * time.Millisecond // so long should a turn be
)

// spec is the measurement that the flags ask for.
func (o *benchOptions) spec(c *cobra.Command) (s bench.Spec, err error) {
	if err := o.check(c); err != nil {
		return s, err
	}
	s = bench.Spec{Mode: o.mode, Size: int(o.size), Batch: o.batch, Count: o.count, Duration: o.duration, Turns: o.turns}
	s.Publishers, s.Subscribers, s.Early = o.publishers, o.subscribers, o.early
	if s.Turns == 0 {
		s.Turns = benchTurns
		if s.Count > 0 {
			whole := uint64(1)
			if o.batch > 1 {
				whole = uint64(o.publishers * o.batch)
			}
			s.Turns = int(min(benchTurns, max(1, s.Count/whole)))
		} else if n := int(s.Duration / turnAtLeast); n < benchTurns {
			s.Turns = max(1, n)
		}
	}
	if s.Topic, err = o.topic(c); err != nil {
		return s, err
	}
	if err := o.memory(c); err != nil {
		return s, err
	}
	allowed := bench.AllowedCPUs()
	if err := o.pins(c, &s, allowed); err != nil {
		return s, err
	}
	if s.Wait = bench.Wait(o.wait); o.wait == "" {
		s.Wait = bench.Adaptive
		if o.publishers+o.subscribers <= len(allowed) {
			s.Wait = bench.Spin
		}
	}
	return s, nil
}

// check says what makes no sense.
func (o *benchOptions) check(c *cobra.Command) error {
	latency := o.mode == bench.LatencyMode
	changed := c.Flags().Changed
	switch {
	case o.mode != bench.ThroughputMode && !latency:
		return usage(c, "--mode %q: it is throughput or latency", o.mode)
	case o.policy != "lossless" && o.policy != "overwrite":
		return usage(c, "--policy %q: it is lossless or overwrite", o.policy)
	case changed("wait") && !slices.Contains([]bench.Wait{bench.Spin, bench.Adaptive, bench.Block}, bench.Wait(o.wait)):
		return usage(c, "--wait %q: it is spin, adaptive or block", o.wait)
	case changed("pin") && o.pin == "":
		return usage(c, "--pin is empty: it is true, false, or numbers of CPUs with commas between them")
	case changed("svg") && o.svg == "":
		return usage(c, "--svg names no file")
	case o.publishers < 1 || o.subscribers < 1:
		return usage(c, "there must be a publisher and a subscriber")
	case o.publishers > maxCrew || o.subscribers > maxCrew:
		return usage(c, "--publishers and --subscribers are at most %d: each is a process", maxCrew)
	case latency && o.publishers > 1:
		return usage(c, "--publishers %d: for latency there is one, since one frame at a time is under way", o.publishers)
	case latency && o.batch > 1:
		return usage(c, "--batch %d: for latency one frame at a time is under way", o.batch)
	case o.exclusive && o.publishers > 1:
		return usage(c, "--exclusive and --publishers %d: an exclusive topic takes one publisher", o.publishers)
	case o.batch < 1 || o.batch > maxBatch:
		return usage(c, "--batch %d: it is a number of frames from 1 to %d", o.batch, maxBatch)
	case changed("turns") && (o.turns < 1 || o.turns > maxTurns):
		return usage(c, "--turns %d: it is a number from 1 to %d", o.turns, maxTurns)
	case changed("count") && o.count < 1:
		return usage(c, "--count 0: there must be a frame to measure")
	case changed("count") && changed("duration"):
		return usage(c, "--count and --duration: give one of the two")
	case changed("count") && uint64(o.turns) > o.count:
		return usage(c, "--turns %d: there are only %d frames for them", o.turns, o.count)
	case changed("count") && o.batch > 1 && uint64(max(1, o.turns)*o.publishers*o.batch) > o.count:
		return usage(c, "--batch %d: %s in %s are no whole batch for %s; count more, or make it smaller",
			o.batch, frames(o.count), count(max(1, o.turns), "turn"), count(o.publishers, "publisher"))
	case o.duration < time.Millisecond:
		return usage(c, "--duration %v: it is a time of 1ms or more", o.duration)
	}
	return nil
}

const (
	maxCrew  = 64 // the places for publishers and for subscribers that a topic has by default
	maxBatch = 65536
	maxTurns = 1000 // a histogram each is kept
)

func (o *benchOptions) topic(c *cobra.Command) (t bus.TopicOptions, err error) {
	t = bus.TopicOptions{Slots: o.slots, CellSize: o.cell, Exclusive: o.exclusive, NoTime: !o.time}
	if o.policy == "lossless" {
		t.Policy = bus.PolicyLossless
	}
	if t.CellSize == 0 {
		t.CellSize = bench.CellFor(int(o.size))
	}
	if t.Slots == 0 {
		crowded := o.publishers+o.subscribers > len(bench.AllowedCPUs())
		t.Slots = bench.SlotsFor(int(o.size), t.CellSize, crowded)
	}
	g, err := (topics.Geometry{Slots: t.Slots, CellSize: t.CellSize, Policy: t.Policy}).Normal()
	if err != nil {
		return t, usage(c, "%w", err)
	}
	if o.size > math.MaxUint32 {
		return t, usage(c, "--size %d: no frame has more than %d bytes", o.size, math.MaxUint32)
	}
	if int(o.size) > g.MaxFrame() {
		return t, usage(c, "--size %d: frames may have up to %d bytes in %d slots of %d; make the ring larger with --slots or --cell",
			o.size, g.MaxFrame(), g.Slots, g.CellSize)
	}
	t.Slots, t.CellSize = g.Slots, g.CellSize // the report says what was measured
	return t, nil
}

// framesMemory is what the frames of all publishers may take together, or one batch of each, in bytes. A longer batch than a quarter of the ring gains
// little: the bus claims no more at a time.
const framesMemory = 1 << 30

// memory refuses frames and batches that take too much of it. The size of a frame is one that a ring takes, so that nothing overflows.
func (o *benchOptions) memory(c *cobra.Command) error {
	each := o.publishers * int(o.size)
	switch {
	case o.batch <= framesMemory/each:
		return nil
	case framesMemory < each:
		return usage(c, "--size %s: in %s that is %s of memory beside the ring, and %s is the most; make --size smaller",
			size(int(o.size)), count(o.publishers, "publisher"), size(each), size(framesMemory))
	}
	return usage(c, "--batch %d: with frames of %s that is %s of memory in %s, and %s is the most; make --batch %d or less, or --size smaller",
		o.batch, size(int(o.size)), size(each*o.batch), count(o.publishers, "publisher"), size(framesMemory), framesMemory/each)
}

// pins decides who is pinned to which CPU. The spec counts CPUs among those allowed.
func (o *benchOptions) pins(c *cobra.Command, s *bench.Spec, allowed []int) error {
	all := make([]int, len(allowed))
	for i := range all {
		all[i] = i
	}
	switch enough := o.publishers+o.subscribers <= len(allowed); {
	case o.pin == "true", o.pin == "" && enough:
		s.CPUs = all
	case o.pin == "false", o.pin == "":
	default:
		for word := range strings.SplitSeq(o.pin, ",") {
			n, err := strconv.Atoi(word)
			if err != nil {
				return usage(c, "--pin %q: it is true, false, or numbers of CPUs with commas between them", o.pin)
			}
			i := slices.Index(allowed, n)
			if i < 0 {
				return usage(c, "--pin %d: this process may use the CPUs %s", n, commas(allowed))
			}
			s.CPUs = append(s.CPUs, i)
		}
	}
	switch {
	case len(s.CPUs) > 0: // as in the measurement
		s.BareCPUs = []int{s.CPUs[0], s.CPUs[o.publishers%len(s.CPUs)]}
	case o.pin == "":
		s.BareCPUs = all[:min(2, len(all))]
	}
	return nil
}

func commas(all []int) string {
	words := make([]string, len(all))
	for i, n := range all {
		words[i] = strconv.Itoa(n)
	}
	return strings.Join(words, ", ")
}

// benchWarnings are what the user should know about a measurement before it begins.
func benchWarnings(s bench.Spec, allowed []int) (all []string) {
	processes := s.Publishers + s.Subscribers
	cpus := len(allowed)
	if len(s.CPUs) > 0 {
		used := slices.Clone(s.CPUs[:min(processes, len(s.CPUs))])
		slices.Sort(used)
		cpus = len(slices.Compact(used))
	}
	if s.Wait == bench.Spin && processes > cpus && cpus > 0 {
		all = append(all, fmt.Sprintf("%d processes spin on %s: they keep each other from running, and the figures say little; try --wait adaptive",
			processes, count(cpus, "CPU")))
	}
	if n := len(s.BareCPUs); len(allowed) == 1 || n == 1 || n == 2 && s.BareCPUs[0] == s.BareCPUs[1] {
		all = append(all, "the bare hardware is measured on one CPU: that is how long the scheduler takes, and no calibration")
	}
	if len(s.CPUs) == 0 && s.BareCPUs != nil {
		all = append(all, fmt.Sprintf("%d processes have %s: they are not pinned, only the calibration is", processes, count(len(allowed), "CPU")))
	}
	return all
}
