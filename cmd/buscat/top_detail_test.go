package main

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"shmbus/bus"
)

// aLook is a look at a topic with n frames.
func aLook(n int) topicLook {
	l := topicLook{stat: bus.TopicStat{
		TopicInfo:      bus.TopicInfo{Name: "a/slow", Made: time.Unix(1, 0), Slots: 1000, CellSize: 64, Publishers: 9, Subscribers: 2, Frames: uint64(n)},
		SubscriberList: []bus.SubscriberInfo{{ID: 7, Pid: 70, Alive: true, Lossless: true, Lag: 950, Lost: 4}, {ID: 8, Group: "g", Holds: true}},
	}}
	for i := range 9 {
		l.stat.PublisherList = append(l.stat.PublisherList, bus.PublisherInfo{ID: uint64(i), Pid: 100 + i, Alive: true})
	}
	for i := range n {
		l.frames = append(l.frames, seenFrame{position: uint64(10 * i), publisher: 3, length: 5, body: fmt.Sprint("body ", i)})
	}
	return l
}

func TestTopOpensATopic(t *testing.T) {
	m := sampled(100, 30)
	if press(m, "enter") != topLook || m.open != "a/slow" {
		t.Fatalf("enter opens %q", m.open)
	}
	if !strings.Contains(screen(m), "looking") {
		t.Errorf("before the first look:\n%s", screen(m))
	}
	m.look(aLook(3))
	m.look(aLook(5)) // three of them again
	for _, want := range []string{
		"a/slow", "1000 slots of 64 B", "PUBLISHERS 9", "and 4 more", "SUBSCRIBERS 2", "950   95%", "lossless", "group g, has a frame",
		"    0     3        5  body 0", "   40     3        5  body 4", "esc back",
	} {
		if !strings.Contains(screen(m), want) {
			t.Errorf("%q is not on the screen:\n%s", want, screen(m))
		}
	}
	if n := strings.Count(screen(m), "body "); n != 5 {
		t.Errorf("%d frames are shown, want 5:\n%s", n, screen(m))
	}
	m.look(aLook(1000))
	if len(m.detail.frames) != topFrames || !strings.Contains(screen(m), "body 999") || strings.Contains(screen(m), "body 900") {
		t.Errorf("%d frames are kept:\n%s", len(m.detail.frames), screen(m))
	}
	again := aLook(1)
	again.stat.Made = time.Unix(2, 0)
	if m.look(again); len(m.detail.frames) != 1 {
		t.Errorf("of a topic that was made again %d frames are shown", len(m.detail.frames))
	}
	if m.look(topicLook{err: bus.ErrNoTopic}); !strings.Contains(screen(m), "has been removed") {
		t.Errorf("of a removed topic:\n%s", screen(m))
	}
	if press(m, "esc"); m.open != "" || !strings.Contains(screen(m), "by name") {
		t.Errorf("after esc:\n%s", screen(m))
	}
	if press(m, "p"); !strings.Contains(screen(m), "PAUSED") || press(m, "p") != topResume {
		t.Errorf("p does not pause and go on:\n%s", screen(m))
	}
	for _, keys := range [][]string{{"q"}, {"enter", "q"}, {"ctrl+c"}, {"/", "ctrl+c"}, {"?", "ctrl+c"}} {
		want := topQuit
		if keys[len(keys)-1] == "ctrl+c" {
			want = topInterrupt
		}
		if press(sampled(80, 24), keys...) != want {
			t.Errorf("%v do not quit", keys)
		}
	}
}

func TestTopLooksAtARealTopicWithoutJoiningIt(t *testing.T) {
	b := openBus(t)
	p, err := b.Publisher("t/1")
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	for _, frame := range []string{"first", "\x1b[31mred\n"} {
		if err := p.Publish(ctx, []byte(frame)); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Encode(ctx, map[string]int{"n": 7}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Subscribe(ctx, "t/1", bus.FromOldest()); err != nil {
		t.Fatal(err)
	}
	l := lookAt(ctx, b, "t/1")
	if l.err != nil || len(l.frames) != 3 || l.stat.Subscribers != 1 {
		t.Fatalf("%+v", l)
	}
	for i, want := range []string{"first", `\x1b[31mred\n`, `{"n":7}`} {
		if l.frames[i].body != want {
			t.Errorf("frame %d is shown as %q, want %q", i, l.frames[i].body, want)
		}
	}
	s := sampleBus(b, nil)
	if len(s.topics) != 1 || s.topics[0].lag != s.topics[0].Tail || s.topics[0].Frames != 3 || s.absent || s.trouble != "" {
		t.Errorf("%+v", s)
	}
	if l := lookAt(ctx, b, "none"); l.err == nil {
		t.Error("there is no such topic")
	}
	if err := p.Publish(ctx, make([]byte, p.MaxFrame())); err != nil { // most of the ring
		t.Fatal(err)
	}
	if l := lookAt(ctx, b, "t/1"); l.err != nil || len(l.frames) == 0 || len(l.frames[len(l.frames)-1].body) > 4*topBody {
		t.Errorf("a large frame: %v, %d frames", l.err, len(l.frames))
	}
}

func TestRatesBeginAnewWhenATopicIsMadeAgain(t *testing.T) {
	r := topRow{}.next(aTopic("t", 100, 1000), 0, true)
	if r.frames != -1 || short(r.frames) != "-" {
		t.Errorf("the first sample tells a rate: %v", r.frames)
	}
	if r = r.next(aTopic("t", 300, 5000), 2*time.Second, false); r.frames != 100 || r.bytes != 2000 {
		t.Errorf("%v frames/s, %v bytes/s", r.frames, r.bytes)
	}
	again := aTopic("t", 10, 10)
	again.Made = time.Unix(50, 0)
	if r = r.next(again, time.Second, false); r.frames != 10 || len(r.rates) != 1 {
		t.Errorf("made again: %v frames/s, %v", r.frames, r.rates)
	}
	for i := range 3 * topHistory {
		again.Frames += uint64(i)
		r = r.next(again, time.Second, false)
	}
	if len(r.rates) != topHistory || r.rates[topHistory-1] != 3*topHistory-1 {
		t.Errorf("history %v", r.rates)
	}
}

func TestNumbersFitTheirColumns(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 0.001: "<0.01", 0.25: "0.25", 12.34: "12.3", 999: "999", 999.7: "1.00k", 8: "8", 1234: "1.23k", 45.6e6: "45.6M", 1.8e19: "18.0E"} {
		if got := short(v); got != want || len(got) > 6 {
			t.Errorf("%v is %q, want %q", v, got, want)
		}
	}
	for v, want := range map[float64]string{0: "0 B", 20.4: "20 B", 999: "999 B", 1000: "0.98 KiB", 5 << 20: "5.00 MiB", 0.5: "0.50 B", 123 << 30: "123 GiB"} {
		if got := shortBytes(v); got != want || len(got) > 8 {
			t.Errorf("%v is %q, want %q", v, got, want)
		}
	}
	for d, want := range map[time.Duration]string{
		0: "0", time.Microsecond: "<1ms", 9999 * time.Millisecond: "9.999s", 90 * time.Second: "1m30s", 99 * time.Minute: "1h39m0s", 1000 * time.Hour: "41d",
	} {
		if got := shortTime(d); got != want || len(got) > 7 {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
	if got := sparkline([]float64{0, 1, 50, 100}, 6); got != "  ▁▂▅█" {
		t.Errorf("%q", got)
	}
	if got := sparkline([]float64{1, 2, 3}, 2); got != "▆█" {
		t.Errorf("%q", got)
	}
}
