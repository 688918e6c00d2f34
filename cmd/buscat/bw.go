package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func (a *app) bwCommand() *cobra.Command {
	o := &measureOptions{}
	c := &cobra.Command{
		Use:   "bw TOPIC...",
		Short: "Measure how many bytes are published",
		Long: `Bw prints each second how many bytes and frames a second are published on
topics, and the least, mean and greatest size of a frame, over the last ten
seconds (--window). At its end, by -n, --duration or Ctrl-C, it prints the same
over all of the time.

While nothing comes it says so once, and if no frame has come at all nothing at
its end; with --json it goes on. The exit code is 1 if --duration is over then.

Bytes, frames and the mean come from the topic's own counters, and are exact
however fast the topic is. For the least and the greatest size it reads along as
a tap, for which nobody waits: of frames that it loses it does not know the size,
and says how many they are. When a topic is removed, what was published on it
since the line before is not counted.

TOPIC may be a pattern: sensors/*/temp, or sensors/** for all below; topics that
come later are included.`,
		Example: `  buscat bw camera/front
  buscat bw 'camera/*' --interval 5s --window 1m
  buscat bw --json --duration 10s video | jq 'select(.final).bytes_per_second'`,
		RunE: func(c *cobra.Command, args []string) error {
			return a.measure(c, args, *o, gauge{bwText, bwObject})
		},
	}
	o.flags(c)
	return c
}

func bwText(s span) string {
	sizes := ""
	if s.sizes.n > 0 {
		sizes = fmt.Sprintf(", size min %s mean %s max %s", size(int64(s.sizes.min)), size(int64(s.meanSize()+0.5)), size(int64(s.sizes.max)))
	}
	return fmt.Sprintf("%s/s, %s frames/s%s, window %s%s",
		size(int64(s.bytesPerSecond()+0.5)), each(s.framesPerSecond()), sizes, frames(s.published), lostText(s))
}

// bwJSON is a line of bw --json.
type bwJSON struct {
	Topic           string  `json:"topic"`
	BytesPerSecond  float64 `json:"bytes_per_second"`
	FramesPerSecond float64 `json:"frames_per_second"`
	SizeMin         int64   `json:"size_min"`
	SizeMean        float64 `json:"size_mean"`
	SizeMax         int64   `json:"size_max"`
	Window          uint64  `json:"window_frames"`
	News            uint64  `json:"new_frames"`
	Frames          uint64  `json:"frames"`
	Bytes           uint64  `json:"bytes"`
	Lost            uint64  `json:"lost"`
	Elapsed         float64 `json:"elapsed_s"`
	Final           bool    `json:"final,omitempty"`
}

func bwObject(r reading) any {
	w := r.window
	return bwJSON{
		Topic: r.topic, BytesPerSecond: w.bytesPerSecond(), FramesPerSecond: w.framesPerSecond(),
		SizeMin: int64(w.sizes.min), SizeMean: w.meanSize(), SizeMax: int64(w.sizes.max),
		Window: w.published, News: r.now.published, Frames: r.total.published, Bytes: r.total.bytes, Lost: r.total.lost,
		Elapsed: r.total.elapsed.Seconds(), Final: r.final,
	}
}
