package bus

import (
	"errors"
	"testing"

	"shmbus/internal/testproc"
	"shmbus/segment"
	"shmbus/topics"
	"shmbus/wake"
)

// TestTheMemoryOfARemovedTopicDoesNotComeBack: somebody has found the topic, and maps it when it has been removed and its memory given back.
func TestTheMemoryOfARemovedTopicDoesNotComeBack(t *testing.T) {
	for name, late := range map[string]func(t *testing.T, b *Bus, at *attachment, e topics.Entry) (removed error){
		"a publisher": func(t *testing.T, b *Bus, at *attachment, e topics.Entry) error {
			return comeLate(t, b, at, e, 2, func(p *port) error { _, err := p.ring.NewWriter(p.owner); return err })
		},
		"a subscription": func(t *testing.T, b *Bus, at *attachment, e topics.Entry) error {
			return comeLate(t, b, at, e, 1, func(p *port) error { _, err := p.ring.NewReader(topics.Gate, topics.Start{}, p.owner); return err })
		},
		"who looks for the dead": func(t *testing.T, b *Bus, at *attachment, e topics.Entry) error {
			if err := at.reap(e); err != nil {
				t.Fatal(err)
			}
			return topics.ErrRemoved
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := losslessTopic(t)
			b.mu.Lock()
			at, e, err := b.find("t", segment.ReadWrite)
			b.mu.Unlock()
			if err != nil {
				t.Fatal(err)
			}
			defer func() { b.mu.Lock(); _ = at.release(); b.mu.Unlock() }()
			if err := b.RemoveTopic("t"); err != nil {
				t.Fatal(err)
			}
			before := allocated(t, at)
			b.mu.Lock()
			err = late(t, b, at, e)
			b.mu.Unlock()
			if !errors.Is(err, topics.ErrRemoved) {
				t.Errorf("it says %v", err)
			}
			if after := allocated(t, at); after > before {
				t.Errorf("%d bytes came back", after-before)
			}
		})
	}
}

// comeLate maps the topic, does something there, and goes.
func comeLate(t *testing.T, b *Bus, at *attachment, e topics.Entry, writable int, do func(p *port) error) error {
	t.Helper()
	at.refs++ // openPort takes it over
	p, err := b.openPort(at, e, writable, wake.Block, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer p.abandon()
	return do(p)
}

func allocated(t *testing.T, at *attachment) int64 {
	t.Helper()
	n, err := at.seg.Allocated()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestTheMemoryOfARemovedTopicDoesNotComeBackWithASecondMapping of a subscription that has lost its place, and so keeps nothing from being given back.
func TestTheMemoryOfARemovedTopicDoesNotComeBackWithASecondMapping(t *testing.T) {
	b := losslessTopic(t)
	s, err := b.Subscribe(t.Context(), "t", Lossless())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	stat, err := b.Stat("t")
	if err == nil {
		err = errors.Join(b.Kick("t", stat.SubscriberList[0].ID), b.RemoveTopic("t"))
	}
	if err != nil {
		t.Fatal(err)
	}
	before := allocated(t, s.port.at)
	if s.port.makeTwin(); s.port.twin.Load() != nil {
		t.Error("it was made")
	}
	if after := allocated(t, s.port.at); after > before {
		t.Errorf("%d bytes came back", after-before)
	}
}

// losslessTopic is a bus with a topic t.
func losslessTopic(t *testing.T) *Bus {
	t.Helper()
	b, err := Open(testproc.MemoryDir(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	if err := b.CreateTopic("t", TopicOptions{Slots: 1024, Policy: PolicyLossless}); err != nil {
		t.Fatal(err)
	}
	return b
}
