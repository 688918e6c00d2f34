//go:build linux && shmbus_sched

package bus_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"shmbus/bus"
	"shmbus/internal/testproc"
)

// TestCrashMatrix kills a process before each store of the protocol, one at a time and in pairs, while others publish and receive on the
// same topic. Afterwards the others have missed nothing, the topic works, no line is left, and the doctor finds nothing.

// survivors are those who go on: a publisher, a lossless subscription, a member of the group "w" and a lossy subscription on "t"; and a lossless
// subscription on "early".
type survivors struct {
	t    *testing.T
	dir  string
	b    *bus.Bus
	stop context.CancelFunc
	wg   sync.WaitGroup

	id       uint64 // of the publisher
	sent     atomic.Uint64
	got      atomic.Uint64 // by the lossless subscription, of this publisher
	lossy    atomic.Uint64
	last     atomic.Uint64 // that the lossy subscription got
	lost     atomic.Uint64
	mu       sync.Mutex
	did      map[uint64]bool // by members of the group
	frozen   atomic.Bool     // the publisher is to stop
	stopped  chan struct{}   // it has
	slowest  time.Duration
	killed   int
	expected int // lines that survivors hold
}

func newSurvivors(t *testing.T) *survivors {
	v := &survivors{t: t, dir: newDir(t), did: make(map[uint64]bool), stopped: make(chan struct{}), expected: 3}
	v.b = openAt(t, v.dir)
	p := publisher(t, v.b, "t", bus.WithTopic(bus.TopicOptions{Policy: bus.PolicyLossless, Slots: 64}))
	v.id = p.ID()
	noError(t, v.b.CreateTopic("early", bus.TopicOptions{Policy: bus.PolicyLossless, Slots: 16, CellSize: 4 << 10}))
	early := subscribe(t, v.b, "early", bus.Lossless(), bus.Block())
	ctx, cancel := context.WithCancel(context.Background())
	v.stop = cancel
	every := subscribe(t, v.b, "t", bus.Lossless(), bus.Block())
	member := subscribe(t, v.b, "t", bus.Group("w"), bus.Block())
	lossy := subscribe(t, v.b, "t", bus.Block())
	t.Cleanup(func() {
		v.frozen.Store(true)
		cancel()
		v.wg.Wait()
	})
	v.wg.Go(func() {
		defer close(v.stopped)
		v.publish(ctx, p)
	})
	v.wg.Go(func() {
		v.each(ctx, every, func(f *bus.Frame) {
			if n := v.got.Add(1); n != f.Sequence() {
				t.Errorf("the lossless subscription got frame %d, not %d", f.Sequence(), n)
			}
		})
	})
	v.wg.Go(func() {
		sequence := make(map[uint64]uint64)
		for f, err := range early.Frames(ctx) {
			switch {
			case errors.Is(err, context.Canceled):
				return
			case err != nil:
				t.Errorf("receiving large frames: %v", err)
				return
			case !bytes.Equal(f.Bytes(), largeFrame(f.Sequence())) && string(f.Bytes()) != "still works":
				t.Errorf("large frame %d, %d bytes, is torn", f.Sequence(), len(f.Bytes()))
			case f.Sequence() != sequence[f.Publisher()]+1:
				t.Errorf("large frame %d came after %d", f.Sequence(), sequence[f.Publisher()])
			}
			sequence[f.Publisher()] = f.Sequence()
		}
	})
	v.wg.Go(func() { v.each(ctx, member, func(f *bus.Frame) { v.done(f.Sequence()) }) })
	v.wg.Go(func() {
		v.each(ctx, lossy, func(f *bus.Frame) {
			v.lossy.Add(1)
			v.last.Store(f.Sequence())
		})
		v.lost.Store(lossy.LostBy()[v.id])
	})
	return v
}

func (v *survivors) publish(ctx context.Context, p *bus.Publisher) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for n := uint64(1); !v.frozen.Load(); n++ {
		if n%4 == 0 {
			<-tick.C
		}
		b := make([]byte, n%200)
		for i := range b {
			b[i] = byte(n + uint64(i))
		}
		if err := p.Publish(ctx, b); err != nil {
			v.t.Errorf("publishing: %v", err)
			return
		}
		v.sent.Store(n)
	}
}

// each receives until ctx is done, checks the publisher's frames and hands them to f.
func (v *survivors) each(ctx context.Context, s *bus.Subscriber, f func(*bus.Frame)) {
	for fr, err := range s.Frames(ctx) {
		if errors.Is(err, context.Canceled) {
			return
		}
		if err != nil {
			v.t.Errorf("receiving: %v", err)
			return
		}
		if fr.Publisher() != v.id {
			continue
		}
		n := fr.Sequence()
		b := fr.Bytes()
		if uint64(len(b)) != n%200 {
			v.t.Errorf("frame %d has %d bytes", n, len(b))
		}
		for i := range b {
			if b[i] != byte(n+uint64(i)) {
				v.t.Errorf("frame %d is torn at %d", n, i)
				break
			}
		}
		f(fr)
	}
}

func (v *survivors) done(sequence uint64) {
	v.mu.Lock()
	v.did[sequence] = true
	v.mu.Unlock()
}

// play starts a victim and waits for its end. It says which sites it came by, if it lived.
func (v *survivors) play(scene, site string, n int) (seen map[string]int) {
	v.t.Helper()
	if scene == "adopt" || scene == "reap" {
		v.mess()
	}
	h := testproc.Start(v.t, "victim", v.dir, scene, site, fmt.Sprint(n))
	seen = make(map[string]int)
	ended := false
	for l := range h.Lines() {
		var count int
		var publisher, sequence uint64
		switch {
		case l == "end":
			ended = true
		case strings.HasPrefix(l, "site "):
			if _, err := fmt.Sscanf(l, "site %d", &count); err == nil {
				seen[strings.SplitN(l, " ", 3)[2]] = count
			}
		case strings.HasPrefix(l, "did "):
			if _, err := fmt.Sscanf(l, "did %d %d", &publisher, &sequence); err == nil && publisher == v.id {
				v.done(sequence)
			}
		}
	}
	h.Kill()
	if site == "" && !ended {
		v.t.Fatalf("scene %q ended by itself", scene)
	}
	if ended {
		return seen
	}
	v.killed++
	return nil
}

// mess makes the topic "mess" and lets a process die there with its hands full.
func (v *survivors) mess() {
	v.t.Helper()
	if err := v.b.RemoveTopic("mess"); err != nil && !errors.Is(err, bus.ErrNoTopic) {
		v.t.Fatal(err)
	}
	noError(v.t, v.b.CreateTopic("mess", bus.TopicOptions{Policy: bus.PolicyLossless, Slots: 256}))
	p := publisher(v.t, v.b, "mess")
	publish(v.t, p, "a", "b", "c")
	noError(v.t, p.Close())
	h := testproc.Start(v.t, "leave a mess", v.dir, "mess")
	h.Expect("ready")
	h.Kill()
}

// check looks whether all is well after a death.
func (v *survivors) check(what string) {
	v.t.Helper()
	start, from := time.Now(), v.got.Load()
	eventually(v.t, 10*time.Second, what+": the survivors go on", func() bool { return v.got.Load() > from })
	v.slowest = max(v.slowest, time.Since(start))
	eventually(v.t, 10*time.Second, what+": no line is left", func() bool {
		st, err := v.b.Stat("t")
		return err == nil && st.Publishers == 1 && st.Subscribers == v.expected && len(st.GroupList) == 1
	})
	v.works("mess", what)
	v.works("own", what)
	v.works("made", what)
	v.works("single", what)
	v.works("stream", what)
	v.works("streams", what)
	v.works("sole", what)
	v.works("early", what)
	v.gone(what)
	found := ""
	defer func() {
		if strings.Contains(found, "wrong ") || strings.Contains(found, "dead ") {
			v.t.Logf("%s: the doctor found\n%s", what, found)
		}
	}()
	eventually(v.t, 10*time.Second, what+": the doctor finds nothing wrong", func() bool {
		found = findings(v.t, v.b)
		if strings.Contains(found, "removal was begun") { // it holds nobody up: whoever makes a topic of that name finishes it, or Reap
			_, err := v.b.Reap()
			noError(v.t, err)
			found = findings(v.t, v.b)
		}
		return !strings.Contains(found, "wrong ") && !strings.Contains(found, "dead ")
	})
}

// gone sees that what is ephemeral has gone with its last participant: a topic unless its maker died before it was the first, and the
// files of a segment once it has been made again.
func (v *survivors) gone(what string) {
	v.t.Helper()
	eventually(v.t, 10*time.Second, what+": the ephemeral topic is gone", func() bool {
		st, err := v.b.Stat("brief")
		return errors.Is(err, bus.ErrNoTopic) || err == nil && st.Frames == 0 && st.Publishers == 0
	})
	noError(v.t, comeAndGoAlone(v.b, nil))
	if _, err := v.b.Stat("brief"); !errors.Is(err, bus.ErrNoTopic) {
		v.t.Fatalf("%s: the ephemeral topic is still there: %v", what, err)
	}
	if left := strings.Join(files(v.t, v.dir), " "); strings.Contains(left, "brief") {
		v.t.Fatalf("%s: left are %s", what, left)
	}
}

// works fills a topic twice over, if it is there, and leaves nothing behind. The topic "made" can be made and removed in any case.
func (v *survivors) works(topic, what string) {
	v.t.Helper()
	if topic == "made" {
		if err := v.b.CreateTopic(topic, bus.TopicOptions{Slots: 16}); err != nil {
			v.t.Fatalf("%s: %v", what, err)
		}
		defer func() { noError(v.t, v.b.RemoveTopic(topic)) }()
	}
	if _, err := v.b.Stat(topic); errors.Is(err, bus.ErrNoTopic) {
		return
	}
	p := publisher(v.t, v.b, topic)
	st, err := v.b.Stat(topic)
	noError(v.t, err)
	ctx := soon(v.t)
	s, err := v.b.Subscribe(ctx, topic, bus.FromNewest())
	noError(v.t, err)
	for range 2*st.Slots + 2 {
		if err := p.Publish(ctx, []byte("still works")); err != nil {
			v.t.Fatalf("%s: topic %s does not work: %v", what, topic, err)
		}
	}
	if f := receive(v.t, s); string(f.Bytes()) != "still works" {
		v.t.Fatalf("%s: topic %s gives %q", what, topic, f.Bytes())
	}
	noError(v.t, errors.Join(p.Close(), s.Close()))
}

// end stops everything and draws up the balance.
func (v *survivors) end() {
	v.frozen.Store(true)
	<-v.stopped
	eventually(v.t, 10*time.Second, "all is received", func() bool {
		v.mu.Lock()
		defer v.mu.Unlock()
		return v.got.Load() == v.sent.Load() && v.last.Load() == v.sent.Load() && uint64(len(v.did)) == v.sent.Load()
	})
	v.stop()
	v.wg.Wait()
	if n := v.lossy.Load() + v.lost.Load(); n != v.sent.Load() {
		v.t.Errorf("the lossy subscription got %d and lost %d of %d frames", v.lossy.Load(), v.lost.Load(), v.sent.Load())
	}
	v.t.Logf("%d kills, %d frames; the survivors' longest pause was %v", v.killed, v.sent.Load(), v.slowest)
}

func TestCrashMatrix(t *testing.T) {
	v := newSurvivors(t)
	in := make(map[string]map[string]int) // scenes that come by a site, and how often
	for _, scene := range slices.Sorted(maps.Keys(scenes)) {
		for s, n := range v.play(scene, "", 0) {
			if in[s] == nil {
				in[s] = make(map[string]int)
			}
			in[s][scene] = n
		}
		v.check("after " + scene)
	}
	rnd := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	rows := make(map[string]string)
	all := slices.Sorted(maps.Keys(in))
	for _, s := range all {
		kills := v.killed
		often := slices.SortedFunc(maps.Keys(in[s]), func(a, b string) int { return in[s][b] - in[s][a] })
		for i, scene := range often {
			if i > 0 && !long && v.killed > kills { // a scene may have come by only that once
				break
			}
			counts := []int{1}
			if n := in[s][scene]; long && n > 1 {
				counts = append(counts, n, 1+rnd.IntN(n))
			}
			for _, n := range counts {
				for tries, before := 0, v.killed; v.killed == before && tries < 5; tries++ { // not every run comes by
					v.play(scene, s, n)
				}
				v.check(fmt.Sprintf("killed in %s before %s (%d)", scene, s, n))
			}
		}
		if v.killed > kills { // otherwise the table says whether that may be
			rows[s] = strings.Join(slices.Sorted(maps.Keys(in[s])), ", ")
		}
	}
	pairs := 10
	if long {
		pairs = 150
	}
	for range pairs {
		a, b := all[rnd.IntN(len(all))], all[rnd.IntN(len(all))]
		v.playTwo(rnd, in, a, b)
		v.check("killed at " + a + " and " + b)
	}
	v.end()
	v.table(rows)
}

// playTwo lets two victims die at once.
func (v *survivors) playTwo(rnd *rand.Rand, in map[string]map[string]int, a, b string) {
	other := "" // two of a scene would get into each other's way
	pick := func(s string) (scene string, n int) {
		names := slices.Sorted(maps.Keys(in[s]))
		names = slices.DeleteFunc(names, func(n string) bool { return n == "adopt" || n == "reap" || n == other })
		if len(names) == 0 {
			return "publish", 1
		}
		scene = names[rnd.IntN(len(names))]
		return scene, 1 + rnd.IntN(max(1, in[s][scene]))
	}
	var two [2]*testproc.Process
	for i, s := range []string{a, b} {
		scene, n := pick(s)
		other = scene
		two[i] = testproc.Start(v.t, "victim", v.dir, scene, s, fmt.Sprint(n))
	}
	for _, h := range two {
		for l := range h.Lines() {
			var publisher, sequence uint64
			if _, err := fmt.Sscanf(l, "did %d %d", &publisher, &sequence); err == nil && publisher == v.id {
				v.done(sequence)
			}
		}
		h.Kill()
		v.killed++
	}
}
