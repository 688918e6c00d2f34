package bus_test

import (
	"os"
	"testing"
	"time"

	"shmbus/bus"
)

func TestASubscriptionIsLossyAndSeenUnlessToldOtherwise(t *testing.T) {
	b := newBus(t)
	p := publisher(t, b, "t", losslessRing(16))
	s := subscribe(t, b, "t")
	gate := subscribe(t, b, "t", bus.Lossless())
	tap := subscribe(t, b, "t", bus.ReadOnly())
	st, err := b.Stat("t")
	noError(t, err)
	if st.Subscribers != 2 || len(st.SubscriberList) != 2 || st.SubscriberList[0].Lossless || !st.SubscriberList[1].Lossless {
		t.Fatalf("subscribers %+v, want one lossy and one lossless", st.SubscriberList)
	}
	publish(t, p, "1", "2", "3")
	expect(t, gate, "1", "2")
	expect(t, s, "1", "2", "3")
	expect(t, tap, "1", "2", "3")
	l := loan(t, p, 100)
	st, err = b.Stat("t")
	noError(t, err)
	l.Abort()
	for _, sub := range st.SubscriberList {
		if sub.Pid != os.Getpid() || !sub.Alive || sub.Lag == 0 || sub.Lag > 5 || sub.ID == 0 {
			t.Errorf("subscriber %+v", sub)
		}
	}
	if len(st.PublisherList) != 1 {
		t.Fatalf("publishers %+v", st.PublisherList)
	}
	if q := st.PublisherList[0]; q.ID != p.ID() || q.Pid != os.Getpid() || !q.Alive || q.Claimed != 2 || q.Claim != 3 {
		t.Errorf("publisher %+v", q)
	}
	if st.Frames != 3 || st.Bytes != 3 || st.Tail != 5 || st.Head != 0 {
		t.Errorf("counts %+v", st.TopicInfo)
	}
	noError(t, s.Close())
	noError(t, gate.Close())
	noError(t, p.Close())
	st, err = b.Stat("t")
	noError(t, err)
	if st.Publishers != 0 || st.Subscribers != 0 || st.Frames != 3 {
		t.Errorf("after all have left %+v", st)
	}
}

func TestTopicsAreListedByName(t *testing.T) {
	b := newBus(t)
	infos, err := b.Topics()
	if len(infos) != 0 || err != nil {
		t.Fatalf("topics of a bus that is not there: %v, %v", infos, err)
	}
	before := time.Now()
	noError(t, b.CreateTopic("b", bus.TopicOptions{Policy: bus.PolicyLossless, NoTime: true, MaxPublishers: 3}))
	noError(t, openAt(t, b.Dir(), bus.WithSegment("more")).CreateTopic("c", bus.TopicOptions{Exclusive: true}))
	noError(t, b.CreateTopic("a/b", bus.TopicOptions{Slots: 32, CellSize: 128}))
	infos, err = b.Topics()
	noError(t, err)
	if len(infos) != 3 || infos[0].Name != "a/b" || infos[1].Name != "b" || infos[2].Name != "c" {
		t.Fatalf("topics %+v", infos)
	}
	for _, i := range infos {
		if i.Made.Before(before.Add(-time.Second)) || i.Made.After(time.Now().Add(time.Second)) {
			t.Errorf("%s was made at %v", i.Name, i.Made)
		}
	}
	if i := infos[0]; i.Slots != 32 || i.CellSize != 128 || i.MaxFrame != 2048 || i.Policy != bus.PolicyOverwrite || i.Segment != "main" {
		t.Errorf("topic %+v", i)
	}
	if i := infos[1]; i.Policy != bus.PolicyLossless || !i.NoTime || i.MaxPublishers != 3 {
		t.Errorf("topic %+v", i)
	}
	if i := infos[2]; !i.Exclusive || i.Segment != "more" {
		t.Errorf("topic %+v", i)
	}
}

func TestATopicIsMadeOnce(t *testing.T) {
	b := newBus(t)
	noError(t, b.CreateTopic("t", bus.TopicOptions{Slots: 32}))
	noError(t, b.CreateTopic("t", bus.TopicOptions{Slots: 32}))
	noError(t, b.CreateTopic("t", bus.TopicOptions{Slots: 64, CellSize: 256, NoTime: true})) // stays as it is
	is(t, b.CreateTopic("t", bus.TopicOptions{Policy: bus.PolicyLossless}), bus.ErrPolicy, `"t"`, "overwrite", "lossless", "remove")
	_, err := b.Publisher("t", lossless)
	is(t, err, bus.ErrPolicy, `"t"`)
	_, err = b.Subscribe(soon(t), "t", bus.Lossless())
	is(t, err, bus.ErrPolicy, `"t"`, "PolicyLossless", "Lossy")
	other := openAt(t, b.Dir(), bus.WithSegment("other"))
	noError(t, other.CreateTopic("t", bus.TopicOptions{})) // its name is unique on the bus
	infos, err := other.Topics()
	noError(t, err)
	if len(infos) != 1 || infos[0].Slots != 32 || infos[0].CellSize != 64 || infos[0].NoTime {
		t.Errorf("topics %+v", infos)
	}
	noError(t, b.CreateTopic("l", bus.TopicOptions{Policy: bus.PolicyLossless}))
	is(t, b.CreateTopic("l", bus.TopicOptions{}), bus.ErrPolicy)
	publisher(t, b, "l") // says no policy, takes what is there
}

// TestHowLongAPublisherHasWaitedIsSeenWhileItWaits: not only when it goes on.
func TestHowLongAPublisherHasWaitedIsSeenWhileItWaits(t *testing.T) {
	b := newBus(t)
	p := publisher(t, b, "t", losslessRing(8))
	s := subscribe(t, b, "t", bus.Lossless())
	for range 8 {
		noError(t, p.TryPublish([]byte("x")))
	}
	said := make(chan error)
	go func() { said <- p.Publish(soon(t), []byte("y")) }()
	eventually(t, 10*time.Second, "it is seen that the publisher waits", func() bool {
		st, err := b.Stat("t")
		return err == nil && st.PublisherList[0].Blocked > 20*time.Millisecond
	})
	receive(t, s).Release()
	noError(t, <-said)
}
