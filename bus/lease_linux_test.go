package bus_test

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"shmbus/bus"
	"shmbus/internal/testproc"
)

func init() { helpers["lose the lease"] = loseTheLease }

// loseTheLease holds a frame of a lossless subscription, closes the descriptors of the lease, as a library that closes all does, and says
// what it is told then.
func loseTheLease(peer *testproc.Peer) error {
	ctx := context.Background()
	b, err := bus.Open(peer.Arg(0))
	if err != nil {
		return err
	}
	s, err := b.Subscribe(ctx, "t", bus.Lossless(), bus.FromOldest())
	if err != nil {
		return err
	}
	f, err := s.Receive(ctx)
	if err != nil {
		return err
	}
	peer.Say("holding %s", f.Bytes())
	peer.Await()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return err
	}
	for _, e := range all {
		if to, _ := os.Readlink(filepath.Join("/proc/self/fd", e.Name())); strings.HasSuffix(to, ".lease") {
			fd, _ := strconv.Atoi(e.Name())
			syscall.Close(fd)
		}
	}
	closed := time.Now()
	peer.Say("lost")
	if peer.Arg(1) == "reaped" {
		peer.Await()
		peer.Say("%v", f.Err())
		_, err = s.Receive(ctx)
		peer.Say("%v", err)
		return nil
	}
	_, err = s.Receive(ctx) // which waits
	peer.Say("%v: %v", time.Since(closed) < 2*time.Second, err)
	peer.Say("%v", f.Err())
	return nil
}

const lostLease = "this process has lost its lease"

// TestALostLeaseIsNoKick: others have taken the subscription's line, as that of a dead one, but nobody has kicked it.
func TestALostLeaseIsNoKick(t *testing.T) {
	b := newBus(t)
	p := publisher(t, b, "t", losslessRing(8))
	publish(t, p, "0")
	h := testproc.Start(t, "lose the lease", b.Dir(), "reaped")
	h.Expect("holding 0")
	h.Say("lose")
	h.Expect("lost")
	for range 20 { // more than there is room for
		publish(t, p, "over it")
	}
	h.Say("go on")
	for range 2 {
		if said := h.Line(); !strings.Contains(said, lostLease) {
			t.Errorf("it was told %s", said)
		}
	}
	h.Wait()
}

// TestALostLeaseIsNoticedSoon: also where nobody needs what the process held.
func TestALostLeaseIsNoticedSoon(t *testing.T) {
	b := newBus(t)
	p := publisher(t, b, "t", losslessRing(8))
	publish(t, p, "0")
	h := testproc.Start(t, "lose the lease", b.Dir())
	h.Expect("holding 0")
	noError(t, p.Close())
	h.Say("lose")
	h.Expect("lost")
	if said := h.Line(); !strings.HasPrefix(said, "true: ") || !strings.Contains(said, lostLease) {
		t.Errorf("it was told %s", said)
	}
	if said := h.Line(); !strings.Contains(said, lostLease) {
		t.Errorf("of its frame it was told %s", said)
	}
	h.Wait()
}

func init() { helpers["hold a loan and a subscription"] = holdBoth }

// holdBoth has a loan and a lossless subscription, and commits and receives when it is told to.
func holdBoth(peer *testproc.Peer) error {
	ctx := context.Background()
	b, err := bus.Open(peer.Arg(0))
	if err != nil {
		return err
	}
	s, err := b.Subscribe(ctx, "t", bus.Lossless())
	if err != nil {
		return err
	}
	p, err := b.Publisher("t")
	if err != nil {
		return err
	}
	l, err := p.Loan(ctx, 3)
	if err != nil {
		return err
	}
	peer.Say("holding")
	peer.Await()
	copy(l.Bytes(), "own")
	if err := l.Commit(); err != nil {
		return err
	}
	f, err := s.Receive(ctx)
	if err != nil {
		return err
	}
	peer.Say("received %s", f.Bytes())
	peer.Await()
	return nil
}

// TestWhatTheLivingHoldIsNotTakenForAGenerationThatCannotBe: 0, or more than there are. The doctor tells of it as long as its process is stopped; when
// that goes on it puts it right, and nothing has happened to it.
func TestWhatTheLivingHoldIsNotTakenForAGenerationThatCannotBe(t *testing.T) {
	for _, bad := range []uint64{0, 1 << 60} {
		x := breakable(t)
		h := testproc.Start(t, "hold a loan and a subscription", x.dir)
		h.Expect("holding")
		h.Signal(syscall.SIGSTOP)
		eventually(t, 10*time.Second, "all its threads are stopped", func() bool { return stopped(t, h.Pid()) })
		generation := int64(x.get(64)) + 64 // of the second participant
		good := x.get(generation)
		x.set(generation, bad)
		other := openAt(t, x.dir)
		done, err := other.Prune()
		noError(t, err)
		for _, u := range done {
			if u.Topic != "other" { // which nobody is on
				t.Errorf("%#x: removed %+v", bad, u)
			}
		}
		q := publisher(t, other, "t")
		publish(t, q, "d", "e", "f", "g", "h", "i", "j")
		is(t, q.TryPublish(nil), bus.ErrBackpressure) // the ring is full up to the loan and the subscription
		all, err := other.Doctor()
		noError(t, err)
		told := false
		for _, f := range all {
			told = told || f.Check == "corrupt-participant" && f.Grade == bus.Wrong && f.Pid == h.Pid()
			if f.Grade == bus.Dead {
				t.Errorf("%#x: %+v", bad, f)
			}
		}
		if !told {
			t.Errorf("%#x: the doctor finds %+v", bad, all)
		}
		h.Signal(syscall.SIGCONT)
		eventually(t, 20*time.Second, "the generation is right again", func() bool { return x.get(generation) == good })
		h.Say("go on")
		if got := h.Line(); got != "received own" {
			t.Errorf("%#x: %s", bad, got)
		}
		h.Say("end")
		h.Wait()
	}
}

// TestTheDoctorNamesNoDeadProcessToBeEnded: whoever comes to its slot puts the generation right.
func TestTheDoctorNamesNoDeadProcessToBeEnded(t *testing.T) {
	x := breakable(t)
	h := testproc.Start(t, "hold a loan and a subscription", x.dir)
	h.Expect("holding")
	h.Kill()
	x.set(int64(x.get(64))+64, 1<<60)
	all, err := openAt(t, x.dir).Doctor()
	noError(t, err)
	for _, f := range all {
		if f.Check == "corrupt-participant" {
			t.Errorf("the doctor finds %+v", f)
		}
	}
}

// TestWhoseGenerationWasOverwrittenIsToldOfIt, and not of descriptors: what it holds has been taken as a dead one's.
func TestWhoseGenerationWasOverwrittenIsToldOfIt(t *testing.T) {
	x := breakable(t)
	p := publisher(t, x.b, "t")
	x.set(int64(x.get(64)), 77)
	publisher(t, openAt(t, x.dir), "t")
	is(t, p.Publish(within(t), nil), bus.ErrClosed, lostLease, "main.seg", "generation of 0.1 is now 77", "open the bus again")
}
