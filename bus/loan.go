package bus

import (
	"context"
	"fmt"

	"shmbus/internal/invariants"
	"shmbus/segment"
	"shmbus/topics"
)

// A Loan is memory of the ring, lent to a publisher to be filled in place. It is for the publisher's goroutine. Until it is committed or
// aborted, frames of other publishers that come after it cannot be read: keep it short, and defer Abort.
type Loan struct {
	p *Publisher
	b []byte
}

// Loan claims room for a frame of n bytes and lends it. One loan can be open at a time (ErrBusy). It waits for room as Publish does; the
// errors are the same. The bytes hold whatever was there before.
func (p *Publisher) Loan(ctx context.Context, n int) (*Loan, error) {
	if invariants.Enabled {
		p.guard.Enter("a Publisher")
		defer p.guard.Leave()
	}
	if n < 0 || !p.clear() {
		return p.lendSlowly(ctx, n, topics.ErrUntried)
	}
	if err := p.w.Claim(n); err != nil {
		return p.lendSlowly(ctx, n, err)
	}
	return p.lendClaim(n), nil
}

func (p *Publisher) lendSlowly(ctx context.Context, n int, why error) (l *Loan, err error) {
	defer p.fault("loan from", catchFaults(&err), &err)
	return p.lend(ctx, n, why)
}

// lend is Loan after an attempt that failed with err.
func (p *Publisher) lend(ctx context.Context, n int, err error) (*Loan, error) {
	const op = "loan from"
	if p.loan != nil || p.state.Load() != portOpen {
		return nil, p.refuse(op)
	}
	if n < 0 {
		return nil, fail(op, p.name, fmt.Errorf("a frame of %d bytes", n))
	}
	if err == topics.ErrUntried {
		err = p.w.Claim(n)
	}
	if err != nil {
		if err = p.claim(ctx, op, n, err); err != nil {
			return nil, p.explain(op, n, err)
		}
	}
	return p.lendClaim(n), nil
}

// lendClaim lends the open claim.
func (p *Publisher) lendClaim(n int) *Loan {
	l := &p.loans[p.next&(len(p.loans)-1)]
	p.next++
	l.b = p.w.Payload(n)
	p.loan = l
	if p.w.Large(n) {
		p.soon()
	}
	return l
}

// Bytes is the lent memory. It must not be touched after Commit or Abort. It is nil then.
func (l *Loan) Bytes() []byte { return l.b }

// Commit publishes the frame. Errors: ErrClosed if the loan has been committed or aborted, the publisher closed, or the lease lost: then nobody gets the frame. Only where another goroutine closes the publisher
// or the Bus, or the loss of the lease is noticed, just while Commit is at work, nobody knows whether it got out. The topic may have been
// removed since the room was lent: then nobody gets the frame, and the publisher's next call, not this one, is an ErrNoTopic; as with
// Publish, what counts is whether the topic was there when the room was claimed. If the segment's file has been deleted as a whole, this call is one, too; if its header has been
// overwritten, an ErrCorrupt or ErrTruncated, and who has it mapped may have got the frame.
func (l *Loan) Commit() error { return l.CommitN(len(l.b)) }

// CommitN publishes the first n bytes of the loan as the frame; the rest of the room is wasted. n may be 0.
func (l *Loan) CommitN(n int) error {
	p := l.p
	if p == nil || p.loan != l {
		return l.over()
	}
	if invariants.Enabled {
		p.guard.Enter("a Publisher")
		defer p.guard.Leave()
	}
	if uint(n) > uint(len(l.b)) || !segment.Mends || p.state.Load() != portOpen {
		return l.commitSlowly(n)
	}
	p.loan, l.b = nil, nil
	if err := p.w.Commit(n, topics.KindRaw, p.now()); err != nil {
		return p.explain(opCommit, n, err)
	}
	if !p.silent() && !p.calm() && !p.told() {
		return p.gone(opCommit)
	}
	return nil
}

const opCommit = "commit to"

// over is the error of a loan that is not open any more.
func (l *Loan) over() error {
	name := ""
	if l.p != nil {
		name = l.p.name
	}
	return failKind(opCommit, name, ErrClosed, "the loan was committed or aborted before, or its publisher closed")
}

// commitSlowly is CommitN where something is in the way.
func (l *Loan) commitSlowly(n int) (err error) {
	p := l.p
	if n < 0 || n > len(l.b) {
		return &opError{
			opCommit, p.name, ErrFrameTooLarge, fmt.Errorf("%w: %d bytes of a loan of %d", ErrFrameTooLarge, n, len(l.b)),
			"the loan is still open: commit less, or abort it and ask for a larger one",
		}
	}
	if !p.holds() {
		l.abort()
		return p.gone(opCommit)
	}
	p.loan, l.b = nil, nil
	defer p.fault(opCommit, catchFaults(&err), &err)
	return p.commit(n)
}

// commit is apart from what defers fault: see fault.go.
func (p *Publisher) commit(n int) error {
	if err := p.w.Commit(n, topics.KindRaw, p.now()); err != nil {
		return p.explain(opCommit, n, err)
	}
	return p.sent(opCommit)
}

// Abort gives the loan back: subscribers never see it. After Commit it does nothing, so it can be deferred.
func (l *Loan) Abort() {
	p := l.p
	if p == nil || p.loan != l {
		return
	}
	if invariants.Enabled {
		p.guard.Enter("a Publisher")
		defer p.guard.Leave()
	}
	l.abort()
}

// abort is Abort of the open loan.
func (l *Loan) abort() {
	p := l.p
	p.loan, l.b = nil, nil
	if p.void() {
		return
	}
	p.quiet(func() {
		p.w.Abort()
		p.w.Bell.Ring()
	})
}
