package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"shmbus/bus"
)

// A topSample is what top saw of the bus at one moment.
type topSample struct {
	at      time.Time
	topics  []topTopic // by name
	absent  bool       // the bus directory is not there
	trouble string     // what could not be read
}

// A topTopic is one topic in a sample.
type topTopic struct {
	bus.TopicInfo
	lag     uint64 // slots, of the subscriber that is furthest behind
	lost    uint64 // frames, of all subscribers that have joined
	blocked time.Duration
	partial bool // only the TopicInfo was looked at
}

// sampleBus looks at all topics. It only reads. Who publishes and subscribes is looked at where somebody may lag, lose or be blocked, and
// on the topics that are shown: for all it would cost as much again.
func sampleBus(b *bus.Bus, shown map[string]bool) topSample {
	s := topSample{at: time.Now()}
	all, err := b.Topics()
	if err != nil {
		s.trouble = text(err)
	}
	for _, info := range all {
		t := topTopic{TopicInfo: info, partial: true}
		if info.Subscribers > 0 || info.Publishers > 0 && (info.Policy == bus.PolicyLossless || shown[info.Name]) {
			stat, err := b.Stat(info.Name)
			switch {
			case errors.Is(err, bus.ErrNoTopic):
				continue // it has just gone
			case err != nil:
				s.trouble = text(err)
			default:
				t = newTopTopic(stat)
			}
		}
		s.topics = append(s.topics, t)
	}
	if len(all) == 0 && err == nil {
		_, err := os.Stat(b.Dir())
		s.absent = errors.Is(err, fs.ErrNotExist)
	}
	return s
}

func newTopTopic(s bus.TopicStat) topTopic {
	t := topTopic{TopicInfo: s.TopicInfo}
	for _, u := range s.SubscriberList {
		t.lag = max(t.lag, u.Lag)
		t.lost += u.Lost
	}
	for _, g := range s.GroupList {
		t.lag = max(t.lag, g.Lag)
	}
	for _, p := range s.PublisherList {
		t.blocked += p.Blocked
	}
	return t
}

// topHistory is how many rates of a topic top remembers.
const topHistory = 60

// A topRow is a topic in the table: what was seen last, and how it came to be so.
type topRow struct {
	topTopic
	frames  float64   // a second, -1 if it is not known yet
	bytes   float64   // a second
	rates   []float64 // frames a second, oldest first
	losing  bool      // frames were lost since the sample before
	waiting bool      // publishers were blocked since then
}

// next is the row after one more sample of its topic, dt after the one before. fresh says that the topic was not in that.
func (r topRow) next(t topTopic, dt time.Duration, fresh bool) topRow {
	n := topRow{topTopic: t, frames: -1, rates: r.rates}
	was := r.topTopic
	if fresh || !was.Made.Equal(t.Made) || t.Frames < was.Frames || t.Bytes < was.Bytes { // made, or made again
		was, n.rates = topTopic{}, nil
	}
	if t.partial && t.Publishers > 0 {
		n.blocked = was.blocked
	}
	if dt <= 0 { // the first sample tells no rate
		return n
	}
	n.frames = float64(t.Frames-was.Frames) / dt.Seconds()
	n.bytes = float64(t.Bytes-was.Bytes) / dt.Seconds()
	n.losing, n.waiting = t.lost > was.lost, n.blocked > was.blocked
	if len(n.rates) >= topHistory {
		n.rates = n.rates[len(n.rates)-topHistory+1:]
	}
	n.rates = append(n.rates[:len(n.rates):len(n.rates)], n.frames)
	return n
}

// lagShare is the lag in hundredths of the ring.
func (t topTopic) lagShare() int {
	if t.Slots <= 0 {
		return 0
	}
	return int(min(t.lag, uint64(t.Slots)) * 100 / uint64(t.Slots))
}

// sparkline draws the newest of the rates, width of them, the largest as a full block. What is more than nothing is seen.
func sparkline(rates []float64, width int) string {
	const blocks = "▁▂▃▄▅▆▇█"
	if width <= 0 {
		return ""
	}
	if len(rates) > width {
		rates = rates[len(rates)-width:]
	}
	top := 0.0
	for _, r := range rates {
		top = max(top, r)
	}
	line := make([]rune, 0, width)
	for range width - len(rates) {
		line = append(line, ' ')
	}
	for _, r := range rates {
		level := 0
		if r > 0 {
			level = 1 + int(r/top*6.5)
		}
		line = append(line, []rune(blocks)[min(level, 7)])
	}
	return string(line)
}

// short is a number in at most six columns: 0.25, 12.3, 999, 12.3k, 4.56M.
func short(v float64) string {
	switch {
	case v < 0:
		return "-"
	case v == 0:
		return "0"
	case v < 0.01:
		return "<0.01"
	}
	units := []string{"", "k", "M", "G", "T", "P", "E"}
	for v >= 999.5 && len(units) > 1 {
		v, units = v/1000, units[1:]
	}
	if units[0] == "" && v == float64(int(v)) {
		return fmt.Sprintf("%.0f", v)
	}
	return digits(v) + units[0]
}

// shortBytes is a number of bytes in at most eight columns.
func shortBytes(v float64) string {
	if v < 0 {
		return "-"
	}
	units := []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}
	for v >= 999.5 && len(units) > 1 {
		v, units = v/1024, units[1:]
	}
	if units[0] == "B" && (v >= 1 || v == 0) {
		return fmt.Sprintf("%.0f B", v)
	}
	return digits(v) + " " + units[0]
}

// digits is three digits of a number below 1000.
func digits(v float64) string {
	switch {
	case v < 9.995:
		return fmt.Sprintf("%.2f", v)
	case v < 99.95:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.0f", v)
}

// shortTime is a duration in at most seven columns.
func shortTime(d time.Duration) string {
	switch {
	case d <= 0:
		return "0"
	case d < time.Millisecond:
		return "<1ms"
	case d < 10*time.Second:
		return d.Round(time.Millisecond).String()
	case d < 100*time.Minute:
		return d.Round(time.Second).String()
	case d < 100*time.Hour:
		return fmt.Sprintf("%dh", d/time.Hour)
	}
	return fmt.Sprintf("%dd", d/(24*time.Hour))
}
