package bus

import (
	"errors"
	"fmt"
	"io/fs"
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
	Alive   bool          // its lease is held
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
	Lost     uint64 // frames, as last told
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
	s, err := at.stat(e, true)
	_ = at.release()
	return s, fail(op, topic, err)
}

// stat reads a topic through a read-only mapping of everything but the cells.
func (at *attachment) stat(e topics.Entry, lease bool) (TopicStat, error) {
	var s TopicStat
	removed := false
	err := at.look(e, func(r *topics.Ring) {
		if _, removed = r.Head(); !removed {
			s = at.statRing(e, r, lease)
		}
	})
	if err == nil && removed {
		err = topics.ErrRemoved
	}
	return s, err
}

func (at *attachment) statRing(e topics.Entry, r *topics.Ring, lease bool) TopicStat {
	var people map[segment.Owner]segment.ParticipantInfo
	if lease {
		people = participants(at.seg)
	}
	g := r.Geometry()
	head, _ := r.Head()
	s := TopicStat{TopicInfo: TopicInfo{
		Name: e.Name, Segment: at.seg.Name(), Policy: g.Policy, Slots: g.Slots, CellSize: g.CellSize, MaxFrame: g.MaxFrame(),
		Memory: e.Size, Exclusive: g.Exclusive, NoTime: g.NoTime, Ephemeral: e.Ephemeral, Made: time.Unix(0, e.Made), Head: head, Tail: r.Tail(),
		MaxPublishers: g.Publishers, MaxSubscribers: g.Subscriptions,
	}}
	s.Frames, s.Bytes = r.Totals()
	for _, w := range r.Writers() {
		s.Publishers++
		if lease {
			p := PublisherInfo{ID: w.Publisher, Pid: people[segment.Owner(w.Owner)].PID, Alive: r.Alive(w.Owner), Blocked: time.Duration(w.Blocked)}
			if w.Open {
				p.Claimed, p.Claim = w.Slots, w.Position
			}
			s.PublisherList = append(s.PublisherList, p)
		}
	}
	members := make(map[string]int)
	for _, g := range r.Gates() {
		s.Subscribers++
		members[g.Group]++
		if lease {
			s.SubscriberList = append(s.SubscriberList, SubscriberInfo{
				ID: g.Subscription, Pid: people[segment.Owner(g.Owner)].PID, Alive: !g.Abandoned && r.Alive(g.Owner),
				Lossless: g.Mode >= topics.Gate, Group: g.Group, Holds: g.Holds, Left: g.Abandoned,
				Position: g.Position, Lag: above(s.Tail, g.Position), Received: g.Received, Lost: g.Lost,
			})
		}
	}
	for _, g := range r.Groups() {
		s.GroupList = append(s.GroupList, GroupInfo{g.Name, members[g.Name], g.Position, above(s.Tail, g.Position)})
	}
	return s
}

// above is how far a is above b, or 0: they were not read at one moment.
func above(a, b uint64) uint64 {
	if a > b {
		return a - b
	}
	return 0
}

// Topics is every topic on the bus, by name. With no bus directory there are none. Segments that cannot be read are reported in the
// error, beside the topics of the others.
func (b *Bus) Topics() ([]TopicInfo, error) {
	const op = "list topics"
	b.mu.Lock()
	defer b.mu.Unlock()
	names, err := b.segments(op)
	if err != nil {
		return nil, err
	}
	var all []TopicInfo
	var bad []error
	for _, name := range names {
		at, err := b.attach(name, segment.ReadOnly)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			bad = append(bad, fail(op, "", err))
			continue
		}
		var entries []topics.Entry
		err = segment.Guard(func() (err error) { entries, err = at.table.All(); return err })
		if err != nil {
			bad = append(bad, fail(op, "", fmt.Errorf("%s: %w", at.seg.Path(), err)))
		}
		for _, e := range entries {
			s, err := at.stat(e, false)
			if err != nil {
				if at.table.Is(e) {
					bad = append(bad, fail(op, e.Name, err))
				}
				continue
			}
			all = append(all, s.TopicInfo)
		}
		_ = at.release()
	}
	slices.SortFunc(all, func(a, b TopicInfo) int { return strings.Compare(a.Name, b.Name) })
	return all, errors.Join(bad...)
}
