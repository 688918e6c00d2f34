//go:build linux

package httpin

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"shmbus/bus"
	"shmbus/plugins/plugintest"
)

func TestNoRoomIsSaidSo(t *testing.T) {
	b := plugintest.NewBus(t)
	if err := b.CreateTopic("a", bus.TopicOptions{Policy: bus.PolicyLossless, Slots: 4}); err != nil {
		t.Fatal(err)
	}
	sub, err := b.Subscribe(t.Context(), "a", bus.Lossless())
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Close()
	s := serveOn(t, b, `,"wait":"1ms"`, "a") // topics are the manifest's
	s.want(s.post("/a", "", strings.Repeat("x", 1000)), 413, "too large")
	for i := range 4 {
		s.want(s.post("/a", "", fmt.Sprint(i)), 204, "")
	}
	for _, kind := range []string{"", "application/msgpack"} {
		full := s.post("/a", kind, "\x01")
		s.want(full, 503, "no room")
		if full.header.Get("Retry-After") != "1" {
			t.Errorf("%v", full.header)
		}
	}
	s.want(s.post("/a", "application/x-ndjson", "4\n"), 503, "0 frames were published")
	s.Expect(sub, "0", "1", "2", "3")
	s.want(s.post("/a", "", "4"), 204, "")
	s.Expect(sub, "4")
	s.Stop()
}

func TestWaitMayBeLongerThanABodyMayTake(t *testing.T) {
	b := plugintest.NewBus(t)
	p, err := b.Publisher("a", bus.WithTopic(bus.TopicOptions{Policy: bus.PolicyLossless, Slots: 4}))
	if err != nil {
		t.Fatal(err)
	}
	sub, err := b.Subscribe(t.Context(), "a", bus.Lossless())
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Close()
	for range 4 {
		if err := p.Publish(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
	}
	was := bodyPatience
	bodyPatience = 300 * time.Millisecond
	t.Cleanup(func() { bodyPatience = was })
	s := serveOn(t, b, `,"wait":"600ms"`, "a")
	for _, body := range []string{"full", ""} {
		s.want(s.post("/a", "", body), 503, "no room")
	}
	s.Stop()
}
