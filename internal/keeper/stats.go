package keeper

import (
	"time"

	"shmbus/plugins"
)

// A TopicStats is a frame on $bus/stats about a topic. It is published when something has been published on the topic or somebody has come or
// gone, and each ten seconds.
type TopicStats struct {
	Topic       string    `msgpack:"topic" json:"topic"`
	Time        time.Time `msgpack:"time" json:"time"`
	FrameRate   float64   `msgpack:"frames_per_second" json:"frames_per_second"`
	ByteRate    float64   `msgpack:"bytes_per_second" json:"bytes_per_second"`
	LossRate    float64   `msgpack:"lost_per_second" json:"lost_per_second"`
	Frames      uint64    `msgpack:"frames" json:"frames"` // since the topic was made
	Bytes       uint64    `msgpack:"bytes" json:"bytes"`
	Publishers  int       `msgpack:"publishers" json:"publishers"`
	Subscribers int       `msgpack:"subscribers" json:"subscribers"`
	Lag         uint64    `msgpack:"lag" json:"lag"`         // slots, of the subscription or group that is furthest behind
	Lost        uint64    `msgpack:"lost" json:"lost"`       // frames, since busd looks
	Blocked     float64   `msgpack:"blocked" json:"blocked"` // seconds that publishers have waited for room, since busd looks
}

// A PluginStats is a frame on $bus/stats about a plugin.
type PluginStats struct {
	Plugin    string        `msgpack:"plugin" json:"plugin"`
	Time      time.Time     `msgpack:"time" json:"time"`
	Phase     plugins.Phase `msgpack:"phase" json:"phase"`
	PID       int           `msgpack:"pid" json:"pid"`
	CPU       float64       `msgpack:"cpu_percent" json:"cpu_percent"` // of a core
	RSS       int64         `msgpack:"rss" json:"rss"`                 // bytes, of all its processes
	Processes int           `msgpack:"processes" json:"processes"`
	Restarts  int           `msgpack:"restarts" json:"restarts"`
	FrameRate float64       `msgpack:"frames_per_second" json:"frames_per_second"`
	Frames    uint64        `msgpack:"frames" json:"frames"` // published for it; contracts lines and frames
	Dropped   uint64        `msgpack:"dropped" json:"dropped"`
}

// A BusStats is a frame on $bus/stats about the bus and busd.
type BusStats struct {
	Bus          string    `msgpack:"bus" json:"bus"` // the directory
	Time         time.Time `msgpack:"time" json:"time"`
	Topics       int       `msgpack:"topics" json:"topics"`
	Plugins      int       `msgpack:"plugins" json:"plugins"`
	Participants int       `msgpack:"participants" json:"participants"`
	Memory       int64     `msgpack:"memory" json:"memory"`                       // bytes that the segments take
	CPU          float64   `msgpack:"cpu_percent" json:"cpu_percent"`             // of busd, of a core
	RSS          int64     `msgpack:"rss" json:"rss"`                             // bytes, of busd
	Trouble      string    `msgpack:"trouble,omitempty" json:"trouble,omitempty"` // what could not be read
}

// stats is what was told last.
type stats struct {
	sample *Sample
	all    time.Time // when all topics were told
}

// allEvery is how often all topics are told, for those who have come since.
const allEvery = 10 * time.Second

// tell publishes on $bus/stats.
func (k *Keeper) tell() error {
	was := k.stats.sample
	now := k.sampler.Sample(time.Duration(k.config.Interval) / 2)
	if now == was {
		return nil
	}
	k.stats.sample = now
	var dt time.Duration
	if was != nil {
		dt = now.At.Sub(was.At)
	} else {
		was = &Sample{}
	}
	all := now.At.Sub(k.stats.all) >= allEvery
	if all {
		k.stats.all = now.At
	}
	var bad error
	send := func(v any) bool {
		bad = k.report.Publish(plugins.TopicStats, v)
		return bad == nil
	}
	total := BusStats{
		Bus: now.Dir, Time: now.At, Topics: len(now.Topics), Plugins: len(now.Plugins), Participants: len(now.Participants),
		CPU: now.Self.Percent(was.Self, dt), RSS: now.Self.RSS, Trouble: now.Trouble,
	}
	for _, s := range now.Segments {
		total.Memory += s.Memory
	}
	if !send(total) {
		return bad
	}
	had := make(map[string]Plugin, len(was.Plugins))
	for _, p := range was.Plugins {
		had[p.Name] = p
	}
	happened := len(now.Topics) != len(was.Topics) || len(now.Plugins) != len(was.Plugins) || len(now.Participants) != len(was.Participants)
	defer func() { k.calm.looked(happened) }()
	for _, p := range now.Plugins {
		happened = happened || p.changed(had[p.Name])
		if !send(pluginStats(p, had[p.Name], now.At, dt)) {
			return bad
		}
	}
	before := was.Finder()
	for _, t := range now.Topics {
		w := before(t.Name)
		changed := t.changed(w)
		happened = happened || changed
		if (all || changed) && !send(topicStats(t, w, now.At, dt)) {
			return bad
		}
	}
	return nil
}

// changed says whether there is something to tell. What busd itself publishes here is not.
func (t Topic) changed(was Topic) bool {
	return t.Name != plugins.TopicStats && (!t.Made.Equal(was.Made) || t.Frames != was.Frames || t.Publishers != was.Publishers ||
		t.Subscribers != was.Subscribers || t.Lag != was.Lag || t.Lost != was.Lost)
}

// changed says whether the plugin has done anything that is counted.
func (p Plugin) changed(was Plugin) bool {
	return p.Phase != was.Phase || p.State.Plugin != was.State.Plugin || p.Frames != was.Frames || p.Dropped != was.Dropped
}

func topicStats(t, was Topic, at time.Time, dt time.Duration) TopicStats {
	r := t.Rate(was, dt)
	return TopicStats{
		Topic: t.Name, Time: at, FrameRate: r.Frames, ByteRate: r.Bytes, LossRate: r.Lost, Frames: t.Frames, Bytes: t.Bytes,
		Publishers: t.Publishers, Subscribers: t.Subscribers, Lag: t.Lag, Lost: t.Lost, Blocked: t.Blocked.Seconds(),
	}
}

func pluginStats(p, was Plugin, at time.Time, dt time.Duration) PluginStats {
	s := PluginStats{
		Plugin: p.Name, Time: at, Phase: p.Phase, PID: p.State.Plugin.PID, CPU: p.Percent(was.Usage, dt), RSS: p.RSS, Processes: p.Processes,
		Restarts: p.Restarts, Frames: p.Frames, Dropped: p.Dropped,
	}
	if dt > 0 && p.Frames >= was.Frames {
		s.FrameRate = float64(p.Frames-was.Frames) / dt.Seconds()
	}
	return s
}
