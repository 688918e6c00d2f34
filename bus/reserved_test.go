package bus_test

import (
	"errors"
	"strings"
	"testing"

	"shmbus/bus"
)

func TestTopicsOfBusdAreForBusd(t *testing.T) {
	dir := newDir(t)
	b, d := openAt(t, dir), openAt(t, dir, bus.WithReserved())
	for _, f := range []func() error{
		func() error { _, err := b.Publisher("$bus/log/x"); return err },
		func() error { return b.CreateTopic("$bus/log/x", bus.TopicOptions{}) },
	} {
		if err := f(); !errors.Is(err, bus.ErrReserved) || !strings.Contains(err.Error(), "take a name") {
			t.Errorf("others: %v", err)
		}
	}
	publish(t, publisher(t, b, "$busy/x"), "not busd's")
	publish(t, publisher(t, b, "a/$bus/x"), "nor is this")
	publish(t, publisher(t, d, "$bus/log/x"), "hello")
	if _, err := b.Publisher("$bus/log/x"); !errors.Is(err, bus.ErrReserved) {
		t.Errorf("others, once it is there: %v", err)
	}
	s := subscribe(t, b, "$bus/log/x", bus.FromOldest())
	f, err := s.TryReceive()
	if err != nil || string(f.Bytes()) != "hello" {
		t.Fatalf("%v, %v", f, err)
	}
	f.Release()
}
