package main

import (
	"sync"
	"time"

	"shmbus/bus"
)

// A span is what happened on a topic in some time.
type span struct {
	received uint64 // frames
	lost     uint64 // frames that were overwritten before they could be received
	gaps     series // ns between frames that follow each other
	sizes    series // bytes, of those received
	// steps and stride tell the rate: so many frames came in so many nanoseconds after the frame before the first of them. Lost ones are
	// among them, because they are counted, and because the time of the frame after them is known.
	steps  uint64
	stride float64

	elapsed   time.Duration
	published uint64 // by the topic's own counters, in that time
	bytes     uint64
}

func (s *span) merge(o span) {
	s.received += o.received
	s.lost += o.lost
	s.gaps.merge(o.gaps)
	s.sizes.merge(o.sizes)
	s.steps += o.steps
	s.stride += o.stride
	s.elapsed += o.elapsed
	s.published += o.published
	s.bytes += o.bytes
}

// seen is how many frames the tap knows of.
func (s span) seen() uint64 { return s.received + s.lost }

// frequency is frames a second, by the frames' times; if those are all the same, as in one batch, by the topic's counters.
func (s span) frequency() float64 {
	if s.stride <= 0 {
		return s.framesPerSecond()
	}
	return float64(s.steps) / s.stride * 1e9
}

// framesPerSecond and bytesPerSecond are by the topic's counters.
func (s span) framesPerSecond() float64 { return perSecond(s.published, s.elapsed) }
func (s span) bytesPerSecond() float64  { return perSecond(s.bytes, s.elapsed) }

// meanSize is the mean size of all frames, by the topic's counters.
func (s span) meanSize() float64 {
	if s.published == 0 {
		return 0
	}
	return float64(s.bytes) / float64(s.published)
}

func perSecond(n uint64, d time.Duration) float64 {
	if d <= 0 {
		return 0
	}
	return float64(n) / d.Seconds()
}

// counters are a topic's own counts at some moment.
type counters struct {
	made          time.Time // another topic of the same name counts from 0
	frames, bytes uint64
	at            time.Time
}

// since is how much came after an earlier moment.
func (c counters) since(was counters) (frames, bytes uint64) {
	if !c.made.Equal(was.made) || c.frames < was.frames {
		return c.frames, c.bytes
	}
	return c.frames - was.frames, c.bytes - min(c.bytes, was.bytes)
}

// A meter measures one topic. Its subscription feeds it, and the reporter reads it.
type meter struct {
	topic string

	mu     sync.Mutex
	now    span // since the last report
	recent []span
	total  span
	last   int64    // time of the frame before, Unix ns; 0: none
	lost   uint64   // by the subscription's count, so far
	behind uint64   // lost when the frame before came
	count  counters // at the last report
}

// begin is for a new subscription, when the topic has been made again: it counts what it loses from 0.
func (m *meter) begin() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.last, m.lost, m.behind = 0, 0, 0
}

// miss takes notice of how many frames have been lost, and says how many that are more.
func (m *meter) miss(lost uint64) (more uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.missed(lost)
}

func (m *meter) missed(lost uint64) (more uint64) {
	more = lost - m.lost
	m.now.lost += more
	m.lost = lost
	return more
}

// frame takes notice of a frame, and of how many had been lost when it came, and says how many are new. On a topic without times it
// counts when it came.
func (m *meter) frame(f *bus.Frame, lost uint64) (news uint64) {
	at := f.Time()
	if at.IsZero() {
		at = time.Now()
	}
	return m.add(at.UnixNano(), len(f.Bytes()), lost)
}

func (m *meter) add(at int64, bytes int, lost uint64) (news uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	news = 1 + m.missed(lost)
	between := lost - m.behind
	m.behind = lost
	s := &m.now
	s.received++
	s.sizes.add(float64(bytes))
	if m.last != 0 {
		gap := float64(max(0, at-m.last)) // publishers look at the clock when they are done, and may be overtaken by then
		s.steps += between + 1
		s.stride += gap
		if between == 0 { // else it is that of several frames
			s.gaps.add(gap)
		}
	}
	m.last = max(m.last, at)
	return news
}

// report closes the span since the last report, and is it, the window of the newest n spans, and that from the start. counted says whether the
// topic's counters are known; else what was received has to do.
func (m *meter) report(c counters, counted bool, n int) (window, total, now span) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := &m.now
	s.elapsed = c.at.Sub(m.count.at)
	if counted {
		s.published, s.bytes = c.since(m.count)
		m.count = c
	} else {
		s.published, s.bytes = s.received+s.lost, uint64(s.sizes.mean*float64(s.sizes.n)+0.5)
		m.count.at = c.at
	}
	now = *s
	m.total.merge(*s)
	m.recent = append(m.recent, *s)
	m.now = span{}
	if len(m.recent) > n {
		m.recent = m.recent[len(m.recent)-n:]
	}
	for _, r := range m.recent {
		window.merge(r)
	}
	return window, m.total, now
}
