package bus_test

import (
	"testing"

	"shmbus/bus"
)

// TestAGroupIsNeverDropped: it is lossless in any case; what cannot be together with it is an error, in whatever order it is said.
func TestAGroupIsNeverDropped(t *testing.T) {
	b := newBus(t)
	publisher(t, b, "t", losslessRing(16))
	for _, c := range []struct {
		name string
		with bus.SubscribeOption
		want string // in the error
	}{
		{"Lossless", bus.Lossless(), ""},
		{"Lossy", bus.Lossy(), "Lossy may miss some"},
		{"ReadOnly", bus.ReadOnly(), "ReadOnly may write nothing"},
	} {
		for _, opts := range [][]bus.SubscribeOption{{bus.Group("g"), c.with}, {c.with, bus.Group("g")}} {
			s, err := b.Subscribe(t.Context(), "t", opts...)
			if c.want != "" {
				is(t, err, bus.ErrPolicy, `"t"`, c.want)
				continue
			}
			noError(t, err)
			stat, err := b.Stat("t")
			noError(t, err)
			if len(stat.GroupList) != 1 || len(stat.SubscriberList) != 1 || stat.SubscriberList[0].Group != "g" {
				t.Errorf("%s: the subscriptions are %+v", c.name, stat.SubscriberList)
			}
			noError(t, s.Close())
		}
	}
	// Of ways to read that are not a group's the last counts.
	s := subscribe(t, b, "t", bus.ReadOnly(), bus.Lossless())
	if all, err := b.Stat("t"); err != nil || len(all.SubscriberList) != 1 || !all.SubscriberList[0].Lossless {
		t.Errorf("the subscriptions are %+v, %v", all.SubscriberList, err)
	}
	noError(t, s.Close())
}
