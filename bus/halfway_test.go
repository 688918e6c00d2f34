package bus

import (
	"context"
	"errors"
	"testing"
	"time"

	"shmbus/internal/testproc"
	"shmbus/segment"
	"shmbus/wake"
)

// A process ended between marking a topic removed and taking its name out of the table.
func TestATopicWhoseRemovalWasNotFinishedIsMadeAgain(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for name, again := range map[string]func(b *Bus) error{
		"by CreateTopic": func(b *Bus) error { return b.CreateTopic("t", TopicOptions{Policy: PolicyLossless}) },
		"by Publisher": func(b *Bus) error {
			p, err := b.Publisher("t", WithTopic(TopicOptions{Policy: PolicyLossless}))
			if err == nil {
				err = p.Close()
			}
			return err
		},
		"after RemoveTopic": func(b *Bus) error {
			return errors.Join(b.RemoveTopic("t"), b.CreateTopic("t", TopicOptions{Policy: PolicyLossless}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			b, err := Open(testproc.MemoryDir(t))
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close()
			if err := b.CreateTopic("t", TopicOptions{}); err != nil {
				t.Fatal(err)
			}
			removeHalf(t, b)
			waiting, got := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(got)
				s, err := b.Subscribe(ctx, "t", OnWait(func() { close(waiting) }))
				if err == nil {
					_, err = s.Receive(ctx)
				}
				if err != nil {
					t.Error(err)
				}
			}()
			<-waiting
			if _, err := b.Subscribe(ctx, "t"); !errors.Is(err, ErrNoTopic) {
				t.Errorf("subscribing: %v", err)
			}
			if _, err := b.Stat("t"); !errors.Is(err, ErrNoTopic) {
				t.Errorf("stat: %v", err)
			}
			if err := again(b); err != nil {
				t.Fatal(err)
			}
			p, err := b.Publisher("t")
			if err != nil {
				t.Fatal(err)
			}
			if err := p.Publish(ctx, nil); err != nil {
				t.Fatal(err)
			}
			<-got
			if infos, err := b.Topics(); len(infos) != 1 || err != nil || infos[0].Policy != PolicyLossless {
				t.Errorf("topics %+v, %v", infos, err)
			}
		})
	}
}

func TestATopicWhoseRemovalWasNotFinishedIsLeftOutOfLists(t *testing.T) {
	b, err := Open(testproc.MemoryDir(t))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	for _, name := range []string{"t", "u"} {
		if err := b.CreateTopic(name, TopicOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	removeHalf(t, b)
	only := func(what string, all []TopicInfo, err error) {
		t.Helper()
		if err != nil || len(all) != 1 || all[0].Name != "u" {
			t.Errorf("%s: got %+v, %v; want u alone", what, all, err)
		}
	}
	all, err := b.Topics()
	only("Topics", all, err)
	survey, err := b.Survey()
	only("Survey", survey.Topics, err)
	for d, err := range b.Discover(t.Context(), nil) {
		only("Discover", []TopicInfo{d.TopicInfo}, err)
		break
	}
}

func removeHalf(t *testing.T, b *Bus) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	at, e, err := b.find("t", segment.ReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	p, err := b.openPort(at, e, 2, wake.Block, nil)
	if err != nil {
		t.Fatal(err)
	}
	p.ring.Remove()
	p.ringBoth()
	p.abandon()
}

func TestALeaseThatIsGoneEndsItsHandles(t *testing.T) {
	t.Parallel() // it waits most of the time
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	b, err := Open(testproc.MemoryDir(t))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	p, err := b.Publisher("t")
	if err != nil {
		t.Fatal(err)
	}
	s, err := b.Subscribe(ctx, "t")
	if err != nil {
		t.Fatal(err)
	}
	if err := p.at.participant.Leave(); err != nil { // as if somebody had closed the descriptor
		t.Fatal(err)
	}
	if _, err := s.Receive(ctx); !errors.Is(err, ErrClosed) {
		t.Errorf("receiving: %v", err)
	}
	for err == nil { // handles are told one after the other
		err = p.Publish(ctx, nil)
	}
	if !errors.Is(err, ErrClosed) {
		t.Errorf("publishing: %v", err)
	}
	q, err := b.Publisher("t") // takes a new lease
	if err != nil {
		t.Fatal(err)
	}
	if err := q.Publish(ctx, nil); err != nil {
		t.Errorf("publishing with a new lease: %v", err)
	}
}
