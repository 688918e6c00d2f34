package bus_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"shmbus/bus"
)

// A bus of which rm takes some files away, or others put theirs in their place: see judge in segment/open.go.

// threeFiles are the names of a segment's files, in the order in which they are given.
var threeFiles = []string{"main.lease", "main.bell", "main.seg"}

func TestASegmentThatRmTookAwayInPartIsRemovedForAll(t *testing.T) {
	for taken := 1; taken < 1<<3; taken++ {
		t.Run(fmt.Sprintf("%03b", taken), func(t *testing.T) {
			dir := newDir(t)
			filled(t, dir)
			old := openAt(t, dir)
			p, s := publisher(t, old, "t"), subscribe(t, old, "t", bus.Lossless())
			tap := subscribe(t, openAt(t, dir), "t", bus.ReadOnly(), bus.FromOldest())
			got, waits := follower(t, openAt(t, dir), "t")
			for i, name := range threeFiles {
				if taken&(1<<i) != 0 {
					noError(t, os.Remove(filepath.Join(dir, name)))
				}
			}
			eventually(t, 10*time.Second, "the publisher knows", func() bool { return p.TryPublish(nil) != nil })
			is(t, p.TryPublish(nil), bus.ErrNoTopic, "main.seg", "was deleted", "open it again")
			for _, s := range []*bus.Subscriber{s, tap} {
				var err error
				for err == nil {
					_, err = s.Receive(soon(t))
				}
				is(t, err, bus.ErrNoTopic, "main.seg", "was deleted", "open it again")
			}
			<-waits
			for len(got) > 0 { // what was published before the publisher knew
				<-got
			}
			b := openAt(t, dir)
			for _, o := range []bus.SubscribeOption{bus.Lossy(), bus.ReadOnly()} {
				_, err := b.Subscribe(soon(t), "t", o)
				is(t, err, bus.ErrNoTopic, "publish to it")
			}
			_, err := b.Stat("t")
			is(t, err, bus.ErrNoTopic)
			is(t, b.RemoveTopic("t"), bus.ErrNoTopic)
			all, err := b.Topics()
			noError(t, err)
			if len(all) != 0 {
				t.Errorf("topics are %v", all)
			}
			found, err := b.Doctor()
			noError(t, err)
			for _, f := range found {
				if f.Grade != bus.Dead || f.Check != "leftover" {
					t.Errorf("the doctor finds %+v", f)
				}
			}
			if len(found) == 0 && taken != 1<<3-1 {
				t.Error("the doctor finds nothing")
			}
			if taken%2 == 0 { // in half of the cases they are removed before it is made anew
				_, err := b.Reap()
				noError(t, err)
				for _, name := range threeFiles {
					if _, err := os.Stat(filepath.Join(dir, name)); !errors.Is(err, fs.ErrNotExist) {
						t.Errorf("%s is left: %v", name, err)
					}
				}
			}
			again := publisher(t, old, "t", lossless) // by the very bus that had the old one
			publish(t, again, "new")
			wantFrame(t, got, "new")
			expect(t, subscribe(t, b, "t", bus.Lossless(), bus.FromOldest()), "new")
			found, err = b.Doctor()
			noError(t, err)
			for _, f := range found {
				if f.Grade > bus.Holds {
					t.Errorf("the doctor finds %+v", f)
				}
			}
		})
	}
}

func TestASegmentThatIsReplacedIsNotMixedUpWithTheNewOne(t *testing.T) {
	for _, name := range threeFiles {
		dir, other := newDir(t), newDir(t)
		filled(t, dir)
		b := openAt(t, dir)
		s := subscribe(t, b, "t", bus.Lossless())
		p := publisher(t, b, "t")
		filled(t, other)
		noError(t, os.Rename(filepath.Join(other, name), filepath.Join(dir, name)))
		eventually(t, 10*time.Second, "the publisher notices", func() bool { return p.TryPublish(nil) != nil })
		is(t, p.TryPublish(nil), bus.ErrNoTopic, "main.seg", "open it again")
		var err error
		for err == nil {
			_, err = s.Receive(soon(t))
		}
		is(t, err, bus.ErrNoTopic, "main.seg")
		if name == "main.bell" { // their lease file is there still: nobody else can tell whether the nonce was overwritten
			_, err := openAt(t, dir).Publisher("t")
			is(t, err, bus.ErrCorrupt, name, "nonce")
		}
		noError(t, errors.Join(p.Close(), s.Close()))
		publish(t, publisher(t, openAt(t, dir), "t"), "new") // the files belong to no segment
		expect(t, subscribe(t, b, "t", bus.FromOldest()), "new")
	}
}

func TestNoOverwrittenNonceMakesOthersRemoveABusThatIsUsed(t *testing.T) {
	for _, name := range threeFiles {
		dir := newDir(t)
		filled(t, dir)
		old := openAt(t, dir)
		p, s := publisher(t, old, "t"), subscribe(t, old, "t", bus.Lossless())
		before := map[string]os.FileInfo{}
		for _, name := range threeFiles {
			i, err := os.Stat(filepath.Join(dir, name))
			noError(t, err)
			before[name] = i
		}
		f, err := os.OpenFile(filepath.Join(dir, name), os.O_RDWR, 0)
		noError(t, err)
		_, err = f.WriteAt([]byte("overwrit"), 24)
		noError(t, errors.Join(err, f.Close()))
		b := openAt(t, dir)
		_, err = b.Publisher("t")
		is(t, err, bus.ErrCorrupt, "nonce", "stop its users")
		is(t, b.CreateTopic("u", bus.TopicOptions{}), bus.ErrCorrupt, "nonce")
		found, err := b.Doctor()
		noError(t, err)
		if len(found) != 1 || found[0].Check != "corrupt-segment" || found[0].Reapable() {
			t.Errorf("%s: the doctor finds %+v", name, found)
		}
		_, err = b.Reap()
		noError(t, err)
		for name, i := range before {
			if now, err := os.Stat(filepath.Join(dir, name)); err != nil || !os.SameFile(i, now) {
				t.Errorf("%s is not what it was: %v", name, err)
			}
		}
		if name != "main.seg" { // these their users do not look at again
			publish(t, p, "x")
			expect(t, s, "x")
		}
		noError(t, old.Close())
		publish(t, publisher(t, b, "t"), "new") // nobody is in it: it is made anew
	}
}

// TestRmOfABusThatIsMadeAnewMeanwhileLeavesOneThatWorks: rm has read the names, and takes them away one by one; between the first and the second
// the bus is made anew.
func TestRmOfABusThatIsMadeAnewMeanwhileLeavesOneThatWorks(t *testing.T) {
	orders := [][]string{
		{"main.seg", "main.bell", "main.lease", "bus.lock"},
		{"main.seg", "bus.lock", "main.lease", "main.bell"},
		{"main.bell", "main.lease", "bus.lock", "main.seg"},
		{"bus.lock", "main.lease", "main.bell", "main.seg"},
	}
	for _, names := range orders {
		dir := newDir(t)
		b := openAt(t, dir)
		p := publisher(t, b, "t")
		noError(t, os.Remove(filepath.Join(dir, names[0])))
		if names[0] != "bus.lock" {
			eventually(t, 10*time.Second, "the publisher knows", func() bool { return p.TryPublish(nil) != nil })
			p = publisher(t, b, "t")
		}
		for _, name := range names[1:] {
			if err := os.Remove(filepath.Join(dir, name)); !errors.Is(err, fs.ErrNotExist) {
				noError(t, err)
			}
		}
		eventually(t, 10*time.Second, "the publisher of the new one knows", func() bool { return p.TryPublish(nil) != nil })
		publish(t, publisher(t, openAt(t, dir), "t"), "x")
		expect(t, subscribe(t, b, "t", bus.FromOldest()), "x")
	}
}

// rm does what rm -r does: it reads the names, and then takes them away.
func rm(dir string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		_ = os.Remove(filepath.Join(dir, e.Name()))
	}
	_ = os.Remove(dir)
}

func TestPublishersGoOnHoweverOftenTheirBusIsRemoved(t *testing.T) {
	dir := newDir(t)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 4 {
		b := openAt(t, dir)
		wg.Go(func() {
			for ctx.Err() == nil {
				p, err := b.Publisher("t")
				for err == nil && ctx.Err() == nil {
					err = p.TryPublish(nil)
				}
				// Nothing else: neither damage, which there is none of, nor that names of files were gone or taken. (TryPublish does not wait for
				// one that is put off its CPU amid a claim.)
				if err != nil && !errors.Is(err, bus.ErrNoTopic) && !errors.Is(err, bus.ErrBackpressure) {
					t.Error(err)
				}
				if p != nil {
					_ = p.Close()
				}
			}
		})
	}
	b := openAt(t, dir)
	for range 50 {
		publisher(t, b, "t")
		rm(dir)
	}
	publish(t, publisher(t, openAt(t, dir), "t"), "x")
	cancel()
	wg.Wait()
}
