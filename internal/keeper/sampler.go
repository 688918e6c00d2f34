package keeper

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"shmbus/bus"
	"shmbus/plugins"
)

// Plugins tells where the plugins stand. It is safe for concurrent use.
type Plugins interface{ Plugins() []plugins.State }

// A Sample is what was seen of the bus at one moment. It is not changed any more: readers share it.
type Sample struct {
	At           time.Time
	Dir          string
	Topics       []Topic // by name
	Plugins      []Plugin
	Segments     []bus.SegmentInfo
	Participants []bus.Participant // who lives and has joined, in whatever process
	Self         Usage             // of this process
	Trouble      string            // what could not be read; "": nothing
}

// A Topic is what was seen of a topic. Who stands behind the counts is looked at less often than these where there are very many topics.
type Topic struct {
	bus.TopicInfo
	Subscriptions []bus.SubscriberInfo
	Groups        []bus.GroupInfo
	Lag           uint64        // slots, of the subscription or group that is furthest behind
	Lost          uint64        // frames, by all subscriptions together, as far as they were seen; never less than before
	Blocked       time.Duration // that publishers have waited for room, in the same way

	publishers []bus.PublisherInfo
	looked     time.Time // when who stands behind the counts was looked at
}

// A Plugin is where a plugin stands, and what its processes use.
type Plugin struct {
	plugins.State
	Usage
}

// Limits of a look: who stands behind the counts of a topic takes about as long to be read as the counts, 50 µs.
const (
	mostLooks = 100              // topics in one sample
	lookAnew  = 10 * time.Second // though nothing has been published meanwhile
)

// A Sampler looks at a bus, for all who want to know about it. It is safe for concurrent use.
type Sampler struct {
	bus     *bus.Bus
	plugins Plugins

	mu    sync.Mutex
	last  *Sample
	next  string // the topic whose turn it is to be looked at
	procs procs
}

// NewSampler is a Sampler for a bus, and for plugins, which may be nil.
func NewSampler(b *bus.Bus, p Plugins) *Sampler { return &Sampler{bus: b, plugins: p} }

// Sample is the last sample if that is not older than maxAge, or else a new one. However many ask at once, the bus is looked at once.
func (s *Sampler) Sample(maxAge time.Duration) *Sample {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last == nil || time.Since(s.last.At) > maxAge {
		s.last = s.look()
	}
	return s.last
}

func (s *Sampler) look() *Sample {
	now := &Sample{At: time.Now(), Dir: s.bus.Dir(), Self: ownUsage()}
	survey, err := s.bus.Survey()
	if err != nil {
		now.Trouble = err.Error()
	}
	now.Participants, now.Segments = survey.Participants, survey.Segments
	known := s.last.Finder()
	now.Topics = make([]Topic, 0, len(survey.Topics))
	for _, info := range survey.Topics {
		if n := len(now.Topics); n > 0 && now.Topics[n-1].Name == info.Name {
			continue // in two segments: users go by the one that they come to first
		}
		t := known(info.Name)
		if !t.Made.Equal(info.Made) {
			t = Topic{}
		}
		quiet := t.Tail == info.Tail && t.Publishers == info.Publishers && t.Subscribers == info.Subscribers && t.Lag == 0
		if !quiet && info.Name != plugins.TopicStats || // busd publishes there each time, and nobody else
			now.At.Sub(t.looked) > lookAnew {
			t.looked = time.Time{}
		}
		t.TopicInfo = info
		now.Topics = append(now.Topics, t)
	}
	s.lookCloser(now)
	if s.plugins != nil {
		states := s.plugins.Plugins()
		usage := s.procs.look(states, now.At)
		for i, p := range states {
			now.Plugins = append(now.Plugins, Plugin{p, usage[i]})
		}
		slices.SortStableFunc(now.Plugins, func(a, b Plugin) int { return cmp.Compare(a.Name, b.Name) })
	}
	return now
}

// lookCloser looks who stands behind the counts of topics on which something happens, in turns if they are many.
func (s *Sampler) lookCloser(now *Sample) {
	n := len(now.Topics)
	start, _ := slices.BinarySearchFunc(now.Topics, s.next, func(t Topic, name string) int { return cmp.Compare(t.Name, name) })
	var names []string
	for i := range n {
		t := &now.Topics[(start+i)%n]
		if !t.looked.IsZero() {
			continue
		}
		if t.Publishers == 0 && t.Subscribers == 0 {
			t.see(bus.TopicStat{TopicInfo: t.TopicInfo}, now.At)
			continue
		}
		if len(names) == mostLooks {
			s.next = t.Name
			break
		}
		names = append(names, t.Name)
	}
	if len(names) == 0 {
		return
	}
	stats, _ := s.bus.Stats(names...) // what is wrong with a topic is told already
	for _, stat := range stats {
		i, ok := slices.BinarySearchFunc(now.Topics, stat.Name, func(t Topic, name string) int { return cmp.Compare(t.Name, name) })
		if ok && stat.Made.Equal(now.Topics[i].Made) { // otherwise it has just gone
			now.Topics[i].see(stat, now.At)
		}
	}
}

// see takes in who stands behind a topic's counts. Of subscriptions and publishers that have gone, what they told last stays counted.
func (t *Topic) see(now bus.TopicStat, at time.Time) {
	lost := make(map[uint64]uint64, len(t.Subscriptions))
	for _, was := range t.Subscriptions {
		lost[was.ID] = was.Lost
	}
	blocked := make(map[uint64]time.Duration, len(t.publishers))
	for _, was := range t.publishers {
		blocked[was.ID] = was.Blocked
	}
	t.Lag = 0
	for _, u := range now.SubscriberList {
		t.Lost += u.Lost - min(u.Lost, lost[u.ID])
		t.Lag = max(t.Lag, u.Lag)
	}
	for _, g := range now.GroupList {
		t.Lag = max(t.Lag, g.Lag)
	}
	for _, p := range now.PublisherList {
		t.Blocked += max(0, p.Blocked-blocked[p.ID])
	}
	t.TopicInfo, t.Subscriptions, t.Groups, t.publishers, t.looked = now.TopicInfo, now.SubscriberList, now.GroupList, now.PublisherList, at
}

// A Rate is what went on between two samples.
type Rate struct {
	Frames, Bytes, Lost float64 // a second
}

// Rate is what went on at a topic since an earlier sample, in which it was was; the zero Topic if it was not there. dt is the time between
// the samples; with 0 the rate is 0.
func (t Topic) Rate(was Topic, dt time.Duration) (r Rate) {
	if !was.Made.Equal(t.Made) || t.Frames < was.Frames || t.Bytes < was.Bytes || t.Lost < was.Lost {
		was = Topic{} // made since, or made again
	}
	if dt > 0 {
		r.Frames = float64(t.Frames-was.Frames) / dt.Seconds()
		r.Bytes = float64(t.Bytes-was.Bytes) / dt.Seconds()
		r.Lost = float64(t.Lost-was.Lost) / dt.Seconds()
	}
	return r
}

// Finder returns what finds the sample's topics when it is asked for names in their order; the zero Topic for one that is not there. A
// nil sample has none.
func (s *Sample) Finder() func(name string) Topic {
	var rest []Topic
	if s != nil {
		rest = s.Topics
	}
	return func(name string) Topic {
		for len(rest) > 0 && rest[0].Name < name {
			rest = rest[1:]
		}
		if len(rest) > 0 && rest[0].Name == name {
			return rest[0]
		}
		return Topic{}
	}
}
