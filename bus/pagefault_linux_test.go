//go:build !race

package bus_test

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"testing"

	"golang.org/x/sys/unix"

	"shmbus/bus"
)

// pageFaults counts the page faults of this thread while f runs.
func pageFaults(t *testing.T, f func()) int64 {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // its faults are not those of the path
	var before, after unix.Rusage
	noError(t, unix.Getrusage(unix.RUSAGE_THREAD, &before))
	f()
	noError(t, unix.Getrusage(unix.RUSAGE_THREAD, &after))
	return after.Minflt - before.Minflt + after.Majflt - before.Majflt
}

func put(p *bus.Publisher, frame []byte) error { return p.Publish(context.Background(), frame) }

func fill(p *bus.Publisher, frame []byte) error {
	l, err := p.Loan(context.Background(), len(frame))
	if err != nil {
		return err
	}
	copy(l.Bytes(), frame)
	return l.Commit()
}

// TestNoPageFaultIsOnThePath goes over whole rings, twice, with handles that have touched none of it before. A ring of the usual size has
// small pages, a large one may have huge ones. Frames that are copied are small here: the pages of a subscription's own copies are its
// process's, and come with the first few frames.
func TestNoPageFaultIsOnThePath(t *testing.T) {
	for _, slots := range []int{8192, 131072} {
		for _, c := range []struct {
			name    string
			frame   int
			publish func(*bus.Publisher, []byte) error
			receive []bus.SubscribeOption
		}{
			{"lossless", 100, put, []bus.SubscribeOption{bus.Lossless()}},
			{"lossy", 100, put, []bus.SubscribeOption{bus.Lossy(), bus.ReadOnly()}},
			{"group", 100, put, []bus.SubscribeOption{bus.Group("g")}},
			{"loan", 40_000, fill, []bus.SubscribeOption{bus.Lossless()}},
		} {
			t.Run(fmt.Sprintf("%s, %d slots", c.name, slots), func(t *testing.T) {
				b := newBus(t)
				noError(t, b.CreateTopic("t", bus.TopicOptions{Policy: bus.PolicyLossless, Slots: slots}))
				frame := make([]byte, c.frame)
				clear(frame) // its pages are there
				p := publisher(t, b, "t")
				var subs []*bus.Subscriber
				for _, o := range c.receive {
					subs = append(subs, subscribe(t, b, "t", o))
				}
				turns := 2*slots*64/c.frame + 1
				got := pageFaults(t, func() {
					for range turns {
						noError(t, c.publish(p, frame))
						for _, s := range subs {
							f, err := s.Receive(context.Background())
							noError(t, err)
							_ = f.Bytes()[c.frame-1]
							f.Release()
						}
					}
				})
				// The runtime and the test have a few. One for each page of the descriptors, or of the cells, would be hundreds.
				if pages, most := slots*128/os.Getpagesize(), int64(24); got > most {
					t.Errorf("%d page faults while %d frames went over %d pages, at most %d may be", got, turns, pages, most)
				}
			})
		}
	}
}
