package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func (a *app) hzCommand() *cobra.Command {
	o := &measureOptions{}
	c := &cobra.Command{
		Use:   "hz TOPIC...",
		Short: "Measure how often frames are published",
		Long: `Hz prints each second how many frames a second are published on topics, and the
least, mean and greatest gap between two of them, and its standard deviation,
over the last ten seconds (--window). At its end, by -n, --duration or Ctrl-C, it
prints the same over all of the time. It reads as a tap: nobody waits for it.

While nothing comes it says so once, and if no frame has come at all nothing at
its end; with --json it goes on. The exit code is 1 if --duration is over then.

The gaps are between the times at which the publishers committed the frames, so
how quick this program is does not matter; frames published in one batch share
their time. On topics made without time it is when they were received.

No frame is missed in the count: what the tap is too slow for it loses, but it
knows exactly how many those are, and they count in the rate. Only the gaps
around them are left out.

TOPIC may be a pattern: sensors/*/temp, or sensors/** for all below; topics that
come later are included.`,
		Example: `  buscat hz sensors/imu/0
  buscat hz 'sensors/**'
  buscat hz --json -n 1000 numbers | jq 'select(.final).rate'`,
		RunE: func(c *cobra.Command, args []string) error {
			return a.measure(c, args, *o, gauge{hzText, hzObject})
		},
	}
	o.flags(c)
	return c
}

func hzText(s span) string {
	g := s.gaps
	gaps := "no gap between two frames yet"
	if g.n > 0 {
		gaps = fmt.Sprintf("gap min %s mean %s max %s std dev %s", nice(g.min), nice(g.mean), nice(g.max), nice(g.deviation()))
	}
	return fmt.Sprintf("%s frames/s, %s, window %s%s", each(s.frequency()), gaps, frames(s.seen()), lostText(s))
}

// hzJSON is a line of hz --json.
type hzJSON struct {
	Topic        string  `json:"topic"`
	Rate         float64 `json:"rate"`
	GapMin       int64   `json:"gap_min_ns"`
	GapMean      float64 `json:"gap_mean_ns"`
	GapMax       int64   `json:"gap_max_ns"`
	GapDeviation float64 `json:"gap_std_dev_ns"`
	Gaps         uint64  `json:"gaps"`
	Window       uint64  `json:"window_frames"`
	News         uint64  `json:"new_frames"`
	Frames       uint64  `json:"frames"`
	Lost         uint64  `json:"lost"`
	Elapsed      float64 `json:"elapsed_s"`
	Final        bool    `json:"final,omitempty"`
}

func hzObject(r reading) any {
	w, g := r.window, r.window.gaps
	return hzJSON{
		Topic: r.topic, Rate: w.frequency(),
		GapMin: int64(g.min), GapMean: g.mean, GapMax: int64(g.max), GapDeviation: g.deviation(), Gaps: g.n,
		Window: w.seen(), News: r.now.seen(), Frames: r.total.seen(), Lost: r.total.lost,
		Elapsed: r.total.elapsed.Seconds(), Final: r.final,
	}
}
