package main

import (
	"bytes"
	"container/heap"
	"context"
	"iter"
	"sync"
	"sync/atomic"
	"time"

	"shmbus/bus"
)

// A feed is one subscription that is recorded.
type feed struct {
	*recording
	shape  bus.TopicInfo // as it was when it was subscribed to
	before uint64        // lost by earlier subscriptions to the topic
	end    uint64        // position behind what was in the ring at the beginning; 0: that has been read, or was nothing

	// With the backlog's lock held:
	unread bool // what was in the ring has not all been read
	held   []message
}

// A message is a frame that is to be written.
type message struct {
	*feed
	kind     bus.Kind
	sequence uint64
	at       time.Time
	lost     uint64 // of the topic, by then
	data     []byte
}

// room is how much memory a message takes.
func (m *message) room() int { return len(m.data) + 128 }

// A backlog is the frames that are in the rings when a recording begins. They are written in the order of their times, whatever topics they
// are of: replay publishes in the order of the file. Each topic is read at once, on a goroutine of its own, as it may be overwritten soon; what
// is read is held in memory until the oldest of all is known, and what comes meanwhile until they are written. If that is too much, the oldest
// that is held is taken for the oldest of all.
type backlog struct {
	mu     sync.Mutex
	begun  map[*bus.Subscriber]*feed // that are not run yet
	start  time.Time                 // before any of them was subscribed to
	change *sync.Cond                // for who writes
	space  *sync.Cond                // for those who read
	feeds  feedHeap                  // those that have something held, by the times of their first frames
	blank  int                       // how many have nothing held and are not read to the end, so that the oldest frame is not known
	later  []message                 // what was published since, in the order in which it was read
	held   int                       // bytes
	room   int                       // for so many
	full   bool
	over   atomic.Bool // frames are not held any more
}

const backlogRoom = 64 << 20

func newBacklog(room int) *backlog {
	b := &backlog{begun: make(map[*bus.Subscriber]*feed), start: time.Now(), room: room, blank: 1} // it is not known yet what feeds there are
	b.change, b.space = sync.NewCond(&b.mu), sync.NewCond(&b.mu)
	return b
}

// add adds a feed, that is read up to a position.
func (b *backlog) add(s *bus.Subscriber, f *feed, end uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.begun[s] = f
	f.end, f.unread = end, end > 0
	if f.unread {
		b.blank++
	}
}

// added notes that there are no more feeds.
func (b *backlog) added() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.blank--
	b.change.Signal()
}

// take is the feed that was added for a subscription, if there is one.
func (b *backlog) take(s *bus.Subscriber) *feed {
	if b == nil {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	f := b.begun[s]
	delete(b.begun, s)
	return f
}

// read notes that what was in the feed's ring has been read.
func (b *backlog) read(f *feed) {
	if f.end == 0 {
		return
	}
	f.end = 0
	b.mu.Lock()
	defer b.mu.Unlock()
	f.unread = false
	if len(f.held) == 0 {
		b.blank--
	}
	b.change.Signal()
}

// hold keeps a copy of a message, if it is not to be written at once. It waits for room.
func (b *backlog) hold(m message) bool {
	if b == nil || b.over.Load() {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.full && !b.over.Load() {
		b.space.Wait()
	}
	if b.over.Load() {
		return false
	}
	m.data = bytes.Clone(m.data)
	if f := m.feed; f.unread {
		f.held = append(f.held, m)
		if len(f.held) == 1 {
			b.blank--
			heap.Push(&b.feeds, f)
		}
	} else {
		if m.at.IsZero() {
			m.at = time.Now()
		}
		b.later = append(b.later, m)
	}
	b.held += m.room()
	b.full = b.held >= b.room
	b.change.Signal()
	return true
}

// next waits for the message that is to be written next, and says whether there is one: or else the backlog is over.
func (b *backlog) next() (m message, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.blank > 0 && !b.full {
		b.change.Wait()
	}
	switch {
	case len(b.feeds) > 0:
		f := b.feeds[0]
		f.held, m = shift(f.held)
		if m.at.IsZero() {
			m.at = b.start // before those of its topic that come later
		}
		if len(f.held) > 0 {
			heap.Fix(&b.feeds, 0)
			break
		}
		heap.Pop(&b.feeds)
		if f.unread {
			b.blank++
		}
	case len(b.later) > 0:
		b.later, m = shift(b.later)
		if b.blank == 0 {
			b.room -= m.room() / 2 // so that it is over at last, if frames come as fast as they can be written
		}
	default:
		b.end()
		return m, false
	}
	b.held -= m.room()
	if b.full && b.held < b.room-b.room/64 { // not for each frame
		b.full = false
		b.space.Broadcast()
	}
	return m, true
}

// end has frames not held any more; with the lock held.
func (b *backlog) end() {
	b.over.Store(true)
	b.space.Broadcast()
}

// shift takes the first message, and lets its memory go.
func shift(all []message) ([]message, message) {
	m := all[0]
	if len(all) == 1 {
		return nil, m
	}
	all[0] = message{}
	return all[1:], m
}

type feedHeap []*feed

func (h feedHeap) Len() int      { return len(h) }
func (h feedHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *feedHeap) Push(x any)   { *h = append(*h, x.(*feed)) }

// Less has frames without a time last.
func (h feedHeap) Less(i, j int) bool {
	one, other := h[i].held[0].at, h[j].held[0].at
	return !one.IsZero() && (other.IsZero() || one.Before(other))
}

func (h *feedHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

// catchUp follows the topics, and records the backlog of those that are there first. stop ends the following.
func (r *recorder) catchUp(ctx context.Context, stop context.CancelCauseFunc, f *follower) error {
	r.backlog = newBacklog(backlogRoom)
	f.begun = r.begin(ctx, f)
	written := make(chan error)
	go func() {
		err := r.writeBacklog()
		if err != nil {
			stop(err)
		}
		written <- err
	}()
	err := f.follow(ctx)
	if failed := <-written; failed != nil {
		return failed
	}
	return err
}

// begin subscribes to the topics that are there. What cannot be subscribed to is left to f.
func (r *recorder) begin(ctx context.Context, f *follower) iter.Seq[*bus.Subscriber] {
	return func(yield func(*bus.Subscriber) bool) {
		defer r.backlog.added()
		all, unread := r.bus.Topics() // f tells more of the error, if it still comes to that
		f.unread = unread != nil && globbed(f.patterns)
		for i, info := range all {
			if !matches(f.patterns, info.Name) || i > 0 && all[i-1].Name == info.Name {
				continue
			}
			s, err := r.bus.Subscribe(ctx, info.Name, f.options...)
			if err != nil {
				continue
			}
			end := uint64(0)
			if st := s.Stats(); st.Lag > 0 {
				end = st.Position + st.Lag
			}
			r.backlog.add(s, r.feed(info.Name), end)
			if !yield(s) {
				return
			}
		}
	}
}

// writeBacklog writes what is held, until that is over.
func (r *recorder) writeBacklog() error {
	for {
		m, ok := r.backlog.next()
		if !ok {
			return nil
		}
		if err := r.write(m); err != nil {
			r.backlog.mu.Lock()
			defer r.backlog.mu.Unlock()
			r.backlog.end()
			return err
		}
	}
}
