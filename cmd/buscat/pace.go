package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A rate is the --rate flag: how many frames a second.
type rate float64

func (r *rate) String() string {
	return strconv.FormatFloat(float64(*r), 'g', -1, 64)
}

func (r *rate) Type() string { return "rate" }

func (r *rate) Set(s string) error {
	v, err := strconv.ParseFloat(strings.TrimSuffix(s, "/s"), 64)
	if err != nil || !(v > 0 && v <= 1e9) {
		return fmt.Errorf("it is the number of frames a second, above 0 and up to 1e9")
	}
	*r = rate(v)
	return nil
}

// catchUp is how far behind its time a frame may be for the next ones not to be put off as well. It makes up for timers that are
// late; what the input held up is not made up for.
const catchUp = 10 * time.Millisecond

// A pacer says when frames are due.
type pacer struct {
	every float64 // ns
	due   time.Time
}

// longest is as long as there may be between two frames: for ever, in a time.Duration.
const longest = 100 * 365 * 24 * time.Hour

func newPacer(r rate) *pacer { return &pacer{every: min(1e9/float64(r), float64(longest))} }

// wait waits until at least one frame is due, and says how many of n are.
func (p *pacer) wait(ctx context.Context, n int) (int, error) {
	now := time.Now()
	if oldest := now.Add(-catchUp); p.due.Before(oldest) {
		p.due = oldest
		if p.every > float64(catchUp) {
			p.due = now
		}
	}
	if d := p.due.Sub(now); d > 0 {
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
		now = time.Now()
	}
	ready := 1 + int(float64(now.Sub(p.due))/p.every)
	ready = max(1, min(n, ready))
	p.due = p.due.Add(time.Duration(float64(ready) * p.every))
	return ready, nil
}
