package keeper

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"shmbus/bus"
	"shmbus/plugins"
)

func TestTheStatsTellOfTopicsPluginsAndTheBus(t *testing.T) {
	b := newBus(t)
	p := start(t, "publish", b, "a/b")
	k := newKeeper(t, b, Config{Interval: MinInterval}, fakes{
		{Name: "plug", Phase: plugins.Running, Plugin: plugins.Process{PID: p.Pid()}, Restarts: 3, Frames: 8, Dropped: 1},
		{Name: "bad", Phase: plugins.Refused},
	})
	run(t, k)
	stats := tap(t, b, plugins.TopicStats)
	about := func(key, name string) func(map[string]any) bool {
		return func(v map[string]any) bool { return v[key] == name }
	}
	frame(t, stats, about("topic", "a/b"))
	p.Say("50")
	p.Expect("done")
	f := frame(t, stats, func(v map[string]any) bool { return v["topic"] == "a/b" && fmt.Sprint(v["frames"]) == "50" })
	if fmt.Sprint(f["bytes"], f["publishers"], f["subscribers"]) != "5000 1 0" {
		t.Errorf("the topic: %v", f)
	}
	if r, ok := f["frames_per_second"].(float64); !ok || r <= 0 || math.Abs(f["bytes_per_second"].(float64)-100*r) > r {
		t.Errorf("the rates of 50 frames of 100 bytes: %v", f)
	}
	f = frame(t, stats, about("plugin", "plug"))
	if fmt.Sprintln(f["phase"], f["pid"], f["restarts"], f["frames"], f["dropped"], f["processes"]) != fmt.Sprintln("running", p.Pid(), 3, 8, 1, 1) || toInt(f["rss"]) < 1<<20 {
		t.Errorf("the plugin: %v", f)
	}
	if f = frame(t, stats, about("plugin", "bad")); f["phase"] != "refused" || fmt.Sprint(f["processes"]) != "0" {
		t.Errorf("the plugin that does not run: %v", f)
	}
	f = frame(t, stats, about("bus", b.Dir()))
	if fmt.Sprint(f["plugins"], f["participants"]) != "2 2" || toInt(f["memory"]) < 4096 || toInt(f["rss"]) < 1<<20 {
		t.Errorf("the bus: %v", f)
	}
}

func toInt(v any) (n int64) {
	fmt.Sscan(fmt.Sprint(v), &n)
	return n
}

func TestOnlyTopicsOnWhichSomethingHappensAreToldEachTime(t *testing.T) {
	b := newBus(t)
	for i := range 50 {
		must(t, b.CreateTopic(fmt.Sprint("quiet/", i), bus.TopicOptions{Slots: 64}))
	}
	p, err := b.Publisher("busy")
	must(t, err)
	k := newKeeper(t, b, Config{Interval: MinInterval}, nil)
	must(t, k.tell())
	before := frames(t, b)
	must(t, p.Publish(t.Context(), []byte("x")))
	k.sampler.Sample(0)
	must(t, k.tell())
	if n := frames(t, b) - before; n != 2 {
		t.Errorf("%d frames were published on %s, want 2: about the bus, and about the topic busy", n, plugins.TopicStats)
	}
	k.stats.all = k.stats.all.Add(-allEvery)
	k.sampler.Sample(0)
	must(t, k.tell())
	if n := frames(t, b) - before; n < 2+52 {
		t.Errorf("after %v only %d frames more, want one for each topic", allEvery, n-2)
	}
}

func frames(t *testing.T, b *bus.Bus) uint64 {
	t.Helper()
	s, err := b.Stat(plugins.TopicStats)
	must(t, err)
	return s.Frames
}

func TestABusIsLookedAtOnceHoweverManyAsk(t *testing.T) {
	s := NewSampler(newBus(t), nil)
	var all [20]*Sample
	var wg sync.WaitGroup
	for i := range all {
		wg.Go(func() { all[i] = s.Sample(time.Hour) })
	}
	wg.Wait()
	for _, x := range all {
		if x == nil || x != all[0] {
			t.Fatalf("samples %p and %p", x, all[0])
		}
	}
	if s.Sample(0) == all[0] {
		t.Error("an old sample was given for a new one")
	}
}

func TestWhatWasLostStaysCountedWhenItsSubscriberHasLeft(t *testing.T) {
	b := newBus(t)
	p, err := b.Publisher("x", bus.WithTopic(bus.TopicOptions{Slots: 64}))
	must(t, err)
	s := NewSampler(b, nil)
	lose := func() (total uint64) {
		sub, err := b.Subscribe(t.Context(), "x")
		must(t, err)
		defer sub.Close()
		for range 200 {
			must(t, p.Publish(t.Context(), []byte("x")))
		}
		for f, err := sub.TryReceive(); f != nil; f, err = sub.TryReceive() {
			must(t, err)
			f.Release()
		}
		if got := s.Sample(0).Finder()("x"); got.Lost == 0 || got.Lag != 0 || len(got.Subscriptions) != 1 {
			t.Fatalf("%+v", got)
		}
		return sub.Lost()
	}
	want := lose() + lose()
	if got := s.Sample(0).Finder()("x"); got.Lost != want || len(got.Subscriptions) != 0 {
		t.Errorf("lost %d, want %d: %+v", got.Lost, want, got)
	}
	must(t, b.RemoveTopic("x"))
	must(t, b.CreateTopic("x", bus.TopicOptions{Slots: 64}))
	if got := s.Sample(0).Finder()("x"); got.Lost != 0 {
		t.Errorf("a topic that was made again has lost %d", got.Lost)
	}
}

func TestOfVeryManyTopicsEachIsLookedAtInItsTurn(t *testing.T) {
	b := newBus(t)
	const n = 2*mostLooks + 10
	var pubs []*bus.Publisher
	for i := range n {
		p, err := b.Publisher(fmt.Sprintf("t/%03d", i), bus.WithTopic(bus.TopicOptions{Slots: 64}))
		must(t, err)
		pubs = append(pubs, p)
	}
	s := NewSampler(b, nil)
	for i, want := range []int{mostLooks, 2 * mostLooks, n} {
		for _, p := range pubs { // so that all of them have to be looked at
			must(t, p.Publish(t.Context(), []byte("x")))
		}
		looked := 0
		for _, x := range s.Sample(0).Topics {
			if len(x.publishers) == 1 {
				looked++
			}
			if x.Frames != uint64(i+1) {
				t.Fatalf("topic %s has %d frames, want %d", x.Name, x.Frames, i+1)
			}
		}
		if looked != want {
			t.Errorf("sample %d: %d topics were looked at, want %d", i, looked, want)
		}
	}
}

func TestWhatTheDeadHaveLeftIsTakenBackAndTold(t *testing.T) {
	b := newBus(t)
	p := start(t, "loan", b, "x")
	run(t, newKeeper(t, b, Config{Interval: MinInterval}, nil))
	eventually(t, "the keeper has seen who is there", func() bool {
		s, err := b.Stat(plugins.TopicStats)
		return err == nil && s.Frames > 0
	})
	p.Kill()
	event(t, tap(t, b, plugins.TopicEvents), "reaped", "taken back on x: publisher 1")
	eventually(t, "the publisher's place is free", func() bool {
		s, err := b.Stat("x")
		return err == nil && s.Publishers == 0
	})
}

func TestDeclaredTopicsAreMadeAndOthersOfTheirNameAreLeftAlone(t *testing.T) {
	b := newBus(t)
	must(t, b.CreateTopic("there", bus.TopicOptions{Slots: 64, NoTime: true}))
	must(t, b.CreateTopic("lossless", bus.TopicOptions{Policy: bus.PolicyLossless}))
	must(t, b.CreateTopic("same", bus.TopicOptions{Slots: 128, MaxSubscribers: 3}))
	k := newKeeper(t, b, Config{}, nil)
	err := k.Declare([]plugins.Topic{
		{Name: "there", Slots: 128},
		{Name: "lossless"},
		{Name: "same", Slots: 100},
		{Name: "a//b", Slots: 64},
		{Name: "new", Slots: 100, Cell: 256, Policy: "lossless", Exclusive: true, Publishers: 1},
	})
	if !errors.Is(err, ErrDiffers) || !errors.Is(err, bus.ErrName) {
		t.Fatalf("%v", err)
	}
	for _, w := range []string{`"there" is not as declared: slots 64, not 128, no-time true, not false`, `"lossless" is not as declared: policy lossless, not overwrite`, `"a//b"`} {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%v\ndoes not say: %s", err, w)
		}
	}
	if n := strings.Count(err.Error(), "\n"); n != 2 {
		t.Errorf("%v\nhas %d lines, want 3", err, n+1)
	}
	s, err := b.Stat("new")
	if err != nil || s.Slots != 128 || s.CellSize != 256 || s.Policy != bus.PolicyLossless || !s.Exclusive {
		t.Errorf("%+v, %v", s.TopicInfo, err)
	}
	if s, err := b.Stat("there"); err != nil || s.Slots != 64 {
		t.Errorf("%+v, %v", s.TopicInfo, err)
	}
	e := tap(t, b, plugins.TopicEvents)
	event(t, e, "differs", `"there"`)
	event(t, e, "differs", `"lossless"`)
}

func TestTopicsMayBeDeclaredWhileTheKeeperRuns(t *testing.T) {
	b := newBus(t)
	must(t, b.CreateTopic("there", bus.TopicOptions{Slots: 64}))
	k := newKeeper(t, b, Config{Interval: MinInterval}, nil)
	run(t, k)
	differ := 0
	eventually(t, "the keeper has published a few times meanwhile", func() bool {
		if err := k.Declare([]plugins.Topic{{Name: "there", Slots: 128}}); !errors.Is(err, ErrDiffers) {
			t.Fatal(err)
		}
		differ++
		s, err := b.Stat(plugins.TopicStats)
		return err == nil && s.Frames >= 3
	})
	if s, err := b.Stat(plugins.TopicEvents); err != nil || s.Frames < uint64(differ) {
		t.Errorf("%d events, %v; want %d about the topic", s.Frames, err, differ)
	}
}

func TestDeclaredTopicsAreMadeAgainWhenTheFilesWereRemoved(t *testing.T) {
	b := newBus(t)
	k := newKeeper(t, b, Config{Interval: MinInterval}, nil)
	must(t, k.Declare([]plugins.Topic{{Name: "declared", Slots: 64}, {Name: "removed"}}))
	run(t, k)
	told := func() uint64 {
		s, err := b.Stat(plugins.TopicStats)
		if err != nil { // it is just made anew
			return 0
		}
		return s.Frames
	}
	eventually(t, "the keeper has seen the files", func() bool { return told() > 1 })
	must(t, b.RemoveTopic("removed"))
	was := told()
	eventually(t, "it has looked again", func() bool { return told() > was+2 })
	if _, err := b.Stat("removed"); !errors.Is(err, bus.ErrNoTopic) {
		t.Errorf("a topic that was removed by itself: %v", err)
	}
	for range 2 {
		files, err := filepath.Glob(filepath.Join(b.Dir(), "*"))
		must(t, err)
		for _, path := range files {
			must(t, os.Remove(path))
		}
		eventually(t, "they are there again", func() bool {
			s, err := b.Stat("declared")
			_, rerr := b.Stat("removed")
			return err == nil && s.Slots == 64 && rerr == nil
		})
	}
}

func TestAConfigurationThatMakesNoSenseIsRefused(t *testing.T) {
	c := Config{Interval: plugins.Duration(time.Millisecond), Stuck: 1}
	err := c.Check()
	if err == nil || !strings.Contains(err.Error(), `keeper.interval = "1ms"`) || !strings.Contains(err.Error(), `keeper.stuck = "1ns"`) {
		t.Errorf("%v", err)
	}
	if _, nerr := New(c, nil, nil, nil, nil); nerr == nil {
		t.Error("New takes it")
	}
	must(t, Config{}.Check())
}
