package bus_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"shmbus/bus"
)

// Many goroutines do everything there is with one bus, while its directory is deleted now and then.
func TestManyGoroutinesUseOneBus(t *testing.T) {
	length := time.Second
	if long {
		length = 12 * time.Second
	}
	dir := newDir(t)
	b := openAt(t, dir)
	ctx, cancel := context.WithTimeout(context.Background(), length)
	defer cancel()
	var done sync.Map
	fine := func(what string, err error) bool {
		for _, ok := range []error{nil, bus.ErrNoTopic, bus.ErrLimit, bus.ErrBackpressure, context.DeadlineExceeded, fs.ErrNotExist} {
			if errors.Is(err, ok) {
				done.Store(what, true)
				return err == nil
			}
		}
		t.Errorf("%s: %v", what, err)
		return false
	}
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(i), 5))
			for ctx.Err() == nil {
				topic := fmt.Sprint("t", rnd.IntN(3))
				some, cancel := context.WithTimeout(ctx, time.Duration(rnd.IntN(5))*time.Millisecond)
				switch rnd.IntN(8) {
				case 0, 1:
					p, err := b.Publisher(topic, losslessRing(16))
					if fine("Publisher", err) {
						for range rnd.IntN(20) {
							fine("Publish", p.Publish(some, make([]byte, rnd.IntN(p.MaxFrame()))))
						}
						if rnd.IntN(3) > 0 { // some are dropped
							fine("Close", p.Close())
						}
					}
				case 2, 3, 4:
					mode := []bus.SubscribeOption{bus.Lossy(), bus.Lossless(), bus.ReadOnly()}[rnd.IntN(3)]
					opts := []bus.SubscribeOption{mode, bus.FromOldest()}
					if rnd.IntN(2) == 0 {
						opts = append(opts, bus.WaitForTopic())
					}
					s, err := b.Subscribe(some, topic, opts...)
					if fine("Subscribe", err) {
						for range rnd.IntN(20) {
							f, err := s.Receive(some)
							if fine("Receive", err) && rnd.IntN(4) > 0 {
								f.Release()
							}
						}
						if rnd.IntN(3) > 0 {
							fine("Close", s.Close())
						}
					}
				case 5:
					_, err := b.Topics()
					fine("Topics", err)
					_, err = b.Stat(topic)
					fine("Stat", err)
				case 6:
					if rnd.IntN(4) == 0 {
						fine("RemoveTopic", b.RemoveTopic(topic))
					}
				case 7:
					if i == 0 && rnd.IntN(4) == 0 {
						// Moved first, so that nobody meets half of it.
						gone := dir + "-gone"
						if os.Rename(dir, gone) == nil {
							noErr(t, os.RemoveAll(gone))
						}
					}
				}
				cancel()
			}
		})
	}
	wait.Wait()
	p := publisher(t, b, "at/the/end")
	s := subscribe(t, b, "at/the/end")
	publish(t, p, "x")
	expect(t, s, "x")
	for _, what := range []string{"Publisher", "Publish", "Subscribe", "Receive", "Topics", "Stat", "RemoveTopic", "Close"} {
		if _, ok := done.Load(what); !ok {
			t.Errorf("it never happened: %s", what)
		}
	}
}

// noErr is noError for goroutines of a test.
func noErr(t *testing.T, err error) {
	if err != nil {
		t.Error(err)
	}
}
