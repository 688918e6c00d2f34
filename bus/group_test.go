package bus_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"shmbus/bus"
)

func TestGroupAsItsUserSeesIt(t *testing.T) {
	b := newBus(t)
	ctx := context.Background()
	p := publisher(t, b, "jobs", bus.WithTopic(bus.TopicOptions{Policy: bus.PolicyLossless, Slots: 16}))
	first := subscribe(t, b, "jobs", bus.Group("w"))
	second := subscribe(t, b, "jobs", bus.Group("w"), bus.Block())
	for i := range 5 {
		if err := p.Publish(ctx, fmt.Append(nil, i)); err != nil {
			t.Fatal(err)
		}
	}
	f, err := first.Receive(ctx)
	if err != nil || string(f.Bytes()) != "0" || f.Attempt() != 1 {
		t.Fatalf("%v, %v", f, err)
	}
	if _, err := first.Receive(ctx); !errors.Is(err, bus.ErrBusy) || !strings.Contains(err.Error(), "release it first") || strings.Contains(err.Error(), "loan") {
		t.Fatalf("a second frame in hand: %v", err)
	}
	st, err := b.Stat("jobs")
	if err != nil || len(st.GroupList) != 1 || st.GroupList[0] != (bus.GroupInfo{Name: "w", Members: 2, Position: 1, Lag: 4}) {
		t.Fatalf("the groups are %+v, %v", st.GroupList, err)
	}
	if m := st.SubscriberList[0]; m.Group != "w" || !m.Holds || m.Position != 0 || !m.Lossless || !m.Alive {
		t.Fatalf("the member is %+v", m)
	}
	if err := first.Close(); err != nil { // with the frame in hand
		t.Fatal(err)
	}
	got := ""
	for f, err := range second.Frames(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		got += fmt.Sprintf("%s/%d ", f.Bytes(), f.Attempt())
		if strings.Count(got, " ") == 5 {
			break
		}
	}
	if got != "0/2 1/1 2/1 3/1 4/1 " && got != "1/1 0/2 2/1 3/1 4/1 " {
		t.Fatalf("the second member got %s", got)
	}
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
	if st, err = b.Stat("jobs"); err != nil || len(st.GroupList) != 0 || len(st.SubscriberList) != 0 {
		t.Fatalf("left over: %+v, %v", st, err)
	}
}

func TestGroupErrorsSayWhatToDo(t *testing.T) {
	b := newBus(t)
	ctx := context.Background()
	publisher(t, b, "over")
	_, err := b.Subscribe(ctx, "over", bus.Group("w"))
	if !errors.Is(err, bus.ErrPolicy) || !strings.Contains(err.Error(), "PolicyLossless") {
		t.Errorf("on a topic that overwrites: %v", err)
	}
	_, err = b.Subscribe(ctx, "over", bus.Group(strings.Repeat("x", 33)))
	if !errors.Is(err, bus.ErrName) || !strings.Contains(err.Error(), "at most 32 bytes") {
		t.Errorf("with a long name: %v", err)
	}
	if _, err = b.Subscribe(ctx, "nothing", bus.Group("w")); !errors.Is(err, bus.ErrNoTopic) {
		t.Errorf("without a topic: %v", err)
	}
}

// TestGroupStart: the option of the first member counts, and no other's.
func TestGroupStart(t *testing.T) {
	b := newBus(t)
	ctx := context.Background()
	p := publisher(t, b, "jobs", bus.WithTopic(bus.TopicOptions{Policy: bus.PolicyLossless, Slots: 16}))
	for i := range 4 {
		if err := p.Publish(ctx, fmt.Append(nil, i)); err != nil {
			t.Fatal(err)
		}
	}
	m := subscribe(t, b, "jobs", bus.Group("w"), bus.LastN(2))
	n := subscribe(t, b, "jobs", bus.Group("w"), bus.FromOldest())
	expect(t, m, "2")
	expect(t, n, "3")
	for _, s := range []*bus.Subscriber{m, n} {
		if f, err := s.TryReceive(); f != nil || err != nil {
			t.Fatalf("after all came %v, %v", f, err)
		}
	}
	expect(t, subscribe(t, b, "jobs", bus.Group("from"), bus.FromPosition(1)), "1")
}
