package bus

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"shmbus/segment"
	"shmbus/topics"
)

// TopicInfo is what can be seen of a topic without joining it. The counts are read one after the other while the topic goes on.
type TopicInfo struct {
	Name        string
	Segment     string // name of the registry segment
	Policy      Policy
	Slots       int
	CellSize    int // bytes
	MaxFrame    int // bytes in the largest frame
	Memory      int64
	Exclusive   bool
	NoTime      bool
	Ephemeral   bool // it goes with its last participant
	Made        time.Time
	Publishers  int    // open now
	Subscribers int    // open now; taps cannot be seen
	Frames      uint64 // published since the topic was made
	Bytes       uint64 // in these frames
	Head, Tail  uint64 // positions: the oldest readable one, the next to be claimed

	MaxPublishers, MaxSubscribers int
}

// TopicStat is a TopicInfo and who stands behind the counts.
type TopicStat struct {
	TopicInfo
	PublisherList  []PublisherInfo
	SubscriberList []SubscriberInfo
	GroupList      []GroupInfo
}

// PublisherInfo is what can be seen of an open publisher.
type PublisherInfo struct {
	ID      uint64
	Pid     int           // as seen by the publisher: in another PID namespace it means another process
	Alive   bool          // its lease is held, or it cannot be told: that takes permission to read NAME.lease
	Blocked time.Duration // it has waited for room so long
	// Claimed is how many slots it has claimed and not committed, from position Claim on; 0 if none.
	Claimed, Claim uint64
}

// SubscriberInfo is what can be seen of an open subscription.
type SubscriberInfo struct {
	ID       uint64
	Pid      int
	Alive    bool
	Lossless bool
	Group    string // that it is a member of, or ""
	Holds    bool   // a member of a group: it has a frame in hand
	Left     bool   // a member of a group that closed with its frame in hand: the frame waits for another
	Position uint64 // of its oldest frame not yet released, as last told; of a member without, where its group is
	Lag      uint64 // slots between that and the tail
	Received uint64 // frames, as last told
	Lost     uint64 // frames, as last told; what was lost before a lossless one came, only its own Lost counts
}

// GroupInfo is what can be seen of a group.
type GroupInfo struct {
	Name     string
	Members  int
	Position uint64 // of the next frame to be taken
	Lag      uint64 // slots between that and the tail
}

// Stat is what can be seen of one topic. It needs no more than permission to read. Errors: ErrNoTopic, ErrCorrupt and the like.
func (b *Bus) Stat(topic string) (TopicStat, error) {
	const op = "stat"
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed.Load() {
		return TopicStat{}, failKind(op, topic, ErrClosed, "")
	}
	at, e, err := b.find(topic, segment.ReadOnly)
	if err != nil {
		return TopicStat{}, fail(op, topic, err)
	}
	s, err := at.stat(e, at.people())
	_ = at.release()
	return s, fail(op, topic, err)
}

// Stats is Stat of many topics in one go, which is much quicker. Those that are not there are left out.
func (b *Bus) Stats(names ...string) (all []TopicStat, err error) {
	const op = "stat"
	b.mu.Lock()
	defer b.mu.Unlock()
	err = b.eachSegment(op, segment.ReadOnly, func(at *attachment) error {
		people := at.people()
		var still []string
		var bad []error
		for _, name := range names {
			e, err := at.find(name)
			if errors.Is(err, topics.ErrNoTopic) {
				still = append(still, name)
				continue
			}
			var s TopicStat
			if err == nil {
				s, err = at.stat(e, people)
			}
			if err == nil {
				all = append(all, s)
			} else if !errors.Is(err, topics.ErrRemoved) {
				bad = append(bad, fail(op, name, err))
			}
		}
		names = still
		return errors.Join(bad...)
	}, nil)
	return all, err
}

// info reads the counts of a topic.
func (at *attachment) info(e topics.Entry) (i TopicInfo, err error) {
	err = at.lookLive(e, func(r *topics.Ring) { i = at.infoOf(e, r) })
	return i, err
}

// stat reads the counts of a topic and who stands behind them.
func (at *attachment) stat(e topics.Entry, people crowd) (s TopicStat, err error) {
	err = at.lookLive(e, func(r *topics.Ring) { s = at.statOf(e, r, people) })
	return s, err
}

// lookLive is look for topics that are not removed: ErrRemoved.
func (at *attachment) lookLive(e topics.Entry, f func(r *topics.Ring)) error {
	removed := false
	err := at.look(e, func(r *topics.Ring) {
		if _, removed = r.Head(); !removed {
			f(r)
		}
	})
	if err == nil && removed {
		err = topics.ErrRemoved
	}
	return err
}

func (at *attachment) infoOf(e topics.Entry, r *topics.Ring) TopicInfo {
	g := r.Geometry()
	head, _ := r.Head()
	i := TopicInfo{
		Name: e.Name, Segment: at.seg.Name(), Policy: g.Policy, Slots: g.Slots, CellSize: g.CellSize, MaxFrame: g.MaxFrame(),
		Memory: e.Size, Exclusive: g.Exclusive, NoTime: g.NoTime, Ephemeral: e.Ephemeral, Made: time.Unix(0, e.Made), Head: head, Tail: r.Tail(),
		MaxPublishers: g.Publishers, MaxSubscribers: g.Subscriptions,
	}
	i.Frames, i.Bytes = r.Totals()
	i.Publishers, i.Subscribers = r.Counts()
	return i
}

func (at *attachment) statOf(e topics.Entry, r *topics.Ring, people crowd) TopicStat {
	s := TopicStat{TopicInfo: at.infoOf(e, r)}
	s.Publishers, s.Subscribers = 0, 0 // as many as are listed
	for _, w := range r.Writers() {
		s.Publishers++
		p := PublisherInfo{ID: w.Publisher, Pid: people[segment.Owner(w.Owner)].PID, Alive: at.shows(w.Owner), Blocked: time.Duration(w.Blocked)}
		if w.Open {
			p.Claimed, p.Claim = w.Slots, w.Position
		}
		s.PublisherList = append(s.PublisherList, p)
	}
	members := make(map[string]int)
	for _, g := range r.Gates() {
		s.Subscribers++
		members[g.Group]++
		s.SubscriberList = append(s.SubscriberList, SubscriberInfo{
			ID: g.Subscription, Pid: people[segment.Owner(g.Owner)].PID, Alive: !g.Abandoned && at.shows(g.Owner),
			Lossless: g.Mode >= topics.Gate, Group: g.Group, Holds: g.Holds, Left: g.Abandoned,
			Position: g.Position, Lag: above(s.Tail, g.Position), Received: g.Received, Lost: g.Lost,
		})
	}
	for _, g := range r.Groups() {
		s.GroupList = append(s.GroupList, GroupInfo{g.Name, members[g.Name], g.Position, above(s.Tail, g.Position)})
	}
	return s
}

// shows says whether an owner lives, for people. Who is not known to be dead does.
func (at *attachment) shows(owner uint64) bool {
	alive, known := at.seg.Shows(segment.Owner(owner))
	return alive || !known
}

// above is how far a is above b, or 0: they were not read at one moment.
func above(a, b uint64) uint64 {
	if a > b {
		return a - b
	}
	return 0
}

// Topics is every topic on the bus, by name, but those whose removal has begun. With no bus directory there are none. Segments that cannot be read are reported in the
// error, beside the topics of the others.
func (b *Bus) Topics() (all []TopicInfo, err error) {
	const op = "list topics"
	b.mu.Lock()
	defer b.mu.Unlock()
	err = b.eachSegment(op, segment.ReadOnly, func(at *attachment) error { return at.infos(op, &all) }, nil)
	byName(all)
	return all, err
}

// byName sorts topics by name. Of two of a name, in two segments, the one comes first that users come to first.
func byName(all []TopicInfo) {
	slices.SortStableFunc(all, func(a, b TopicInfo) int { return strings.Compare(a.Name, b.Name) })
}

// infos appends the topics of a segment.
func (at *attachment) infos(op string, to *[]TopicInfo) error {
	var bad []error
	entries, err := at.table.All()
	if err != nil {
		bad = append(bad, fail(op, "", fmt.Errorf("%s: %w", at.seg.Path(), err)))
	}
	*to = slices.Grow(*to, len(entries))
	for _, e := range entries {
		info, err := at.info(e)
		if err == nil {
			*to = append(*to, info)
		} else if !errors.Is(err, topics.ErrRemoved) && at.table.Is(e) {
			bad = append(bad, fail(op, e.Name, err))
		}
	}
	return errors.Join(bad...)
}
