//go:build linux

package bench

import (
	"context"

	"shmbus/bus"
)

// An end is what a process has open on a topic, from the first job over it until it leaves it.
type end struct {
	pub    *bus.Publisher
	sent   uint64   // frames
	frames [][]byte // what is published; a batch, if it is published in batches

	sub       *bus.Subscriber
	inBatches bool
	batch     bus.Batch
	check     checker
	due       uint64 // frames that were sent to it, in all
}

func (s *side) end(topic string) *end {
	if s.ends[topic] == nil {
		s.ends[topic] = &end{}
	}
	return s.ends[topic]
}

// publishes opens a publisher on the topic, once.
func (s *side) publishes(topic string, j Job) (e *end, err error) {
	if e = s.end(topic); e.pub == nil {
		var options []bus.PublisherOption
		if j.Early {
			options = append(options, bus.EarlyWake())
		}
		e.pub, err = s.bus.Publisher(topic, options...)
	}
	return e, err
}

// subscribes opens a subscription on the topic, once.
func (s *side) subscribes(topic string, j Job) (e *end, err error) {
	e = s.end(topic)
	if e.sub != nil {
		return e, nil
	}
	e.check = checker{last: &source{}, size: j.Size, lossless: j.Topic.Policy == bus.PolicyLossless}
	options := []bus.SubscribeOption{bus.Lossy()}
	if e.check.lossless {
		options[0] = bus.Lossless()
	}
	switch j.Wait {
	case Spin:
		options = append(options, bus.Spin())
	case Block:
		options = append(options, bus.Block())
	}
	e.sub, err = s.bus.Subscribe(context.Background(), topic, options...)
	return e, err
}

// leave closes what is open on the topics whose names begin like that.
func (s *side) leave(topic string) {
	if p := s.parts[topic]; p != nil {
		p.Close()
		delete(s.parts, topic)
	}
	for _, name := range topicsOf(topic) {
		if e := s.ends[name]; e != nil {
			if e.pub != nil {
				e.pub.Close()
			}
			if e.sub != nil {
				e.sub.Close()
			}
			delete(s.ends, name)
		}
	}
}

// topicsOf are the topics that a job may have: one for each way.
func topicsOf(topic string) []string { return []string{topic + "/ping", topic + "/pong"} }

// take receives, reads, checks and releases one frame.
func (e *end) take(ctx context.Context) error {
	f, err := e.sub.Receive(ctx)
	if err != nil {
		return err
	}
	if n := f.Sequence(); e.check.due(f.Publisher(), n) && whole(f.Bytes(), n) {
		e.check.last.next++
	} else {
		err = e.check.frame(f)
	}
	e.check.got++
	f.Release()
	return err
}
