//go:build linux

package bus_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"shmbus/bus"
	"shmbus/internal/testproc"
)

func init() {
	helpers["flood"] = floodTopic
	helpers["drain"] = drainTopic
}

// floodTopic publishes small frames as fast as it can until it is told to end.
func floodTopic(peer *testproc.Peer) error {
	b, err := bus.Open(peer.Arg(0))
	if err != nil {
		return err
	}
	p, err := b.Publisher("t")
	if err != nil {
		return err
	}
	ctx, cancel := untilTold(peer)
	defer cancel()
	peer.Say("ready")
	n := 0
	for ; err == nil; n++ {
		err = p.Publish(ctx, make([]byte, n%64))
		if ctx.Err() != nil {
			break
		}
	}
	if ctx.Err() == nil {
		return err
	}
	peer.Say("sent %d", n)
	return b.Close()
}

// drainTopic receives everything until the topic is removed.
func drainTopic(peer *testproc.Peer) error {
	b, err := bus.Open(peer.Arg(0))
	if err != nil {
		return err
	}
	s, err := b.Subscribe(context.Background(), "t", bus.Lossless())
	if err != nil {
		return err
	}
	peer.Say("ready")
	for _, err := range s.Frames(context.Background()) {
		if err != nil {
			if !errors.Is(err, bus.ErrNoTopic) {
				return err
			}
			break
		}
	}
	peer.Say("end")
	return b.Close()
}

// TestNobodyIsStarved: beside two processes that flood a lossless topic, whose subscription is always behind, a publisher that sends a
// small frame now and then gets through, and so does one whose frames take half the ring.
func TestNobodyIsStarved(t *testing.T) {
	for _, c := range []struct {
		name  string
		size  int // bytes
		pause time.Duration
	}{
		{"a slow publisher", 64, 2 * time.Millisecond},
		{"frames of half the ring", 512 * 64, 2 * time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := newDir(t)
			b := openAt(t, dir)
			p := publisher(t, b, "t", losslessRing(1024))
			drain := testproc.Start(t, "drain", dir)
			drain.Expect("ready")
			floods := []*testproc.Process{testproc.Start(t, "flood", dir), testproc.Start(t, "flood", dir)}
			for _, f := range floods {
				f.Expect("ready")
			}
			count := 200
			if long {
				count = 1500
			}
			took := make([]time.Duration, count)
			frame := make([]byte, c.size)
			for i := range took {
				start := time.Now()
				if err := p.Publish(soon(t), frame); err != nil {
					t.Fatalf("frame %d: %v", i, err)
				}
				took[i] = time.Since(start)
				time.Sleep(c.pause) // not synchronisation: this is how slow it is
			}
			for _, f := range floods {
				f.Say("end")
				f.Expect("sent ")
				f.Wait()
			}
			st, err := b.Stat("t")
			noError(t, err)
			noError(t, b.RemoveTopic("t"))
			drain.Expect("end")
			drain.Wait()
			slices.Sort(took)
			at := func(q float64) time.Duration { return took[int(q*float64(count-1))].Round(time.Microsecond) }
			t.Logf("%d frames of %d bytes among %d others: half took %v, p99 %v, the longest %v", count, c.size,
				st.Frames-uint64(count), at(0.5), at(0.99), at(1))
			if at(0.99) > 2*time.Second {
				t.Errorf("p99 is %v", at(0.99))
			}
		})
	}
}
