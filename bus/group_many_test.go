//go:build linux

package bus_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"sync"
	"syscall"
	"testing"
	"time"

	"shmbus/bus"
	"shmbus/internal/testproc"
)

func init() { helpers["group worker"] = groupWorker }

// labour is how long a worker works on a frame.
const labour = 50 * time.Microsecond

// groupWorker is a member of the group Arg(1), and says of each frame what it is before it releases it. It ends when told to.
func groupWorker(peer *testproc.Peer) error {
	b, err := bus.Open(peer.Arg(0))
	if err != nil {
		return err
	}
	defer b.Close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	s, err := b.Subscribe(ctx, "jobs", bus.Group(peer.Arg(1)), bus.FromOldest())
	if err != nil {
		return err
	}
	peer.Say("ready")
	go func() {
		peer.Await()
		cancel()
	}()
	for f, err := range s.Frames(ctx) {
		if ctx.Err() != nil {
			break
		}
		if err != nil {
			return err
		}
		id := binary.LittleEndian.Uint64(f.Bytes())
		for i, c := range f.Bytes()[8:] {
			if c != byte(id+uint64(i)) {
				return fmt.Errorf("frame %d is torn at %d", id, i)
			}
		}
		for start := time.Now(); time.Since(start) < labour; { // so that it mostly has a frame in hand
		}
		peer.Say("did %d %d", id, f.Attempt())
	}
	peer.Say("end")
	return s.Close()
}

// A crew is the workers of one group, and what they have said they did.
type crew struct {
	t       *testing.T
	dir     string
	group   string
	mu      sync.Mutex
	workers []*testproc.Process
	did     map[uint64]int // how often, by frame
	firsts  map[uint64]int // of these, with Attempt 1
	again   int
	wg      sync.WaitGroup
}

func newCrew(t *testing.T, dir, group string, workers int) *crew {
	c := &crew{t: t, dir: dir, group: group, did: map[uint64]int{}, firsts: map[uint64]int{}}
	for range workers {
		c.hire()
	}
	return c
}

func (c *crew) hire() {
	w := testproc.Start(c.t, "group worker", c.dir, c.group)
	w.Expect("ready")
	c.workers = append(c.workers, w)
	c.wg.Go(func() {
		for l := range w.Lines() {
			var id uint64
			var attempt int
			if n, _ := fmt.Sscanf(l, "did %d %d", &id, &attempt); n != 2 {
				continue
			}
			c.mu.Lock()
			c.did[id]++
			if attempt == 1 {
				c.firsts[id]++
			} else {
				c.again++
			}
			c.mu.Unlock()
		}
	})
}

// done is how many different frames were done.
func (c *crew) done() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.did)
}

func (c *crew) fireAll() {
	for _, w := range c.workers {
		w.Say("end")
	}
	c.wg.Wait()
	for _, w := range c.workers {
		w.Wait()
	}
}

// kill kills a worker. What it has said before counts.
func (c *crew) kill(i int) {
	w := c.workers[i]
	w.Signal(syscall.SIGKILL)
	c.workers[i] = c.workers[len(c.workers)-1]
	c.workers = c.workers[:len(c.workers)-1]
	c.hire()
}

// TestWorkersInManyProcesses: two groups and a lossless subscription on one topic. Each group does each frame, once; if workers are
// killed all the time, at least once, and none is handed out as new a second time.
func TestWorkersInManyProcesses(t *testing.T) {
	for _, deaths := range []bool{false, true} {
		t.Run(fmt.Sprintf("deaths=%v", deaths), func(t *testing.T) { work(t, deaths) })
	}
}

func work(t *testing.T, deaths bool) {
	frames := uint64(6000)
	if long {
		frames = 40000
	}
	dir := newDir(t)
	b := openAt(t, dir)
	noError(t, b.CreateTopic("jobs", bus.TopicOptions{Policy: bus.PolicyLossless, Slots: 64}))
	every := subscribe(t, b, "jobs", bus.Lossless())
	crews := []*crew{newCrew(t, dir, "a", 3), newCrew(t, dir, "b", 2)}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	var wg sync.WaitGroup
	for i := range uint64(2) {
		p := publisher(t, b, "jobs")
		wg.Go(func() {
			buf := make([]byte, 8+300)
			for id := i; id < frames; id += 2 {
				binary.LittleEndian.PutUint64(buf, id)
				n := 8 + int(id%300)
				for j := range buf[8:n] {
					buf[8+j] = byte(id + uint64(j))
				}
				if err := p.Publish(ctx, buf[:n]); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Go(func() {
		for n := uint64(0); n < frames; n++ {
			f, err := every.Receive(ctx)
			if err != nil {
				t.Error(err)
				return
			}
			f.Release()
		}
	})
	killed, last := 0, 0
	rnd := rand.New(rand.NewPCG(1, 2))
	eventually(t, 5*time.Minute, "all is done", func() bool {
		for _, c := range crews {
			if deaths && c.done() < int(frames) && c.done()+crews[0].done() > last+300 {
				last = c.done() + crews[0].done()
				c.kill(rnd.IntN(len(c.workers)))
				killed++
			}
		}
		return crews[0].done() == int(frames) && crews[1].done() == int(frames)
	})
	wg.Wait()
	for _, c := range crews {
		c.fireAll()
		for id := range frames {
			if n := c.did[id]; n == 0 || n > 1 && !deaths {
				t.Fatalf("group %s did frame %d %d times", c.group, id, n)
			}
			if n := c.firsts[id]; n > 1 {
				t.Fatalf("group %s was handed frame %d as new %d times", c.group, id, n)
			}
		}
		t.Logf("group %s: %d frames, %d handed out again; %d workers killed in all", c.group, frames, c.again, killed)
	}
	if deaths && len(testproc.Runner()) == 0 && (killed == 0 || crews[0].again+crews[1].again == 0) {
		t.Fatal("nobody was killed with a frame in hand: nothing was tested")
	}
	noError(t, every.Close())
	if deaths { // a group whose last member died waits for another, until a publisher is held up by it
		p := publisher(t, b, "jobs")
		for range 200 {
			noError(t, p.Publish(ctx, []byte("on")))
		}
	}
	st, err := b.Stat("jobs")
	noError(t, err)
	if len(st.GroupList) != 0 || len(st.SubscriberList) != 0 {
		t.Fatalf("left over: %+v, %+v", st.GroupList, st.SubscriberList)
	}
}
