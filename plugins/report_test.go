package plugins

import (
	"errors"
	"reflect"
	"testing"

	"github.com/hashicorp/go-hclog"

	"shmbus/bus"
)

func TestALogIsOnTheBus(t *testing.T) {
	b, err := bus.Open(t.TempDir(), bus.WithReserved())
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	r := NewReporter(b)
	defer r.Close()
	l := hclog.NewInterceptLogger(&hclog.LoggerOptions{Name: "x", Level: hclog.Off})
	l.RegisterSink(r.LogSink("x"))
	l.Named("part").Warn("odd", "n", 3, "err", errors.New("why"), "list", []any{1.5, "b"}, "alone")
	if err := r.Event(Event{Event: "started", Plugin: "x", PID: 7}); err != nil {
		t.Fatal(err)
	}
	entry := one[LogEntry](t, b, TopicLogs+"x")
	want := map[string]any{"n": int8(3), "err": "why", "list": []any{1.5, "b"}, hclog.MissingKey: "alone"}
	if entry.Level != "warn" || entry.Name != "x.part" || entry.Msg != "odd" || entry.Time.IsZero() || !reflect.DeepEqual(entry.Fields, want) {
		t.Errorf("%#v, want fields %#v", entry, want)
	}
	if e := one[Event](t, b, TopicEvents); e.Event != "started" || e.Plugin != "x" || e.PID != 7 || e.Time.IsZero() {
		t.Errorf("%+v", e)
	}
}

func TestATopicThatWasRemovedIsMadeAgain(t *testing.T) {
	b, err := bus.Open(t.TempDir(), bus.WithReserved())
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	r := NewReporter(b)
	defer r.Close()
	for _, name := range []string{"before", "after"} {
		if err := r.Event(Event{Event: name}); err != nil {
			t.Fatal(err)
		}
		if e := one[Event](t, b, TopicEvents); e.Event != name {
			t.Errorf("%+v", e)
		}
		if err := b.RemoveTopic(TopicEvents); err != nil {
			t.Fatal(err)
		}
	}
}

func one[T any](t *testing.T, b *bus.Bus, topic string) T {
	t.Helper()
	s, err := b.Subscribe(t.Context(), topic, bus.ReadOnly(), bus.FromOldest())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	f, err := s.TryReceive()
	if err != nil || f == nil {
		t.Fatalf("%s: %v, %v", topic, f, err)
	}
	defer f.Release()
	v, err := bus.Decode[T](f)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
