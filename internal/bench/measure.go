//go:build linux

package bench

import (
	"context"
	"fmt"
	"time"
)

const (
	// asideShare is the part of the measurement's time that those bare jobs get that it is not compared with. The one that it is
	// compared with gets as much as it: what else runs on the machine hits long jobs more than short ones.
	asideShare = 6
	// bareWithCount is the time of each bare job in a turn, when it is the frames that are counted.
	bareWithCount = 10 * time.Millisecond
)

// against is the bare job that a mode is compared with.
var against = map[string]string{ThroughputMode: Stream.Name, LatencyMode: Ring.Name}

// Measure does a whole measurement: the bare hardware and the bus in turn.
func Measure(ctx context.Context, s Spec) (*Result, error) {
	c, err := Start(ctx, s.CrewSpec)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	r, err := c.measure(s)
	return r, ended(ctx, err)
}

func (c *Crew) measure(s Spec) (*Result, error) {
	job := Job{Name: s.Mode, Topic: &s.Topic, Size: s.Size, Batch: s.Batch, Wait: s.Wait, Early: s.Early, Each: s.Mode == LatencyMode}
	var tasks []*Task
	for _, j := range []Job{Line, Ring, Stream, job} {
		t, err := c.Task(j)
		if err != nil {
			return nil, err
		}
		tasks = append(tasks, t)
	}
	counts := make([]uint64, len(tasks))
	for i, t := range tasks {
		long := s.Duration / time.Duration(s.Turns)
		switch {
		case t.job.Topic != nil && s.Count > 0:
			continue
		case t.job.Topic == nil && s.Count > 0:
			long = bareWithCount
		case t.job.Topic == nil && t.job.Name != against[s.Mode]:
			long /= asideShare
		}
		var err error
		if counts[i], err = t.enough(long); err != nil {
			return nil, err
		}
	}
	if s.Batch > 1 {
		counts[3] = max(counts[3], uint64(s.Batch*s.Publishers)) // shorter ones are not what is to be measured
	}
	r := &Result{Spec: s}
	for turn := range s.Turns {
		if s.Count > 0 {
			i, n := uint64(turn), uint64(s.Turns)
			counts[3] = s.Count*(i+1)/n - s.Count*i/n
		}
		var o [4]Outcome
		for i, t := range tasks {
			var err error
			if o[i], err = t.Run(counts[i]); err != nil {
				return nil, err
			}
		}
		if got := o[3]; s.Mode == ThroughputMode && got.Received+got.Lost != counts[3]*uint64(s.Subscribers) {
			return nil, fmt.Errorf("%d subscribers have received %d frames and lost %d of %d", s.Subscribers, got.Received, got.Lost, counts[3])
		}
		r.Turns = append(r.Turns, Turn{Line: o[0].NS, Ring: o[1].NS, Stream: o[2].NS, Outcome: o[3]})
		if s.Progress != nil {
			s.Progress(turn + 1)
		}
	}
	for _, t := range tasks {
		if err := t.Close(); err != nil {
			return nil, err
		}
	}
	return r, nil
}
