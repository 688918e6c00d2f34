package dash

import (
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"shmbus/internal/keeper"
	"shmbus/plugins"
)

// A metric is one that busd tells of itself. docs/METRICS.md lists them all.
type metric struct {
	name   string
	kind   prometheus.ValueType
	labels string // with a comma between them
	help   string
}

const (
	counter = prometheus.CounterValue
	gauge   = prometheus.GaugeValue
)

var (
	busdInfo     = metric{"shmbus_busd_info", gauge, "version,go", "Always 1; the labels say which busd this is."}
	sampleError  = metric{"shmbus_sample_error", gauge, "", "1 if a part of the bus could not be read, as the log says."}
	omitted      = metric{"shmbus_omitted_subscriptions", gauge, "", "Subscriptions and groups beyond the first 1000, which have no series of their own."}
	topicCount   = metric{"shmbus_topics", gauge, "", "Topics on the bus."}
	participants = metric{"shmbus_participants", gauge, "", "Living handles that have joined the bus, in whatever process; taps cannot be seen."}
	segmentBytes = metric{"shmbus_segment_bytes", gauge, "segment", "Memory that a segment takes now."}

	topicFrames      = metric{"shmbus_topic_frames_total", counter, "topic", "Frames published since the topic was made."}
	topicBytes       = metric{"shmbus_topic_bytes_total", counter, "topic", "Bytes in these frames."}
	topicPosition    = metric{"shmbus_topic_position_slots", gauge, "topic", "Position of the next frame to be claimed: slots claimed since the topic was made."}
	topicRing        = metric{"shmbus_topic_ring_slots", gauge, "topic", "Slots in the topic's ring."}
	topicMemory      = metric{"shmbus_topic_memory_bytes", gauge, "topic", "Address space of the topic in its segment; what was never used takes no memory."}
	topicPublishers  = metric{"shmbus_topic_publishers", gauge, "topic", "Publishers that are open."}
	topicSubscribers = metric{"shmbus_topic_subscribers", gauge, "topic", "Subscriptions that are open; taps cannot be seen."}
	topicLag         = metric{"shmbus_topic_lag_slots", gauge, "topic", "How far the subscription or group is behind that is furthest behind."}
	topicLost        = metric{"shmbus_topic_lost_frames_total", counter, "topic", "Frames that subscriptions have lost, all together, since busd looks."}
	topicBlocked     = metric{"shmbus_topic_blocked_seconds_total", counter, "topic", "Time that publishers have waited for room, all together, since busd looks."}

	subscriptionLag  = metric{"shmbus_subscription_lag_slots", gauge, "topic,subscription", "How far a subscription is behind."}
	subscriptionLost = metric{"shmbus_subscription_lost_frames_total", counter, "topic,subscription", "Frames that a subscription has lost."}
	groupLag         = metric{"shmbus_group_lag_slots", gauge, "topic,group", "How far a group is behind."}

	pluginUp        = metric{"shmbus_plugin_up", gauge, "plugin", "1 if the plugin is running and ready."}
	pluginPhase     = metric{"shmbus_plugin_phase", gauge, "plugin,phase", "1 for the phase that the plugin is in, 0 for the others."}
	pluginRestarts  = metric{"shmbus_plugin_restarts_total", counter, "plugin", "Restarts in the life of the plugin's runner."}
	pluginCPU       = metric{"shmbus_plugin_cpu_seconds_total", counter, "plugin", "User and system time of the plugin's processes, since busd looks."}
	pluginRSS       = metric{"shmbus_plugin_resident_memory_bytes", gauge, "plugin", "Resident memory of the plugin's processes; what they share counts for each."}
	pluginProcesses = metric{"shmbus_plugin_processes", gauge, "plugin", "Processes of the plugin."}
	pluginFrames    = metric{"shmbus_plugin_frames_total", counter, "plugin", "Frames published for the plugin by its runner (contracts lines and frames)."}
	pluginBytes     = metric{"shmbus_plugin_bytes_total", counter, "plugin", "Bytes in these frames."}
	pluginDropped   = metric{"shmbus_plugin_dropped_frames_total", counter, "plugin", "Frames of the plugin that its runner could not publish."}
)

var metrics = []*metric{
	&busdInfo, &sampleError, &omitted, &topicCount, &participants, &segmentBytes,
	&topicFrames, &topicBytes, &topicPosition, &topicRing, &topicMemory, &topicPublishers, &topicSubscribers, &topicLag, &topicLost, &topicBlocked,
	&subscriptionLag, &subscriptionLost, &groupLag,
	&pluginUp, &pluginPhase, &pluginRestarts, &pluginCPU, &pluginRSS, &pluginProcesses, &pluginFrames, &pluginBytes, &pluginDropped,
}

var phases = []plugins.Phase{
	plugins.Starting, plugins.Running, plugins.Backoff, plugins.Stopping, plugins.Stopped, plugins.Failed, plugins.Refused,
}

// mostSubscriptions have series of their own: each new one is a new series.
const mostSubscriptions = 1000

// scrapeAge is how old the numbers of a scrape may be, however many scrape.
const scrapeAge = time.Second

// A collector makes metrics of a sample when they are scraped.
type collector struct {
	sampler *keeper.Sampler
	version string
	descs   map[*metric]*prometheus.Desc
}

func newCollector(s *keeper.Sampler, version string) *collector {
	c := &collector{s, version, make(map[*metric]*prometheus.Desc, len(metrics))}
	for _, m := range metrics {
		var labels []string
		if m.labels != "" {
			labels = strings.Split(m.labels, ",")
		}
		c.descs[m] = prometheus.NewDesc(m.name, m.help, labels, nil)
	}
	return c
}

func newRegistry(s *keeper.Sampler, version string) *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(newCollector(s, version), collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

// Describe sends what there is.
func (c *collector) Describe(to chan<- *prometheus.Desc) {
	for _, m := range metrics {
		to <- c.descs[m]
	}
}

// Collect sends the numbers of the newest sample.
func (c *collector) Collect(to chan<- prometheus.Metric) {
	put := c.putter(to)
	s := c.sampler.Sample(scrapeAge)
	put(&busdInfo, 1, c.version, runtime.Version())
	put(&sampleError, one(s.Trouble != ""))
	put(&topicCount, float64(len(s.Topics)))
	put(&participants, float64(len(s.Participants)))
	for _, g := range s.Segments {
		put(&segmentBytes, float64(g.Memory), g.Name)
	}
	left := mostSubscriptions
	for _, t := range s.Topics {
		c.topic(put, t, &left)
	}
	put(&omitted, float64(max(0, -left)))
	for _, p := range s.Plugins {
		put(&pluginUp, one(p.Phase == plugins.Running), p.Name)
		for _, phase := range phases {
			put(&pluginPhase, one(p.Phase == phase), p.Name, string(phase))
		}
		put(&pluginRestarts, float64(p.Restarts), p.Name)
		put(&pluginCPU, p.CPU.Seconds(), p.Name)
		put(&pluginRSS, float64(p.RSS), p.Name)
		put(&pluginProcesses, float64(p.Processes), p.Name)
		put(&pluginFrames, float64(p.Frames), p.Name)
		put(&pluginBytes, float64(p.Bytes), p.Name)
		put(&pluginDropped, float64(p.Dropped), p.Name)
	}
}

// putter is what puts numbers. Of those with the same labels it puts the first: names of the bus may be the same, as text or because somebody has written
// there, and then nothing at all would be told.
func (c *collector) putter(to chan<- prometheus.Metric) func(*metric, float64, ...string) {
	done := make(map[string]bool)
	return func(m *metric, v float64, labels ...string) {
		for i, l := range labels {
			labels[i] = strings.ToValidUTF8(l, "?")
		}
		series := fmt.Sprintf("%s %q", m.name, labels)
		if done[series] {
			return
		}
		done[series] = true
		x, err := prometheus.NewConstMetric(c.descs[m], m.kind, v, labels...)
		if err != nil {
			x = prometheus.NewInvalidMetric(c.descs[m], err)
		}
		to <- x
	}
}

// topic puts the numbers of a topic. left is how many more subscriptions and groups have series of their own.
func (c *collector) topic(put func(*metric, float64, ...string), t keeper.Topic, left *int) {
	put(&topicFrames, float64(t.Frames), t.Name)
	put(&topicBytes, float64(t.Bytes), t.Name)
	put(&topicPosition, float64(t.Tail), t.Name)
	put(&topicRing, float64(t.Slots), t.Name)
	put(&topicMemory, float64(t.Memory), t.Name)
	put(&topicPublishers, float64(t.Publishers), t.Name)
	put(&topicSubscribers, float64(t.Subscribers), t.Name)
	put(&topicLag, float64(t.Lag), t.Name)
	put(&topicLost, float64(t.Lost), t.Name)
	put(&topicBlocked, t.Blocked.Seconds(), t.Name)
	for _, u := range t.Subscriptions {
		if *left--; *left >= 0 {
			id := strconv.FormatUint(u.ID, 10)
			put(&subscriptionLag, float64(u.Lag), t.Name, id)
			put(&subscriptionLost, float64(u.Lost), t.Name, id)
		}
	}
	for _, g := range t.Groups {
		if *left--; *left >= 0 {
			put(&groupLag, float64(g.Lag), t.Name, g.Name)
		}
	}
}

func one(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
