package bus_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"shmbus/bus"
	"shmbus/topics"
)

// A broken bus has a lossless topic "t" of eight slots with three frames in it, and its segment's file to be overwritten in.
type broken struct {
	t      *testing.T
	dir    string
	b      *bus.Bus
	f      *os.File
	region int64
	areas  topics.Areas
}

func breakable(t *testing.T) *broken {
	t.Helper()
	x := &broken{t: t, dir: newDir(t)}
	x.b = openAt(t, x.dir)
	shape := bus.TopicOptions{Policy: bus.PolicyLossless, Slots: 8, MaxPublishers: 2, MaxSubscribers: 5}
	noError(t, x.b.CreateTopic("t", shape))
	noError(t, x.b.CreateTopic("other", shape))
	p := publisher(t, x.b, "t")
	publish(t, p, "a", "b", "c")
	noError(t, p.Close())
	var err error
	x.f, err = os.OpenFile(filepath.Join(x.dir, "main.seg"), os.O_RDWR, 0)
	noError(t, err)
	t.Cleanup(func() { x.f.Close() })
	x.region = int64(x.get(80))
	g, err := topics.Geometry{Slots: 8, Publishers: 2, Subscriptions: 5}.Normal()
	noError(t, err)
	x.areas = g.Areas(os.Getpagesize())
	return x
}

func (x *broken) get(off int64) uint64 {
	var b [8]byte
	_, err := x.f.ReadAt(b[:], off)
	noError(x.t, err)
	return binary.NativeEndian.Uint64(b[:])
}

func (x *broken) set(off int64, word uint64) {
	_, err := x.f.WriteAt(binary.NativeEndian.AppendUint64(nil, word), off)
	noError(x.t, err)
}

// stamp is where the stamp of a position is.
func (x *broken) stamp(pos int64) int64 { return x.region + x.areas.Stamps + pos%8*64 }

// within is a context in which whatever is going to be noticed is.
func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// badStamps are stamps that no writer stores in the slot of position 3 of 8.
var badStamps = map[string]uint64{
	"of a span of 0":           0<<2 | 1,
	"of a run over the end":    6<<2 | 3,
	"of a later lap":           (8|1)<<2 | 1,
	"that crosses the end":     6<<2 | 1,
	"of a lap far in the past": 1<<62 | 1<<2 | 1,
}

func TestASlotThatNobodyCanHaveStampedIsAnErrorForReadersAndNotSkipped(t *testing.T) {
	for what, stamp := range badStamps {
		for _, mode := range readerModes {
			x := breakable(t)
			p := publisher(t, x.b, "t")
			s := subscribe(t, x.b, "t", append(bytesOf(mode.opts), bus.FromOldest())...)
			opts := append(bytesOf(mode.opts), bus.FromOldest())
			if mode.name == "group" {
				opts = append(opts, bus.Group("another"))
			}
			try := subscribe(t, x.b, "t", opts...)
			publish(t, p, "d", "e")
			x.set(x.stamp(3), stamp)
			expect(t, s, "a", "b", "c")
			_, err := s.Receive(within(t))
			is(t, err, bus.ErrCorrupt, "main.seg", "the stamp of position 3", fmt.Sprintf("%#x", stamp), "remove")
			expect(t, try, "a", "b", "c")
			eventually(t, 5*time.Second, "TryReceive notices: "+what, func() bool {
				f, err := try.TryReceive()
				if f != nil {
					t.Fatalf("%s, %s: got frame %d", what, mode.name, f.Position())
				}
				return err != nil
			})
			if x.get(x.stamp(3)) != stamp {
				t.Error("the stamp was overwritten")
			}
			if mode.name == "lossless" || mode.name == "group" {
				noError(t, s.Close())
				noError(t, try.Close())
			}
			for err = nil; err == nil; { // the head comes to it in the end
				err = p.Publish(within(t), nil)
			}
			is(t, err, bus.ErrCorrupt, "main.seg", "the stamp of position 3")
			is(t, p.TryPublish(nil), bus.ErrCorrupt)
		}
	}
}

func TestATailThatGoesBackIsAnErrorForPublishers(t *testing.T) {
	x := breakable(t)
	s := subscribe(t, x.b, "t", bus.Lossless(), bus.FromOldest())
	p, q := publisher(t, x.b, "t"), publisher(t, x.b, "t")
	publish(t, p, "d")
	x.set(x.region, 2)
	for _, p := range []*bus.Publisher{p, q} {
		err := p.Publish(within(t), []byte("over others"))
		is(t, err, bus.ErrCorrupt, "main.seg", "the tail, below")
		x.set(x.region, 2)
		_, err = p.PublishBatch(within(t), [][]byte{[]byte("over others")})
		is(t, err, bus.ErrCorrupt, "main.seg", "the tail, below")
		x.set(x.region, 2)
	}
	expect(t, s, "a", "b", "c", "d")
}

func TestATailThatIsFarAheadIsAnErrorForPublishers(t *testing.T) {
	for _, tail := range []uint64{20, 1 << 40, 1<<52 - 1, 1 << 52, 1<<64 - 1, 1<<64 - 8} {
		x := breakable(t)
		p := publisher(t, x.b, "t")
		x.set(x.region, tail)
		is(t, p.Publish(within(t), nil), bus.ErrCorrupt, "main.seg", "the ")
		is(t, p.TryPublish(nil), bus.ErrCorrupt, "main.seg", "the ")
		_, err := p.Loan(within(t), 100)
		is(t, err, bus.ErrCorrupt, "main.seg", "the ")
	}
}

func TestAPublisherWhoseLineIsSomebodyElsesStops(t *testing.T) {
	x := breakable(t)
	p := publisher(t, x.b, "t")
	publish(t, p, "d")
	for i := range int64(2) {
		if at := x.region + x.areas.Writers + i*64; x.get(at) != 0 {
			x.set(at, 77<<16)
		}
	}
	is(t, p.Publish(within(t), nil), bus.ErrCorrupt, "main.seg", "a publisher's line, whose owner is 0x4d0000")
	_, err := p.PublishBatch(within(t), [][]byte{nil})
	is(t, err, bus.ErrCorrupt, "a publisher's line")
}

func TestASubscriptionWhoseLineWasOverwrittenIsTold(t *testing.T) {
	for word, text := range map[int64]string{0: "a subscription's line, whose owner", 8: "a subscription's line, whose cursor"} {
		x := breakable(t)
		s := subscribe(t, x.b, "t", bus.Lossless())
		at := x.region + x.areas.Gates + word
		x.set(at, x.get(at)^1<<30)
		_, err := s.Receive(within(t))
		is(t, err, bus.ErrCorrupt, "main.seg", text)
	}
}

func TestAGateWithoutAnOwnerHoldsNobodyUp(t *testing.T) {
	x := breakable(t)
	x.set(x.region+x.areas.Gates+64+8, 0<<2|1) // position 0
	p := publisher(t, x.b, "t")
	for range 100 {
		noError(t, p.Publish(within(t), nil))
	}
}

func TestARegionsEndThatGoesBackDoesNotCostTopicsTheirFrames(t *testing.T) {
	x := breakable(t)
	x.set(192, uint64(x.region))
	err := x.b.CreateTopic("new", bus.TopicOptions{})
	is(t, err, bus.ErrCorrupt, "main.seg", "regions' end")
	x.set(192, uint64(x.region+2*x.areas.Size))
	expect(t, subscribe(t, x.b, "t", bus.FromOldest()), "a", "b", "c")
	noError(t, x.b.CreateTopic("new", bus.TopicOptions{}))
}

func TestADamagedEntryIsAnErrorAndItsTopicIsNotMadeAgain(t *testing.T) {
	table := int64(os.Getpagesize())
	for _, c := range []struct {
		what string
		off  int64
		word func(x *broken) uint64
		text string
	}{
		{"hash", 8, func(x *broken) uint64 { return x.get(table+8) + 1 }, "does not fit its hash"},
		{"name", 64, func(*broken) uint64 { return 'u' }, "does not fit its hash"},
		{"place of another topic", 16, func(x *broken) uint64 { return x.get(table + 320 + 16) }, "was made at"},
		{"outside", 16, func(*broken) uint64 { return 1 << 40 }, "not within regions"},
		{"size", 24, func(x *broken) uint64 { return x.get(table+24) - 4096 }, "geometry wants"},
	} {
		x := breakable(t)
		x.set(table+c.off, c.word(x))
		for use, err := range everyUse(t, x.dir) {
			switch {
			case use == "CreateTopic" || use == "RemoveTopic": // of another one; and away with it
			case use == "Topics" || c.what != "name":
				is(t, err, bus.ErrCorrupt, "main.seg", c.text)
			}
		}
	}
}

// badGeometries are words of a ring's geometry, by their offset in the region, as they were before.
var badGeometries = map[string][2]uint64{
	"magic":       {192, 0},
	"fewer slots": {200, 4},
	"cell size":   {208, 128},
	"fewer lines": {224, 1 | 1<<32},
	"made":        {240, 7},
}

// TestAHandleGivesItsLinesBackThoughTheGeometryWasOverwritten: it goes by what it has checked when it was opened.
func TestAHandleGivesItsLinesBackThoughTheGeometryWasOverwritten(t *testing.T) {
	for what, bad := range badGeometries {
		for how, leave := range map[string]func(b *bus.Bus, handles []io.Closer) error{
			"by Close": func(_ *bus.Bus, handles []io.Closer) (err error) {
				for _, h := range handles {
					err = errors.Join(err, h.Close())
				}
				return err
			},
			"by the Bus's Close": func(b *bus.Bus, _ []io.Closer) error { return b.Close() },
		} {
			t.Run(what+" "+how, func(t *testing.T) {
				x := breakable(t)
				p := publisher(t, x.b, "t")
				_, err := p.Loan(within(t), 3)
				noError(t, err)
				handles := []io.Closer{p, publisher(t, x.b, "t")}
				for _, mode := range readerModes {
					handles = append(handles, subscribe(t, x.b, "t", mode.opts...))
				}
				was := x.get(x.region + int64(bad[0]))
				x.set(x.region+int64(bad[0]), bad[1])
				noError(t, leave(x.b, handles))
				x.set(x.region+int64(bad[0]), was)
				for area, lines := range map[int64]int64{x.areas.Writers: 2, x.areas.Gates: 5} {
					for i := range lines {
						if o := x.get(x.region + area + i*64); o != 0 {
							t.Errorf("line %d at %d has owner %#x", i, area, o)
						}
					}
				}
				publish(t, publisher(t, openAt(t, x.dir), "t"), "d", "e", "f", "g", "h", "i") // past the slot that was lent
			})
		}
	}
}

func TestASubscriptionLeavesARemovedTopicWhoseGeometryWasOverwritten(t *testing.T) {
	x := breakable(t)
	subscribe(t, x.b, "t")
	s := subscribe(t, x.b, "t", bus.Lossless(), bus.WaitForTopic())
	noError(t, x.b.RemoveTopic("t"))
	x.set(x.region+224, 1|1<<32)
	f, err := s.TryReceive()
	if f != nil || err != nil {
		t.Fatalf("got %v, %v", f, err)
	}
	if o := x.get(x.region + x.areas.Gates + 64); o != 0 {
		t.Errorf("its line has owner %#x", o)
	}
	noError(t, x.b.CreateTopic("t", bus.TopicOptions{Policy: bus.PolicyLossless}))
	publish(t, publisher(t, x.b, "t"), "again")
	expect(t, s, "again")
}

// TestASegmentWhoseHeaderWasOverwrittenIsNotSaidToBeDeleted: whoever opens it again finds it damaged.
func TestASegmentWhoseHeaderWasOverwrittenIsNotSaidToBeDeleted(t *testing.T) {
	for word, off := range map[string]int64{"nonce": 24, "state": 128} {
		x := breakable(t)
		p := publisher(t, x.b, "t")
		was := x.get(off)
		x.set(off, 9)
		var err error
		eventually(t, 20*time.Second, "the publisher notices", func() bool {
			err = p.Publish(within(t), nil)
			return err != nil && !errors.Is(err, bus.ErrBackpressure)
		})
		is(t, err, bus.ErrCorrupt, "main.seg", word, "remove the segment's files")
		x.set(off, was)
	}
}

// TestWhatIsToldOfADamagedEntryIsNoWayThatFails: its topic cannot be removed. The others can.
func TestWhatIsToldOfADamagedEntryIsNoWayThatFails(t *testing.T) {
	x := breakable(t)
	hash := int64(os.Getpagesize()) + 8
	x.set(hash, x.get(hash)+1)
	err := x.b.RemoveTopic("t")
	is(t, err, bus.ErrCorrupt, "does not fit its hash", "remove the segment's files")
	done, perr := x.b.Prune()
	is(t, perr, bus.ErrCorrupt, "does not fit its hash", "remove the segment's files")
	for _, err := range []error{err, perr} {
		if strings.Contains(err.Error(), "or the topic") {
			t.Error(err)
		}
	}
	if len(done) != 1 || done[0].Topic != "other" {
		t.Errorf("pruned were %+v", done)
	}
}
