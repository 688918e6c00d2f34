//go:build linux

package main

import (
	"context"
	"fmt"
	"os"

	"shmbus/bench/report"
	"shmbus/bus"
	"shmbus/internal/bench"
)

// A crewRunner is shmbus itself, measured by the code of "buscat bench".
type crewRunner struct {
	crew *bench.Crew
	task *bench.Task
	cell report.Cell
}

// exclusive is the job on a topic that takes one publisher.
func exclusive(j bench.Job) bench.Job {
	j.Topic = &bus.TopicOptions{Exclusive: true}
	return j
}

// startOurs starts processes and prepares the job for a cell, on topics like t. If they are pinned they are on the first two CPUs, as those of
// peers.
func startOurs(ctx context.Context, j bench.Job, cell report.Cell, t bus.TopicOptions, pin bool) (runner, error) {
	t.Exclusive = j.Topic != nil && j.Topic.Exclusive
	j.Topic = &t
	return startOn(ctx, j, cell, pin)
}

// startOn is startOurs with the topic that the job has.
func startOn(ctx context.Context, j bench.Job, cell report.Cell, pin bool) (runner, error) {
	j.Name, j.Size = cell.Mode, cell.Size
	j.Each = cell.Mode == report.Latency
	spec := crewSpec(cell.Pubs, cell.Subs)
	if !pin {
		spec.CPUs = nil
	}
	crew, err := bench.Start(ctx, spec)
	if err != nil {
		return nil, err
	}
	task, err := crew.Task(j)
	if err != nil {
		crew.Close()
		return nil, err
	}
	return &crewRunner{crew, task, cell}, nil
}

func crewSpec(pubs, subs int) bench.CrewSpec {
	on := []int{0, 1}
	return bench.CrewSpec{Publishers: pubs, Subscribers: subs, CPUs: on, BareCPUs: on, Stderr: os.Stderr}
}

// topic is one that "buscat bench" would make. Frames carry no time, as those of peers carry none.
func topic(c report.Cell) bus.TopicOptions {
	cell := bench.CellFor(c.Size)
	slots := bench.SlotsFor(c.Size, cell, c.Processes() > cpus())
	return bus.TopicOptions{Policy: bus.PolicyLossless, CellSize: cell, Slots: slots, NoTime: true}
}

func (r *crewRunner) run(n uint64) (outcome, error) {
	o, err := r.task.Run(n)
	if want := n * uint64(r.cell.Subs); err == nil && r.cell.Mode == report.Throughput && (o.Received != want || o.Lost > 0) {
		err = fmt.Errorf("%d frames of %d have come, %d are counted as lost", o.Received, want, o.Lost)
	}
	return outcome{took: o.Took, hist: o.Hist}, err
}

func (r *crewRunner) pids() []int { return r.crew.Pids() }

func (r *crewRunner) close() {
	_ = r.task.Close() // the crew removes what this leaves
	r.crew.Close()
}

// fewest is how many messages of the bare line, ring and stream are at least some milliseconds.
var fewest = [3]uint64{10_000, 10_000, 100_000}

// A calibrator measures the bare hardware, with processes of its own.
type calibrator struct {
	crew   *bench.Crew
	tasks  [3]*bench.Task
	counts [3]uint64
}

func startCalibrator(ctx context.Context) (c *calibrator, err error) {
	c = &calibrator{}
	if c.crew, err = bench.Start(ctx, crewSpec(1, 1)); err != nil {
		return nil, err
	}
	for i, j := range []bench.Job{bench.Line, bench.Ring, bench.Stream} {
		if c.tasks[i], err = c.crew.Task(j); err == nil {
			c.counts[i], err = enough(func(n uint64) (outcome, error) {
				o, err := c.tasks[i].Run(n)
				return outcome{took: o.Took}, err
			}, bareTime, 1)
			c.counts[i] = max(c.counts[i], fewest[i]) // a hiccup on the way may have made it a few messages
		}
		if err != nil {
			c.crew.Close()
			return nil, err
		}
	}
	return c, nil
}

// line is the bare line alone, which says how near the cores are.
func (c *calibrator) line() (report.Bare, error) {
	o, err := c.tasks[0].Run(c.counts[0])
	return report.Bare{Line: o.NS}, err
}

// measure takes some fifty milliseconds, most of them for what contenders of that mode are compared with.
func (c *calibrator) measure(mode string) (report.Bare, error) {
	longer := map[string]int{report.Latency: 1, report.Throughput: 2}[mode]
	var ns [3]float64
	for i, t := range c.tasks {
		n := c.counts[i]
		if i == longer {
			n *= bareLonger
		}
		o, err := t.Run(n)
		if err != nil {
			return report.Bare{}, err
		}
		ns[i] = o.NS
	}
	return report.Bare{Line: ns[0], Ring: ns[1], Stream: ns[2]}, nil
}
