//go:build linux

package timer

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"shmbus/bus"
	"shmbus/plugins/plugintest"
)

func TestTicksComeAtWholeIntervals(t *testing.T) {
	h := plugintest.Start(t, Run, `{"every":"2ms","topic":"tick"}`)
	s := h.Subscribe("tick")
	var first, last Tick
	for i := range 100 {
		f := h.Receive(s)
		tick, err := bus.Decode[Tick](f)
		if err != nil || f.Kind() != bus.KindMsgpack {
			t.Fatal(f.Kind(), err)
		}
		f.Release()
		if i == 0 {
			first = tick
		} else if tick.N <= last.N {
			t.Fatalf("tick %d after %d", tick.N, last.N)
		}
		last = tick
		if early := time.Until(tick.Time); early > 50*time.Millisecond {
			t.Fatalf("tick %d is %v early", tick.N, early)
		}
	}
	got, want := last.Time.Sub(first.Time), time.Duration(last.N-first.N)*2*time.Millisecond
	if off := (got - want).Abs(); off > 50*time.Millisecond { // the two clocks are not read at the same moment
		t.Errorf("%d ticks are %v apart, want %v", last.N-first.N, got, want)
	}
	h.Stop()
}

func TestTicksAsText(t *testing.T) {
	h := plugintest.Start(t, Run, `{"every":"1ms","format":"text"}`, "a/tick")
	f := h.Receive(h.Subscribe("a/tick"))
	n, when, _ := strings.Cut(string(f.Bytes()), " ")
	f.Release()
	if _, err := strconv.ParseUint(n, 10, 64); err != nil {
		t.Error(err)
	}
	if _, err := time.Parse(time.RFC3339Nano, when); err != nil {
		t.Error(err)
	}
	h.Stop()
}

func TestATopicThatIsRemovedIsMadeAgain(t *testing.T) {
	for _, format := range []string{"msgpack", "text"} {
		h := plugintest.Start(t, Run, `{"every":"1ms","topic":"tick","format":"`+format+`"}`)
		for range 3 {
			h.Receive(h.Subscribe("tick")).Release()
			if err := h.Bus.RemoveTopic("tick"); err != nil {
				t.Fatal(err)
			}
		}
		h.Receive(h.Subscribe("tick")).Release()
		h.Stop()
	}
}

func TestTicksThatNobodyTakesInTimeAreCounted(t *testing.T) {
	b := plugintest.NewBus(t)
	if err := b.CreateTopic("tick", bus.TopicOptions{Policy: bus.PolicyLossless, Slots: 2}); err != nil {
		t.Fatal(err)
	}
	s, err := b.Subscribe(t.Context(), "tick", bus.Lossless())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	h := plugintest.StartOn(t, b, Run, `{"every":"1ms"}`, "tick")
	var last uint64
	gap := false
	for i := 0; !gap || !strings.Contains(h.Notice().Status, "ticks missed"); i++ {
		f := h.Receive(s)
		tick, err := bus.Decode[Tick](f)
		if err != nil {
			t.Fatal(err)
		}
		gap = gap || i > 0 && tick.N > last+1
		last = tick.N
		time.Sleep(5 * time.Millisecond) // not synchronisation: it is a slow reader
		f.Release()
	}
	h.Stop()
}

func TestAConfigThatMakesNoSenseIsRefused(t *testing.T) {
	for config, want := range map[string]string{
		`{"every":"1us","topic":"a"}`:                "at least 100µs",
		`{"every":"1s","topic":"a","format":"json"}`: "msgpack and text",
		`{"evry":"1s"}`:                              "config.evry: there is no such key",
		`{"every":"1s"}`:                             "add [[topics]]",
		`{"topic":"a//b"}`:                           "bad topic name",
	} {
		if err := plugintest.Run(t, Run, config); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", config, err, want)
		}
	}
}
