package bus_test

import (
	"context"
	"testing"
	"time"

	"shmbus/bus"
)

func loan(t testing.TB, p *bus.Publisher, n int) *bus.Loan {
	t.Helper()
	l, err := p.Loan(soon(t), n)
	noError(t, err)
	if len(l.Bytes()) != n || cap(l.Bytes()) != n {
		t.Fatalf("a loan of %d bytes has %d, room for %d", n, len(l.Bytes()), cap(l.Bytes()))
	}
	return l
}

func TestALoanIsPublishedWhenCommitted(t *testing.T) {
	b := newBus(t)
	p := publisher(t, b, "t")
	s := subscribe(t, b, "t")
	l := loan(t, p, 10)
	copy(l.Bytes(), "0123456789")
	nothing(t, s)
	noError(t, l.Commit())
	if l.Bytes() != nil {
		t.Error("bytes after Commit")
	}
	expect(t, s, "0123456789")

	l = loan(t, p, 10)
	copy(l.Bytes(), "abcdefghij")
	noError(t, l.CommitN(3))
	expect(t, s, "abc")

	l = loan(t, p, 10)
	noError(t, l.CommitN(0))
	expect(t, s, "")

	noError(t, loan(t, p, 0).Commit())
	expect(t, s, "")

	l = loan(t, p, p.MaxFrame())
	l.Bytes()[p.MaxFrame()-1] = 9
	noError(t, l.Commit())
	f := receive(t, s)
	if n := len(f.Bytes()); n != p.MaxFrame() || f.Bytes()[n-1] != 9 {
		t.Errorf("the largest loan came as %d bytes", n)
	}
	f.Release()
}

func TestAnAbortedLoanIsNeverSeen(t *testing.T) {
	b := newBus(t)
	p := publisher(t, b, "t", losslessRing(8))
	s := subscribe(t, b, "t", bus.Lossless())
	for range 50 { // the room comes back, too
		l := loan(t, p, 100)
		l.Abort()
		l.Abort()
		if l.Bytes() != nil {
			t.Fatal("bytes after Abort")
		}
		is(t, l.Commit(), bus.ErrClosed, `"t"`)
		nothing(t, s)
	}
	publish(t, p, "x")
	f := receive(t, s)
	if f.Sequence() != 1 || string(f.Bytes()) != "x" {
		t.Errorf("frame %d is %q, want 1 and x", f.Sequence(), f.Bytes())
	}
	f.Release()
}

func TestAnAbortDeferredAfterCommitDoesNothing(t *testing.T) {
	b := newBus(t)
	p := publisher(t, b, "t")
	s := subscribe(t, b, "t")
	func() {
		l := loan(t, p, 1)
		defer l.Abort()
		noError(t, l.Commit())
		is(t, l.Commit(), bus.ErrClosed, `"t"`, "before")
		next := loan(t, p, 1) // is open while the deferred Abort of the last runs
		next.Bytes()[0] = 'n'
		t.Cleanup(func() {
			noError(t, next.Commit())
			expect(t, s, "n")
		})
	}()
	f := receive(t, s)
	f.Release()
	nothing(t, s)
	if err := p.Publish(soon(t), nil); err == nil {
		t.Error("the next loan was aborted by the Abort of the one before")
	}
}

func TestOneLoanAtATime(t *testing.T) {
	b := newBus(t)
	p := publisher(t, b, "t")
	s := subscribe(t, b, "t")
	l := loan(t, p, 1)
	_, err := p.Loan(soon(t), 1)
	is(t, err, bus.ErrBusy, `"t"`, "commit or abort")
	is(t, p.Publish(soon(t), nil), bus.ErrBusy, `"t"`)
	is(t, p.TryPublish(nil), bus.ErrBusy, `"t"`)
	is(t, p.Encode(soon(t), 1), bus.ErrBusy, `"t"`)
	is(t, p.Encode(soon(t), []any{1}), bus.ErrBusy, `"t"`)
	_, err = p.PublishBatch(soon(t), [][]byte{nil})
	is(t, err, bus.ErrBusy, `"t"`)
	l.Abort()
	publish(t, p, "after")
	expect(t, s, "after")
}

func TestCommitNOfMoreThanWasLentLeavesTheLoanOpen(t *testing.T) {
	b := newBus(t)
	p := publisher(t, b, "t")
	s := subscribe(t, b, "t")
	l := loan(t, p, 10)
	for _, n := range []int{11, 1 << 30, -1} {
		is(t, l.CommitN(n), bus.ErrFrameTooLarge, `"t"`, "10", "still open")
	}
	copy(l.Bytes(), "still here")
	noError(t, l.Commit())
	expect(t, s, "still here")
	if _, err := p.Loan(soon(t), -1); err == nil {
		t.Error("a loan of -1 bytes was given")
	}
	publish(t, p, "x")
}

func TestFramesBehindAnOpenLoanWaitForIt(t *testing.T) {
	b := newBus(t)
	p, q := publisher(t, b, "t"), publisher(t, b, "t")
	s := subscribe(t, b, "t")
	l := loan(t, p, 1)
	l.Bytes()[0] = '1'
	publish(t, q, "2")
	nothing(t, s)
	if st := s.Stats(); st.Lag == 0 {
		t.Error("a frame is being written and the lag is 0")
	}
	noError(t, l.Commit())
	expect(t, s, "1", "2")
}

func TestAnOverwritingPublisherWaitsForAnOpenLoanALapAgo(t *testing.T) {
	b := newBus(t)
	p := publisher(t, b, "t", overwriteRing(8))
	q := publisher(t, b, "t")
	l := loan(t, p, 1)
	for range 7 {
		noError(t, q.TryPublish(nil))
	}
	is(t, q.TryPublish(nil), bus.ErrBackpressure, `"t"`, "another publisher")
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
	defer cancel()
	is(t, q.Publish(ctx, nil), context.DeadlineExceeded, `"t"`, "another publisher")
	l.Abort()
	noError(t, q.TryPublish(nil))
}

func TestClosingAPublisherAbortsItsLoan(t *testing.T) {
	b := newBus(t)
	p, q := publisher(t, b, "t"), publisher(t, b, "t")
	s := subscribe(t, b, "t")
	l := loan(t, p, 1)
	lent := l.Bytes()
	publish(t, q, "x")
	nothing(t, s)
	noError(t, p.Close())
	expect(t, s, "x")
	is(t, l.Commit(), bus.ErrClosed, `"t"`)
	l.Abort()
	lent[0] = 1 // reaches nobody, and does not fault
	publish(t, q, "y")
	expect(t, s, "y")
}

func TestARemovedTopicIsSaidToThePublisherAtTheNextClaim(t *testing.T) {
	b := newBus(t)
	p := publisher(t, b, "t")
	l := loan(t, p, 1)
	noError(t, b.RemoveTopic("t"))
	noError(t, l.Commit()) // whose room was lent before
	_, err := p.Loan(soon(t), 1)
	is(t, err, bus.ErrNoTopic, `"t"`)
	is(t, p.Publish(soon(t), nil), bus.ErrNoTopic, `"t"`)
}
