package bus_test

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"

	"shmbus/bus"
)

func TestTheSixtyFifthPublisherIsRefused(t *testing.T) {
	b := newBus(t)
	var all []*bus.Publisher
	for range 64 {
		all = append(all, publisher(t, b, "t"))
	}
	_, err := b.Publisher("t")
	is(t, err, bus.ErrLimit, `"t"`, "64", "MaxPublishers")
	noError(t, all[30].Close())
	p := publisher(t, b, "t")
	publish(t, p, "x")
	_, err = b.Publisher("t")
	is(t, err, bus.ErrLimit)
	for i, p := range append(all, p) {
		if i != 30 {
			publish(t, p, "y")
		}
	}
}

func TestTheSixtyFifthSubscriptionIsRefusedButNotATap(t *testing.T) {
	b := newBus(t)
	p := publisher(t, b, "t", lossless)
	var all []*bus.Subscriber
	for i := range 64 {
		all = append(all, subscribe(t, b, "t", []bus.SubscribeOption{bus.Lossy(), bus.Lossless()}[i%2]))
	}
	for _, mode := range []bus.SubscribeOption{bus.Lossy(), bus.Lossless()} {
		_, err := b.Subscribe(soon(t), "t", mode)
		is(t, err, bus.ErrLimit, `"t"`, "64", "MaxSubscribers", "ReadOnly")
	}
	tap := subscribe(t, b, "t", bus.ReadOnly())
	noError(t, all[5].Close())
	s := subscribe(t, b, "t", bus.Lossless())
	publish(t, p, "x")
	for _, s := range append(all[6:], s, tap) {
		expect(t, s, "x")
	}
}

func TestMoreOrFewerPlacesCanBeAskedFor(t *testing.T) {
	b := newBus(t)
	noError(t, b.CreateTopic("few", bus.TopicOptions{MaxPublishers: 1, MaxSubscribers: 1}))
	noError(t, b.CreateTopic("many", bus.TopicOptions{MaxPublishers: 100, MaxSubscribers: 100}))
	handles := []any{publisher(t, b, "few"), subscribe(t, b, "few")}
	_, err := b.Publisher("few")
	is(t, err, bus.ErrLimit)
	_, err = b.Subscribe(soon(t), "few")
	is(t, err, bus.ErrLimit)
	for range 100 {
		handles = append(handles, publisher(t, b, "many"), subscribe(t, b, "many"))
	}
	_, err = b.Publisher("many")
	is(t, err, bus.ErrLimit, "100")
	runtime.KeepAlive(handles)
}

func TestAGroupTakesAPlaceBesideItsMembers(t *testing.T) {
	b := newBus(t)
	noError(t, b.CreateTopic("t", bus.TopicOptions{Policy: bus.PolicyLossless, MaxSubscribers: 1}))
	_, err := b.Subscribe(soon(t), "t", bus.Group("g"))
	is(t, err, bus.ErrLimit, "a group takes one")
	s := subscribe(t, b, "t") // what the group had begun to take is free again
	_, err = b.Subscribe(soon(t), "t", bus.Lossless())
	is(t, err, bus.ErrLimit)
	if strings.Contains(err.Error(), "group") {
		t.Errorf("without a group it says %v", err)
	}
	runtime.KeepAlive(s)
}

func TestAnExclusiveTopicTakesOnePublisher(t *testing.T) {
	b := newBus(t)
	p := publisher(t, b, "t", bus.WithTopic(bus.TopicOptions{Exclusive: true}))
	s := subscribe(t, b, "t")
	other := openAt(t, b.Dir())
	for _, b := range []*bus.Bus{b, other} {
		_, err := b.Publisher("t")
		is(t, err, bus.ErrExclusive, `"t"`, "close")
	}
	publish(t, p, "p")
	noError(t, p.Close())
	q := publisher(t, other, "t")
	publish(t, q, "q")
	expect(t, s, "p", "q")
	if st, err := b.Stat("t"); err != nil || !st.Exclusive || st.Publishers != 1 {
		t.Errorf("stat %+v, %v", st, err)
	}
	noError(t, q.Close()) // which also keeps it from being collected before
}

func TestHandlesBeyondTheParticipantTableAreRefused(t *testing.T) {
	dir := newDir(t)
	a := openAt(t, dir, bus.WithMaxParticipants(2))
	p := publisher(t, a, "t")
	s := subscribe(t, openAt(t, dir), "t")
	third := openAt(t, dir)
	_, err := third.Publisher("t")
	is(t, err, bus.ErrLimit, `"t"`, "2", "WithMaxParticipants")
	_, err = third.Subscribe(soon(t), "t")
	is(t, err, bus.ErrLimit, `"t"`, "2", "WithMaxParticipants")
	if strings.Contains(err.Error(), "Options.") {
		t.Errorf("it speaks of what this package does not have: %v", err)
	}
	subscribe(t, third, "t", bus.ReadOnly()) // takes no place
	if _, err := bus.Open(dir, bus.WithMaxParticipants(65536)); err == nil {
		t.Error("65536 participants were accepted")
	} else {
		is(t, err, bus.ErrLimit, "65535")
	}
	noError(t, p.Close()) // which also keeps them from being collected before
	noError(t, a.Close())
	publisher(t, third, "t")
	noError(t, s.Close())
}

func TestASegmentHoldsATopicForEachPlaceInItsTable(t *testing.T) {
	b := newBus(t)
	tiny := bus.TopicOptions{Slots: 2, MaxPublishers: 1, MaxSubscribers: 1}
	for i := range 1024 {
		noError(t, b.CreateTopic(fmt.Sprint("t/", i), tiny))
	}
	err := b.CreateTopic("one/more", tiny)
	is(t, err, bus.ErrLimit, `"one/more"`, "1024", "WithSegment")
	_, err = b.Publisher("one/more")
	is(t, err, bus.ErrLimit)
	infos, err := b.Topics()
	noError(t, err)
	if len(infos) != 1024 {
		t.Errorf("%d topics are listed", len(infos))
	}
	second := openAt(t, b.Dir(), bus.WithSegment("more"))
	p := publisher(t, second, "one/more")
	s := subscribe(t, b, "one/more")
	publish(t, p, "x")
	expect(t, s, "x")
	noError(t, b.RemoveTopic("t/500"))
	noError(t, b.CreateTopic("t/new", tiny))
}

func TestNames(t *testing.T) {
	b := newBus(t)
	for _, name := range []string{"a", "sensors/imu/0", strings.Repeat("x", 200), "ünï/çødé", "with space", "a.b-c_d"} {
		p := publisher(t, b, name, bus.WithTopic(bus.TopicOptions{Slots: 16}))
		s := subscribe(t, b, name)
		publish(t, p, name)
		expect(t, s, name)
	}
	for _, name := range []string{"", "/", "/a", "a/", "a//b", "a*", "*", "a\x00b", "a\nb", "\x7f", strings.Repeat("x", 201), "\xff\xfe"} {
		_, err := b.Publisher(name)
		is(t, err, bus.ErrName)
		_, err = b.Subscribe(soon(t), name, bus.WaitForTopic())
		is(t, err, bus.ErrName)
		is(t, b.CreateTopic(name, bus.TopicOptions{}), bus.ErrName)
		is(t, b.RemoveTopic(name), bus.ErrName)
		if _, err = b.Stat(name); err == nil {
			t.Errorf("there is a topic %q", name)
		}
	}
	_, err := b.Publisher("")
	is(t, err, bus.ErrName, `open publisher on "": bad topic name "": it is empty`)
	for group, want := range map[string]string{"": "it is empty", "a*": "'*' is for patterns"} {
		_, err := b.Subscribe(soon(t), "a", bus.Group(group))
		is(t, err, bus.ErrName, `subscribe to "a": a group's name has the form of a topic's: bad topic name "`+group+`": `+want)
	}
	for _, segment := range []string{"", "a/b", "../x", ".hidden", "a b"} {
		_, err := bus.Open(b.Dir(), bus.WithSegment(segment))
		is(t, err, bus.ErrName)
	}
}

func TestShapesThatCannotBeAreRefused(t *testing.T) {
	b := newBus(t)
	for _, o := range []bus.TopicOptions{
		{Slots: 1},
		{Slots: -1},
		{Slots: 1<<26 + 1},
		{CellSize: -1},
		{CellSize: 64<<10 + 1},
		{MaxPublishers: -1},
		{MaxPublishers: 4097},
		{MaxSubscribers: 4097},
		{MaxSubscribers: -1},
		{Policy: 7},
	} {
		if err := b.CreateTopic("t", o); err == nil || !strings.Contains(err.Error(), `"t"`) {
			t.Errorf("%+v: %v", o, err)
		}
	}
	if _, err := os.Stat(b.Dir()); !os.IsNotExist(err) {
		t.Errorf("the directory was made for nothing: %v", err)
	}
	noError(t, b.CreateTopic("t", bus.TopicOptions{Slots: 100, CellSize: 100}))
	st, err := b.Stat("t")
	noError(t, err)
	if st.Slots != 128 || st.CellSize != 128 || st.MaxFrame != 64*128 || st.Memory < 128*(128+64) {
		t.Errorf("rounded up to %+v", st.TopicInfo)
	}
}
