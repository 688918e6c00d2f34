package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"shmbus/bus"
)

// subscribe receives all frames, shows some of them, and sums up.
func subscribe(ctx context.Context, o options) error {
	b, err := bus.Open(o.dir)
	if err != nil {
		return err
	}
	defer b.Close()

	// Whoever starts first: WaitForTopic waits for the publisher to make the topic, FromOldest reads what it has sent by then.
	s, err := b.Subscribe(ctx, topic, bus.WaitForTopic(), bus.FromOldest(), bus.Lossless())
	if err != nil {
		return err
	}
	defer s.Close()

	latencies := make([]time.Duration, 0, o.frames)
	for f, err := range s.Frames(ctx) { // each frame is released when the loop goes on
		if err != nil {
			return err
		}
		latency := time.Since(f.Time()) // both processes read the same clock
		latencies = append(latencies, latency)
		if n := len(latencies); shown(n-1, o.frames) {
			if err := show(f, latency); err != nil {
				return err
			}
		}
		if len(latencies) == o.frames {
			break
		}
	}
	slices.Sort(latencies)
	fmt.Printf("\n%d frames received, %d lost; one way: p50 %v, p99 %v, max %v\n", len(latencies), s.Lost(),
		percentile(latencies, 50), percentile(latencies, 99), percentile(latencies, 100))
	return nil
}

// shown says whether frame i of n is to be printed: ten pairs of all.
func shown(i, n int) bool {
	step := max(n/10, 2) &^ 1
	return i%step < 2
}

// show prints one frame. Its bytes are the ring's own memory here, and are valid until Release.
func show(f *bus.Frame, latency time.Duration) error {
	what := ""
	switch f.Kind() {
	case bus.KindMsgpack:
		r, err := bus.Decode[Reading](f)
		if err != nil {
			return err
		}
		what = fmt.Sprintf("msgpack  %+v", r)
	case bus.KindRaw:
		what = fmt.Sprintf("raw      %q", f.Bytes())
	}
	_, err := fmt.Fprintf(os.Stdout, "frame %5d  %9v  %s\n", f.Sequence(), latency, what)
	return err
}

// percentile is the value below which p percent of the sorted values lie.
func percentile(sorted []time.Duration, p int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)*p/100, len(sorted)-1)].Round(100 * time.Nanosecond)
}
