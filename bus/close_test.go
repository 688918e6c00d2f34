package bus_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"time"

	"shmbus/bus"
)

func TestClosingTheBusEndsEveryCall(t *testing.T) {
	dir := newDir(t)
	b := openAt(t, dir)
	keep := openAt(t, dir)
	full := publisher(t, b, "full", losslessRing(8))
	gate := subscribe(t, keep, "full", bus.Lossless())
	results := make(chan error, 10)
	waiting := make(chan struct{})
	noError(t, b.CreateTopic("quiet", bus.TopicOptions{Policy: bus.PolicyLossless}))
	for _, mode := range []bus.SubscribeOption{bus.Lossy(), bus.Lossless(), bus.ReadOnly(), bus.Spin(), bus.Block(), bus.WaitForTopic()} {
		s := subscribe(t, b, "quiet", mode)
		go func() {
			_, err := s.Receive(soon(t))
			results <- err
		}()
	}
	go func() {
		_, err := full.PublishBatch(soon(t), make([][]byte, 9))
		results <- err
	}()
	go func() {
		_, err := b.Subscribe(soon(t), "none", bus.OnWait(func() { close(waiting) }))
		results <- err
	}()
	<-waiting
	eventually(t, 10*time.Second, "the ring is full", func() bool {
		st, err := keep.Stat("full")
		return err == nil && st.Tail == 8
	})
	start := time.Now()
	noError(t, b.Close())
	for range 8 {
		is(t, <-results, bus.ErrClosed)
	}
	if d := time.Since(start); d > 2*time.Second {
		t.Errorf("it took them %v", d)
	}
	noError(t, b.Close())
	_, err := b.Publisher("t")
	is(t, err, bus.ErrClosed, `"t"`)
	_, err = b.Subscribe(soon(t), "t", bus.WaitForTopic())
	is(t, err, bus.ErrClosed, `"t"`)
	_, err = b.Topics()
	is(t, err, bus.ErrClosed)
	_, err = b.Stat("t")
	is(t, err, bus.ErrClosed)
	is(t, b.CreateTopic("t", bus.TopicOptions{}), bus.ErrClosed)
	is(t, b.RemoveTopic("quiet"), bus.ErrClosed)
	for range 8 {
		receive(t, gate).Release()
	}
	st, err := keep.Stat("quiet")
	noError(t, err)
	if st.Subscribers != 0 {
		t.Errorf("%d subscribers are left behind", st.Subscribers)
	}
}

func TestClosingTheBusGivesBackWhatItsHandlesHold(t *testing.T) {
	dir := newDir(t)
	keep := openAt(t, dir)
	b := openAt(t, dir)
	p := publisher(t, keep, "t", losslessRing(8))
	s := subscribe(t, b, "t", bus.Lossless())
	after := subscribe(t, keep, "t")
	var frames []*bus.Frame
	for range 8 {
		noError(t, p.TryPublish([]byte("frame")))
		frames = append(frames, receive(t, s))
	}
	is(t, p.TryPublish(nil), bus.ErrBackpressure)
	result := make(chan error, 1)
	go func() { result <- p.Publish(soon(t), []byte("goes on")) }()
	noError(t, b.Close())
	noError(t, <-result)
	for _, f := range frames { // must not be read for what is in them, but do not fault
		_ = f.Clone()
		f.Release()
	}
	noError(t, s.Close())

	c := openAt(t, dir)
	q := publisher(t, c, "t")
	l := loan(t, q, 1)
	noError(t, p.Publish(soon(t), []byte("behind")))
	lent := l.Bytes()
	noError(t, c.Close())
	lent[0] = 1
	is(t, l.Commit(), bus.ErrClosed, `"t"`)
	l.Abort()
	noError(t, q.Close())
	var got []string
	for len(got) == 0 || got[len(got)-1] != "behind" {
		f := receive(t, after)
		got = append(got, string(f.Bytes()))
		f.Release()
	}
	st, err := keep.Stat("t")
	noError(t, err)
	if st.Publishers != 1 || st.Subscribers != 1 {
		t.Errorf("%d publishers and %d subscribers, want 1 and 1", st.Publishers, st.Subscribers)
	}
	noError(t, p.Close()) // which also keeps them from being collected before
	noError(t, after.Close())
}

// A bus is closed at a random moment while its handles are at work, many times; whoever stays on the topic must not notice.
func TestClosingTheBusAtAnyMomentHurtsNobody(t *testing.T) {
	rounds := 60
	if long {
		rounds = 600
	}
	dir := newDir(t)
	others := standBy(t, dir, func(b []byte) bool { return len(b) == 100 })
	ctx := others.ctx
	for i := range rounds {
		b := openAt(t, dir)
		var wait sync.WaitGroup
		closed := func(err error) {
			if err != nil && !errors.Is(err, bus.ErrClosed) {
				t.Error(err)
			}
		}
		for n := range 4 {
			wait.Go(func() {
				var err error
				switch n {
				case 0:
					var p *bus.Publisher
					for p, err = b.Publisher("t"); err == nil; err = p.Publish(ctx, make([]byte, 100)) {
					}
					if p != nil {
						closed(p.Close())
					}
				case 1:
					var p *bus.Publisher
					for p, err = b.Publisher("t"); err == nil; {
						var l *bus.Loan
						if l, err = p.Loan(ctx, 100); err == nil {
							clear(l.Bytes())
							err = l.Commit()
						}
					}
				case 2:
					var s *bus.Subscriber
					if s, err = b.Subscribe(ctx, "t", bus.Lossless()); err == nil {
						var held []*bus.Frame
						for err == nil {
							var f *bus.Frame
							if f, err = s.Receive(ctx); err == nil {
								_ = f.Clone()
								if held = append(held, f); len(held) > 3 {
									held[0].Release()
									held = held[1:]
								}
							}
						}
						_ = s.Lost()
						closed(s.Close())
						for _, f := range held {
							f.Release()
						}
					}
				case 3:
					var s *bus.Subscriber
					if s, err = b.Subscribe(ctx, "t", []bus.SubscribeOption{bus.Lossy(), bus.ReadOnly()}[i%2]); err == nil {
						for _, err = range s.Frames(ctx) {
							if err != nil {
								break
							}
						}
					}
				}
				closed(err)
			})
		}
		if i%3 > 0 {
			pause(time.Duration(i%7) * 300 * time.Microsecond)
		}
		runtime.Gosched()
		closed(b.Close())
		wait.Wait()
	}
	others.leave()
	t.Logf("%d rounds beside %d frames", rounds, others.sent)
}

// Bystanders are a publisher and a lossless subscription that stay on a topic while others come and go, and must not notice.
type bystanders struct {
	t          *testing.T
	bus        *bus.Bus
	ctx        context.Context // of them and of the others
	cancel     context.CancelFunc
	both       sync.WaitGroup
	sent, seen uint64
	last       map[uint64]uint64 // by publisher: the sequence of its last frame
}

// standBy sets bystanders on topic t. whole says whether a frame of others is as it was published.
func standBy(t *testing.T, dir string, whole func(b []byte) bool) *bystanders {
	t.Helper()
	o := &bystanders{t: t, bus: openAt(t, dir), last: map[uint64]uint64{}}
	o.ctx, o.cancel = context.WithCancel(soon(t))
	steady := publisher(t, o.bus, "t", losslessRing(64))
	witness := subscribe(t, o.bus, "t", bus.Lossless())
	o.both.Go(func() {
		for o.ctx.Err() == nil {
			if err := steady.Publish(o.ctx, []byte("steady")); err == nil {
				o.sent++
			} else if !errors.Is(err, context.Canceled) {
				t.Errorf("steady: %v", err)
				return
			}
		}
	})
	o.both.Go(func() {
		for f, err := range witness.Frames(o.ctx) {
			if err != nil {
				if !errors.Is(err, context.Canceled) {
					t.Errorf("the witness: %v", err)
				}
				return
			}
			if b := f.Bytes(); string(b) != "steady" && !whole(b) {
				t.Errorf("a frame of %q", b)
			}
			if f.Sequence() != o.last[f.Publisher()]+1 {
				t.Errorf("publisher %d: frame %d after %d", f.Publisher(), f.Sequence(), o.last[f.Publisher()])
			}
			o.last[f.Publisher()] = f.Sequence()
			if f.Publisher() == steady.ID() {
				o.seen++
			}
		}
	})
	return o
}

// leave ends what they do.
func (o *bystanders) leave() {
	o.t.Helper()
	o.cancel()
	o.both.Wait()
	if o.sent == 0 || o.seen == 0 || o.seen > o.sent {
		o.t.Errorf("%d frames sent and %d seen by those who stayed", o.sent, o.seen)
	}
}

// pause lets others run for a while: for moments that shall be any, not for waiting until something is so.
func pause(d time.Duration) { <-time.After(d) }
